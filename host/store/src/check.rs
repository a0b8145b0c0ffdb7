//! Is the ledger whole? The file, and every sum folded again from the first entry. This module repairs nothing.

use crate::{
    Store,
    book::{self, End},
    error::StoreError,
    lane, past, row, schema,
};
use bursar_core::{
    instance::{Instance, InstanceId},
    ledger::{Entry, Movement, Totals},
    money::Usd,
};
use sqlx::SqliteConnection;
use std::collections::HashMap;

/// What `doctor` tells of the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    pub sqlite: String,
    /// The schema's version.
    pub schema: i64,
    pub bytes: u64,
    pub entries: u64,
    pub instances: u64,
    pub open: u64,
    /// Folded from all entries.
    pub totals: Totals,
    /// In words; empty where all is well. While there are any, nothing should be spent.
    pub problems: Vec<String>,
}

impl Health {
    /// Returns whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }
}

/// So many problems are told, however many there are.
const PROBLEMS_MAX: usize = 20;
/// So many rows are read at once.
const ROWS_AT_ONCE: i64 = 1_000;

type Sums = HashMap<InstanceId, Totals>;

impl Store {
    /// Reads the whole ledger at one moment and tells what does not belong together.
    pub async fn check(&self) -> Result<Health, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let mut tx = lane::begin_read(&mut reader).await?;
        let mut health = Health { schema: schema::version(&mut tx).await?, ..Health::default() };
        health.sqlite = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut *tx).await?;
        health.bytes = std::fs::metadata(&self.inner.file.path).map_or(0, |file| file.len());
        let parts = file(&mut tx, &mut health).await;
        told(&mut health, "the file", parts);
        let mut sums = Sums::new();
        let parts = refold(&mut tx, &mut health, &mut sums).await;
        told(&mut health, "the entries", parts);
        let parts = compare(&mut tx, &mut health, &sums).await;
        told(&mut health, "the instances", parts);
        let parts = past::compare(&mut tx, &mut health.problems).await;
        told(&mut health, "the sums by time", parts);
        health.problems.truncate(PROBLEMS_MAX);
        Ok(health)
    }
}

/// A part that cannot be read is a problem too; the others are still looked at.
fn told(health: &mut Health, part: &str, read: Result<(), StoreError>) {
    if let Err(error) = read {
        let why = match error {
            StoreError::Damaged { what } => what,
            StoreError::Disk { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        health.problems.push(format!("{part}: {why}"));
    }
}

async fn file(tx: &mut SqliteConnection, health: &mut Health) -> Result<(), StoreError> {
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *tx).await?;
    if mode != "wal" {
        health.problems.push(format!("the file: its journal is `{mode}`, not `wal`"));
    }
    let lines: Vec<String> = sqlx::query_scalar("PRAGMA quick_check(20)").fetch_all(&mut *tx).await?;
    health.problems.extend(lines.into_iter().filter(|line| line != "ok").map(|line| format!("the file: {line}")));
    let loose: i64 = sqlx::query_scalar("SELECT count(*) FROM pragma_foreign_key_check").fetch_one(&mut *tx).await?;
    if loose > 0 {
        health.problems.push(format!("the file: {loose} rows name an instance that is not there"));
    }
    Ok(())
}

/// Folds every entry again, from the first.
async fn refold(tx: &mut SqliteConnection, health: &mut Health, sums: &mut Sums) -> Result<(), StoreError> {
    let mut end = End::NEW;
    loop {
        let page = "SELECT seq, at, instance, kind, amount, reason, held, charged FROM entries
                    WHERE seq > ? ORDER BY seq LIMIT ?";
        let rows: Vec<book::Columns> =
            sqlx::query_as(page).bind(end.seq).bind(ROWS_AT_ONCE).fetch_all(&mut *tx).await?;
        if rows.is_empty() {
            health.totals = end.totals;
            return Ok(());
        }
        for columns in rows {
            let entry = book::entry(columns)?;
            health.entries += 1;
            follows(&end, &entry, &mut health.problems);
            fold_own(sums, &entry, &mut health.problems);
            end = End { seq: entry.seq, at: entry.at, totals: entry.totals };
        }
    }
}

fn follows(end: &End, entry: &Entry, problems: &mut Vec<String>) {
    if entry.seq != end.seq + 1 {
        problems.push(format!("entries {} to {} are missing", end.seq + 1, entry.seq - 1));
    }
    if entry.at < end.at {
        problems.push(format!("entry {} is older than the one before", entry.seq));
    }
    let sums = end.totals.after(&movement(entry));
    if sums.as_ref() != Ok(&entry.totals) {
        let Totals { held, charged } = entry.totals;
        problems
            .push(format!("entry {} says {held} USD held and {charged} USD charged, and the sums do not", entry.seq));
    }
}

fn fold_own(sums: &mut Sums, entry: &Entry, problems: &mut Vec<String>) {
    let own = sums.entry(entry.instance.clone()).or_default();
    match own.after(&movement(entry)) {
        Ok(after) => *own = after,
        Err(error) => problems.push(format!("entry {} of {}: {error}", entry.seq, entry.instance)),
    }
}

fn movement(entry: &Entry) -> Movement {
    Movement { kind: entry.kind, amount: entry.amount, reason: entry.reason.clone() }
}

/// An instance's columns.
type Columns = (i64, String, String, String, bool, i64, i64, i64, String);

/// Compares every instance's row with its document and with its own entries.
async fn compare(tx: &mut SqliteConnection, health: &mut Health, sums: &Sums) -> Result<(), StoreError> {
    let mut last = 0;
    loop {
        let page = "SELECT seq, id, principal, name, is_open, per_hour, held, charged, doc FROM instances
                    WHERE seq > ? ORDER BY seq LIMIT ?";
        let rows: Vec<Columns> = sqlx::query_as(page).bind(last).bind(ROWS_AT_ONCE).fetch_all(&mut *tx).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            last = row.0;
            health.instances += 1;
            health.open += u64::from(row.4);
            belongs(&row, sums, &mut health.problems);
        }
    }
}

fn belongs(row: &Columns, sums: &Sums, problems: &mut Vec<String>) {
    let (_, id, principal, name, is_open, per_hour, held, charged, doc) = row;
    let own = Totals { held: Usd(*held), charged: Usd(*charged) };
    let folded = sums.get(&InstanceId(id.clone())).copied().unwrap_or_default();
    if own != folded {
        problems.push(format!("{id} has {} USD held, its entries {} USD", own.held, folded.held));
    }
    let Instance { lease, stage, .. } = match row::parse(doc) {
        Ok(instance) => {
            let same = instance.id.0 == *id && instance.principal == *principal && instance.name == *name;
            if !same || instance.stage.is_open() != *is_open || instance.lease.per_hour.0 != *per_hour {
                problems.push(format!("{id} says other things in its columns than in its document"));
            }
            instance
        }
        Err(error) => return problems.push(format!("{id}: {error}")),
    };
    if stage.is_open() && own.held == Usd::ZERO && lease.hold != Usd::ZERO {
        problems.push(format!("{id} is {stage} and holds nothing"));
    }
    if !stage.is_open() && own.held != Usd::ZERO {
        problems.push(format!("{id} is gone and still holds {} USD", own.held));
    }
}
