use super::{ResourceServer, kid_of, part_of};
use josekit::{
    jwk::{Jwk, JwkSet},
    jws::{ES256, JwsVerifier, RS256},
    jwt,
};
use mintmark::clock::{Clock, Timestamp};
use reqwest::{StatusCode, header};
use std::{collections::HashSet, time::Duration};

/// A resource server that keeps the JWKS for exactly as long as HTTP lets it (RFC 9111), and never
/// looks for a `kid` before that: what is not in its copy, it refuses.
pub struct Verifier {
    library: Library,
    clock: Clock,
    http: reqwest::Client,
    /// Where the JWKS is fetched, in turn.
    urls: Vec<String>,
    copy: Option<Copy>,
    /// Tokens accepted, tokens that had expired before they were looked at, answers 200 and 304.
    pub accepted: usize,
    pub expired: usize,
    pub fetched: usize,
    pub revalidated: usize,
    /// The kids of the tokens accepted.
    pub kids: HashSet<String>,
}

/// What checks the signatures; these two share no code.
#[derive(Debug, Clone, Copy)]
pub enum Library {
    Ring,
    Josekit,
}

struct Copy {
    keys: Keys,
    etag: String,
    requested_at: Timestamp,
    max_age: Duration,
}

enum Keys {
    Ring(ResourceServer),
    Josekit(JwkSet),
}

impl Verifier {
    /// What it grants the clocks of others.
    pub const LEEWAY: i64 = 30;

    pub fn new(library: Library, clock: Clock, urls: Vec<String>) -> Self {
        Self {
            library,
            clock,
            http: reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap(),
            urls,
            copy: None,
            accepted: 0,
            expired: 0,
            fetched: 0,
            revalidated: 0,
            kids: HashSet::new(),
        }
    }

    /// Accepts a token, or says why a token that has not expired is refused.
    pub async fn check(&mut self, token: &str) -> Result<(), String> {
        let copy = match self.copy.take() {
            Some(copy) if self.clock.now() < copy.requested_at + copy.max_age => copy,
            stale => self.fetch(stale).await,
        };
        let copy = self.copy.insert(copy);
        let (verified, age) = (copy.keys.accept(token), self.clock.now().since(copy.requested_at));
        let claims = part_of(token, 1);
        let claim = |name: &str| claims[name].as_i64().unwrap();
        // Looked at last: a token that expires meanwhile may be refused.
        let now = self.clock.now().seconds();
        if now >= claim("exp") + Self::LEEWAY {
            self.expired += 1;
        } else if !verified {
            let kid = kid_of(token);
            return Err(format!("{kid} does not verify with a JWKS fetched {age:?} ago"));
        } else if claim("nbf") > now + Self::LEEWAY {
            return Err(format!("a token of the future: {claims}"));
        } else {
            self.accepted += 1;
            self.kids.insert(kid_of(token));
        }
        Ok(())
    }

    async fn fetch(&mut self, stale: Option<Copy>) -> Copy {
        self.urls.rotate_left(1);
        let mut request = self.http.get(format!("{}/.well-known/jwks.json", self.urls[0]));
        if let Some(stale) = &stale {
            request = request.header(header::IF_NONE_MATCH, &stale.etag);
        }
        let requested_at = self.clock.now();
        let response = request.send().await.unwrap();
        let text = |name| response.headers()[name].to_str().unwrap().to_owned();
        let (cache_control, etag) = (text(header::CACHE_CONTROL), text(header::ETAG));
        let max_age = cache_control.split_once("max-age=").unwrap().1.parse().unwrap();
        let max_age = Duration::from_secs(max_age);
        let keys = match (response.status(), stale) {
            (StatusCode::NOT_MODIFIED, Some(stale)) => {
                self.revalidated += 1;
                stale.keys
            }
            (StatusCode::OK, _) => {
                self.fetched += 1;
                self.library.read(&response.bytes().await.unwrap())
            }
            (status, _) => panic!("{status} for the JWKS"),
        };
        Copy { keys, etag, requested_at, max_age }
    }
}

impl Library {
    fn read(self, jwks: &[u8]) -> Keys {
        match self {
            Self::Ring => Keys::Ring(ResourceServer::with(&serde_json::from_slice(jwks).unwrap())),
            Self::Josekit => Keys::Josekit(JwkSet::from_bytes(jwks).unwrap()),
        }
    }
}

impl Keys {
    fn accept(&self, token: &str) -> bool {
        match self {
            Self::Ring(copy) => copy.accepts(token),
            Self::Josekit(set) => {
                let found = set.get(&kid_of(token));
                found
                    .first()
                    .is_some_and(|jwk| jwt::decode_with_verifier(token, &*verifier(jwk)).is_ok())
            }
        }
    }
}

fn verifier(jwk: &Jwk) -> Box<dyn JwsVerifier> {
    match jwk.algorithm() {
        Some("RS256") => Box::new(RS256.verifier_from_jwk(jwk).unwrap()),
        _ => Box::new(ES256.verifier_from_jwk(jwk).unwrap()),
    }
}
