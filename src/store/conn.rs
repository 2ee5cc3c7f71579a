//! One connection of either driver, and the macro that runs a statement on it.
use super::Result;
use sqlx::{Database, Postgres, Sqlite, Transaction, pool::PoolConnection};
use std::ops::{Deref, DerefMut};

/// What statements run on: one by one, or in a transaction until [`Conn::commit`].
pub enum Conn {
    Sqlite(Handle<Sqlite>),
    Postgres(Handle<Postgres>),
}

pub enum Handle<DB: Database> {
    Autocommit(PoolConnection<DB>),
    Transaction(Transaction<'static, DB>),
}

impl<DB: Database> From<PoolConnection<DB>> for Handle<DB> {
    fn from(connection: PoolConnection<DB>) -> Self {
        Self::Autocommit(connection)
    }
}

impl<DB: Database> From<Transaction<'static, DB>> for Handle<DB> {
    fn from(transaction: Transaction<'static, DB>) -> Self {
        Self::Transaction(transaction)
    }
}

impl<DB: Database> Deref for Handle<DB> {
    type Target = DB::Connection;
    fn deref(&self) -> &Self::Target {
        match self {
            Self::Autocommit(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}

impl<DB: Database> DerefMut for Handle<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Self::Autocommit(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}

impl<DB: Database> Handle<DB> {
    async fn commit(self) -> Result<()> {
        match self {
            Self::Autocommit(_) => Ok(()),
            Self::Transaction(transaction) => Ok(transaction.commit().await?),
        }
    }
}

impl Conn {
    /// Closes the connection instead of giving it back, because something is still under way on it.
    pub fn discard(self) {
        match self {
            Self::Sqlite(Handle::Autocommit(connection)) => drop(connection.detach()),
            Self::Postgres(Handle::Autocommit(connection)) => drop(connection.detach()),
            Self::Sqlite(Handle::Transaction(_)) | Self::Postgres(Handle::Transaction(_)) => {}
        }
    }

    /// Makes everything done in the transaction hold, or nothing of it. Dropping a [`Conn`] instead
    /// rolls back.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(handle) => handle.commit().await,
            Self::Postgres(handle) => handle.commit().await,
        }
    }
}

/// Runs one statement on whichever driver the connection has:
/// `sql!(conn, fetch_optional: "SELECT … WHERE id = $1", id)`. The SQL is a literal, so no value can
/// ever become part of it.
macro_rules! sql {
    ($conn:expr, execute: $sql:literal $(, $arg:expr)* $(,)?) => {
        match $conn {
            $crate::store::Conn::Sqlite(c) => sqlx::query($sql)$(.bind($arg))*.execute(&mut **c).await.map(|done| done.rows_affected()),
            $crate::store::Conn::Postgres(c) => sqlx::query($sql)$(.bind($arg))*.execute(&mut **c).await.map(|done| done.rows_affected()),
        }
        .map_err($crate::store::Error::from)
    };
    // All rows, of which there is one at most: the driver stops reading at the first row of a single one,
    // and when a change has no transaction around it, what its commit comes to is told after that row.
    ($conn:expr, fetch_optional: $sql:literal $(, $arg:expr)* $(,)?) => {
        sql!($conn, fetch_all: $sql $(, $arg)*).map(|rows| rows.into_iter().next())
    };
    ($conn:expr, $fetch:ident: $sql:literal $(, $arg:expr)* $(,)?) => {
        match $conn {
            $crate::store::Conn::Sqlite(c) => sqlx::query_as($sql)$(.bind($arg))*.$fetch(&mut **c).await,
            $crate::store::Conn::Postgres(c) => sqlx::query_as($sql)$(.bind($arg))*.$fetch(&mut **c).await,
        }
        .map_err($crate::store::Error::from)
    };
}
pub(super) use sql;
