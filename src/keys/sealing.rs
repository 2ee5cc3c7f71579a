//! Sealing secrets at rest: AES-256-GCM under a key that HKDF derives for each of them.
use super::MasterKeys;
use crate::{secret::random, store::KeyRow};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

const PURPOSE: &[u8] = b"mintmark key row v1";

/// Why something sealed does not open; for the operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    #[error("what is sealed is damaged")]
    Damaged,
    #[error("it is sealed with master key {wanted}, and only {present} is configured")]
    OtherMasterKey { wanted: String, present: String },
}

/// What is sealed, and the row it belongs to: moved to another row, it does not open.
pub struct Row<'a> {
    pub line: &'a str,
    pub number: i64,
    pub kid: &'a str,
}

impl<'a> Row<'a> {
    pub fn of(row: &'a KeyRow) -> Self {
        Self { line: &row.line, number: row.number, kid: &row.kid }
    }

    fn aad(&self) -> Aad<Vec<u8>> {
        Aad::from(format!("{}\n{}\n{}", self.line, self.number, self.kid).into_bytes())
    }
}

/// The id of the master key that sealed the row.
pub fn master_key_of(row: &KeyRow) -> Option<&str> {
    row.sealed.as_deref()?.split('.').nth(1)
}

impl MasterKeys {
    /// `v1.⟨master key id⟩.⟨salt⟩.⟨nonce⟩.⟨ciphertext and tag⟩`
    pub(super) fn seal(&self, row: &Row<'_>, secret: &[u8]) -> String {
        let master = self.sealing();
        let (salt, nonce) = (random::<32>(), random::<NONCE_LEN>());
        let mut sealed = Zeroizing::new(secret.to_vec());
        let tag = aead(&master.derive(salt.as_ref(), PURPOSE)).seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(*nonce),
            row.aad(),
            &mut sealed,
        );
        let tag = tag.expect("a key is short enough to seal");
        let [salt, nonce, sealed] =
            [salt.as_ref(), nonce.as_ref(), &[sealed.as_slice(), tag.as_ref()].concat()]
                .map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        format!("v1.{}.{salt}.{nonce}.{sealed}", master.id)
    }

    pub(super) fn open(
        &self,
        row: &Row<'_>,
        sealed: &str,
    ) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let parts: Vec<&str> = sealed.split('.').collect();
        let [version, master, salt, nonce, sealed] = parts[..] else {
            return Err(CannotOpen::Damaged);
        };
        if version != "v1" {
            return Err(CannotOpen::Damaged);
        }
        let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| CannotOpen::Damaged);
        let (salt, nonce, sealed) = (decode(salt)?, decode(nonce)?, decode(sealed)?);
        let master = self.named(master).ok_or_else(|| CannotOpen::OtherMasterKey {
            wanted: master.to_owned(),
            present: self.ids(),
        })?;
        let nonce = Nonce::try_assume_unique_for_key(&nonce).map_err(|_| CannotOpen::Damaged)?;
        let mut sealed = Zeroizing::new(sealed);
        let opened = aead(&master.derive(&salt, PURPOSE))
            .open_in_place(nonce, row.aad(), &mut sealed)
            .map_err(|_| CannotOpen::Damaged)?
            .len();
        sealed.truncate(opened);
        Ok(sealed)
    }
}

fn aead(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: Row<'static> = Row { line: "ES256", number: 1, kid: "a" };

    #[test]
    fn what_is_sealed_opens_with_any_configured_key() {
        let keys = MasterKeys::generate(1);
        let sealed = keys.seal(&ROW, b"secret");
        assert_eq!(*keys.open(&ROW, &sealed).unwrap(), b"secret");
        assert!(!sealed.contains("secret") && keys.seal(&ROW, b"secret") != sealed);
        let Err(CannotOpen::OtherMasterKey { wanted, .. }) =
            MasterKeys::generate(2).open(&ROW, &sealed)
        else {
            panic!("another master key opened it");
        };
        assert!(sealed.contains(&wanted));
    }

    #[test]
    fn it_opens_in_its_own_row_only() {
        let keys = MasterKeys::generate(1);
        let sealed = keys.seal(&ROW, b"secret");
        for row in [Row { number: 2, ..ROW }, Row { kid: "b", ..ROW }, Row { line: "RS256", ..ROW }]
        {
            assert_eq!(keys.open(&row, &sealed), Err(CannotOpen::Damaged));
        }
    }

    #[test]
    fn any_damage_shows() {
        let keys = MasterKeys::generate(1);
        let sealed = keys.seal(&ROW, b"secret");
        for place in 0..sealed.len() {
            let mut damaged = sealed.clone().into_bytes();
            damaged[place] = if damaged[place] == b'A' { b'B' } else { b'A' };
            assert!(keys.open(&ROW, &String::from_utf8(damaged).unwrap()).is_err(), "byte {place}");
            assert!(keys.open(&ROW, &sealed[..place]).is_err(), "cut at {place}");
        }
    }
}
