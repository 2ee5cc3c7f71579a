use super::{Answer, Server, part_of};
use mintmark::clock::Clock;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicI64},
};

/// What tests about keys ask for again and again.
impl Server {
    /// `POST /admin/v1/keys/rotate`.
    pub async fn rotate(&self, body: Value) -> Answer {
        let token = self.admin_token().await;
        self.admin("POST", "/admin/v1/keys/rotate", &token, Some(body)).await
    }

    /// The keys that `GET /admin/v1/keys` lists, by their kid.
    pub async fn keys(&self) -> BTreeMap<String, Value> {
        let token = self.admin_token().await;
        let list = self.admin("GET", "/admin/v1/keys", &token, None).await.expect(200).json;
        let keys = list["keys"].as_array().unwrap().iter();
        keys.map(|key| (key["kid"].as_str().unwrap().to_owned(), key.clone())).collect()
    }

    /// The kids that the JWKS holds now.
    pub async fn published(&self) -> Vec<String> {
        let jwks = self.get("/.well-known/jwks.json").await.expect(200).json;
        let keys = jwks["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    /// The kid of an access token that is made now.
    pub async fn signing_kid(&self) -> String {
        kid_of(&self.admin_token().await)
    }
}

pub fn kid_of(token: &str) -> String {
    part_of(token, 0)["kid"].as_str().unwrap().to_owned()
}

/// A clock that is ahead of another, or behind it.
pub fn shifted(clock: &Clock, seconds: i64) -> Clock {
    Clock::Manual(Arc::new(AtomicI64::new(clock.now().0 + seconds * 1000)))
}
