//! Leaving no private half in memory. OpenSSL overwrites what it frees. ring does not, and code without
//! `unsafe` cannot do it in its place; but it can put something else there.
use super::scheme::Curve;
use ring::{
    rand::SystemRandom,
    signature::{EcdsaKeyPair, Ed25519KeyPair},
};
use std::hint::black_box;

/// In pieces of 16 KiB: more than reading or making a key takes.
const DEPTH: usize = 4;

/// Does work with a private half and overwrites what its functions have left on the stack.
pub(super) fn after<T>(work: impl FnOnce() -> T) -> T {
    let result = apart(work);
    overwrite_stack(DEPTH);
    result
}

#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn overwrite_stack(depth: usize) {
    let mut piece = [0_u8; 16 * 1024];
    black_box(&mut piece);
    if depth > 1 {
        overwrite_stack(depth - 1);
    }
    black_box(&mut piece);
}

/// Puts a key that is good for nothing where this one is.
pub(super) fn ecdsa(pair: &mut EcdsaKeyPair, curve: &Curve) {
    let random = SystemRandom::new();
    let other = EcdsaKeyPair::generate_pkcs8(curve.signing, &random);
    let other = other.map(|other| EcdsaKeyPair::from_pkcs8(curve.signing, other.as_ref(), &random));
    if let Ok(Ok(other)) = other {
        *pair = other;
    }
    black_box(pair);
}

/// Puts a key that is good for nothing where this one is.
pub(super) fn ed25519(pair: &mut Ed25519KeyPair) {
    if let Ok(other) = Ed25519KeyPair::from_seed_unchecked(&[0; 32]) {
        *pair = other;
    }
    black_box(pair);
}
