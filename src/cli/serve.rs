//! `mintmark serve`, and what it shares with `mintmark dev`.
use super::settings::{Location, open_app};
use crate::{app::App, http};
use anyhow::Context;
use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, clap::Args)]
pub struct Serve {
    #[command(flatten)]
    location: Location,
}

impl Serve {
    pub async fn run(self) -> anyhow::Result<()> {
        let settings = self.location.settings()?;
        anyhow::ensure!(
            !settings.issuer.is_empty(),
            "issuer is not set: it is the URL that clients know this service by, such as \
             https://auth.example.org; set it in the file given with --config, or MINTMARK__ISSUER"
        );
        let listener = listen(settings.listen)?;
        let app = open_app(settings).await?;
        tracing::info!(issuer = app.settings.issuer, listen = %listener.local_addr()?, "serving");
        run(app, listener).await
    }
}

pub fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address}; choose another with the setting listen, or with --listen of dev")
    })?;
    Ok(listener)
}

/// Serves until SIGTERM or SIGINT, then lets requests in flight finish.
pub async fn run(app: Arc<App>, listener: TcpListener) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let tasks = app.keep_up();
    http::serve(Arc::clone(&app), listener, stop).await?;
    drop(tasks);
    app.flush_fetchers().await;
    app.store.close().await;
    Ok(())
}
