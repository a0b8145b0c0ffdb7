//! The ledger's own rows, read beside the code that is judged by them, at once: no simulated time passes.

use anyhow::Result;
use futures::executor::block_on;
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use std::path::Path;

pub struct Book(SqliteConnection);

/// One movement of money as it stands there.
#[derive(Debug, Clone)]
pub struct Entry {
    pub seq: i64,
    pub instance: String,
    pub kind: String,
    pub amount: i64,
    pub reason: String,
    pub held: i64,
    pub charged: i64,
}

/// One instance as it stands there.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: String,
    pub tag: String,
    pub name: String,
    pub is_open: bool,
    pub held: i64,
    pub charged: i64,
    pub stage: String,
    pub begins: u64,
    pub ends: u64,
    pub handle: Option<String>,
    pub account: String,
    /// As it was quoted, in millionths of a dollar an hour.
    pub per_hour: i64,
}

impl Book {
    pub fn open(home: &Path) -> Result<Book> {
        let options = SqliteConnectOptions::new().filename(home.join("ledger.db")).pragma("query_only", "ON");
        Ok(Book(block_on(options.disable_statement_logging().connect())?))
    }

    /// Returns what was entered after a place.
    pub fn entries(&mut self, after: i64) -> Result<Vec<Entry>> {
        let select =
            "SELECT seq, instance, kind, amount, reason, held, charged FROM entries WHERE seq > ? ORDER BY seq";
        let rows: Vec<(i64, String, String, i64, String, i64, i64)> =
            block_on(sqlx::query_as(select).bind(after).fetch_all(&mut self.0))?;
        let entry = |(seq, instance, kind, amount, reason, held, charged)| Entry {
            seq,
            instance,
            kind,
            amount,
            reason,
            held,
            charged,
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    pub fn rows(&mut self) -> Result<Vec<Row>> {
        let select = "SELECT id, tag, name, is_open, held, charged, doc ->> 'stage', doc ->> '$.lease.begins',
                      doc ->> '$.lease.ends', doc ->> '$.handle.id', account, doc ->> '$.price.per_hour' FROM instances ORDER BY seq";
        type Columns = (String, String, String, bool, i64, i64, String, i64, i64, Option<String>, String, i64);
        let rows: Vec<Columns> = block_on(sqlx::query_as(select).fetch_all(&mut self.0))?;
        let row =
            |(id, tag, name, is_open, held, charged, stage, begins, ends, handle, account, per_hour): Columns| Row {
                id,
                tag,
                name,
                is_open,
                held,
                charged,
                stage,
                begins: u64::try_from(begins).unwrap_or(0),
                ends: u64::try_from(ends).unwrap_or(0),
                handle,
                account,
                per_hour,
            };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Returns every instance as it is written, for the story of a walk.
    pub fn documents(&mut self) -> Result<Vec<String>> {
        Ok(block_on(sqlx::query_scalar("SELECT doc FROM instances ORDER BY seq").fetch_all(&mut self.0))?)
    }

    pub fn is_frozen(&mut self) -> Result<bool> {
        let last = sqlx::query_scalar("SELECT frozen FROM freezes ORDER BY seq DESC LIMIT 1");
        Ok(block_on(last.fetch_optional(&mut self.0))?.unwrap_or(false))
    }
}
