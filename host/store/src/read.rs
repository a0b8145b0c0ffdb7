//! Reading: instances, entries, what is held. Readers never wait for writers, and a damaged row does not hide the others.

use crate::{
    Store,
    book::{self, Book},
    error::StoreError,
    lane, row,
};
use bursar_core::{
    bounds::Lookback,
    instance::{Instance, InstanceId},
    ledger::{Entry, Standing, Totals},
    money::Usd,
    scope::Scope,
    time::Moment,
};

impl Store {
    /// Returns an instance, open or gone.
    pub async fn instance(&self, id: &InstanceId) -> Result<Option<Instance>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        Ok(row::fetch(&mut reader, id).await?.map(|row| row.instance))
    }

    /// Returns a principal's instance: the open one of this name, else the one of this id, else the last of this name.
    pub async fn find(&self, principal: &str, name_or_id: &str) -> Result<Option<Instance>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let found: Option<String> = sqlx::query_scalar(
            "SELECT doc FROM instances WHERE principal = ?1 AND (name = ?2 OR id = ?2)
             ORDER BY CASE WHEN name = ?2 AND is_open = 1 THEN 0 WHEN id = ?2 THEN 1 ELSE 2 END, seq DESC LIMIT 1",
        )
        .bind(principal)
        .bind(name_or_id)
        .fetch_optional(&mut *reader)
        .await?;
        found.as_deref().map(row::parse).transpose()
    }

    /// Returns every instance that may exist and cost, oldest first.
    pub async fn open_instances(&self) -> Result<Vec<Instance>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let rows = sqlx::query_as("SELECT id, doc FROM instances WHERE is_open = 1 ORDER BY seq");
        Ok(readable(rows.fetch_all(&mut *reader).await?))
    }

    /// Returns the last instances, gone ones too, newest first.
    pub async fn recent_instances(&self, limit: u32) -> Result<Vec<Instance>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let rows = sqlx::query_as("SELECT id, doc FROM instances ORDER BY seq DESC LIMIT ?").bind(limit);
        Ok(readable(rows.fetch_all(&mut *reader).await?))
    }

    /// Returns the instance that a provider's id belongs to.
    pub async fn by_handle(
        &self,
        provider: &str,
        account: &str,
        provider_id: &str,
    ) -> Result<Option<InstanceId>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        row::owner_of(&mut reader, provider, account, provider_id).await
    }

    /// Returns what is held and what is charged for one instance.
    pub async fn held(&self, id: &InstanceId) -> Result<Totals, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let found: Option<(i64, i64)> = sqlx::query_as("SELECT held, charged FROM instances WHERE id = ?")
            .bind(&id.0)
            .fetch_optional(&mut *reader)
            .await?;
        let (held, charged) = found.ok_or_else(|| StoreError::NoSuchInstance(id.clone()))?;
        Ok(Totals { held: Usd(held), charged: Usd(charged) })
    }

    /// Returns what the ledger says now. Only `reserve` may decide by it.
    pub async fn standing(&self) -> Result<Standing, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let mut tx = lane::begin_read(&mut reader).await?;
        Ok(book::read(&mut tx, 0).await?.standing)
    }

    /// Returns the same with what was charged when, as far back as `lookback` says.
    pub async fn standing_within(&self, lookback: &Lookback, now: Moment) -> Result<Standing, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let mut tx = lane::begin_read(&mut reader).await?;
        let Book { end, mut standing, .. } = book::read(&mut tx, lookback.creates).await?;
        self.inner.seen.lock().await.look_back(&mut tx, &mut standing, end, lookback, now).await?;
        Ok(standing)
    }

    /// Returns what is charged in one scope.
    pub async fn charged(&self, scope: &Scope) -> Result<Usd, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let found = sqlx::query_scalar("SELECT usd FROM charged WHERE scope = ?").bind(scope.to_string());
        Ok(Usd(found.fetch_optional(&mut *reader).await?.unwrap_or_default()))
    }

    /// Returns the last entries, of one instance or of all, newest first.
    pub async fn entries(&self, instance: Option<&InstanceId>, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let mut reader = self.inner.reader.lock().await?;
        let rows: Vec<book::Columns> = match instance {
            Some(id) => {
                let of_one = "SELECT seq, at, instance, kind, amount, reason, held, charged FROM entries
                              WHERE instance = ? ORDER BY seq DESC LIMIT ?";
                sqlx::query_as(of_one).bind(&id.0).bind(limit).fetch_all(&mut *reader).await?
            }
            None => {
                let of_all = "SELECT seq, at, instance, kind, amount, reason, held, charged FROM entries
                              ORDER BY seq DESC LIMIT ?";
                sqlx::query_as(of_all).bind(limit).fetch_all(&mut *reader).await?
            }
        };
        rows.into_iter().map(book::entry).collect()
    }
}

/// Returns the instances that can be read, so that the watch can end them, and tells of the others.
fn readable(rows: Vec<(String, String)>) -> Vec<Instance> {
    let parse = |(id, doc): (String, String)| {
        row::parse(&doc).inspect_err(|error| tracing::error!(instance = %id, %error, "skipped")).ok()
    };
    rows.into_iter().filter_map(parse).collect()
}
