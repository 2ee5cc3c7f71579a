//! Private halves leave the memory of the process when their key is superseded: seen by looking.
use crate::support::{Database, Memory, Process, Sealed};
use std::time::Duration;

/// A private half as it lies in PKCS#8, and as the libraries hold it to compute with.
struct Forms {
    line: String,
    stored: Vec<u8>,
    computing: Vec<u8>,
}

impl Forms {
    fn of(row: &Sealed, master_key: &str) -> Self {
        let pkcs8 = row.open(master_key);
        let (stored, computing) =
            if row.line == "ES256" { scalar(&pkcs8) } else { first_prime(&pkcs8) };
        Self { line: row.line.clone(), stored, computing }
    }
}

/// Of `ECPrivateKey` (RFC 5915): an OCTET STRING of 32 bytes. ring computes with Montgomery's form.
fn scalar(pkcs8: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let place = pkcs8.windows(5).position(|bytes| bytes == [2, 1, 1, 4, 32]).unwrap() + 5;
    let d: [u8; 32] = pkcs8[place..place + 32].try_into().unwrap();
    (d.to_vec(), montgomery(d))
}

/// Of `RSAPrivateKey` (RFC 8017 appendix A.1.2), which is the second long SEQUENCE of a PKCS#8: version, n,
/// e, d, p, … OpenSSL computes with little ends first.
fn first_prime(pkcs8: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut sequences = (0..pkcs8.len()).filter(|&place| pkcs8[place..].starts_with(&[0x30, 0x82]));
    let p = integers(&pkcs8[sequences.nth(1).unwrap() + 4..])[4];
    let reversed = p.iter().rev().copied();
    (p[..32].to_vec(), reversed.take(32).collect())
}

/// The INTEGERs at the beginning of some DER, without their leading zeros.
fn integers(mut der: &[u8]) -> Vec<&[u8]> {
    let mut integers = Vec::new();
    while let [2, length, rest @ ..] = der {
        let (length, rest) = match length {
            0x81 => (usize::from(rest[0]), &rest[1..]),
            0x82 => (usize::from(rest[0]) * 256 + usize::from(rest[1]), &rest[2..]),
            short => (usize::from(*short), rest),
        };
        let value = &rest[..length];
        integers.push(value.strip_prefix(&[0]).unwrap_or(value));
        der = &rest[length..];
    }
    integers
}

/// `d · 2^256` modulo the order of P-256 (FIPS 186-4 D.1.2.3), with the little end first.
fn montgomery(d: [u8; 32]) -> Vec<u8> {
    const ORDER: [u64; 4] =
        [0xf3b9_cac2_fc63_2551, 0xbce6_faad_a717_9e84, u64::MAX, 0xffff_ffff_0000_0000];
    let mut value: [u64; 4] = std::array::from_fn(|limb| {
        u64::from_be_bytes(d[24 - limb * 8..32 - limb * 8].try_into().unwrap())
    });
    for _ in 0..256 {
        let carry = value[3] >> 63 == 1;
        value = std::array::from_fn(|limb| {
            value[limb] << 1 | if limb == 0 { 0 } else { value[limb - 1] >> 63 }
        });
        if carry || value.iter().rev().ge(ORDER.iter().rev()) {
            let mut borrow = false;
            for (limb, order) in value.iter_mut().zip(ORDER) {
                let (less, first) = limb.overflowing_sub(order);
                let (less, second) = less.overflowing_sub(u64::from(borrow));
                (*limb, borrow) = (less, first || second);
            }
        }
    }
    value.iter().flat_map(|limb| limb.to_le_bytes()).collect()
}

async fn forms(database: &Database) -> Vec<Forms> {
    let master_key = std::fs::read_to_string(database.dir.path().join("master.key")).unwrap();
    let rows = database.sealed().await.into_iter().filter(|row| row.line != "handle");
    rows.map(|row| Forms::of(&row, &master_key)).collect()
}

/// How many copies of each there are, after a second in which requests in flight can end.
async fn copies(process: &Process, forms: &[Forms]) -> Vec<(String, usize, usize)> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let memory = Memory::of(process.id());
    let count =
        |key: &Forms| (key.line.clone(), memory.count(&key.stored), memory.count(&key.computing));
    forms.iter().map(count).collect()
}

/// Both keys that the process has made and those that it has read from the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_superseded_private_half_is_nowhere_in_memory() {
    let database = Database::sqlite();
    for start in ["first", "second"] {
        let process = Process::start_with(&database, &[("MINTMARK__LOG__FILTER", "error")]);
        let keys = forms(&database).await;
        let keys: Vec<_> = keys.into_iter().rev().take(2).collect();
        process.signing_kid().await;
        let held = copies(&process, &keys).await;
        let once = |line: &str| (line.to_owned(), 0, 1);
        assert_eq!(held, [once("RS256"), once("ES256")], "{start} start: what signs, and no more");

        process.rotate().await;
        process.signing_kid().await;
        let held = copies(&process, &keys).await;
        let never = |line: &str| (line.to_owned(), 0, 0);
        assert_eq!(held, [never("RS256"), never("ES256")], "{start} start");
        database
            .execute("UPDATE keys SET sealed = NULL WHERE line <> 'handle' AND number = 1")
            .await;
    }
}
