//! Who has fetched the JWKS.
use super::{Conn, Result, sql};
use crate::clock::Timestamp;
use sqlx::{Database, Encode, QueryBuilder, Type};

/// One that fetches the JWKS, and what it was given last. Several programs of one kind in one network
/// cannot be told apart, and count as one.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Fetcher {
    /// Empty if it sends none.
    pub user_agent: String,
    /// A /24 or a /48; empty if the address is not known.
    pub address_prefix: String,
    pub last_fetch_at: Timestamp,
    /// Of the set it was given last.
    pub etag: String,
}

/// What of the table is kept.
#[derive(Debug, Clone, Copy)]
pub struct FetcherBounds {
    /// Fetches before this are forgotten.
    pub since: Timestamp,
    pub most_per_prefix: i64,
    pub most: i64,
}

impl Conn {
    /// Notes their last fetches, all of them or none; a fetch that is older than the one noted changes
    /// nothing. There has to be one at least.
    pub async fn remember_fetchers(&mut self, fetchers: &[Fetcher]) -> Result<()> {
        match self {
            Self::Sqlite(c) => {
                upsert(fetchers).build().persistent(false).execute(&mut **c).await?;
            }
            Self::Postgres(c) => {
                upsert(fetchers).build().persistent(false).execute(&mut **c).await?;
            }
        }
        Ok(())
    }

    /// Those who have fetched since, newest fetch first.
    pub async fn fetchers(&mut self, since: Timestamp, most: i64) -> Result<Vec<Fetcher>> {
        sql!(self, fetch_all:
            "SELECT user_agent, address_prefix, last_fetch_at, etag FROM jwks_fetchers
             WHERE last_fetch_at >= $1 ORDER BY last_fetch_at DESC LIMIT $2", since, most)
    }

    /// Forgets those outside the bounds, the oldest fetch first. What one prefix has too many of does
    /// not count for the rest. A row that another replica is just renewing stays, as its last fetch is
    /// not the one looked at.
    pub async fn forget_fetchers(&mut self, bounds: FetcherBounds) -> Result<()> {
        sql!(self, execute:
            "DELETE FROM jwks_fetchers WHERE (address_prefix, user_agent, last_fetch_at) IN
                 (SELECT address_prefix, user_agent, last_fetch_at FROM
                      (SELECT address_prefix, user_agent, last_fetch_at, own_place,
                              ROW_NUMBER() OVER (ORDER BY own_place > $2, last_fetch_at DESC) AS place
                       FROM (SELECT address_prefix, user_agent, last_fetch_at,
                                    ROW_NUMBER() OVER (PARTITION BY address_prefix
                                                       ORDER BY last_fetch_at DESC) AS own_place
                             FROM jwks_fetchers) AS by_prefix) AS ranked
                  WHERE last_fetch_at < $1 OR own_place > $2 OR place > $3)",
            bounds.since, bounds.most_per_prefix, bounds.most)
        .map(drop)
    }
}

/// One statement for any number of rows. Its text depends on that number and on nothing else, and it
/// is not worth a place in the cache of prepared statements.
fn upsert<DB: Database>(fetchers: &[Fetcher]) -> QueryBuilder<DB>
where
    for<'a> &'a str: Encode<'a, DB> + Type<DB>,
    for<'a> Timestamp: Encode<'a, DB> + Type<DB>,
{
    // In the same order on every replica, so that two of them cannot wait for each other.
    let mut fetchers: Vec<_> = fetchers.iter().collect();
    fetchers.sort_by_key(|fetcher| (&fetcher.address_prefix, &fetcher.user_agent));
    let mut query = QueryBuilder::new(
        "INSERT INTO jwks_fetchers (address_prefix, user_agent, last_fetch_at, etag) ",
    );
    query.push_values(fetchers, |mut row, fetcher| {
        row.push_bind(fetcher.address_prefix.as_str());
        row.push_bind(fetcher.user_agent.as_str());
        row.push_bind(fetcher.last_fetch_at);
        row.push_bind(fetcher.etag.as_str());
    });
    query.push(
        " ON CONFLICT (address_prefix, user_agent) DO UPDATE
              SET last_fetch_at = excluded.last_fetch_at, etag = excluded.etag
              WHERE jwks_fetchers.last_fetch_at < excluded.last_fetch_at",
    );
    query
}
