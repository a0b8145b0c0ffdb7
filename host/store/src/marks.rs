//! What accounts showed, what came of holding it against the ledger, and what the owner was told. What a difference means
//! is core's to say; here it is written, all of it or nothing.

use crate::{Store, book, error::StoreError, lane, row};
use bursar_core::{
    instance::{Instance, InstanceId},
    ledger::{Kind, Movement, Reason, Totals},
    money::Usd,
    reconcile::Mark,
    time::Moment,
    window::Paid,
};
use sqlx::SqliteConnection;

/// What the owner was told of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    pub at: Moment,
    pub provider: String,
    pub account: String,
    /// Nothing more is made there until the owner has looked.
    pub stops: bool,
    pub text: String,
}

/// What is written when an account was looked at.
#[derive(Debug, Clone)]
pub struct Look {
    /// In the place of the one before.
    pub mark: Mark,
    /// What each instance is charged on top; below zero: what came back.
    pub corrections: Vec<(InstanceId, Usd)>,
    pub why: String,
    pub complaint: Option<Complaint>,
}

impl Store {
    /// Returns where the ledger ends now. Whatever is asked after this is answered by somebody who may know all of it.
    pub async fn position(&self) -> Result<i64, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        Ok(book::end(&mut reader).await?.seq)
    }

    /// Returns what every account showed last.
    pub async fn marks(&self) -> Result<Vec<(String, String, Mark)>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let rows: Vec<(String, String, String)> =
            sqlx::query_as("SELECT provider, account, doc FROM marks").fetch_all(&mut *reader).await?;
        rows.into_iter().map(|(provider, account, doc)| Ok((provider, account, parse(&doc)?))).collect()
    }

    /// Returns what one account showed last.
    pub async fn mark(&self, provider: &str, account: &str) -> Result<Option<Mark>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        fetch(&mut reader, provider, account).await
    }

    /// Lets one of all processes look at an account within the next seconds; the others leave it to him.
    pub async fn may_look(&self, provider: &str, account: &str, now: Moment, secs: u64) -> Result<bool, StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        let taken = sqlx::query(
            "UPDATE marks SET busy = ?1 WHERE provider = ?2 AND account = ?3 AND (busy <= ?4 OR busy > ?1)",
        )
        .bind(row::seconds(now.after(secs)))
        .bind(provider)
        .bind(account)
        .bind(row::seconds(now));
        let is_mine = taken.execute(&mut *tx).await?.rows_affected() == 1;
        tx.commit().await?;
        Ok(is_mine)
    }

    /// Notes what an account showed, where nothing is noted yet or `before` is what was noted last.
    pub async fn set_mark(
        &self,
        provider: &str,
        account: &str,
        before: Option<&Mark>,
        mark: &Mark,
    ) -> Result<bool, StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        if fetch(&mut tx, provider, account).await?.as_ref() != before {
            return Ok(false);
        }
        put(&mut tx, provider, account, mark).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that something on an account is not ours.
    pub async fn not_alone(&self, provider: &str, account: &str) -> Result<(), StoreError> {
        match self.mark(provider, account).await? {
            Some(before) if before.alone => {
                let mark = Mark { alone: false, ..before.clone() };
                self.set_mark(provider, account, Some(&before), &mark).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Writes what came of a look, if `before` is still what was noted last. Returns whether it was.
    pub async fn write_look(
        &self,
        provider: &str,
        account: &str,
        before: &Mark,
        look: &Look,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        if fetch(&mut tx, provider, account).await?.as_ref() != Some(before) {
            return Ok(false);
        }
        for (id, by) in &look.corrections {
            correct(&mut tx, id, *by, &look.why, now).await?;
        }
        if let Some(complaint) = &look.complaint {
            let what = if complaint.stops { "stop" } else { "warn" };
            complain(&mut tx, provider, account, what, &complaint.text, now).await?;
        }
        put(&mut tx, provider, account, &look.mark).await?;
        tx.commit().await?;
        for (id, by) in &look.corrections {
            tracing::info!(instance = %id, %by, "corrected");
        }
        Ok(true)
    }

    /// Returns what may have cost something on an account since the ledger ended there, and whether anything did: what is open,
    /// and what was written of. Where that is nothing, the newest that was there, if any ever was.
    pub async fn rows_since(
        &self,
        provider: &str,
        account: &str,
        position: i64,
    ) -> Result<(Vec<(Instance, Totals)>, bool), StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let mut tx = lane::begin_read(&mut reader).await?;
        let since = "SELECT held, charged, doc FROM instances WHERE provider = ?1 AND account = ?2
                     AND (is_open = 1 OR id IN (SELECT instance FROM entries WHERE seq > ?3)) ORDER BY seq";
        let mut rows: Vec<(i64, i64, String)> =
            sqlx::query_as(since).bind(provider).bind(account).bind(position).fetch_all(&mut *tx).await?;
        let ran = !rows.is_empty();
        if !ran {
            let newest = "SELECT held, charged, doc FROM instances WHERE provider = ?1 AND account = ?2 ORDER BY seq DESC LIMIT 1";
            rows = sqlx::query_as(newest).bind(provider).bind(account).fetch_all(&mut *tx).await?;
        }
        let read = |(held, charged, doc): (i64, i64, String)| {
            Ok((row::parse(&doc)?, Totals { held: Usd(held), charged: Usd(charged) }))
        };
        Ok((rows.into_iter().map(read).collect::<Result<_, StoreError>>()?, ran))
    }

    /// Returns what the owner was told and has not looked at, newest first.
    pub async fn complaints(&self) -> Result<Vec<Complaint>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let rows: Vec<(i64, String, String, String, String)> = sqlx::query_as(
            "SELECT at, provider, account, what, text FROM complaints AS c WHERE what <> 'looked' AND NOT EXISTS (
                 SELECT 1 FROM complaints AS l WHERE l.what = 'looked' AND l.provider = c.provider
                     AND l.account = c.account AND l.seq > c.seq)
             ORDER BY seq DESC LIMIT 100",
        )
        .fetch_all(&mut *reader)
        .await?;
        let one = |(at, provider, account, what, text): (i64, String, String, String, String)| Complaint {
            at: row::moment(at),
            provider,
            account,
            stops: what == "stop",
            text,
        };
        Ok(rows.into_iter().map(one).collect())
    }

    /// Writes down that the owner looked at an account; what it shows is noted anew from then on.
    pub async fn owner_looked(&self, provider: &str, account: &str, text: &str, now: Moment) -> Result<(), StoreError> {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        complain(&mut tx, provider, account, "looked", text, now).await?;
        sqlx::query("DELETE FROM marks WHERE provider = ? AND account = ?")
            .bind(provider)
            .bind(account)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

/// Charges an instance on top, or takes back of that. Its hold and its stage stay as they are.
async fn correct(
    tx: &mut SqliteConnection,
    id: &InstanceId,
    by: Usd,
    why: &str,
    now: Moment,
) -> Result<(), StoreError> {
    let mut found = row::fetch(tx, id).await?.ok_or_else(|| StoreError::NoSuchInstance(id.clone()))?;
    let movement = Movement { kind: Kind::Correction, amount: by, reason: Reason::Told(why.to_owned()) };
    let moved = found.totals.after(&movement);
    found.totals = moved.map_err(|source| StoreError::HoldTooSmall { instance: id.clone(), source })?;
    found.instance.sightings.corrected = found.instance.sightings.corrected.plus(by);
    book::append(tx, id, movement, Paid::now, now).await?;
    row::update(tx, &found).await
}

async fn complain(
    tx: &mut SqliteConnection,
    provider: &str,
    account: &str,
    what: &str,
    text: &str,
    now: Moment,
) -> Result<(), StoreError> {
    let told = sqlx::query("INSERT INTO complaints (at, provider, account, what, text) VALUES (?, ?, ?, ?, ?)");
    told.bind(row::seconds(now)).bind(provider).bind(account).bind(what).bind(text).execute(tx).await?;
    Ok(())
}

async fn fetch(connection: &mut SqliteConnection, provider: &str, account: &str) -> Result<Option<Mark>, StoreError> {
    let doc = sqlx::query_scalar("SELECT doc FROM marks WHERE provider = ? AND account = ?");
    let doc: Option<String> = doc.bind(provider).bind(account).fetch_optional(connection).await?;
    doc.as_deref().map(parse).transpose()
}

async fn put(tx: &mut SqliteConnection, provider: &str, account: &str, mark: &Mark) -> Result<(), StoreError> {
    let doc = serde_json::to_string(mark)
        .map_err(|error| StoreError::damaged(format!("a mark cannot be written ({error})")))?;
    let put = "INSERT INTO marks (provider, account, doc) VALUES (?, ?, ?)
               ON CONFLICT (provider, account) DO UPDATE SET doc = excluded.doc, busy = 0";
    sqlx::query(put).bind(provider).bind(account).bind(doc).execute(tx).await?;
    Ok(())
}

fn parse(doc: &str) -> Result<Mark, StoreError> {
    serde_json::from_str(doc).map_err(|error| StoreError::damaged(format!("a mark cannot be read ({error})")))
}
