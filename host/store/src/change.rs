//! Changing one instance and moving its money, in one transaction. Every stage an instance passes is written here, so
//! that no two changes can overtake each other.
//!
//! A program older than the schema may still change: ending must always be possible.

use crate::{
    Store, book,
    error::{Broken, StoreError},
    lane,
    row::{self, Row},
};
use bursar_core::{
    instance::{Instance, InstanceId},
    ledger::Movement,
    money::Usd,
    time::Moment,
    window::Paid,
};
use sqlx::SqliteConnection;

impl Store {
    /// Lets `change` alter the instance as it is now and name movements of its money, and writes both or nothing.
    pub async fn change<T, F>(&self, id: &InstanceId, now: Moment, change: F) -> Result<(Instance, T), StoreError>
    where
        F: FnOnce(&mut Instance) -> (Vec<Movement>, T) + Send,
        T: Send,
    {
        let mut writer = self.inner.writer.lock().await?;
        let mut tx = lane::begin_write(&mut writer).await?;
        let row = row::fetch(&mut tx, id).await?;
        let mut row = row.ok_or_else(|| StoreError::NoSuchInstance(id.clone()))?;
        let before = row.instance.clone();
        let (movements, value) = change(&mut row.instance);
        row::keep_identity(&before, &row.instance)
            .map_err(|broken| StoreError::Broken { instance: id.clone(), broken })?;
        let moved = !movements.is_empty();
        for movement in movements {
            move_money(&mut tx, &mut row, movement, now).await?;
        }
        may_be_written(&mut tx, &row).await?;
        row::update(&mut tx, &row).await?;
        tx.commit().await?;
        if moved || before.stage != row.instance.stage {
            let (held, charged) = (row.totals.held, row.totals.charged);
            tracing::info!(instance = %id, stage = %row.instance.stage, %held, %charged, "changed");
        }
        Ok((row.instance, value))
    }
}

async fn move_money(
    tx: &mut SqliteConnection,
    row: &mut Row,
    movement: Movement,
    now: Moment,
) -> Result<(), StoreError> {
    let id = &row.instance.id;
    row.totals =
        row.totals.after(&movement).map_err(|source| StoreError::HoldTooSmall { instance: id.clone(), source })?;
    book::append(tx, id, movement, |at| Paid::charge(&row.instance, at), now).await?;
    Ok(())
}

/// Keeps law 3: what is open holds, what is gone does not. And one open instance has one name.
async fn may_be_written(tx: &mut SqliteConnection, row: &Row) -> Result<(), StoreError> {
    let Row { instance, totals, .. } = row;
    let broken = match (instance.stage.is_open(), totals.held) {
        (false, Usd::ZERO) => return Ok(()),
        (false, held) => Some(Broken::GoneWithHold { held }),
        (true, Usd::ZERO) if instance.lease.hold != Usd::ZERO => Some(Broken::OpenWithoutHold),
        (true, _) => None,
    };
    if let Some(broken) = broken {
        return Err(StoreError::Broken { instance: instance.id.clone(), broken });
    }
    match row::open_by_name(tx, &instance.principal, &instance.name).await? {
        Some(other) if other.id != instance.id => {
            Err(StoreError::NameInUse { name: instance.name.clone(), by: other.id })
        }
        _ => Ok(()),
    }
}
