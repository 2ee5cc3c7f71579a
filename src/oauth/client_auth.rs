//! Client authentication (RFC 6749 §2.3): `client_secret_basic`, `client_secret_post` and `none`.
use super::{
    Caller,
    Code::{InvalidClient, InvalidRequest},
    Error, Params, Result,
    params::decode_form,
};
use crate::{
    app::App,
    model::{Client, ClientId},
    secret::Secret,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{borrow::Cow, sync::Arc};

/// One reading of what the client sent: an id and, unless it is public, a secret.
struct Credentials {
    id: String,
    secret: Option<Secret>,
}

/// Who is asking, proved.
///
/// # Errors
/// `invalid_client`, the same for an unknown client and a wrong secret; `invalid_request` if the
/// client authenticates in two ways or names two clients.
pub async fn authenticate(app: &App, caller: &Caller, params: &Params) -> Result<Arc<Client>> {
    for credentials in read(caller, params)? {
        let Ok(id) = credentials.id.parse::<ClientId>() else { continue };
        let Some(client) = app.client(&id).await? else { continue };
        let proved = match (&credentials.secret, client.is_public()) {
            (None, public) => public,
            (Some(secret), false) => client.has_secret(secret, app.clock.now()),
            (Some(_), true) => false,
        };
        if proved {
            return Ok(client);
        }
    }
    Err(unproved())
}

fn unproved() -> Error {
    InvalidClient.because("the client is unknown or did not prove who it is")
}

/// The readings that are possible: Basic has two, as clients differ in whether they encode.
fn read(caller: &Caller, params: &Params) -> Result<Vec<Credentials>> {
    if params.get("client_assertion").or(params.get("client_assertion_type")).is_some() {
        return Err(InvalidClient.because("client assertions are not supported"));
    }
    let body_id = params.get("client_id");
    let body_secret = params.get("client_secret").map(Secret::new);
    if caller.authorization.is_none() {
        let id = body_id.ok_or_else(unproved)?.to_owned();
        return Ok(vec![Credentials { id, secret: body_secret }]);
    }
    if body_secret.is_some() {
        return Err(InvalidRequest.because("a client authenticates in one way only"));
    }
    let readings = read_basic(caller)?;
    if body_id.is_some_and(|id| readings.iter().all(|reading| reading.id != id)) {
        return Err(InvalidRequest.because("client_id is not the client that authenticates"));
    }
    Ok(readings)
}

/// RFC 7617 with the encoding of RFC 6749 §2.3.1, and without it, as many clients have it.
fn read_basic(caller: &Caller) -> Result<Vec<Credentials>> {
    let malformed = || InvalidRequest.because("the Authorization header is not HTTP Basic");
    let (scheme, encoded) = caller.authorization().ok_or_else(malformed)?;
    if scheme != "basic" {
        return Err(malformed());
    }
    let decoded = STANDARD.decode(encoded).map_err(|_| malformed())?;
    let decoded = String::from_utf8(decoded).map_err(|_| malformed())?;
    let (id, secret) = decoded.split_once(':').ok_or_else(malformed)?;
    let reading = |id: Cow<'_, str>, secret: Cow<'_, str>| Credentials {
        id: id.into_owned(),
        secret: (!secret.is_empty()).then(|| Secret::new(secret)),
    };
    let mut readings = Vec::with_capacity(2);
    if let (Some(id), Some(secret)) = (decode_form(id), decode_form(secret)) {
        readings.push(reading(id, secret));
    }
    if decoded.contains(['%', '+']) {
        readings.push(reading(id.into(), secret.into()));
    }
    Ok(readings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(userinfo: &str, form: &str) -> Result<Vec<(String, Option<String>)>> {
        let header = format!("Basic {}", STANDARD.encode(userinfo));
        let caller = Caller { authorization: Some(Secret::new(header)), ..Caller::default() };
        let readings = read(&caller, &Params::from_form(form.as_bytes())?)?;
        let plain = |c: Credentials| (c.id, c.secret.map(|secret| secret.reveal().to_owned()));
        Ok(readings.into_iter().map(plain).collect())
    }

    #[test]
    fn basic_is_read_encoded_and_raw() {
        let one = readings("web:s", "").unwrap();
        assert_eq!(one, [("web".into(), Some("s".into()))]);
        let two = readings("a%3Ab:s%2B+t", "").unwrap();
        assert_eq!(two[0], ("a:b".into(), Some("s+ t".into())));
        assert_eq!(two[1], ("a%3Ab".into(), Some("s%2B+t".into())));
        assert_eq!(readings("web:", "").unwrap(), [("web".into(), None)]);
    }

    #[test]
    fn two_credentials_or_two_clients_are_refused() {
        assert!(readings("web:s", "client_secret=s").is_err());
        assert!(readings("web:s", "client_id=other").is_err());
        assert!(readings("web:s", "client_id=web").is_ok());
        assert!(readings("no colon", "").is_err());
    }
}
