//! Connections to the database, and how a transaction begins. This module knows no table.

use crate::{error::StoreError, simulated};
use sqlx::{
    ConnectOptions, Connection, Sqlite, SqliteConnection, Transaction,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};
use std::{
    ops::{Deref, DerefMut},
    path::Path,
    time::Duration,
};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

/// How long one writer waits for those of other processes. An agent's call is answered within 45 s.
pub(crate) const BUSY_WAIT: Duration = Duration::from_secs(20);

/// One connection, used by one caller after the other, in the order in which they came.
pub(crate) struct Lane {
    options: SqliteConnectOptions,
    connection: Mutex<Option<SqliteConnection>>,
}

impl Lane {
    pub(crate) fn writer(path: &Path) -> Lane {
        Lane::new(options(path))
    }

    pub(crate) fn reader(path: &Path) -> Lane {
        Lane::new(options(path).pragma("query_only", "ON"))
    }

    fn new(options: SqliteConnectOptions) -> Lane {
        Lane { options, connection: Mutex::new(None) }
    }

    /// Waits for the lane to be free, and connects where nothing is connected or the connection's thread has died.
    pub(crate) async fn lock(&self) -> Result<Locked<'_>, StoreError> {
        simulated::pause().await;
        let mut slot = self.connection.lock().await;
        let busy = simulated::Busy::begin();
        let lives = match slot.as_mut() {
            Some(connection) => simulated::is_on() || connection.ping().await.is_ok(),
            None => false,
        };
        if !lives {
            *slot = Some(self.options.connect().await?);
        }
        let connection = MutexGuard::map(slot, |slot| slot.as_mut().expect("connected above"));
        Ok(Locked { connection, _busy: busy })
    }
}

/// A lane's connection, for one caller.
pub(crate) struct Locked<'a> {
    connection: MappedMutexGuard<'a, SqliteConnection>,
    _busy: simulated::Busy,
}

impl Deref for Locked<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

/// Begins a transaction that may write. It has the database's one write lock before it reads anything, so that what it
/// reads is still true when it writes; a deferred one would end in "database is locked" instead of waiting.
pub(crate) async fn begin_write(connection: &mut SqliteConnection) -> Result<Transaction<'_, Sqlite>, StoreError> {
    Ok(connection.begin_with("BEGIN IMMEDIATE").await?)
}

/// Begins a transaction that reads one moment of the database, whoever writes meanwhile.
pub(crate) async fn begin_read(connection: &mut SqliteConnection) -> Result<Transaction<'_, Sqlite>, StoreError> {
    Ok(connection.begin().await?)
}

fn options(path: &Path) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_WAIT)
        .foreign_keys(true)
        // Every commit is synced. NORMAL would sync three of 400, and a power cut would take a hold that was promised.
        .synchronous(SqliteSynchronous::Full)
        // macOS: sync through the disk's own cache.
        .pragma("fullfsync", "ON")
        .pragma("checkpoint_fullfsync", "ON")
        // A short log: after a kill the next start reads it whole.
        .pragma("wal_autocheckpoint", "256")
        // Functions and tables that a tampered schema names are not run.
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .disable_statement_logging();
    // A simulated computer loses no power.
    if simulated::is_on() { options.synchronous(SqliteSynchronous::Off) } else { options }
}
