//! The keeper's work while this process lives: settle what is in doubt, end what is due, take further what was interrupted.

use super::{FlowError, Rooms, keep::Minder, make_ready::Progress};
use bursar_core::{
    instance::{Instance, InstanceId, Stage},
    settle::{self, Next},
};
use std::{collections::HashSet, time::Duration};

/// How often the watch looks at the ledger. It reads the clock anew each time, so a computer that slept ends at once
/// what became due meanwhile.
const ROUND: Duration = Duration::from_secs(3);

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

    /// Watches until the process ends.
    pub async fn watch(self) {
        let mut helped = HashSet::new();
        let mut minder = Minder::default();
        loop {
            match self.settle().await {
                Ok(round) => {
                    self.go_on(&round.open, &mut helped);
                    minder.look(&self, &round.open);
                }
                Err(error) => tracing::error!(%error, "the watch could not read the ledger"),
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Starts again the making-ready of instances whose process died before they were.
    fn go_on(&self, open: &[Instance], helped: &mut HashSet<InstanceId>) {
        let made = |id: &InstanceId| open.iter().any(|instance| instance.id == *id && instance.stage == Stage::Made);
        // One that became ready and was restarted is helped again.
        helped.retain(made);
        for instance in open.iter().filter(|instance| instance.stage == Stage::Made) {
            if !helped.insert(instance.id.clone()) {
                continue;
            }
            let (rooms, id) = (self.clone(), instance.id.clone());
            tokio::spawn(async move {
                if let Err(error) = rooms.make_ready(&id, &Progress::silent()).await {
                    tracing::warn!(instance = %id, %error, "could not be made ready");
                }
            });
        }
    }
}
