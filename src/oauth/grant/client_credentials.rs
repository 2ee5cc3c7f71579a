//! The client credentials grant (RFC 6749 §4.4). It touches no database.
use super::{Exchange, Grant, audience, narrow};
use crate::oauth::{Code::UnauthorizedClient, Result};

pub async fn redeem(Exchange { client, params, .. }: Exchange<'_>) -> Result<Grant> {
    if client.is_public() {
        return Err(UnauthorizedClient.because("a public client has no credentials to exchange"));
    }
    let scope = narrow(params, &client.metadata.scope)?;
    Ok(Grant { scope, audience: audience(params, client)?, user: None })
}
