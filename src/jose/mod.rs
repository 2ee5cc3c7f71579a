//! JSON Web Signatures and Keys (RFC 7515, 7517). The only place that knows josekit.
//!
//! RSA signs through josekit (OpenSSL), which is twice as fast at it as ring; all else is ring.
mod der;
mod import;
mod jwk;
mod jws;
mod keypair;
mod scheme;
mod spki;
mod verify;
mod wipe;

pub use import::{ImportRefused, read_private_key};
pub use jwk::PublicJwk;
pub use jws::{Signer, SigningFailed};
pub use keypair::{KeyPair, UnusableKey, generate};
pub use verify::{Refused, Unverified};
