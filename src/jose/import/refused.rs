//! Why a private key is not taken.
use crate::model::Algorithm;

/// Why a text is not taken as a private key, with what to do about it. Nothing of the text is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportRefused {
    #[error(
        "this is neither a PEM (-----BEGIN …) nor a JWK ({{…}}); give one private key as one of them"
    )]
    NeitherPemNorJwk,
    #[error(
        "this PEM holds another thing than a key to sign with; convert the key to PKCS#8, which \
         begins with -----BEGIN PRIVATE KEY-----"
    )]
    OtherPem,
    #[error("the key is encrypted; decrypt it first, as with: openssl pkey -in KEY -out DECRYPTED")]
    Encrypted,
    #[error("a public key cannot sign; give the private key, alone")]
    Public,
    #[error("a certificate has no private key in it; give the private key, alone")]
    Certificate,
    #[error("there are several keys; give them one at a time")]
    Several,
    #[error("the PEM is damaged; copy it again, from its BEGIN line to its END line")]
    DamagedPem,
    #[error(
        "the JWK is damaged; it is one JSON object in which each member comes once and numbers are \
         in base64url without padding"
    )]
    DamagedJwk,
    #[error("the JWK has no `{0}`; export it again, with its public and all its private members")]
    Lacks(&'static str),
    #[error(
        "the JWK has no p, q, dp, dq and qi, without which an RSA key is not read; export it again \
         with them, or as a PEM"
    )]
    LacksPrimes,
    #[error(
        "a symmetric key cannot sign tokens that others verify; give an RSA, EC or Ed25519 key"
    )]
    Symmetric,
    #[error("keys of this kind cannot sign tokens; give an RSA, EC or Ed25519 key")]
    OtherKind,
    #[error("a JWK with this `use` or these `key_ops` is not for signing; give the one that is")]
    NotForSigning,
    #[error("the key is not on a curve that is known by name here: P-256, P-384 or Ed25519")]
    Curve,
    #[error("an RSA key has to have 2048, 3072 or 4096 bits, and this one has {0}; make another")]
    RsaSize(usize),
    #[error("an RSA key has to have a public exponent of 65537 or more; make another")]
    RsaExponent,
    #[error("an RSA key of more than two primes is not read; make one of two")]
    MultiPrime,
    #[error(
        "the key is bound to PSS by its PKCS#8, which is not read; give it as a JWK or as PKCS#1, \
         which begins with -----BEGIN RSA PRIVATE KEY-----"
    )]
    BoundToPss,
    #[error("the algorithm does not follow from an RSA key; name one of {}", list(.0))]
    AlgorithmMissing(Vec<Algorithm>),
    #[error("the `alg` of the JWK is none of {}; leave it out or correct it", Algorithm::names())]
    AlgorithmUnknown,
    #[error("the JWK says it is for {jwk}, and you say {asked}; leave one of them out")]
    AlgorithmsDiffer { jwk: Algorithm, asked: Algorithm },
    #[error("the key does not fit {alg}, only {}", list(fits))]
    AlgorithmUnfit { alg: Algorithm, fits: Vec<Algorithm> },
    #[error("the numbers of the key do not belong together; export it again, or make another")]
    Unsound,
}

fn list(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(|alg| alg.as_str()).collect::<Vec<_>>().join(", ")
}
