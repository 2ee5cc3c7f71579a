use super::Server;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mintmark::model::{Algorithm, TokenType};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

/// Makes tokens that the service would not.
pub struct Forger<'a>(pub &'a Server);

impl Forger<'_> {
    /// The claims of a good token of `admin` for the admin API.
    pub fn claims(&self) -> Value {
        let now = self.0.clock.now().seconds();
        json!({
            "iss": self.0.url, "aud": self.0.url, "sub": "admin", "client_id": "admin",
            "scope": "mintmark:admin", "jti": "1", "iat": now, "nbf": now, "exp": now + 600,
        })
    }

    /// Those claims with one of them changed, or without it if the value is null.
    pub fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        claims
    }

    /// With the right signature of the service.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(TokenType::AtJwt, claims)
    }

    pub fn sign_as(&self, typ: TokenType, claims: &Value) -> String {
        let signer = self.0.app.keys.snapshot().signer(Algorithm::Es256, self.0.clock.now());
        signer.unwrap().sign(typ, claims).unwrap()
    }

    /// With a payload that no JSON library would write, and the right signature of nobody.
    pub fn unsigned(&self, header: &str, signature: &str) -> String {
        format!("{}.{signature}", encoded(header, &self.claims().to_string()))
    }

    /// With a key of the forger, whose public half is in the answer too.
    pub fn sign_with_own_key(&self, header: impl FnOnce(Value) -> String) -> String {
        let random = SystemRandom::new();
        let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(alg, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(alg, document.as_ref(), &random).unwrap();
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        let public = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
        let signed = encoded(&header(public), &self.claims().to_string());
        let signature = key.sign(&random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// HS256 with something public as its secret (RFC 8725 §2.1).
    pub fn mac(&self, kid: &str, secret: &[u8]) -> String {
        let header = json!({ "typ": "at+jwt", "alg": "HS256", "kid": kid }).to_string();
        let signed = encoded(&header, &self.claims().to_string());
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
    }
}

/// The two parts of a JWS that are signed.
fn encoded(header: &str, payload: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}
