//! What was charged when, by cells of time: the database sums charges as they are written, and a process keeps what it has
//! read of the sums, so that a decision only reads what was charged since. This module writes nothing.

use crate::{book::End, error::StoreError, row};
use bursar_core::{
    bounds::Lookback,
    ledger::Standing,
    money::Usd,
    time::Moment,
    window::{Cell, Look, Past},
};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// More entries than this are not followed one by one: their sums are read anew.
const FOLLOW_MAX: i64 = 10_000;

/// The sums as this process has read them, up to one entry.
#[derive(Default)]
pub(crate) struct Seen {
    seq: i64,
    charged: Usd,
    by_scope: BTreeMap<String, Usd>,
    looks: Vec<SeenLook>,
}

struct SeenLook {
    scope: String,
    cell_secs: u64,
    /// Where the first cell that was read begins.
    first: u64,
    cells: BTreeMap<u64, Cell>,
}

/// Where a charge changes the speed of spending, or counts at once: scope, moment, slope, lump.
type PointRow = (String, i64, i64, i64);

impl Seen {
    /// Adds to a standing what its decision needs of the past. `end` and the connection are of one transaction.
    pub(crate) async fn look_back(
        &mut self,
        connection: &mut SqliteConnection,
        standing: &mut Standing,
        end: End,
        lookback: &Lookback,
        now: Moment,
    ) -> Result<(), StoreError> {
        // A reader's transaction may be older than what a writer has shown already: it reads for itself.
        if end.seq < self.seq {
            return Box::pin(Seen::default().look_back(connection, standing, end, lookback, now)).await;
        }
        self.follow(connection, end).await?;
        standing.charged_by = self.by_scope.clone();
        asked_besides(connection, standing, lookback).await?;
        let now = now.max(standing.at);
        for look in &lookback.looks {
            let cells = self.cells(connection, look, now).await?;
            standing.past.push(Past { look: look.clone(), cells });
        }
        Ok(())
    }

    /// Takes what was charged since the last time.
    async fn follow(&mut self, connection: &mut SqliteConnection, end: End) -> Result<(), StoreError> {
        if self.seq == end.seq && end.seq > 0 {
            return Ok(());
        }
        let follows = self.seq > 0 && end.seq - self.seq <= FOLLOW_MAX;
        let points: Vec<PointRow> = match follows {
            true => {
                let since = sqlx::query_as("SELECT scope, at, slope, lump FROM charge_points WHERE seq > ?");
                since.bind(self.seq).fetch_all(&mut *connection).await?
            }
            false => vec![],
        };
        // Whatever fails from here on, what was seen so far is not used again.
        let mut seen = std::mem::take(self);
        if !follows {
            seen.looks.clear();
        }
        // What came back lowers the totals and is no point.
        if !follows || !points.is_empty() || seen.charged != end.totals.charged {
            let by: Vec<(String, i64)> =
                sqlx::query_as("SELECT scope, usd FROM charged WHERE scope <> 'all'").fetch_all(connection).await?;
            seen.by_scope = by.into_iter().map(|(scope, usd)| (scope, Usd(usd))).collect();
        }
        for point in &points {
            seen.looks.iter_mut().for_each(|look| look.add(point));
        }
        *self = Seen { seq: end.seq, charged: end.totals.charged, ..seen };
        Ok(())
    }

    async fn cells(
        &mut self,
        connection: &mut SqliteConnection,
        look: &Look,
        now: Moment,
    ) -> Result<Vec<Cell>, StoreError> {
        let (scope, size) = (look.scope.to_string(), look.cell_secs);
        let first = now.0.saturating_sub(look.back_secs);
        let first = first - first % size;
        let known = self.looks.iter().position(|seen| seen.scope == scope && seen.cell_secs == size);
        let known = match known {
            Some(n) if self.looks[n].first <= first => n,
            found => {
                let cells = read_cells(connection, &scope, size, first).await?;
                if let Some(n) = found {
                    self.looks.swap_remove(n);
                }
                self.looks.push(SeenLook { scope, cell_secs: size, first, cells });
                self.looks.len() - 1
            }
        };
        let seen = &mut self.looks[known];
        seen.cells = seen.cells.split_off(&first);
        seen.first = first;
        Ok(seen.cells.values().copied().collect())
    }
}

/// What only some decisions ask: what was charged on one account since its balance was asked, and what one session has.
async fn asked_besides(
    connection: &mut SqliteConnection,
    standing: &mut Standing,
    lookback: &Lookback,
) -> Result<(), StoreError> {
    if let Some((provider, account, position)) = &lookback.since {
        let sum = sqlx::query_scalar(
            "SELECT coalesce(sum(amount), 0) FROM entries JOIN instances ON instances.id = entries.instance
             WHERE entries.seq > ? AND kind IN ('charge', 'correction') AND provider = ? AND account = ?",
        );
        let sum = sum.bind(position).bind(provider).bind(account).fetch_one(&mut *connection).await?;
        standing.taken_since = Some(Usd(sum));
    }
    if let Some(session) = &lookback.session {
        let spent = sqlx::query_scalar("SELECT coalesce(sum(held + charged), 0) FROM instances WHERE session = ?");
        standing.session = Some(Usd(spent.bind(session).fetch_one(connection).await?));
    }
    Ok(())
}

impl SeenLook {
    /// Adds one point to its cell, as the database's trigger does.
    fn add(&mut self, (scope, at, slope, lump): &PointRow) {
        let (at, size) = (row::moment(*at).0, self.cell_secs);
        let start = at - at % size;
        if *scope != self.scope || start < self.first {
            return;
        }
        let cell = self.cells.entry(start).or_insert(Cell { start, ..Cell::default() });
        cell.slope = cell.slope.saturating_add(*slope);
        cell.moment = cell.moment.saturating_add(slope.saturating_mul(i64::try_from(at % size).unwrap_or(i64::MAX)));
        cell.lump = cell.lump.saturating_add(*lump);
    }
}

async fn read_cells(
    connection: &mut SqliteConnection,
    scope: &str,
    size: u64,
    first: u64,
) -> Result<BTreeMap<u64, Cell>, StoreError> {
    let rows: Vec<(i64, i64, i64, i64)> =
        sqlx::query_as("SELECT cell, slope, moment, lump FROM spent WHERE scope = ? AND size = ? AND cell >= ?")
            .bind(scope)
            .bind(row::seconds(Moment(size)))
            .bind(row::seconds(Moment(first)))
            .fetch_all(connection)
            .await?;
    let cell = |(cell, slope, moment, lump)| {
        let start = row::moment(cell).0;
        (start, Cell { start, slope, moment, lump })
    };
    Ok(rows.into_iter().map(cell).collect())
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
