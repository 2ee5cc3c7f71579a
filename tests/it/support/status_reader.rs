use super::{Answer, ResourceServer, Server, part_of};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::read::ZlibDecoder;
use mintmark::clock::{Clock, Timestamp};
use serde_json::Value;
use std::{collections::HashMap, io::Read, time::Duration};

/// A resource server that reads status lists as draft-ietf-oauth-status-list §8.3 says, and keeps each
/// for as long as its `ttl` lets it. It knows what the draft says, and nothing of this service.
pub struct StatusReader {
    clock: Clock,
    /// Where it fetches: the replica behind the name in the URIs.
    url: String,
    kept: HashMap<String, Kept>,
    pub fetched: usize,
}

struct Kept {
    until: Timestamp,
    exp: i64,
    bits: Vec<u8>,
}

impl StatusReader {
    pub fn at(server: &Server) -> Self {
        let (clock, url) = (server.clock.clone(), server.url.clone());
        Self { clock, url, kept: HashMap::new(), fetched: 0 }
    }

    /// The status of an access token: 0 is valid, 1 is not.
    pub async fn status(&mut self, token: &str) -> u8 {
        let claims = part_of(token, 1);
        let reference = &claims["status"]["status_list"];
        let uri = reference["uri"].as_str().unwrap_or_else(|| panic!("no list in {claims}"));
        let now = self.clock.now();
        if self.kept.get(uri).is_none_or(|kept| now >= kept.until || now.seconds() >= kept.exp) {
            let kept = self.fetch(uri, claims["iss"].as_str().unwrap()).await;
            self.kept.insert(uri.to_owned(), kept);
        }
        let place = usize::try_from(reference["idx"].as_u64().unwrap()).unwrap();
        (self.kept[uri].bits[place / 8] >> (place % 8)) & 1
    }

    async fn fetch(&mut self, uri: &str, issuer: &str) -> Kept {
        self.fetched += 1;
        let path = uri.strip_prefix(issuer).expect("the list is the issuer's");
        let asked_at = self.clock.now();
        let jwt = Answer::to(reqwest::Client::new().get(format!("{}{path}", self.url))).await;
        let jwt = jwt.expect(200).text;
        let jwks = format!("{}/.well-known/jwks.json", self.url);
        let jwks = Answer::to(reqwest::Client::new().get(jwks)).await.expect(200).json;
        assert!(ResourceServer::with(&jwks).accepts(&jwt), "its signature is right");
        assert_eq!(part_of(&jwt, 0)["typ"], "statuslist+jwt");
        let claims = part_of(&jwt, 1);
        assert_eq!(claims["sub"], uri);
        let exp = claims["exp"].as_i64().unwrap();
        assert!(exp > asked_at.seconds(), "it has expired");
        let ttl = Duration::from_secs(claims["ttl"].as_u64().unwrap());
        Kept { until: asked_at + ttl, exp, bits: Self::bits(&claims) }
    }

    /// The bytes of a list, from its claims.
    pub fn bits(claims: &Value) -> Vec<u8> {
        let list = &claims["status_list"];
        assert_eq!(list["bits"], 1);
        let zlib = URL_SAFE_NO_PAD.decode(list["lst"].as_str().unwrap()).unwrap();
        let mut bits = Vec::new();
        ZlibDecoder::new(&*zlib).read_to_end(&mut bits).unwrap();
        bits
    }
}
