//! One key, opened as far as its state demands.
use super::{
    Error, Line, MasterKeys, Result, sealing,
    timeline::{Instants, State},
};
use crate::{
    jose::{KeyPair, PublicJwk, Signer},
    model::Algorithm,
    store::{KeyRow, Origin},
};
use ring::hmac;
use std::{sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// One key of a line. What can sign is there from its announcement until it is superseded.
#[derive(Clone)]
pub struct Key {
    pub line: Line,
    pub instants: Instants,
    pub kid: String,
    pub origin: Origin,
    pub public: Option<PublicJwk>,
    pub(super) signer: Option<Arc<Signer>>,
    pub(super) mac: Option<Arc<hmac::Key>>,
}

/// The key that a handle's MAC is made with, and the number by which the handle names it.
#[derive(Clone)]
pub struct MacKey {
    pub number: u16,
    pub key: Arc<hmac::Key>,
}

pub(super) fn instants(row: &KeyRow) -> Instants {
    Instants {
        number: row.number,
        published_at: row.published_at,
        activates_at: row.activates_at,
        retired_at: row.retired_at,
        longest_token: Duration::from_millis(u64::try_from(row.longest_token).unwrap_or(0)),
        revoked_at: row.revoked_at,
    }
}

impl Key {
    /// Without its secret half.
    ///
    /// # Errors
    /// [`Error::Row`] if the public half of a signing key is damaged or of another key.
    pub(super) fn read(line: Line, row: &KeyRow) -> Result<Self> {
        let public = match line {
            Line::Signing(alg) => Some(read_public(row, alg)?),
            Line::Handle => None,
        };
        Ok(Self {
            line,
            instants: instants(row),
            kid: row.kid.clone(),
            origin: row.origin,
            public,
            signer: None,
            mac: None,
        })
    }

    /// # Errors
    /// [`Error::Row`] if the row does not hold what its state needs.
    pub(super) fn open(
        line: Line,
        row: &KeyRow,
        state: State,
        known: Option<&Self>,
        master: &MasterKeys,
    ) -> Result<Self> {
        let mut key = Self::read(line, row)?;
        match line {
            Line::Signing(alg) if state.needs_secret() => {
                key.signer = Some(match known.and_then(|known| known.signer.clone()) {
                    Some(signer) => signer,
                    None => Arc::new(open_signer(row, alg, master)?),
                });
            }
            Line::Handle if state.is_published() => {
                key.mac = Some(match known.and_then(|known| known.mac.clone()) {
                    Some(mac) => mac,
                    None => Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &master.unseal(row)?)),
                });
            }
            Line::Signing(_) | Line::Handle => {}
        }
        Ok(key)
    }
}

fn read_public(row: &KeyRow, alg: Algorithm) -> Result<PublicJwk> {
    let json = row.public_jwk.as_deref().unwrap_or_default();
    let jwk: PublicJwk = serde_json::from_str(json)
        .map_err(|error| Error::of(row, &format_args!("its public half is damaged ({error})")))?;
    if jwk.kid != row.kid || jwk.alg != alg {
        return Err(Error::of(row, &"its public half belongs to another key"));
    }
    Ok(jwk)
}

impl MasterKeys {
    /// The secret half of the row.
    pub(super) fn unseal(&self, row: &KeyRow) -> Result<Zeroizing<Vec<u8>>> {
        let Some(sealed) = row.sealed.as_deref() else {
            return Err(Error::of(row, &"its secret half is missing"));
        };
        self.open(&sealing::Row::of(row), sealed).map_err(|cause| Error::of(row, &cause))
    }
}

fn open_signer(row: &KeyRow, alg: Algorithm, master: &MasterKeys) -> Result<Signer> {
    let pair = KeyPair::from_pkcs8(alg, master.unseal(row)?)?;
    if pair.public.kid != row.kid {
        return Err(Error::of(row, &"its halves do not belong together"));
    }
    Ok(pair.signer()?)
}
