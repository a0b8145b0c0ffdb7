//! An end that waits for nobody. Whoever holds the claim on an instance, or the lock of the ledger, may be stopped, or wait
//! for a machine that never answers; a lease that is over is ended all the same. To ask an end of ours twice hurts nobody.

use super::{FlowError, Rooms};
use bursar_core::{
    instance::{Instance, Stage},
    settle::{self, Next},
    time::Moment,
};
use bursar_drivers::At;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Whoever works on an instance has so long to ask its end when it is due.
const PATIENCE_SECS: u64 = 6;
/// What was learned is written down as soon as the ledger takes it; so often is tried.
const WRITES: u32 = 60;
/// A list that is looked at before an end may take so long.
pub(super) const LOOKS_BY: Duration = Duration::from_secs(3);
/// Until then it is not asked again.
const PAUSE: Duration = Duration::from_secs(10);

impl Rooms {
    /// Takes one instance as far as it can go now; a due end that cannot be claimed in time is asked without.
    pub(super) async fn settle_or_end(self, instance: Instance) {
        let patience = Duration::from_secs(PATIENCE_SECS);
        match timeout(patience, self.claim(&instance.id)).await {
            Ok(Ok(Some(_claim))) => {
                if let Err(error) = self.settle_claimed(&instance.id).await {
                    tracing::warn!(instance = %instance.id, %error, "could not be settled");
                }
            }
            // Another one works on it. One that has begun its end may still be fetching what jobs wrote; it goes on, or its claim
            // runs out. Where there is nothing to fetch it was stopped in between.
            Ok(Ok(None)) if self.is_overdue(&instance) && !self.is_fetching(&instance) => {
                self.end_unclaimed(instance).await;
            }
            Ok(Ok(None)) => {}
            // Nobody can.
            _ if self.is_overdue(&instance) => self.end_unclaimed(instance).await,
            Ok(Err(error)) => tracing::warn!(instance = %instance.id, %error, "could not be claimed"),
            Err(_) => {}
        }
    }

    fn is_fetching(&self, instance: &Instance) -> bool {
        let kept = self.kept(&instance.id);
        instance.stage == Stage::Stopping && kept.exists() && !kept.is_closed()
    }

    fn is_overdue(&self, instance: &Instance) -> bool {
        let now = self.clock.now();
        // It is counted before it is sent: whoever counted it may have been stopped in between.
        let asked = |(_, at): (u32, Moment)| at <= now && now < at.after(PATIENCE_SECS);
        let waits = settle::plan(instance, now) == Next::End && !instance.sightings.end_asked.is_some_and(asked);
        waits && now >= instance.lease.ends.after(PATIENCE_SECS)
    }

    /// Asks an end without a claim and, if need be, without the ledger; writes down what came of it when that can be done.
    pub(super) async fn end_unclaimed(self, instance: Instance) {
        let Some(handle) = &instance.handle else { return };
        // Whoever makes it ready sees this, and lets go.
        let told = timeout(Duration::from_secs(1), self.begin_stop(&instance.id, "its lease is over")).await;
        if instance.sightings.seen_at.is_none() {
            // Lists without it prove its end only if one showed it before.
            drop(timeout(LOOKS_BY, self.observe(&instance.provider)).await);
        }
        let asked_at = self.clock.now();
        let at = At { now: asked_at, tag: Some(instance.tag.clone()) };
        let accepted = match self.driver(&instance.provider).await {
            Ok(driver) => driver.destroy(&at, handle).await.accepted,
            Err(error) => {
                tracing::error!(instance = %instance.id, %error, "its end could not be asked");
                false
            }
        };
        tracing::warn!(
            instance = %instance.id, accepted, written = matches!(told, Ok(Ok(()))),
            "its end was asked while another process held it or the ledger"
        );
        // Not when it was asked: a computer may have slept in between, and it ran until the answer.
        let accepted_at = accepted.then(|| self.clock.now());
        for _ in 0..WRITES {
            match self.write_unclaimed(&instance, asked_at, accepted_at).await {
                Ok(()) => break,
                Err(error) => tracing::debug!(instance = %instance.id, %error, "not written down yet"),
            }
            sleep(PAUSE).await;
        }
        sleep(PAUSE).await;
    }

    async fn write_unclaimed(
        &self,
        instance: &Instance,
        asked_at: Moment,
        accepted_at: Option<Moment>,
    ) -> Result<(), FlowError> {
        let asked = |instance: &mut Instance| {
            if instance.stage == Stage::Gone {
                return (vec![], ());
            }
            instance.stage = Stage::Stopping;
            let times = instance.sightings.end_asked.map_or(0, |(times, _)| times);
            instance.sightings.end_asked = Some((times.saturating_add(1), asked_at));
            if accepted_at.is_some() && instance.sightings.end_accepted_at.is_none() {
                instance.sightings.end_accepted_at = accepted_at;
                instance.sightings.absent_at.clear();
            }
            (vec![], ())
        };
        self.store.change(&instance.id, asked_at, asked).await?;
        Ok(())
    }
}
