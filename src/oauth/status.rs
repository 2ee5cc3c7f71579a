//! Token status lists (draft-ietf-oauth-status-list, version 17): what a token says of its list, and
//! the lists themselves, as JWTs. Lists as CWTs and of the past are not offered.
use super::{Error, Result};
use crate::{
    app::App,
    clock::Timestamp,
    model::StatusIndex,
    session::status::{Contents, StatusList, uri},
};
use serde::Serialize;
use std::{sync::Arc, time::Duration};

/// The `status` of an access token (§6.1, §6.2).
#[derive(Debug, Serialize)]
pub struct StatusClaim {
    status_list: Reference,
}

#[derive(Debug, Serialize)]
struct Reference {
    idx: i64,
    uri: String,
}

impl StatusClaim {
    pub fn of(index: StatusIndex, issuer: &str) -> Self {
        Self { status_list: Reference { idx: index.bit(), uri: uri(issuer, index.list()) } }
    }
}

/// The list of that number as of now: whatever ended before the call is in it, on whichever replica.
/// None if no session has a place in it yet.
///
/// # Errors
/// Only [`Error::Internal`] and [`Error::Unavailable`].
pub async fn status_list(app: &Arc<App>, number: i64) -> Result<Option<Arc<StatusList>>> {
    let looking = Arc::clone(app);
    app.to_the_end(async move {
        if !exists(&looking, number).await? {
            return Ok(None);
        }
        let list = looking.statuses.list(number);
        list.get(async |known| look(&looking, number, known).await).await.map(Some)
    })
    .await
}

/// Anybody may ask for any number, so the newest one is not looked up for each.
async fn exists(app: &App, number: i64) -> Result<bool> {
    if app.statuses.knows(number) {
        return Ok(true);
    }
    let look = async |_| app.store.read().await?.newest_status_list().await;
    let newest = app.statuses.newest.get(look).await?;
    Ok(newest.is_some_and(|newest| (1..=newest).contains(&number)))
}

/// The list as it is known if it would say the same, or another.
async fn look(app: &App, number: i64, known: Option<Arc<StatusList>>) -> Result<Arc<StatusList>> {
    let now = app.clock.now();
    let ended = app.store.read().await?.ended_statuses(number, app.ended_since(now)).await?;
    let alg = app.settings.tokens.access_token_alg;
    let signer = app.keys.snapshot().signer(alg, now).ok_or_else(super::sign::no_key)?;
    // It is valid no longer than an access token, as then its key leaves the JWKS.
    let lifetime = app.settings.tokens.access_token_lifetime;
    if let Some(known) = known
        && known.says(&ended, &signer)
        && known.is_young(lifetime, now)
    {
        return Ok(known);
    }
    let contents = contents(app, number, ended, now);
    let list = app.signing.run(move || contents.sign(&signer)).await?;
    list.map(Arc::new).map_err(Error::internal)
}

fn contents(app: &App, number: i64, ended: Vec<StatusIndex>, now: Timestamp) -> Contents {
    let issuer = app.settings.issuer.clone();
    let lifetime = app.settings.tokens.access_token_lifetime;
    // Whoever fetches it has it for as long as this before it expires, however old it is by then.
    let ttl = app.settings.status_list.ttl.min(lifetime / 2).max(Duration::from_secs(1));
    Contents { uri: uri(&issuer, number), issuer, ended, now, lifetime, ttl }
}
