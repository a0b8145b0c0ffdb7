//! Looks whether a resource changed, every few seconds and only while somebody is subscribed. The ledger is read; no
//! provider is asked.

use super::{
    opening::Opening,
    resources::{INSTANCES, SPENDING},
};
use crate::flow::{FlowError, Rooms};
use bursar_core::{ledger::Totals, limits::Limits};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

const LOOK: Duration = Duration::from_secs(2);

/// What subscribers are told about. Time that passes and cost that grows with it are no changes.
#[derive(PartialEq)]
struct Seen {
    /// A number that changes with anything open.
    instances: u64,
    money: (Totals, Limits, usize),
}

pub(super) struct Changes {
    opening: Opening,
    last: Option<Seen>,
    tick: tokio::time::Interval,
}

impl Changes {
    /// Takes the first look: whatever changes from now on is told.
    pub(super) async fn begin(opening: Opening) -> Changes {
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.tick().await;
        let mut changes = Changes { opening, last: None, tick };
        changes.last = changes.look().await;
        changes
    }

    /// Waits a moment, and returns the resources that changed since the last look.
    pub(super) async fn next(&mut self) -> Vec<&'static str> {
        self.tick.tick().await;
        let Some(now) = self.look().await else { return vec![] };
        let changed = self.last.as_ref().map_or_else(Vec::new, |last| changed(last, &now));
        self.last = Some(now);
        changed
    }

    async fn look(&self) -> Option<Seen> {
        let rooms = self.opening.rooms().await.ok()?;
        seen(&rooms).await.inspect_err(|error| tracing::debug!(%error, "could not look for changes")).ok()
    }
}

fn changed(last: &Seen, now: &Seen) -> Vec<&'static str> {
    let instances = (last.instances != now.instances).then_some(INSTANCES);
    let money = (last.money != now.money || instances.is_some()).then_some(SPENDING);
    instances.into_iter().chain(money).collect()
}

async fn seen(rooms: &Rooms) -> Result<Seen, FlowError> {
    let (instances, spending) = (rooms.open_as_it_is().await?, rooms.get_spending().await?);
    let complaints = rooms.complaints().await?.len();
    Ok(Seen { instances, money: (spending.totals, spending.limits, complaints) })
}
