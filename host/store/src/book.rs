//! The ledger's entries: written one after the other, never changed. The sums are core's; this module keeps the order.

use crate::{
    error::{Broken, StoreError},
    row,
};
use bursar_core::{
    instance::InstanceId,
    ledger::{Entry, Kind, Movement, OpenLease, Standing, Totals},
    money::Usd,
    time::Moment,
    window::Paid,
};
use sqlx::SqliteConnection;

/// Where the ledger ends: the next entry follows here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) seq: i64,
    pub(crate) at: Moment,
    pub(crate) totals: Totals,
}

impl End {
    /// Where a ledger without entries ends.
    pub(crate) const NEW: End = End { seq: 0, at: Moment(0), totals: Totals { held: Usd::ZERO, charged: Usd::ZERO } };
}

/// An entry's columns.
pub(crate) type Columns = (i64, i64, String, String, i64, String, i64, i64);

/// What a decision reads, in one transaction.
pub(crate) struct Book {
    pub(crate) end: End,
    pub(crate) standing: Standing,
    /// What the sums by time say is charged.
    summed: Usd,
    /// Why one that is open cannot be read. It counts, and nothing is reserved beside it: what nobody can end must not be
    /// joined by more.
    unreadable: Option<StoreError>,
}

/// Reads where the ledger ends.
pub(crate) async fn end(connection: &mut SqliteConnection) -> Result<End, StoreError> {
    let last: Option<(i64, i64, i64, i64)> =
        sqlx::query_as("SELECT seq, at, held, charged FROM entries ORDER BY seq DESC LIMIT 1")
            .fetch_optional(connection)
            .await?;
    Ok(last.map_or(End::NEW, |(seq, at, held, charged)| End {
        seq,
        at: row::moment(at),
        totals: Totals { held: Usd(held), charged: Usd(charged) },
    }))
}

/// Writes one movement after the ledger's end and returns it with its sums. Its time is never before the last one's.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    instance: &InstanceId,
    movement: Movement,
    paid: impl FnOnce(Moment) -> Paid,
    now: Moment,
) -> Result<Entry, StoreError> {
    let end = end(connection).await?;
    append_after(connection, end, instance, movement, paid, now).await
}

/// The same for whoever has read where the ledger ends, in the same transaction.
pub(crate) async fn append_after(
    connection: &mut SqliteConnection,
    end: End,
    instance: &InstanceId,
    movement: Movement,
    paid: impl FnOnce(Moment) -> Paid,
    now: Moment,
) -> Result<Entry, StoreError> {
    can_be_counted(end.totals, &movement)
        .map_err(|broken| StoreError::Broken { instance: instance.clone(), broken })?;
    // The instance's own hold covers it; if the ledger's does not, then the two do not belong together.
    let totals =
        end.totals.after(&movement).map_err(|error| StoreError::damaged(format!("the sums are wrong: {error}")))?;
    let Movement { kind, amount, reason } = movement;
    let entry =
        Entry { seq: end.seq + 1, at: end.at.max(now), instance: instance.clone(), kind, amount, reason, totals };
    // Only a charge has a time of its own; a hold has that of its instance.
    let paid = (kind == Kind::Charge).then(|| paid(entry.at));
    write(connection, &entry, paid).await?;
    Ok(entry)
}

async fn write(connection: &mut SqliteConnection, entry: &Entry, paid: Option<Paid>) -> Result<(), StoreError> {
    let reason = serde_json::to_string(&entry.reason);
    let reason = reason.map_err(|error| StoreError::damaged(format!("a reason cannot be written ({error})")))?;
    sqlx::query(
        "INSERT INTO entries (seq, at, instance, kind, amount, reason, held, charged, paid_from, paid_until, paid_at_once)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(entry.seq)
    .bind(row::seconds(entry.at))
    .bind(&entry.instance.0)
    .bind(kind_name(entry.kind))
    .bind(entry.amount.0)
    .bind(reason)
    .bind(entry.totals.held.0)
    .bind(entry.totals.charged.0)
    .bind(paid.map(|paid| row::seconds(paid.from)))
    .bind(paid.map(|paid| row::seconds(paid.until)))
    .bind(paid.map(|paid| paid.at_once.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// Core's sums stop at the end of the range. In the ledger that would lose money, so it is refused instead.
fn can_be_counted(totals: Totals, movement: &Movement) -> Result<(), Broken> {
    let sum = totals.held.0.checked_add(totals.charged.0);
    match sum.and_then(|sum| sum.checked_add(movement.amount.0)) {
        Some(_) => Ok(()),
        None => Err(Broken::TooMuch { amount: movement.amount }),
    }
}

/// Reads an entry from its columns.
pub(crate) fn entry(columns: Columns) -> Result<Entry, StoreError> {
    let (seq, at, instance, kind, amount, reason, held, charged) = columns;
    let unreadable = |what: &str| StoreError::damaged(format!("entry {seq} has no {what} that can be read"));
    Ok(Entry {
        seq,
        at: row::moment(at),
        instance: InstanceId(instance),
        kind: kind_named(&kind).ok_or_else(|| unreadable("kind"))?,
        amount: Usd(amount),
        reason: serde_json::from_str(&reason).map_err(|_| unreadable("reason"))?,
        totals: Totals { held: Usd(held), charged: Usd(charged) },
    })
}

/// An open instance's columns.
type Open = (String, String, String, String, String, i64, i64, String);

/// What is read of the ledger's end: the last entry, what the sums by time charge, and when the last order but so many was made.
type Ends = (Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

/// Reads what the ledger says now. Whoever decides by it must hold the write lock. Every statement costs a change of
/// threads, so what stands in single rows is read by one.
pub(crate) async fn read(connection: &mut SqliteConnection, creates: u64) -> Result<Book, StoreError> {
    let newer = creates.checked_sub(1);
    let (seq, at, held, charged, summed, order): Ends = sqlx::query_as(
        r#"SELECT last.seq, last.at, last.held, last.charged, (SELECT usd FROM charged WHERE scope = 'all'),
               (SELECT at FROM entries WHERE kind = 'hold' AND reason = '{"reason":"reserved"}'
                ORDER BY seq DESC LIMIT 1 OFFSET ?)
           FROM (SELECT 1) LEFT JOIN (SELECT seq, at, held, charged FROM entries ORDER BY seq DESC LIMIT 1) AS last"#,
    )
    .bind(newer.map_or(i64::MAX, |newer| i64::try_from(newer).unwrap_or(i64::MAX)))
    .fetch_one(&mut *connection)
    .await?;
    let end = match (seq, at, held, charged) {
        (Some(seq), Some(at), Some(held), Some(charged)) => {
            End { seq, at: row::moment(at), totals: Totals { held: Usd(held), charged: Usd(charged) } }
        }
        _ => End::NEW,
    };
    let rows: Vec<Open> = sqlx::query_as(
        "SELECT id, name, provider, account, principal, per_hour, held, doc FROM instances WHERE is_open = 1 ORDER BY seq",
    )
    .fetch_all(connection)
    .await?;
    let (open, errors): (Vec<OpenLease>, Vec<Option<StoreError>>) = rows.into_iter().map(open).unzip();
    let crowding = order.map(row::moment);
    let standing = Standing { at: end.at, totals: end.totals, open, crowding, ..Standing::default() };
    let unreadable = errors.into_iter().flatten().next();
    Ok(Book { end, standing, summed: Usd(summed.unwrap_or_default()), unreadable })
}

fn open((id, name, provider, account, principal, per_hour, held, doc): Open) -> (OpenLease, Option<StoreError>) {
    let (instance, per_hour, held) = (InstanceId(id), Usd(per_hour), Usd(held));
    let (paid, error) = match row::parse(&doc) {
        Ok(known) => (Paid::hold(&known), None),
        Err(error) => (Paid { at_once: held, ..Paid::default() }, Some(error)),
    };
    (OpenLease { instance, name, provider, account, principal, per_hour, held, paid }, error)
}

impl Book {
    /// Returns what to decide by, unless entries, open holds and sums by time do not belong together.
    pub(crate) fn whole(self) -> Result<(End, Standing), StoreError> {
        let Book { end, standing, summed, unreadable } = self;
        let held: Usd = standing.open.iter().map(|open| open.held).sum();
        if held != standing.totals.held {
            return Err(StoreError::damaged(format!(
                "its entries hold {} USD, its {} open instances hold {held} USD",
                standing.totals.held,
                standing.open.len()
            )));
        }
        if summed != standing.totals.charged {
            let charged = standing.totals.charged;
            return Err(StoreError::damaged(format!(
                "its entries charge {charged} USD, its sums by time {summed} USD"
            )));
        }
        match unreadable {
            Some(error) => Err(error),
            None => Ok((end, standing)),
        }
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Hold => "hold",
        Kind::Charge => "charge",
        Kind::Release => "release",
        Kind::Correction => "correction",
    }
}

fn kind_named(name: &str) -> Option<Kind> {
    [Kind::Hold, Kind::Charge, Kind::Release, Kind::Correction].into_iter().find(|kind| kind_name(*kind) == name)
}
