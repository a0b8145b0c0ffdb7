//! What was charged when, by cells of time: kept by the database as charges are written, read here as far back as a
//! decision needs. This module writes nothing.

use crate::{error::StoreError, row};
use bursar_core::{
    bounds::Lookback,
    ledger::Standing,
    money::Usd,
    time::Moment,
    window::{Cell, Look, Past},
};
use sqlx::SqliteConnection;

/// Adds to a standing what its decision needs of the past.
pub(crate) async fn look_back(
    connection: &mut SqliteConnection,
    standing: &mut Standing,
    lookback: &Lookback,
    now: Moment,
) -> Result<(), StoreError> {
    let by: Vec<(String, i64)> =
        sqlx::query_as("SELECT scope, usd FROM charged WHERE scope <> 'all'").fetch_all(&mut *connection).await?;
    standing.charged_by = by.into_iter().map(|(scope, usd)| (scope, Usd(usd))).collect();
    standing.crowding = match lookback.creates.checked_sub(1) {
        None => None,
        Some(newer) => order_before(connection, newer).await?,
    };
    if let Some((provider, account, position)) = &lookback.since {
        standing.taken_since = Some(charged_since(connection, provider, account, *position).await?);
    }
    if let Some(session) = &lookback.session {
        let spent = sqlx::query_scalar("SELECT coalesce(sum(held + charged), 0) FROM instances WHERE session = ?");
        standing.session = Some(Usd(spent.bind(session).fetch_one(&mut *connection).await?));
    }
    let now = now.max(standing.at);
    for look in &lookback.looks {
        let cells = cells(connection, look, now).await?;
        standing.past.push(Past { look: look.clone(), cells });
    }
    Ok(())
}

/// Returns what was charged on an account after the ledger ended there.
async fn charged_since(
    connection: &mut SqliteConnection,
    provider: &str,
    account: &str,
    position: i64,
) -> Result<Usd, StoreError> {
    let sum = sqlx::query_scalar(
        "SELECT coalesce(sum(amount), 0) FROM entries JOIN instances ON instances.id = entries.instance
         WHERE entries.seq > ? AND kind IN ('charge', 'correction') AND provider = ? AND account = ?",
    );
    Ok(Usd(sum.bind(position).bind(provider).bind(account).fetch_one(connection).await?))
}

/// Returns when the last order was made that has so many newer ones.
async fn order_before(connection: &mut SqliteConnection, newer: u64) -> Result<Option<Moment>, StoreError> {
    let at: Option<i64> = sqlx::query_scalar(
        r#"SELECT at FROM entries WHERE kind = 'hold' AND reason = '{"reason":"reserved"}' ORDER BY seq DESC LIMIT 1 OFFSET ?"#,
    )
    .bind(i64::try_from(newer).unwrap_or(i64::MAX))
    .fetch_optional(connection)
    .await?;
    Ok(at.map(row::moment))
}

async fn cells(connection: &mut SqliteConnection, look: &Look, now: Moment) -> Result<Vec<Cell>, StoreError> {
    let first = now.0.saturating_sub(look.back_secs);
    let rows: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT cell, slope, moment, lump FROM spent WHERE scope = ? AND size = ? AND cell >= ? ORDER BY cell",
    )
    .bind(look.scope.to_string())
    .bind(row::seconds(Moment(look.cell_secs)))
    .bind(row::seconds(Moment(first - first % look.cell_secs)))
    .fetch_all(connection)
    .await?;
    let cell = |(cell, slope, moment, lump)| Cell { start: row::moment(cell).0, slope, moment, lump };
    Ok(rows.into_iter().map(cell).collect())
}

/// Refuses to decide where what is charged and what is summed by time do not belong together.
pub(crate) async fn must_be_whole(connection: &mut SqliteConnection, standing: &Standing) -> Result<(), StoreError> {
    let summed: Option<i64> =
        sqlx::query_scalar("SELECT usd FROM charged WHERE scope = 'all'").fetch_optional(connection).await?;
    let summed = Usd(summed.unwrap_or_default());
    if summed == standing.totals.charged {
        return Ok(());
    }
    Err(StoreError::damaged(format!(
        "its entries charge {} USD, its sums by time {summed} USD",
        standing.totals.charged
    )))
}

/// Compares the sums by time with the charges, and tells what does not belong together.
pub(crate) async fn compare(connection: &mut SqliteConnection, problems: &mut Vec<String>) -> Result<(), StoreError> {
    // Every size is fed by the same points, in the same statement; the coarsest says whether one is missing.
    let odd: Vec<String> = sqlx::query_scalar(
        "WITH folded AS (
             SELECT scope, at - at % 16384 AS cell, sum(slope) AS slope, sum(slope * (at % 16384)) AS moment, sum(lump) AS lump
             FROM charge_points GROUP BY 1, 2
         ), kept AS (SELECT scope, cell, slope, moment, lump FROM spent WHERE size = 16384)
         SELECT DISTINCT scope FROM (
             SELECT * FROM (SELECT * FROM folded EXCEPT SELECT * FROM kept)
             UNION ALL SELECT * FROM (SELECT * FROM kept EXCEPT SELECT * FROM folded)
         )
         UNION
         SELECT scope FROM (
             SELECT * FROM (SELECT scope, sum(amount) FROM charges GROUP BY scope EXCEPT SELECT scope, usd FROM charged)
             UNION ALL
             SELECT * FROM (SELECT scope, usd FROM charged EXCEPT SELECT scope, sum(amount) FROM charges GROUP BY scope)
         )",
    )
    .fetch_all(connection)
    .await?;
    problems.extend(odd.into_iter().map(|scope| format!("the sums by time of `{scope}` are not those of its charges")));
    Ok(())
}
