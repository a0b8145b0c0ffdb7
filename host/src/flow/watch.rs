//! The keeper's work, in the keeper and in every server that lives: settle what is in doubt, end what is due, take further
//! what was interrupted. No instance waits for another: each has a task of its own.

use super::{FlowError, Rooms, keep::Minder, make_ready::Progress, self_end::clock_is_off, worker};
use crate::clock::Clock;
use bursar_core::{
    instance::{Instance, InstanceId, Stage},
    settle::{self, Next},
};
use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// How often the watch looks at the ledger. It reads the clock anew each time, so a computer that slept ends at once
/// what became due meanwhile.
pub(super) const ROUND: Duration = Duration::from_secs(3);
/// How often it is looked whether an account is to be held against the ledger.
const LOOKS: Duration = Duration::from_secs(10);
/// How often a machine's own clock is tried to be moved.
const CLOCKS: Duration = Duration::from_secs(60);

/// What one round of settling found to do.
#[derive(Debug, Default)]
pub struct Round {
    pub settled: Vec<Instance>,
    pub open: Vec<Instance>,
    pub problems: Vec<(InstanceId, String)>,
}

impl Rooms {
    /// Takes every open instance as far as it can go now. What a living process acts on is left to it.
    pub async fn settle(&self) -> Result<Round, FlowError> {
        let mut round = Round::default();
        self.keep_all_due().await?;
        for instance in self.store.open_instances().await? {
            if settle::plan(&instance, self.clock.now()) == Next::Rest {
                round.open.push(instance);
                continue;
            }
            if let Err(error) = self.settle_one(&instance.id).await {
                tracing::warn!(instance = %instance.id, %error, "could not be settled");
                round.problems.push((instance.id.clone(), error.to_string()));
            }
            let now = self.require(&instance.id).await?;
            match now.stage {
                Stage::Gone => round.settled.push(now),
                _ => round.open.push(now),
            }
        }
        Ok(round)
    }

    /// Settles what earlier processes left unfinished. Quick where there is nothing of the kind: no provider is asked.
    pub async fn settle_left_behind(&self) -> Result<(), FlowError> {
        let now = self.clock.now();
        let unfinished = |instance: &Instance| settle::plan(instance, now) != Next::Rest;
        if self.store.open_instances().await?.iter().any(unfinished) {
            self.settle().await?;
        }
        Ok(())
    }

    /// Watches until the process ends, beside the keeper: what neither acts on, the other may.
    pub async fn watch(self) {
        let mut watch = Watch::default();
        if let Err(error) = self.lend_for_open().await {
            watch.complain(&error, "the keeper was not lent this process's keys");
        }
        loop {
            if let Err(error) = self.replace_keeper().await {
                watch.complain(&error, "no keeper lives, and none could be started");
            }
            if let Err(error) = watch.round(&self, true).await {
                watch.complain(&error, "the watch could not read the ledger");
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Makes ready again what a process left that died before.
    fn make_ready_again(&self, id: &InstanceId) {
        let (rooms, id) = (self.clone(), id.clone());
        crate::task::spawn(async move {
            if let Err(error) = rooms.make_ready(&id, &Progress::silent()).await {
                tracing::warn!(instance = %id, %error, "could not be made ready");
            }
        });
    }
}

/// What a watch remembers from round to round. The ledger is asked each time; while it cannot be read, what was open
/// last is still ended.
#[derive(Default)]
pub(super) struct Watch {
    busy: HashMap<InstanceId, JoinHandle<()>>,
    helped: HashSet<InstanceId>,
    minder: Minder,
    /// Clocks on machines that are being set, and when that began.
    clocks: HashMap<InstanceId, (Instant, JoinHandle<()>)>,
    /// Looks at what accounts took, and when it began.
    looking: Option<(Instant, JoinHandle<()>)>,
    last: Vec<Instance>,
    /// The complaint that was written last, so that it is written once.
    complained: String,
}

impl Watch {
    /// Looks at everything once and returns how much is open. Work goes on behind it.
    pub(super) async fn round(&mut self, rooms: &Rooms, makes_ready: bool) -> Result<usize, FlowError> {
        let read = rooms.store.open_instances().await;
        self.busy.retain(|_, task| !task.is_finished());
        let open = match read {
            Ok(open) => open,
            Err(error) => {
                self.end_from_memory(rooms);
                return Err(error.into());
            }
        };
        let boot_ends = rooms.store.boot_ends(&worker::boot()).await.unwrap_or_default();
        let now = rooms.clock.now();
        for instance in &open {
            let by_boot = boot_ends.get(&instance.id).is_some_and(|ends| Clock::boot_secs() >= *ends);
            let running = matches!(instance.stage, Stage::Made | Stage::Ready);
            if by_boot && running && !instance.lease.is_due(now) {
                tracing::warn!(instance = %instance.id, "its lease is over by the clock of this boot; the time of day was set back");
                rooms.begin_stop(&instance.id, "its lease is over").await?;
            }
            let rests = matches!(settle::plan(instance, now), Next::Rest) && !by_boot;
            if !rests && !self.busy.contains_key(&instance.id) {
                let task = crate::task::spawn(rooms.clone().settle_or_end(instance.clone()));
                self.busy.insert(instance.id.clone(), task);
            }
        }
        if makes_ready {
            self.go_on(rooms, &open);
        }
        self.minder.look(rooms, &open);
        self.set_clocks(rooms, &open);
        if self.looking.as_ref().is_none_or(|(began, task)| task.is_finished() && began.elapsed() >= LOOKS) {
            self.looking = Some((Instant::now(), crate::task::spawn(rooms.clone().look_at_accounts())));
        }
        self.complained.clear();
        self.last = open;
        Ok(self.last.len())
    }

    /// A machine whose own clock was not moved with its lease is asked again, now and then.
    fn set_clocks(&mut self, rooms: &Rooms, open: &[Instance]) {
        self.clocks.retain(|_, (began, _)| began.elapsed() < CLOCKS);
        for instance in open.iter().filter(|instance| clock_is_off(instance)) {
            let (rooms, id) = (rooms.clone(), instance.id.clone());
            let set = || tokio::spawn(async move { rooms.try_self_end(&id).await });
            self.clocks.entry(instance.id.clone()).or_insert_with(|| (Instant::now(), set()));
        }
    }

    /// The ledger cannot be read: what was open when it last could is ended when it is due.
    fn end_from_memory(&mut self, rooms: &Rooms) {
        let now = rooms.clock.now();
        for instance in self.last.iter().filter(|instance| instance.lease.is_due(now)) {
            if !self.busy.contains_key(&instance.id) {
                let task = crate::task::spawn(rooms.clone().end_unclaimed(instance.clone()));
                self.busy.insert(instance.id.clone(), task);
            }
        }
    }

    /// Starts again the making-ready of instances whose process died before they were.
    fn go_on(&mut self, rooms: &Rooms, open: &[Instance]) {
        let made = |id: &InstanceId| open.iter().any(|instance| instance.id == *id && instance.stage == Stage::Made);
        // One that became ready and was restarted is helped again.
        self.helped.retain(made);
        for instance in open.iter().filter(|instance| instance.stage == Stage::Made) {
            if self.helped.insert(instance.id.clone()) {
                rooms.make_ready_again(&instance.id);
            }
        }
    }

    /// Waits a moment for what is being done.
    pub(super) async fn finish(&mut self) {
        for task in std::mem::take(&mut self.busy).into_values() {
            drop(tokio::time::timeout(Duration::from_secs(30), task).await);
        }
    }

    fn complain(&mut self, error: &FlowError, what: &str) {
        let text = format!("{what}: {error}");
        if self.complained != text {
            tracing::error!("{text}");
            self.complained = text;
        }
    }
}
