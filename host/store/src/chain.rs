//! The trail's chain: each line carries the hash of itself and of the line before it. Who changes, takes out or puts in a line
//! breaks it; who can rewrite all of it leaves a last hash that is not the one the owner noted.

use crate::{
    Store,
    audit::{self, AuditLine, COLUMNS, Columns},
    error::StoreError,
    lane,
};
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

/// So many lines are read at once.
const LINES_AT_ONCE: i64 = 1_000;

/// What folding the whole trail again shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainHealth {
    pub lines: u64,
    /// Written by a program that knew no hashes; the next line with one holds them.
    pub without_hash: u64,
    /// The last line's hash. Noted elsewhere, it proves later that nothing before it was changed.
    pub head: String,
    /// The first line that does not fit, and why.
    pub broken: Option<(i64, String)>,
    /// Where the hash stands that was asked about.
    pub found_at: Option<i64>,
}

impl Store {
    /// Folds the trail from its first line; `noted` is a hash to look for.
    pub async fn verify_audit(&self, noted: Option<&str>) -> Result<ChainHealth, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let mut tx = lane::begin_read(&mut reader).await?;
        let mut health = ChainHealth { head: self.ledger_id().to_owned(), ..ChainHealth::default() };
        let mut seq = 0;
        loop {
            let rows = page(&mut tx, seq).await?;
            if rows.is_empty() {
                return Ok(health);
            }
            for (at, hash, line) in rows {
                if at != seq + 1 {
                    health.broken = Some((at, format!("lines {} to {} are missing", seq + 1, at - 1)));
                    return Ok(health);
                }
                health.head = link(&health.head, at, &line)?;
                match hash {
                    None => health.without_hash += 1,
                    Some(hash) if hash != health.head => {
                        health.broken = Some((at, "it, or a line before it, is not as it was written".to_owned()));
                        return Ok(health);
                    }
                    Some(_) => {}
                }
                if noted == Some(health.head.as_str()) {
                    health.found_at = Some(at);
                }
                health.lines += 1;
                seq = at;
            }
        }
    }
}

/// Returns the number and the hash of the last line. What programs wrote that knew no hashes is folded here.
pub(crate) async fn end(tx: &mut SqliteConnection, ledger_id: &str) -> Result<(i64, String), StoreError> {
    let last: Option<(i64, Option<String>)> =
        sqlx::query_as("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetch_optional(&mut *tx).await?;
    if let Some((seq, Some(hash))) = last {
        return Ok((seq, hash));
    }
    let hashed = "SELECT seq, hash FROM audit WHERE hash IS NOT NULL ORDER BY seq DESC LIMIT 1";
    let hashed: Option<(i64, String)> = sqlx::query_as(hashed).fetch_optional(&mut *tx).await?;
    let (mut seq, mut head) = hashed.unwrap_or_else(|| (0, ledger_id.to_owned()));
    loop {
        let rows = page(tx, seq).await?;
        if rows.is_empty() {
            return Ok((seq, head));
        }
        for (at, _, line) in rows {
            head = link(&head, at, &line)?;
            seq = at;
        }
    }
}

/// Returns the hash of a line behind the one before it.
pub(crate) fn link(before: &str, seq: i64, line: &AuditLine) -> Result<String, StoreError> {
    let AuditLine { at, driver, call, route, effect, tag, provider_id, what, status, cause, asked, why, way, who } =
        line;
    let bad = |error| StoreError::damaged(format!("a line of the trail cannot be written ({error})"));
    let first = (before, seq, at.0, driver, call, route, effect, tag);
    let second = (provider_id, what, status, cause, asked, why, way, who);
    let text = serde_json::to_string(&(first, second)).map_err(bad)?;
    Ok(Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect())
}

type Numbered = (i64, Option<String>, AuditLine);

async fn page(tx: &mut SqliteConnection, after: i64) -> Result<Vec<Numbered>, StoreError> {
    let select = format!("SELECT {COLUMNS} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?");
    let rows: Vec<Columns> =
        sqlx::query_as(sqlx::AssertSqlSafe(select)).bind(after).bind(LINES_AT_ONCE).fetch_all(&mut *tx).await?;
    let numbers: Vec<(i64, Option<String>)> =
        sqlx::query_as("SELECT seq, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?")
            .bind(after)
            .bind(LINES_AT_ONCE)
            .fetch_all(&mut *tx)
            .await?;
    let numbered = |((seq, hash), columns)| (seq, hash, audit::line(columns));
    Ok(numbers.into_iter().zip(rows).map(numbered).collect())
}
