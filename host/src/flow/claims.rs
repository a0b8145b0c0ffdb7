//! Who acts on an instance: one flow at a time, in one process at a time. Held for 30 s and renewed while it works.

use super::{FlowError, Rooms, Worker, worker::CLAIM_SECS};
use bursar_core::instance::InstanceId;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The instances that flows of this process act on.
#[derive(Clone, Default)]
pub struct Busy(Arc<Mutex<HashSet<InstanceId>>>);

/// The right to act on one instance, given back when dropped.
pub struct Claim {
    busy: Busy,
    id: InstanceId,
    renewing: tokio::task::JoinHandle<()>,
    rooms: Rooms,
}

impl Rooms {
    /// Claims an instance, unless another flow or a living process acts on it.
    pub(super) async fn claim(&self, id: &InstanceId) -> Result<Option<Claim>, FlowError> {
        if !self.busy.set().insert(id.clone()) {
            return Ok(None);
        }
        let claimed = self.claim_row(id).await;
        if !matches!(claimed, Ok(true)) {
            self.busy.set().remove(id);
            return claimed.map(|_| None);
        }
        let (rooms, renewed) = (self.clone(), id.clone());
        let renewing = crate::task::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(CLAIM_SECS / 3)).await;
                if let Err(error) = rooms.claim_row(&renewed).await {
                    tracing::warn!(instance = %renewed, %error, "a claim could not be renewed");
                }
            }
        });
        Ok(Some(Claim { busy: self.busy.clone(), id: id.clone(), renewing, rooms: self.clone() }))
    }

    async fn claim_row(&self, id: &InstanceId) -> Result<bool, FlowError> {
        let (worker, now) = (self.worker.row(), self.clock.now());
        Ok(self.store.claim(id, &worker, now, CLAIM_SECS, Worker::is_dead).await?)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.renewing.abort();
        self.busy.set().remove(&self.id);
        let (rooms, id) = (self.rooms.clone(), self.id.clone());
        // A claim that is not given back runs out by itself; the next process need not wait for that.
        if tokio::runtime::Handle::try_current().is_ok() {
            crate::task::spawn(async move {
                // Taken again meanwhile, it is not ours to give back.
                if !rooms.busy.set().contains(&id) {
                    rooms.store.unclaim(&id, &rooms.worker.row()).await.ok();
                }
            });
        }
    }
}

impl Busy {
    fn set(&self) -> std::sync::MutexGuard<'_, HashSet<InstanceId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
