//! What each signing algorithm is made of: one row for each.
use crate::model::Algorithm;
use josekit::{
    JoseError,
    jws::{JwsSigner, PS256, RS256},
};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters,
};

/// The family of an algorithm, with what its members differ in.
#[derive(Clone, Copy)]
pub(super) enum Scheme {
    Rsa(&'static Rsa),
    Ecdsa(&'static Curve),
    Ed25519,
}

pub(super) type BoxedSigner = Box<dyn JwsSigner>;

/// A way to sign with an RSA key. The keys of all ways are the same: plain `rsaEncryption`.
pub(super) struct Rsa {
    /// From PKCS#8.
    pub signer: fn(&[u8]) -> Result<BoxedSigner, JoseError>,
    pub verification: &'static RsaParameters,
}

/// A curve with the hash that its algorithm goes with (RFC 7518 §3.4).
pub(super) struct Curve {
    pub crv: &'static str,
    /// How many bytes a coordinate has, as has a private key.
    pub size: usize,
    pub signing: &'static EcdsaSigningAlgorithm,
    pub verification: &'static EcdsaVerificationAlgorithm,
}

static RSA_PKCS1: Rsa = Rsa {
    signer: |pkcs8| Ok(Box::new(RS256.signer_from_der(pkcs8)?)),
    verification: &RSA_PKCS1_2048_8192_SHA256,
};
static RSA_PSS: Rsa = Rsa {
    signer: |pkcs8| Ok(Box::new(PS256.signer_from_der(pkcs8)?)),
    verification: &RSA_PSS_2048_8192_SHA256,
};
static P256: Curve = Curve {
    crv: "P-256",
    size: 32,
    signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
    verification: &ECDSA_P256_SHA256_FIXED,
};
static P384: Curve = Curve {
    crv: "P-384",
    size: 48,
    signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
    verification: &ECDSA_P384_SHA384_FIXED,
};

impl Scheme {
    pub fn of(alg: Algorithm) -> Self {
        match alg {
            Algorithm::Rs256 => Self::Rsa(&RSA_PKCS1),
            Algorithm::Es256 => Self::Ecdsa(&P256),
            Algorithm::Ps256 => Self::Rsa(&RSA_PSS),
            Algorithm::Es384 => Self::Ecdsa(&P384),
            Algorithm::EdDsa => Self::Ed25519,
        }
    }
}
