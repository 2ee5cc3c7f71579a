//! Public keys as PEM (RFC 7468 §13), for programs that read no JWKS.
use super::{
    PublicJwk,
    der::{BIT_STRING, SEQUENCE, element, integer},
    jwk::Material,
    scheme::Scheme,
};
use base64::{
    DecodeError, Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// How many characters a line has (RFC 7468 §2).
const LINE: usize = 64;

impl PublicJwk {
    /// The key as `SubjectPublicKeyInfo` (RFC 5280 §4.1, RFC 5480, RFC 8410), in PEM. It says nothing
    /// of the `kid`, and for RSA nothing of the algorithm.
    ///
    /// # Errors
    /// If a number in it is no base64url, as in a row that was tampered with.
    pub fn to_pem(&self) -> Result<String, DecodeError> {
        let number = |text: &String| URL_SAFE_NO_PAD.decode(text);
        let key = match &self.material {
            Material::Rsa { n, e } => {
                element(SEQUENCE, &[&integer(&number(n)?), &integer(&number(e)?)]).to_vec()
            }
            Material::Ec { x, y, .. } => [vec![4], number(x)?, number(y)?].concat(),
            Material::Okp { x, .. } => number(x)?,
        };
        // The 0 is how many bits of the last byte are not used.
        let key = element(BIT_STRING, &[&[0], &key]);
        let info = element(SEQUENCE, &[&Scheme::of(self.alg).identifier(), &key]);
        let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        let mut rest = STANDARD.encode(&*info);
        while !rest.is_empty() {
            let next = rest.split_off(rest.len().min(LINE));
            pem.extend([&rest, "\n"]);
            rest = next;
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        Ok(pem)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        jose::generate,
        model::{Algorithm, TokenType},
    };
    use base64::{
        Engine,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    use josekit::jws::{ES256, ES384, EdDSA, JwsVerifier, PS256, RS256};

    #[test]
    fn another_library_reads_the_pem_and_verifies_with_it() {
        for &alg in Algorithm::ALL {
            let pair = generate(alg).unwrap();
            let pem = pair.public.to_pem().unwrap();
            assert!(pem.lines().all(|line| line.len() <= 64) && pem.ends_with("-----\n"), "{pem}");
            let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            let der = STANDARD.decode(base64).unwrap();
            let verifier: Box<dyn JwsVerifier> = match alg {
                Algorithm::Rs256 => Box::new(RS256.verifier_from_pem(&pem).unwrap()),
                // From PEM it reads only keys that are bound to PSS, which ours are not.
                Algorithm::Ps256 => Box::new(PS256.verifier_from_der(der).unwrap()),
                Algorithm::Es256 => Box::new(ES256.verifier_from_pem(&pem).unwrap()),
                Algorithm::Es384 => Box::new(ES384.verifier_from_pem(&pem).unwrap()),
                Algorithm::EdDsa => Box::new(EdDSA.verifier_from_pem(&pem).unwrap()),
            };
            let token = pair.signer().unwrap().sign(TokenType::Jwt, &serde_json::json!({}));
            let token = token.unwrap();
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            verifier.verify(signed.as_bytes(), &signature).unwrap();
            assert!(verifier.verify(b"something else", &signature).is_err(), "{alg}");
        }
    }
}
