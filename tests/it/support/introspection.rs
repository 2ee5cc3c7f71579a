use super::{Answer, SECRET, Server};
use mintmark::model::{ClientMetadata, ClientType};

/// The resource server that [`Server::add_resource_server`] makes, and the public client whose tokens
/// are for it.
pub const API: &str = "https://api.example";

impl Server {
    /// Makes `api`, which may introspect tokens for [`API`] and for this service, and `shop`, a public
    /// client with tokens for [`API`].
    pub async fn add_resource_server(&self) {
        let api = ClientMetadata {
            introspects: vec![API.into(), self.app.settings.issuer.clone()],
            ..ClientMetadata::new(ClientType::Confidential, vec![])
        };
        self.add_client("api", api, Some(SECRET)).await;
        let shop = ClientMetadata {
            audience: vec![API.into()],
            ..ClientMetadata::new(ClientType::Public, vec!["refresh_token".into()])
        };
        self.add_client("shop", shop, None).await;
    }

    /// What a client is told of a token.
    pub async fn introspect(&self, client: &str, token: &str) -> Answer {
        let form = format!("token={token}");
        self.post("/oauth/introspect", Some(client), &form).await
    }

    /// Whether the resource server `api` is told that the token is active. What else it is told of one
    /// that is not, is nothing.
    pub async fn is_active(&self, token: &str) -> bool {
        let answer = self.introspect("api", token).await.expect(200);
        let active = answer.json["active"] == true;
        assert!(active || answer.text == r#"{"active":false}"#, "{answer:?}");
        active
    }

    /// Alice logs in with any public client.
    pub async fn login_with(&self, client: &str, device: Option<&str>) -> Answer {
        let body = serde_json::json!({
            "username": "alice", "password": super::PASSWORD, "device_id": device, "client_id": client,
        });
        self.post_json("/session/login", body).await.expect(200)
    }

    /// The refresh grant of any public client.
    pub async fn refresh_as(&self, client: &str, refresh_token: &str) -> Answer {
        let form =
            format!("grant_type=refresh_token&client_id={client}&refresh_token={refresh_token}");
        self.post("/oauth/token", None, &form).await
    }

    /// Revokes a token of a public client.
    pub async fn revoke_as(&self, client: &str, token: &str) -> Answer {
        let form = format!("client_id={client}&token={token}");
        self.post("/oauth/revoke", None, &form).await.expect(200)
    }
}
