//! The last look before a request that costs leaves: much may have happened since its hold was written, for a process can
//! be stopped, and a computer can sleep, in between. Any doubt here is a no.

use super::keeper;
use crate::clock::Clock;
use bursar_core::instance::{Instance, Stage, Tag};
use bursar_store::{Store, StoreError};

/// A request that costs leaves so long after its hold was written, or not at all.
const LEAVES_WITHIN_SECS: u64 = 120;

pub(super) struct LastWord {
    store: Store,
    clock: Clock,
}

impl LastWord {
    pub(super) fn new(store: Store, clock: Clock) -> LastWord {
        LastWord { store, clock }
    }

    /// Returns why a request that costs may not leave now.
    pub(super) async fn may_spend(&self, tag: Option<String>) -> Result<(), String> {
        let unread = |error: StoreError| format!("the ledger could not be read just before the order left: {error}");
        if let Some((_, why)) = self.store.frozen().await.map_err(unread)? {
            return Err(format!("the owner froze all spending ({why}); only `bursar thaw` lifts it"));
        }
        if !keeper::beats(&self.store).await.map_err(unread)? {
            return Err("no keeper beats that would end it".to_owned());
        }
        let id = tag.and_then(|tag| Tag::instance_of(&tag, self.store.ledger_id()));
        let id = id.ok_or("the order carries no tag of this ledger")?;
        match self.store.instance(&id).await.map_err(unread)? {
            Some(instance) => self.may_be_made(&instance),
            None => Err("nothing is held for this order".to_owned()),
        }
    }

    fn may_be_made(&self, instance: &Instance) -> Result<(), String> {
        let now = self.clock.now();
        if let Some(asked) = &instance.lease.extending {
            let late = now.since(asked.at);
            let lives = matches!(instance.stage, Stage::Made | Stage::Ready) && !instance.lease.is_due(now);
            return match lives && late <= LEAVES_WITHIN_SECS {
                true => Ok(()),
                false => {
                    Err(format!("a further block for it was held {late} s ago, and it is {} by now", instance.stage))
                }
            };
        }
        let late = now.since(instance.lease.begins);
        if instance.stage != Stage::Requested {
            return Err(format!("it is {} by now: what is asked late is not asked at all", instance.stage));
        }
        if late > LEAVES_WITHIN_SECS || instance.lease.is_due(now) {
            return Err(format!("it was reserved {late} s ago: this computer slept or the process was stopped"));
        }
        Ok(())
    }
}
