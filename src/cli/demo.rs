//! The clients and the user of `mintmark dev`. Their credentials are random, and kept in a file so
//! that every start prints the same.
use crate::{
    app::App,
    clock::Timestamp,
    model::{ClientId, ClientMetadata, ClientType, User, UserClaims, UserId, Username},
    oauth::GrantType,
    password,
    secret::{Secret, SecretHash},
    store::Conn,
};
use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};

pub const PUBLIC_CLIENT: &str = "demo-app";
const CLIENT: &str = "demo-service";
const ADMIN: &str = "demo-admin";
const USERNAME: &str = "alice";
const REDIRECT_URI: &str = "http://127.0.0.1/callback";

/// What the file holds.
#[derive(Serialize, Deserialize)]
pub struct Demo {
    client_secret: String,
    admin_secret: String,
    password: String,
    /// So that a start can tell that the database has this password without computing a hash.
    password_hash: String,
}

impl Demo {
    /// Reads or makes the credentials, and makes sure that the database knows them.
    pub async fn prepare(app: &App, file: &Path) -> anyhow::Result<Self> {
        let demo = Self::load(file).with_context(|| format!("cannot use {}", file.display()))?;
        let now = app.clock.now();
        let mut conn = app.store.write().await?;
        demo.ensure_clients(&mut conn, now).await?;
        conn.commit().await?;
        demo.ensure_user(app, now).await?;
        Ok(demo)
    }

    fn load(file: &Path) -> anyhow::Result<Self> {
        if file.exists() {
            return Ok(serde_json::from_str(&std::fs::read_to_string(file)?)?);
        }
        let secret = || Secret::generate_client_secret().reveal().to_owned();
        let password = uuid::Uuid::new_v4().simple().to_string();
        let password_hash = password::hash(&password.clone().into())?.expose_secret().to_owned();
        let demo =
            Self { client_secret: secret(), admin_secret: secret(), password, password_hash };
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(file)?;
        file.write_all(&serde_json::to_vec_pretty(&demo)?)?;
        Ok(demo)
    }

    async fn ensure_clients(&self, conn: &mut Conn, now: Timestamp) -> anyhow::Result<()> {
        let service = |grants: &[GrantType], scope: &str| -> anyhow::Result<ClientMetadata> {
            let grants = grants.iter().map(|grant| grant.as_str().to_owned()).collect();
            let metadata = ClientMetadata::new(ClientType::Confidential, grants);
            Ok(ClientMetadata { scope: scope.parse()?, ..metadata })
        };
        let (machine, refresh) = (GrantType::ClientCredentials, GrantType::RefreshToken);
        let client = service(&[machine, refresh], "api:read api:write")?;
        ensure_client(conn, CLIENT, &client, Some(&self.client_secret), now).await?;
        let admin = service(&[machine], "mintmark:admin")?;
        ensure_client(conn, ADMIN, &admin, Some(&self.admin_secret), now).await?;
        let public = ClientMetadata {
            client_type: ClientType::Public,
            grant_types: vec![refresh.as_str().to_owned()],
            redirect_uris: vec![REDIRECT_URI.to_owned()],
            ..client
        };
        ensure_client(conn, PUBLIC_CLIENT, &public, None, now).await
    }

    async fn ensure_user(&self, app: &App, now: Timestamp) -> anyhow::Result<()> {
        let username: Username = USERNAME.parse()?;
        let password_hash: SecretString = self.password_hash.clone().into();
        let mut conn = app.store.autocommit().await?;
        match conn.login(&username).await? {
            Some(user) if user.password_hash.expose_secret() == self.password_hash => return Ok(()),
            Some(_) => {
                conn.set_password(&username, &password_hash).await?;
                return Ok(());
            }
            None => {}
        }
        let claims = UserClaims {
            email: Some("alice@example.com".to_owned()),
            roles: vec!["editor".to_owned()],
            groups: vec!["staff".to_owned()],
            permissions: vec![],
        };
        let id = UserId::new(now);
        let user = User { id, username, password_hash, claims, created_at: now, disabled_at: None };
        conn.insert_user(&user).await?;
        Ok(())
    }

    /// What `--json` prints.
    pub fn view(&self, issuer: &str) -> serde_json::Value {
        serde_json::json!({
            "issuer": issuer,
            "client": { "client_id": CLIENT, "client_secret": self.client_secret },
            "public_client": { "client_id": PUBLIC_CLIENT, "redirect_uri": REDIRECT_URI },
            "user": { "username": USERNAME, "password": self.password },
            "admin": { "client_id": ADMIN, "client_secret": self.admin_secret },
        })
    }

    /// Lines to paste into another terminal.
    pub fn guide(&self, issuer: &str) -> String {
        let guide = include_str!("../../templates/dev.txt");
        let values = [
            ("{issuer}", issuer),
            ("{client}", CLIENT),
            ("{client_secret}", &self.client_secret),
            ("{public_client}", PUBLIC_CLIENT),
            ("{username}", USERNAME),
            ("{password}", &self.password),
            ("{admin}", ADMIN),
            ("{admin_secret}", &self.admin_secret),
        ];
        values.iter().fold(guide.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

async fn ensure_client(
    conn: &mut Conn,
    id: &str,
    metadata: &ClientMetadata,
    secret: Option<&str>,
    now: Timestamp,
) -> anyhow::Result<()> {
    let id: ClientId = id.parse()?;
    conn.insert_client(&id, metadata, now).await?;
    let Some(secret) = secret else { return Ok(()) };
    let known = conn.client(&id).await?;
    if !known.is_some_and(|client| client.has_secret(&Secret::new(secret), now)) {
        conn.insert_client_secret(&id, &SecretHash::of(secret), now, now).await?;
    }
    Ok(())
}
