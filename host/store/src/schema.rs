//! The schema's versions, and the facts that a ledger is born with. The schema only grows.
//!
//! The version is SQLite's `user_version`. A program that is older than the schema reads and ends; it does not spend.

use crate::{
    error::StoreError,
    lane::{self, BUSY_WAIT, Lane},
};
use bursar_core::{instance::LEDGER_ID_LEN, time::Moment};
use sqlx::{Executor, SqliteConnection};
use std::time::{Duration, Instant};

/// What turns version n into version n + 1. Never edited once released; only added to.
const STEPS: [&str; 5] = [
    include_str!("../schema/0001_ledger.sql"),
    include_str!("../schema/0002_audit.sql"),
    include_str!("../schema/0003_keeper.sql"),
    include_str!("../schema/0004_windows.sql"),
    include_str!("../schema/0005_corrections.sql"),
];

/// The version this program knows.
pub(crate) const KNOWN: i64 = STEPS.len() as i64;

/// Marks the file as ours: `burs`.
const APPLICATION_ID: i64 = 0x6275_7273;

/// What a ledger is born with.
pub(crate) struct Facts {
    pub(crate) ledger_id: String,
    pub(crate) practice: bool,
}

/// Brings the schema to this program's version where it is older, and returns the ledger's facts.
pub(crate) async fn ready(writer: &Lane, practice: bool, now: Moment, id: Option<&str>) -> Result<Facts, StoreError> {
    let mut connection = writer.lock().await?;
    let found = version(&mut connection).await?;
    if found == 0 {
        use_wal(&mut connection).await?;
    }
    if found < KNOWN {
        grow(&mut connection, practice, now, id).await?;
    }
    let (ledger_id, practice): (String, bool) = sqlx::query_as("SELECT id, practice FROM ledger")
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(|| StoreError::damaged("it has no id of its own"))?;
    Ok(Facts { ledger_id, practice })
}

/// Refuses what spends, or what an older program would cut short, on a schema that this program does not know. Asked
/// each time: another process may have brought the schema further since this one opened it.
pub(crate) async fn refuse_newer(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let found = version(connection).await?;
    if found > KNOWN { Err(StoreError::Newer { found, known: KNOWN }) } else { Ok(()) }
}

pub(crate) async fn version(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let (version, application_id, tables): (i64, i64, i64) = sqlx::query_as(
        "SELECT v.user_version, a.application_id, (SELECT count(*) FROM sqlite_schema)
         FROM pragma_user_version AS v, pragma_application_id AS a",
    )
    .fetch_one(connection)
    .await?;
    match (version, application_id, tables) {
        (0, 0, 0) => Ok(0),
        (1.., APPLICATION_ID, 1..) => Ok(version),
        _ => Err(StoreError::damaged("ledger.db holds something that bursar did not write")),
    }
}

/// Makes the file keep a write-ahead log, for ever. SQLite does not wait for other processes here, so this does.
async fn use_wal(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let began = Instant::now();
    loop {
        let asked = sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await;
        let mode = match asked.map_err(StoreError::from) {
            Err(error) if !matches!(error, StoreError::Busy { .. }) => return Err(error),
            asked => asked.unwrap_or_default(),
        };
        if mode == "wal" {
            return Ok(());
        }
        if began.elapsed() > BUSY_WAIT {
            return Err(StoreError::Busy { waited_secs: BUSY_WAIT.as_secs() });
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Takes the missing steps in one transaction. Another process may have taken them meanwhile.
async fn grow(
    connection: &mut SqliteConnection,
    practice: bool,
    now: Moment,
    id: Option<&str>,
) -> Result<(), StoreError> {
    let mut tx = lane::begin_write(connection).await?;
    let version = version(&mut tx).await?;
    for (step, sql) in (1..).zip(STEPS).filter(|(step, _)| *step > version) {
        tx.execute(sqlx::raw_sql(sql)).await?;
        tx.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(format!("PRAGMA user_version = {step}")))).await?;
    }
    if version == 0 {
        tx.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}")))).await?;
        let born = sqlx::query("INSERT INTO ledger (one, id, practice, made_at) VALUES (1, ?, ?, ?)");
        let id = id.map_or_else(new_id, |id| Ok(id.to_owned()))?;
        let born = born.bind(id).bind(practice).bind(crate::row::seconds(now));
        born.execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

/// Returns ten of `[a-z0-9]`, the first a letter.
fn new_id() -> Result<String, StoreError> {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut id = String::with_capacity(LEDGER_ID_LEN);
    while id.len() < LEDGER_ID_LEN {
        let of = if id.is_empty() { 26 } else { 36 };
        let mut byte = [0];
        getrandom::fill(&mut byte)
            .map_err(|source| StoreError::Disk { doing: "draw random bytes".to_owned(), source: source.into() })?;
        // 252 is 7 × 36; 234 is 9 × 26. What lies above is drawn again, so that every letter is as likely as any other.
        let place = usize::from(byte[0]);
        if place < 256 / of * of {
            id.push(char::from(LETTERS[place % of]));
        }
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_ten_plain_characters_and_begins_with_a_letter() {
        for _ in 0..200 {
            let id = new_id().unwrap();
            assert_eq!(id.len(), LEDGER_ID_LEN, "{id}");
            assert!(id.starts_with(|c: char| c.is_ascii_lowercase()), "{id}");
            assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{id}");
        }
    }
}
