//! Lengthening a lease: read, decide and write as one step, like a reservation. It cannot overtake a stop, nor a stop it:
//! both are written to the same row under the same lock.

use crate::{
    Store, book,
    error::{ReserveError, StoreError},
    lane, row, schema,
};
use bursar_core::{
    bounds::Lookback,
    instance::{Instance, InstanceId},
    ledger::{Kind, Movement, Reason, Refusal, Standing, Totals},
    money::Usd,
    time::Moment,
    window::Paid,
};

/// What an extension makes of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Longer {
    pub ends: Moment,
    /// What is held and charged for the whole of it.
    pub hold: Usd,
}

impl Store {
    /// Moves an instance's end and holds what that adds, if `decide` agrees to what the ledger and the instance say at that
    /// moment. `decide` is given the ledger as it would be without this instance.
    pub async fn extend<F>(
        &self,
        id: &InstanceId,
        now: Moment,
        lookback: &Lookback,
        decide: F,
    ) -> Result<Instance, ReserveError>
    where
        F: FnOnce(&Standing, &Instance, Totals) -> Result<Longer, Refusal> + Send,
    {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        self.inner.file.is_still_there()?;
        schema::refuse_newer(&mut tx).await?;
        let mut found = row::fetch(&mut tx, id).await?.ok_or_else(|| StoreError::NoSuchInstance(id.clone()))?;
        let (end, mut standing) = book::read(&mut tx, lookback.creates).await?.whole()?;
        self.inner.seen.lock().await.look_back(&mut tx, &mut standing, end, lookback, now).await?;
        standing.open.retain(|open| open.instance != *id);
        standing.totals.held = standing.totals.held.minus(found.totals.held);
        if lookback.session.is_some() && lookback.session == row::session_of(&mut tx, id).await? {
            standing.session = standing.session.map(|spent| spent.minus(found.totals.held));
        }
        let longer = decide(&standing, &found.instance, found.totals).map_err(ReserveError::Refused)?;
        let missing = longer.hold.minus(found.totals.held).minus(found.instance.reckoned(found.totals));
        if missing > Usd::ZERO {
            let movement = Movement { kind: Kind::Hold, amount: missing, reason: Reason::Extended };
            let moved = found.totals.after(&movement);
            found.totals = moved.map_err(|source| StoreError::HoldTooSmall { instance: id.clone(), source })?;
            book::append_after(&mut tx, end, id, movement, Paid::now, now).await?;
        }
        found.instance.lease.ends = longer.ends;
        found.instance.lease.hold = found.instance.lease.hold.max(longer.hold);
        row::update(&mut tx, &found).await?;
        tx.commit().await?;
        tracing::info!(instance = %id, ends = %longer.ends, held = %found.totals.held, "extended");
        Ok(found.instance)
    }
}
