//! The HTTP server: from a listener to the end of the last request.
use super::{
    finish::finish,
    metadata::{self, Document},
    routes,
    trace::RequestSpan,
};
use crate::app::App;
use actix_web::{
    App as Service, HttpServer,
    dev::ServerHandle,
    web::{self, Data},
};
use std::{net::TcpListener, sync::Arc, time::Duration};
use tracing_actix_web::TracingLogger;

const KEEP_ALIVE: Duration = Duration::from_secs(75);
const HEADERS_WITHIN: Duration = Duration::from_secs(5);

/// Serves requests until `stop` completes; then lets those in flight finish.
///
/// # Errors
/// If the listener cannot be used.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let settings = app.settings.server.clone();
    let issuer_path = path_of(&app.settings.issuer);
    let document = Data::new(Document::new(&app.settings));
    let data = Data::from(Arc::clone(&app));
    let mut server = HttpServer::new(move || {
        let paths = metadata::paths(&issuer_path);
        let prefix = issuer_path.clone();
        Service::new()
            .app_data(data.clone())
            .app_data(document.clone())
            .wrap_fn(finish)
            .wrap(TracingLogger::<RequestSpan>::new())
            // Behind a proxy that does not strip the issuer's path, everything is under it.
            .configure(|service| {
                if !prefix.is_empty() {
                    service.service(
                        web::scope(&prefix).configure(|s| routes(s, &metadata::paths(""))),
                    );
                }
                routes(service, &paths);
            })
    })
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEADERS_WITHIN)
    .shutdown_timeout(settings.shutdown_timeout.as_secs())
    .disable_signals();
    if settings.workers > 0 {
        server = server.workers(settings.workers);
    }
    let server = server.listen(listener)?.run();
    let stopping = stop_when(app, stop, server.handle(), settings.drain_for);
    let stopping = tokio::spawn(stopping);
    let outcome = server.await;
    stopping.abort();
    outcome
}

async fn stop_when(
    app: Arc<App>,
    stop: impl Future<Output = ()>,
    server: ServerHandle,
    drain_for: Duration,
) {
    stop.await;
    tracing::info!("stopping");
    app.drain();
    tokio::time::sleep(drain_for).await;
    server.stop(true).await;
}

/// The path of the issuer's URL; empty if it has none.
fn path_of(issuer: &str) -> String {
    let path = url::Url::parse(issuer).map(|url| url.path().to_owned()).unwrap_or_default();
    path.trim_end_matches('/').to_owned()
}
