use super::{Conn, Result, sql};
use crate::{
    clock::Timestamp,
    model::{Client, ClientId, ClientMetadata},
    secret::SecretHash,
};

impl Conn {
    pub async fn client(&mut self, id: &ClientId) -> Result<Option<Client>> {
        let row: Option<(ClientMetadata, Timestamp)> = sql!(self, fetch_optional:
            "SELECT metadata, created_at FROM clients WHERE id = $1", id)?;
        let Some((metadata, created_at)) = row else { return Ok(None) };
        let secrets = sql!(self, fetch_all:
            "SELECT hash, expires_at FROM client_secrets WHERE client_id = $1 ORDER BY created_at", id)?;
        Ok(Some(Client { id: id.clone(), metadata, secrets, created_at }))
    }

    /// Clients in order of their id, after the given one.
    pub async fn clients(
        &mut self,
        after: Option<&ClientId>,
        limit: i64,
    ) -> Result<Vec<(ClientId, ClientMetadata, Timestamp)>> {
        sql!(self, fetch_all:
            "SELECT id, metadata, created_at FROM clients
             WHERE ($1 IS NULL OR id > $1) ORDER BY id LIMIT $2", after, limit)
    }

    /// False if the id is taken.
    pub async fn insert_client(
        &mut self,
        id: &ClientId,
        metadata: &ClientMetadata,
        now: Timestamp,
    ) -> Result<bool> {
        sql!(self, execute:
            "INSERT INTO clients (id, metadata, created_at) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING", id, metadata, now)
        .map(|rows| rows == 1)
    }

    /// Adds a secret. The one before it works until `overlap_until`, older ones no more.
    pub async fn insert_client_secret(
        &mut self,
        id: &ClientId,
        hash: &SecretHash,
        now: Timestamp,
        overlap_until: Timestamp,
    ) -> Result<()> {
        sql!(self, execute:
            "DELETE FROM client_secrets WHERE client_id = $1 AND hash NOT IN
                 (SELECT hash FROM client_secrets WHERE client_id = $1
                  ORDER BY created_at DESC, hash LIMIT 1)", id)?;
        sql!(self, execute:
            "UPDATE client_secrets SET expires_at = $2
             WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)", id, overlap_until)?;
        sql!(self, execute:
            "INSERT INTO client_secrets (client_id, hash, created_at) VALUES ($1, $2, $3)",
            id, hash, now)
        .map(drop)
    }

    /// False if there is no such client. Its sessions are to be ended in the same transaction.
    pub async fn delete_client(&mut self, id: &ClientId) -> Result<bool> {
        sql!(self, execute: "DELETE FROM clients WHERE id = $1", id).map(|rows| rows == 1)
    }
}
