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
    /// Its object identifier, encoded (RFC 5480 §2.1.1.1).
    pub oid: &'static [u8],
    /// How many bytes a coordinate has, as has a private key.
    pub size: usize,
    /// How many points there are: a private key is less (SEC 2 §2.4.2, §2.5.1).
    pub order: &'static [u8],
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
    oid: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    size: 32,
    order: &[
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
        0x25, 0x51,
    ],
    signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
    verification: &ECDSA_P256_SHA256_FIXED,
};
static P384: Curve = Curve {
    crv: "P-384",
    oid: &[0x2b, 0x81, 0x04, 0x00, 0x22],
    size: 48,
    order: &[
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37,
        0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc,
        0xc5, 0x29, 0x73,
    ],
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

impl Curve {
    /// The curve of one of the algorithms.
    pub fn find(wanted: impl Fn(&Self) -> bool) -> Option<&'static Self> {
        [&P256, &P384].into_iter().find(|curve| wanted(curve))
    }
}
