use super::Server;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

/// Holds the private half of a key that the service publishes, and so signs anything it likes: only
/// what is wrong with a token beside its signature can still have it refused.
pub struct Forger<'a> {
    server: &'a Server,
    key: EcdsaKeyPair,
}

impl<'a> Forger<'a> {
    pub const KID: &'static str = "of-the-forger";

    /// Puts the key before the first of its line, as one that is superseded and still verifies.
    pub async fn at(server: &'a Server) -> Self {
        let key = new_key();
        let mut public = public_half(&key);
        for (name, value) in [("use", "sig"), ("alg", "ES256"), ("kid", Self::KID)] {
            public[name] = json!(value);
        }
        let insert = format!(
            "INSERT INTO keys (line, number, kid, public_jwk, published_at, activates_at,
                               longest_token, origin)
             SELECT line, 0, '{}', '{public}', published_at - 1, activates_at - 1, longest_token,
                    origin
             FROM keys WHERE line = 'ES256' AND number = 1",
            Self::KID
        );
        server.database.execute(&insert).await;
        server.app.keys.reload().await.unwrap();
        Self { server, key }
    }

    /// The claims of a good token of `admin` for the admin API.
    pub fn claims(&self) -> Value {
        let now = self.server.clock.now().seconds();
        let issuer = &self.server.app.settings.issuer;
        json!({
            "iss": issuer, "aud": issuer, "sub": "admin", "client_id": "admin",
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

    /// The header of a good token.
    pub fn header() -> Value {
        json!({ "typ": "at+jwt", "alg": "ES256", "kid": Self::KID })
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_text(&Self::header().to_string(), &claims.to_string())
    }

    /// Good claims under any header.
    pub fn sign_under(&self, header: &str) -> String {
        self.sign_text(header, &self.claims().to_string())
    }

    pub fn sign_text(&self, header: &str, payload: &str) -> String {
        signed(&self.key, &encoded(header, payload))
    }

    /// Good claims with a key that nobody published; the header may hold it.
    pub fn sign_as_stranger(&self, header: impl FnOnce(Value) -> Value) -> String {
        let key = new_key();
        let header = header(public_half(&key)).to_string();
        signed(&key, &encoded(&header, &self.claims().to_string()))
    }

    /// HS256 with something public as its secret (RFC 8725 §2.1).
    pub fn mac(&self, kid: &str, secret: &[u8]) -> String {
        let header = json!({ "typ": "at+jwt", "alg": "HS256", "kid": kid }).to_string();
        let signed = encoded(&header, &self.claims().to_string());
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
    }
}

fn new_key() -> EcdsaKeyPair {
    let (alg, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let document = EcdsaKeyPair::generate_pkcs8(alg, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(alg, document.as_ref(), &random).unwrap()
}

fn public_half(key: &EcdsaKeyPair) -> Value {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let [x, y] = [x, y].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
}

fn signed(key: &EcdsaKeyPair, text: &str) -> String {
    let signature = key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The two parts of a JWS that are signed.
fn encoded(header: &str, payload: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}
