//! The master keys: what all other keys are sealed with. They are never in the database.
use super::{Error, Result};
use crate::{config::MasterKeySettings, secret::random};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{digest, hkdf};
use secrecy::ExposeSecret;
use std::{
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};
use zeroize::Zeroizing;

/// The first seals, all of them open.
pub struct MasterKeys(Vec<MasterKey>);

pub(super) struct MasterKey {
    /// Names the key without telling anything of it.
    pub id: String,
    secret: Zeroizing<[u8; 32]>,
}

impl MasterKeys {
    /// Reads the keys from the configured value, or else from the configured file: a value comes from
    /// the environment, which wins.
    pub fn load(settings: &MasterKeySettings) -> Result<Self> {
        if !settings.is_given() {
            return Err(Error::NoMasterKey);
        }
        let value = settings.key.expose_secret();
        if !value.is_empty() {
            return Self::parse("master_key.key", value);
        }
        let file = &settings.file;
        let text = std::fs::read_to_string(file).map(Zeroizing::new).map_err(|error| {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            let hint = if missing { "; `mintmark init` makes one" } else { "" };
            Error::MasterKey { place: file.clone(), cause: format!("{error}{hint}") }
        })?;
        if std::fs::metadata(file).is_ok_and(|found| found.permissions().mode() & 0o077 != 0) {
            tracing::warn!(file, "others than its owner can read the master key; chmod 600 it");
        }
        Self::parse(file, &text)
    }

    fn parse(place: &str, text: &str) -> Result<Self> {
        let unusable =
            |cause: &str| Error::MasterKey { place: place.to_owned(), cause: cause.to_owned() };
        // One a line in a file; a variable of the environment is easier to write on one.
        let keys = text.split([' ', ',', '\n', '\r', '\t']).filter(|key| !key.is_empty());
        let keys: Vec<MasterKey> = keys
            .map(|key| {
                MasterKey::decode(key).ok_or_else(|| unusable("a key is not 32 bytes in base64url"))
            })
            .collect::<Result<_>>()?;
        if keys.is_empty() { Err(unusable("it is empty")) } else { Ok(Self(keys)) }
    }

    /// Makes a file with a new master key, for its owner to read. False if there is one, which is
    /// left alone.
    pub fn create_file(path: &Path) -> std::io::Result<bool> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        let opened =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut file = match opened {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
            other => other?,
        };
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(random::<32>().as_ref()));
        writeln!(file, "{}", *text)?;
        file.sync_all()?;
        Ok(true)
    }

    pub(super) fn sealing(&self) -> &MasterKey {
        self.0.first().expect("there is at least one master key")
    }

    /// The id of the key that seals: it names the key without telling anything of it.
    pub fn sealing_id(&self) -> &str {
        &self.sealing().id
    }

    pub(super) fn named(&self, id: &str) -> Option<&MasterKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// The ids of all of them, for messages.
    pub(super) fn ids(&self) -> String {
        self.0.iter().map(|key| key.id.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl MasterKey {
    fn decode(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let secret = Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?);
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"mintmark master key id");
        context.update(secret.as_ref());
        let id = URL_SAFE_NO_PAD.encode(context.finish().as_ref().get(..6)?);
        Some(Self { id, secret })
    }

    /// A key of its own for each thing sealed (RFC 5869).
    pub(super) fn derive(&self, salt: &[u8], purpose: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
            .extract(self.secret.as_ref())
            .expand(&[purpose], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(key.as_mut()))
            .expect("HKDF-SHA-256 gives as many bytes as its hash has");
        key
    }
}

#[cfg(test)]
impl MasterKeys {
    pub(super) fn generate(count: usize) -> Self {
        let line = || URL_SAFE_NO_PAD.encode(random::<32>().as_ref());
        let text: Vec<String> = (0..count).map(|_| line()).collect();
        Self::parse("test", &text.join("\n")).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_private_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/master.key");
        assert!(MasterKeys::create_file(&path).unwrap());
        let first = std::fs::read_to_string(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!MasterKeys::create_file(&path).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
        assert!(MasterKeys::parse("file", &first).is_ok());
    }

    #[test]
    fn a_value_wins_over_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        MasterKeys::create_file(&path).unwrap();
        let file = path.to_str().unwrap().to_owned();
        let with = |key: &str| MasterKeySettings { file: file.clone(), key: key.into() };
        let of_file = MasterKeys::load(&with("")).unwrap().ids();
        let value = URL_SAFE_NO_PAD.encode(random::<32>().as_ref());
        assert_ne!(MasterKeys::load(&with(&value)).unwrap().ids(), of_file);
        assert!(MasterKeys::load(&with("garbage")).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in ["", "\n\n", "short", "not base64!", &"A".repeat(44)] {
            assert!(MasterKeys::parse("file", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn several_keys_can_stand_on_one_line() {
        let [one, two] =
            [random::<32>(), random::<32>()].map(|key| URL_SAFE_NO_PAD.encode(key.as_ref()));
        let lines = MasterKeys::parse("file", &format!("{one}\n\n{two}\n")).unwrap();
        for text in [format!("{one},{two}"), format!(" {one} , {two}"), format!("{one} {two}\r\n")]
        {
            let keys = MasterKeys::parse("variable", &text).unwrap();
            assert_eq!((keys.ids(), keys.sealing_id()), (lines.ids(), lines.sealing_id()));
        }
    }
}
