use super::Database;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{aead, hkdf};
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
};

/// What another process holds in its memory, as Linux shows it to the parent.
pub struct Memory(Vec<Vec<u8>>);

const PAGE: u64 = 4096;

impl Memory {
    pub fn of(process: u32) -> Self {
        let file = |name: &str| format!("/proc/{process}/{name}");
        let maps = std::fs::read_to_string(file("maps")).unwrap();
        let (memory, mut pages) =
            (File::open(file("mem")).unwrap(), File::open(file("pagemap")).unwrap());
        let mut regions = Vec::new();
        for map in maps.lines().filter(|map| map.contains(" rw")) {
            let (from, to) = map.split(' ').next().unwrap().split_once('-').unwrap();
            let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
            let mut present = vec![0; usize::try_from((to - from) / PAGE * 8).unwrap()];
            pages.seek(SeekFrom::Start(from / PAGE * 8)).unwrap();
            if pages.read_exact(&mut present).is_err() {
                continue;
            }
            let mut region = Vec::new();
            for (page, entry) in (0..).zip(present.chunks(8)) {
                // Bit 63: the page is in memory. Others have never been written.
                if entry[7] & 0x80 != 0 {
                    let mut bytes = [0; 4096];
                    if memory.read_exact_at(&mut bytes, from + page * PAGE).is_ok() {
                        region.extend_from_slice(&bytes);
                    }
                }
            }
            regions.push(region);
        }
        Self(regions)
    }

    /// How often the bytes are there.
    pub fn count(&self, bytes: &[u8]) -> usize {
        let first = bytes[0];
        let places = |region: &Vec<u8>| {
            let starts = region.iter().enumerate().filter(|(_, byte)| **byte == first);
            starts.filter(|(place, _)| region[*place..].starts_with(bytes)).count()
        };
        self.0.iter().map(places).sum()
    }
}

/// A row of the table of keys with what is sealed in it.
pub struct Sealed {
    pub line: String,
    number: String,
    kid: String,
    text: String,
}

impl Database {
    pub async fn sealed(&self) -> Vec<Sealed> {
        let rows = self.keys().await.into_iter().map(|row| {
            let [line, number, kid, text] = [0, 1, 2, 4].map(|column| row[column].clone());
            Sealed { line, number, kid, text }
        });
        rows.filter(|row| row.text != "none").collect()
    }
}

impl Sealed {
    /// The secret half, by the format that `src/keys/sealing.rs` describes.
    pub fn open(&self, master_key: &str) -> Vec<u8> {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let parts: Vec<_> = self.text.split('.').collect();
        let (salt, nonce, mut sealed) = (decode(parts[2]), decode(parts[3]), decode(parts[4]));
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &salt);
        let master_key = salt.extract(&decode(master_key.trim()));
        let key = master_key.expand(&[b"mintmark key row v1"], &aead::AES_256_GCM).unwrap();
        let key = aead::LessSafeKey::new(aead::UnboundKey::from(key));
        let aad = aead::Aad::from(format!("{}\n{}\n{}", self.line, self.number, self.kid));
        let nonce = aead::Nonce::try_assume_unique_for_key(&nonce).unwrap();
        key.open_in_place(nonce, aad, &mut sealed).unwrap().to_vec()
    }
}
