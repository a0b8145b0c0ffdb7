//! The last look before a request that costs leaves: much may have happened since its hold was written, for a process can
//! be stopped, and a computer can sleep, in between. Any doubt here is a no.

use super::keeper;
use crate::clock::Clock;
use bursar_core::{
    instance::{Instance, Stage, Tag},
    time::Moment,
};
use bursar_drivers::SpendAsk;
use bursar_store::{Complaint, Store, StoreError};

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
    pub(super) async fn may_spend(&self, spend: SpendAsk) -> Result<(), String> {
        let unread = |error: StoreError| format!("the ledger could not be read just before the order left: {error}");
        if !keeper::beats(&self.store).await.map_err(unread)? {
            return Err("no keeper beats that would end it".to_owned());
        }
        let id = spend.tag.and_then(|tag| Tag::instance_of(&tag, self.store.ledger_id()));
        let id = id.ok_or("the order carries no tag of this ledger")?;
        let may = match self.store.instance(&id).await.map_err(unread)? {
            Some(instance) => {
                let complaints = self.store.complaints().await.map_err(unread)?;
                let here = |c: &&Complaint| c.provider == instance.provider && c.account == instance.account;
                match complaints.into_iter().find(|complaint| complaint.stops && here(&complaint)) {
                    Some(complaint) => Err(complaint.text),
                    None if spend.call == "create" => self.may_be_made(&instance),
                    None if spend.call == "extend" && instance.lease.extending.is_none() => {
                        Err("no further block is held for it".to_owned())
                    }
                    None => self.may_go_on(&instance, spend.asked),
                }
            }
            None => Err("nothing is held for this order".to_owned()),
        };
        // Asked last: nothing else is waited for between this and the request.
        match self.store.frozen().await.map_err(unread)? {
            Some((_, why)) => Err(format!("the owner froze all spending ({why}); only `bursar thaw` lifts it")),
            None => may,
        }
    }

    /// What lives already may cost more: resumed, or paid for longer.
    fn may_go_on(&self, instance: &Instance, asked: Moment) -> Result<(), String> {
        let late = self.clock.now().since(asked);
        if !matches!(instance.stage, Stage::Made | Stage::Ready) {
            return Err(format!("it is {} by now: an end that was begun is not taken back", instance.stage));
        }
        if late > LEAVES_WITHIN_SECS || instance.lease.is_due(self.clock.now()) {
            return Err(format!("it was decided {late} s ago: this computer slept or the process was stopped"));
        }
        Ok(())
    }

    fn may_be_made(&self, instance: &Instance) -> Result<(), String> {
        let now = self.clock.now();
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
