//! The clock on a machine that ends it from within, where its provider's manifest has one: set when it is ready, moved with
//! its lease. It counts only once it was tried on that machine; what ends a lease is still the keeper.

use super::{FlowError, Rooms};
use bursar_core::{
    instance::{Instance, InstanceId, Stage},
    time::Moment,
};
use bursar_ssh::SelfEnd;
use std::time::Duration;

/// So long after its lease, in seconds: the keeper comes first.
const AFTER_SECS: u64 = 600;
/// Who extends a lease waits so long for the machine; the watch tries again.
const WAITS: Duration = Duration::from_secs(20);

impl Rooms {
    /// Sets the clock, and says only in the log why it could not be.
    pub(super) async fn try_self_end(&self, id: &InstanceId) {
        match tokio::time::timeout(WAITS, self.set_self_end(id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(instance = %id, %error, "its own clock could not be set"),
            Err(_) => tracing::warn!(instance = %id, "its own clock was not set within {} s", WAITS.as_secs()),
        }
    }

    async fn set_self_end(&self, id: &InstanceId) -> Result<(), FlowError> {
        let instance = self.require(id).await?;
        let Some(end) = self.driver(&instance.provider).await?.manifest().self_end.clone() else { return Ok(()) };
        let (Some(ssh), Stage::Ready) = (&instance.ssh, instance.stage) else { return Ok(()) };
        let ends = clock_ends(&instance);
        if instance.sightings.self_ends == Some(ends) {
            return Ok(());
        }
        let ask = SelfEnd { secs: ends.since(self.clock.now()), check: end.check, run: end.run };
        let set = self.ssh.set_self_end(&self.target_at(id, ssh), &ask).await?;
        if let Err(why) = &set {
            tracing::warn!(instance = %id, why, "it cannot end itself");
        }
        let write = |instance: &mut Instance| {
            // Moved meanwhile, it is set again.
            instance.sightings.self_ends = set.is_ok().then_some(ends);
            (vec![], ())
        };
        self.store.change(id, self.clock.now(), write).await?;
        Ok(())
    }
}

fn clock_ends(instance: &Instance) -> Moment {
    instance.lease.ends.after(AFTER_SECS)
}

/// Returns whether a machine's own clock stands at another end than its lease has.
pub(super) fn clock_is_off(instance: &Instance) -> bool {
    instance.stage == Stage::Ready && instance.sightings.self_ends.is_some_and(|ends| ends != clock_ends(instance))
}
