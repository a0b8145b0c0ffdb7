//! The database: the ledger, the instances, the limits in force. One SQLite file that all processes of an owner share.
//!
//! Deciding and writing are one step here, and what is written is on the disk, not only on its way, when a call returns.
//! This crate never decides what may be spent, never asks a provider, and never reads a clock: `now` is an argument.

mod audit;
mod book;
mod chain;
mod change;
mod check;
mod claim;
mod error;
mod extend;
mod facts;
mod freeze;
mod home;
mod keeper;
mod lane;
mod marks;
mod page;
mod past;
mod read;
mod reserve;
mod row;
mod schema;
#[doc(hidden)]
pub mod simulated;

pub use audit::{AuditCount, AuditLine};
pub use chain::ChainHealth;
pub use check::Health;
pub use error::{Broken, ReserveError, StoreError};
pub use extend::Longer;
pub use keeper::Keeper;
pub use marks::{Complaint, Look};
pub use page::{EndsBy, OpenAccount, Page, Place};

use bursar_core::time::Moment;
use lane::Lane;
use std::{path::Path, sync::Arc};

/// The ledger of one home directory. Clones share their connections.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// The process that acts on an instance, as it names itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Worker(pub String);

struct Inner {
    file: home::LedgerFile,
    facts: schema::Facts,
    /// Writes go one after the other through one connection, so that a process never waits for itself inside SQLite.
    writer: Lane,
    /// Opened by the first read. Readers never wait for writers.
    reader: Lane,
    /// What was read of the sums by time. Held only by whoever holds a lane.
    seen: tokio::sync::Mutex<past::Seen>,
}

impl Store {
    /// Opens the ledger in this directory, and makes one where there is none.
    ///
    /// A ledger made in practice mode is refused outside of it, and the other way round.
    pub async fn open(home: &Path, practice: bool, now: Moment) -> Result<Store, StoreError> {
        Store::with_id(home, practice, now, None).await
    }

    /// Makes a ledger under the id of one that was lost, where there is none.
    pub async fn found(home: &Path, practice: bool, now: Moment, id: &str) -> Result<Store, StoreError> {
        Store::with_id(home, practice, now, Some(id)).await
    }

    async fn with_id(home: &Path, practice: bool, now: Moment, id: Option<&str>) -> Result<Store, StoreError> {
        let file = home::prepare(home)?;
        let (writer, reader) = (Lane::writer(&file.path), Lane::reader(&file.path));
        let facts = schema::ready(&writer, practice, now, id).await?;
        if facts.practice != practice {
            return Err(StoreError::OtherMode { home: file.home, ledger_is_practice: facts.practice });
        }
        Ok(Store { inner: Arc::new(Inner { file, facts, writer, reader, seen: Default::default() }) })
    }

    /// Returns this ledger's id: ten of `[a-z0-9]`, the first a letter. Every tag begins with it.
    pub fn ledger_id(&self) -> &str {
        &self.inner.facts.ledger_id
    }

    /// Returns the newest version of the schema that this program knows.
    pub fn schema_known() -> i64 {
        schema::KNOWN
    }
}
