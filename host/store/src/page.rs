//! The instances page by page: what is open, oldest first, then what ended, newest first. A page is read by its place, so
//! that a ledger of ten thousand answers as fast as one of ten. Nothing here parses a row that is not shown.

use crate::{Store, error::StoreError, row};
use bursar_core::{
    instance::{Instance, InstanceId},
    ledger::Totals,
    money::Usd,
};
use sqlx::SqliteConnection;
use std::{
    collections::hash_map::DefaultHasher,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

/// So many names of an account are told; the others are counted.
const NAMES_TOLD: i64 = 5;

/// Where a list goes on, and how many ended ones it is still to show. Written as clients carry it: `open.17.5`, `ended.9.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    is_open: bool,
    seq: i64,
    ended: u32,
}

impl Place {
    /// Where a list begins that is to show so many ended ones, too.
    pub fn begin(ended: u32) -> Place {
        Place { is_open: true, seq: 0, ended }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", if self.is_open { "open" } else { "ended" }, self.seq, self.ended)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Place, ()> {
        let mut parts = text.split('.');
        let (Some(part), Some(seq), Some(ended), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(());
        };
        let is_open = match part {
            "open" => true,
            "ended" => false,
            _ => return Err(()),
        };
        let seq = seq.parse().ok().filter(|seq| *seq >= 0).ok_or(())?;
        Ok(Place { is_open, seq, ended: ended.parse().map_err(|_| ())? })
    }
}

/// One page, each instance with its own money, and where the next one begins.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub rows: Vec<(Instance, Totals)>,
    pub next: Option<Place>,
}

/// What ends a machine if no keeper of ours runs, and it is not the end of the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndsBy {
    /// What is paid already.
    Block,
    /// A clock of its own.
    Itself,
    Nothing,
}

/// The same in the database, as its index has it.
const KIND: &str = "CASE WHEN json_extract(doc, '$.price.billing.prepaid') IS 1 THEN 'block'
     WHEN json_extract(doc, '$.sightings.self_ends') IS NOT NULL THEN 'self' ELSE 'none' END";

/// What is open on one account and ends by the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAccount {
    pub provider: String,
    pub account: String,
    pub ends: EndsBy,
    pub count: u64,
    /// The oldest few.
    pub names: Vec<String>,
}

type Row = (i64, String, i64, i64, String);

impl Store {
    /// Returns at most so many instances from a place on.
    pub async fn page(&self, from: Place, limit: u32) -> Result<Page, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let (mut page, mut from, mut room) = (Page::default(), from, limit.max(1));
        if from.is_open {
            let rows = part(&mut reader, from, room).await?;
            let read = count(&rows);
            room -= read.min(room);
            let last = rows.last().map_or(from.seq, |row| row.0);
            page.rows.extend(readable(rows));
            let open = Place { seq: last, ..from };
            if room == 0 {
                let more = open.ended > 0 || is_more(&mut reader, last).await?;
                page.next = more.then_some(open);
                return Ok(page);
            }
            from = Place { is_open: false, seq: i64::MAX, ended: from.ended };
        }
        let rows = part(&mut reader, from, room.min(from.ended)).await?;
        let left = from.ended - count(&rows).min(from.ended);
        let is_cut = count(&rows) == room && left > 0;
        page.next = rows.last().filter(|_| is_cut).map(|row| Place { is_open: false, seq: row.0, ended: left });
        page.rows.extend(readable(rows));
        Ok(page)
    }

    /// Returns every open instance with its money, oldest first.
    pub async fn open_with_money(&self) -> Result<Vec<(Instance, Totals)>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        Ok(readable(part(&mut reader, Place::begin(0), u32::MAX).await?))
    }

    /// Returns what is open, by account.
    pub async fn open_accounts(&self) -> Result<Vec<OpenAccount>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        // An index of its own has all of this: no document is opened.
        let groups = format!(
            "SELECT provider, account, {KIND}, count(*) FROM instances INDEXED BY open_by_account WHERE is_open = 1
             GROUP BY provider, account, {KIND}"
        );
        let groups: Vec<(String, String, String, i64)> =
            sqlx::query_as(sqlx::AssertSqlSafe(groups)).fetch_all(&mut *reader).await?;
        let names_of = format!(
            "SELECT name FROM instances INDEXED BY open_by_account WHERE is_open = 1 AND provider = ? AND account = ?
             AND {KIND} = ? ORDER BY seq LIMIT ?"
        );
        let mut accounts = vec![];
        for (provider, account, kind, count) in groups {
            let names = sqlx::query_scalar(sqlx::AssertSqlSafe(names_of.clone()))
                .bind(&provider)
                .bind(&account)
                .bind(&kind)
                .bind(NAMES_TOLD);
            let names = names.fetch_all(&mut *reader).await?;
            let ends = match kind.as_str() {
                "block" => EndsBy::Block,
                "self" => EndsBy::Itself,
                _ => EndsBy::Nothing,
            };
            let count = u64::try_from(count).unwrap_or(0);
            accounts.push(OpenAccount { provider, account, ends, count, names });
        }
        Ok(accounts)
    }

    /// Returns a number that is another one when anything open has changed, as far as this process lives.
    pub async fn open_as_it_is(&self) -> Result<u64, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let rows: Vec<(i64, i64, i64, String)> =
            sqlx::query_as("SELECT seq, held, charged, doc FROM instances WHERE is_open = 1 ORDER BY seq")
                .fetch_all(&mut *reader)
                .await?;
        let mut hasher = DefaultHasher::new();
        rows.hash(&mut hasher);
        Ok(hasher.finish())
    }

    /// Returns what an instance is called.
    pub async fn name_of(&self, id: &InstanceId) -> Result<Option<String>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let name = sqlx::query_scalar("SELECT name FROM instances WHERE id = ?").bind(&id.0);
        Ok(name.fetch_optional(&mut *reader).await?)
    }
}

async fn part(reader: &mut SqliteConnection, from: Place, limit: u32) -> Result<Vec<Row>, StoreError> {
    let sql = match from.is_open {
        true => "SELECT seq, id, held, charged, doc FROM instances WHERE is_open = 1 AND seq > ? ORDER BY seq LIMIT ?",
        false => {
            "SELECT seq, id, held, charged, doc FROM instances WHERE is_open = 0 AND seq < ? ORDER BY seq DESC LIMIT ?"
        }
    };
    Ok(sqlx::query_as(sql).bind(from.seq).bind(limit).fetch_all(reader).await?)
}

async fn is_more(reader: &mut SqliteConnection, after: i64) -> Result<bool, StoreError> {
    let more = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM instances WHERE is_open = 1 AND seq > ?)").bind(after);
    Ok(more.fetch_one(reader).await?)
}

fn count(rows: &[Row]) -> u32 {
    u32::try_from(rows.len()).unwrap_or(u32::MAX)
}

/// A damaged row does not hide the others.
fn readable(rows: Vec<Row>) -> Vec<(Instance, Totals)> {
    let parse = |(_, id, held, charged, doc): Row| {
        let totals = Totals { held: Usd(held), charged: Usd(charged) };
        let read = row::parse(&doc).inspect_err(|error| tracing::error!(instance = %id, %error, "skipped"));
        read.ok().map(|instance| (instance, totals))
    };
    rows.into_iter().filter_map(parse).collect()
}
