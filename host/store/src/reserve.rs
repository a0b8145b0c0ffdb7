//! Reserving: read, decide and write as one step, on the disk before it returns. What may be spent is the caller's to
//! decide.

use crate::{
    Store, Worker,
    book::{self, End},
    error::{Broken, ReserveError, StoreError},
    lane, row, schema,
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
        let (open, used) = row::known_before(&mut tx, new).await?;
        if let Some(open) = open {
            return Err(ReserveError::NameTaken(Box::new(open)));
        }
        let (end, mut standing) = book::read(&mut tx, lookback.creates).await?.whole()?;
        self.inner.seen.lock().await.look_back(&mut tx, &mut standing, end, lookback, now).await?;
        decide(&standing).map_err(ReserveError::Refused)?;
        if used {
            return Err(StoreError::Broken { instance: new.id.clone(), broken: Broken::UsedBefore }.into());
        }
        let entry = hold(&mut tx, end, new, now, worker).await?;
        tx.commit().await?;
        tracing::info!(instance = %new.id, held = %entry.amount, total = %entry.totals.committed(), "reserved");
        Ok(entry)
    }
}

async fn hold(
    tx: &mut SqliteConnection,
    end: End,
    new: &Instance,
    now: Moment,
    worker: &Worker,
) -> Result<Entry, StoreError> {
    if !new.stage.is_open() {
        return Err(StoreError::Broken { instance: new.id.clone(), broken: Broken::BornGone });
    }
    let movement = Movement { kind: Kind::Hold, amount: new.lease.hold, reason: Reason::Reserved };
    let held = Totals::default()
        .after(&movement)
        .map_err(|source| StoreError::HoldTooSmall { instance: new.id.clone(), source })?;
    row::insert(tx, new, held.held, worker, now).await?;
    book::append_after(tx, end, &new.id, movement, Paid::now, now).await
}
