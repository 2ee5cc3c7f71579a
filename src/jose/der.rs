//! As much DER (X.690 §10) as keys need.
use super::scheme::Scheme;
use zeroize::Zeroizing;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// RFC 8017 A.1.
pub(super) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// RFC 5480 §2.1.1.
pub(super) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// RFC 8410 §3.
pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// An element of these parts, one after the other.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // Room for all at once: a vector that grows leaves copies behind.
    let mut element = Zeroizing::new(Vec::with_capacity(length + 2 + size_of::<usize>()));
    element.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => element.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let bytes = without_leading_zeros(&bytes);
            element.extend(u8::try_from(0x80 + bytes.len()));
            element.extend_from_slice(bytes);
        }
    }
    for part in parts {
        element.extend_from_slice(part);
    }
    element
}

/// A number that is not negative.
pub(super) fn integer(number: &[u8]) -> Zeroizing<Vec<u8>> {
    match without_leading_zeros(number) {
        positive @ [0..0x80, ..] => element(INTEGER, &[positive]),
        looks_negative => element(INTEGER, &[&[0], looks_negative]),
    }
}

pub(super) fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let mut rest = number;
    while let [0, tail @ ..] = rest {
        rest = tail;
    }
    rest
}

impl Scheme {
    /// What names the kind of a key in PKCS#8 and SPKI. That of RSA is the same for each way to sign.
    pub fn identifier(self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Rsa(_) => element(SEQUENCE, &[&element(OID, &[RSA]), &element(NULL, &[])]),
            Self::Ecdsa(curve) => {
                element(SEQUENCE, &[&element(OID, &[EC]), &element(OID, &[curve.oid])])
            }
            Self::Ed25519 => element(SEQUENCE, &[&element(OID, &[ED25519])]),
        }
    }
}

/// Reads one element after the other; `None` is what is no DER or not what was expected.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(der: &'a [u8]) -> Self {
        Self(der)
    }

    /// The content of the next element, if it has this tag.
    pub fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&[first, length], mut rest) = self.0.split_first_chunk::<2>()?;
        if first != tag {
            return None;
        }
        let mut length = usize::from(length);
        if length >= 0x80 {
            let bytes;
            (bytes, rest) = rest.split_at_checked(length - 0x80).filter(|(b, _)| b.len() <= 3)?;
            length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    /// The elements within the next one.
    pub fn within(&mut self, tag: u8) -> Option<Self> {
        self.take(tag).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_and_signs_are_those_of_the_standard() {
        assert_eq!(**element(OCTET_STRING, &[&[7], &[8, 9]]), [4, 3, 7, 8, 9]);
        assert_eq!(element(OCTET_STRING, &[&[0; 0x80]])[..4], [4, 0x81, 0x80, 0]);
        assert_eq!(element(OCTET_STRING, &[&[0; 0x100]])[..5], [4, 0x82, 1, 0, 0]);
        assert_eq!(**integer(&[0, 0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(**integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(**integer(&[0]), [2, 1, 0]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(content in prop::collection::vec(any::<u8>(), 0..700)) {
            let written = element(SEQUENCE, &[&content]);
            let mut reader = Reader::new(&written);
            prop_assert_eq!(reader.take(SEQUENCE), Some(&content[..]));
            prop_assert!(reader.take(SEQUENCE).is_none());
            prop_assert!(Reader::new(&written[..written.len() - 1]).take(SEQUENCE).is_none());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = Reader::new(&bytes).take(*bytes.first().unwrap_or(&0));
        }
    }
}
