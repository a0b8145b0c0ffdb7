//! The trail of the door: lines that are added and never changed. No money is decided by them, and a damaged trail stops
//! nothing.

use crate::{Store, chain, error::StoreError, lane, row};
use bursar_core::time::Moment;

/// One line, as the door told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    pub at: Moment,
    pub driver: String,
    pub call: String,
    pub route: String,
    pub effect: Option<String>,
    pub tag: Option<String>,
    pub provider_id: Option<String>,
    /// `left`, `answered`, `refused`, `not_sent`, `maybe_sent`
    pub what: String,
    pub status: Option<u16>,
    pub cause: Option<String>,
    pub asked: Option<String>,
    pub why: Option<String>,
    pub way: Option<String>,
    /// Who asked; nothing in lines of the door itself.
    pub who: Option<String>,
}

/// How often something happened to a driver since the ledger began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCount {
    pub driver: String,
    pub what: String,
    pub cause: Option<String>,
    pub count: u64,
    pub last: Moment,
}

impl Store {
    /// Adds lines, all or none.
    pub async fn append_audit(&self, lines: &[AuditLine]) -> Result<(), StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        let (mut seq, mut hash) = chain::end(&mut tx, self.ledger_id()).await?;
        for line in lines {
            seq += 1;
            hash = chain::link(&hash, seq, line)?;
            sqlx::query(
                "INSERT INTO audit
                 (seq, hash, who, at, driver, call, route, effect, tag, provider_id, what, status, cause, asked, why, way)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(seq)
            .bind(&hash)
            .bind(&line.who)
            .bind(row::seconds(line.at))
            .bind(&line.driver)
            .bind(&line.call)
            .bind(&line.route)
            .bind(&line.effect)
            .bind(&line.tag)
            .bind(&line.provider_id)
            .bind(&line.what)
            .bind(line.status.map(i64::from))
            .bind(&line.cause)
            .bind(&line.asked)
            .bind(&line.why)
            .bind(&line.way)
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Returns the last lines, newest first.
    pub async fn audit(&self, limit: u32) -> Result<Vec<AuditLine>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let select = format!("SELECT {COLUMNS} FROM audit ORDER BY seq DESC LIMIT ?");
        let rows: Vec<Columns> =
            sqlx::query_as(sqlx::AssertSqlSafe(select)).bind(limit).fetch_all(&mut *reader).await?;
        Ok(rows.into_iter().map(line).collect())
    }

    /// Returns how often each thing happened to each driver, since a moment.
    pub async fn audit_counts(&self, since: Moment) -> Result<Vec<AuditCount>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let rows: Vec<(String, String, Option<String>, i64, i64)> = sqlx::query_as(
            "SELECT driver, what, cause, count(*), max(at) FROM audit WHERE at >= ? AND who IS NULL
             GROUP BY driver, what, cause ORDER BY driver, what, cause",
        )
        .bind(row::seconds(since))
        .fetch_all(&mut *reader)
        .await?;
        let count = |(driver, what, cause, count, last): (String, String, Option<String>, i64, i64)| AuditCount {
            driver,
            what,
            cause,
            count: u64::try_from(count).unwrap_or(0),
            last: row::moment(last),
        };
        Ok(rows.into_iter().map(count).collect())
    }
}

type Text = Option<String>;
pub(crate) type Columns =
    (i64, String, String, String, Text, Text, Text, String, Option<i64>, Text, Text, Text, Text, Text);
pub(crate) const COLUMNS: &str =
    "at, driver, call, route, effect, tag, provider_id, what, status, cause, asked, why, way, who";

pub(crate) fn line(columns: Columns) -> AuditLine {
    let (at, driver, call, route, effect, tag, provider_id, what, status, cause, asked, why, way, who) = columns;
    let status = status.and_then(|status| u16::try_from(status).ok());
    let at = row::moment(at);
    AuditLine { at, driver, call, route, effect, tag, provider_id, what, status, cause, asked, why, way, who }
}
