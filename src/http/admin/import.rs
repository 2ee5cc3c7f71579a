//! `POST /admin/v1/keys/import`.
use super::{
    super::extract::{Admin, Json, KeysImport},
    keys::{answer, no_store},
};
use crate::{
    keys::{
        Import, Imported, Mode, NotImported, Readers,
        timeline::{Step, Timing},
    },
    model::Algorithm,
    oauth::{
        Code::{Conflict, InvalidRequest},
        Error, Result,
    },
    secret::Secret,
};
use actix_web::HttpResponse;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// The private key, as one of both.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    pem: Option<String>,
    /// As it stands, so that a member that comes twice is noticed.
    jwk: Option<Box<RawValue>>,
    alg: Option<Algorithm>,
    mode: Mode,
    dry_run: bool,
}

pub async fn import(
    admin: Admin<KeysImport>,
    Json(request): Json<Request>,
) -> Result<HttpResponse> {
    let (mode, dry_run) = (request.mode, request.dry_run);
    let import = read(request)?;
    let (app, event) = (Arc::clone(&admin.app), admin.event("key.imported"));
    let imported = async move { app.keys.import(import, &event).await };
    let imported = admin.app.to_the_end(imported).await?.map_err(|cause| refused(&cause))?;
    let Imported { alg, plan, .. } = imported;
    let say = |readers: &Readers<'_>| {
        if dry_run {
            no_store(&readers.planned(mode, &[(alg, Step::Make(plan))]))
        } else {
            no_store(&readers.rotated(mode, &[(alg, plan.number)]))
        }
    };
    Ok(answer(&admin.app, say).await)
}

fn read(request: Request) -> Result<Import> {
    let key = match (request.pem, request.jwk) {
        (Some(pem), None) => Secret::new(pem),
        (None, Some(jwk)) => Secret::new(Box::<str>::from(jwk)),
        _ => {
            return Err(InvalidRequest
                .because("the key is missing, or comes twice: give it as either pem or jwk"));
        }
    };
    let timing = match request.mode {
        Mode::Graceful => Timing::Graceful,
        Mode::Immediate => Timing::Immediate,
        Mode::Compromised => {
            return Err(InvalidRequest.because("a key is imported as graceful or immediate"));
        }
    };
    Ok(Import { key, alg: request.alg, timing, dry_run: request.dry_run })
}

fn refused(refused: &NotImported) -> Error {
    let code = match refused {
        NotImported::Refused(_) | NotImported::LineOff(_) => InvalidRequest,
        NotImported::Known { .. }
        | NotImported::Announced { .. }
        | NotImported::TooMany(_)
        | NotImported::Raced => Conflict,
    };
    code.because(refused.to_string())
}
