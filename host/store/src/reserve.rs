//! Reserving: read, decide and write as one step, on the disk before it returns. What may be spent is the caller's to
//! decide.

use crate::{
    Store, Worker, book,
    error::{Broken, ReserveError, StoreError},
    lane, past, row, schema,
};
use bursar_core::{
    bounds::Lookback,
    instance::Instance,
    ledger::{Entry, Kind, Movement, Reason, Refusal, Standing, Totals},
    time::Moment,
    window::Paid,
};
use sqlx::SqliteConnection;

impl Store {
    /// The same for whoever decides by what is open alone.
    pub async fn reserve<F>(
        &self,
        new: &Instance,
        now: Moment,
        worker: &Worker,
        decide: F,
    ) -> Result<Entry, ReserveError>
    where
        F: FnOnce(&Standing) -> Result<(), Refusal> + Send,
    {
        self.reserve_within(new, now, worker, &Lookback::default(), decide).await
    }

    /// Writes the instance and its hold, if `decide` agrees to what the ledger says at that moment.
    ///
    /// Nobody else writes between the reading and the writing. `worker` acts on the instance for the next 30 s. What was
    /// charged when is read as far back as `lookback` says.
    pub async fn reserve_within<F>(
        &self,
        new: &Instance,
        now: Moment,
        worker: &Worker,
        lookback: &Lookback,
        decide: F,
    ) -> Result<Entry, ReserveError>
    where
        F: FnOnce(&Standing) -> Result<(), Refusal> + Send,
    {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        self.inner.file.is_still_there()?;
        schema::refuse_newer(&mut tx).await?;
        if let Some(open) = row::open_by_name(&mut tx, &new.principal, &new.name).await? {
            return Err(ReserveError::NameTaken(Box::new(open)));
        }
        let mut standing = book::standing(&mut tx).await?;
        past::look_back(&mut tx, &mut standing, lookback, now).await?;
        book::must_be_whole(&standing)?;
        past::must_be_whole(&mut tx, &standing).await?;
        row::open_must_be_readable(&mut tx).await?;
        decide(&standing).map_err(ReserveError::Refused)?;
        let entry = hold(&mut tx, new, now, worker).await?;
        tx.commit().await?;
        tracing::info!(instance = %new.id, held = %entry.amount, total = %entry.totals.committed(), "reserved");
        Ok(entry)
    }
}

async fn hold(tx: &mut SqliteConnection, new: &Instance, now: Moment, worker: &Worker) -> Result<Entry, StoreError> {
    let broken = |broken| StoreError::Broken { instance: new.id.clone(), broken };
    if !new.stage.is_open() {
        return Err(broken(Broken::BornGone));
    }
    let used: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM instances WHERE id = ? OR tag = ?)")
        .bind(&new.id.0)
        .bind(&new.tag.0)
        .fetch_one(&mut *tx)
        .await?;
    if used {
        return Err(broken(Broken::UsedBefore));
    }
    let movement = Movement { kind: Kind::Hold, amount: new.lease.hold, reason: Reason::Reserved };
    let held = Totals::default()
        .after(&movement)
        .map_err(|source| StoreError::HoldTooSmall { instance: new.id.clone(), source })?;
    row::insert(tx, new, held.held, worker, now).await?;
    book::append(tx, &new.id, movement, Paid::now, now).await
}
