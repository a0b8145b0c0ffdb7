//! Fetches what would be lost with a machine, before its end is asked: the logs of its jobs, and the files that they were to
//! save. It has a bounded time, and nothing that goes wrong here holds up or prevents an end.

use super::{
    FlowError, Rooms,
    kept::{Kept, Saved},
    kept_log::{HEAD_MAX, TAIL_MAX},
    save_files::Which,
};
use bursar_core::{
    instance::{Instance, InstanceId, Stage},
    settle::{self, Next},
};
use bursar_ssh::{JobSummary, LogPart, Target};
use std::{collections::HashMap, fs::File, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// For the logs of all jobs of one instance.
const LOGS: Duration = Duration::from_secs(20);
/// The same where the lease is over: the end comes in time, and most was fetched before it.
const LOGS_WHEN_DUE: Duration = Duration::from_secs(8);
/// How often is looked whether a job with files to save has ended.
const LOOK: Duration = Duration::from_secs(10);
pub(super) const JOBS_MAX: usize = 64;
const PIECE: u64 = 1 << 20;

impl Rooms {
    /// Fetches all that can be fetched within its time, once. A due end has little left: most files were fetched before it.
    pub(super) async fn keep_before_end(&self, instance: &Instance) {
        let kept = self.kept(&instance.id);
        let Some(ssh) = instance.ssh.as_ref().filter(|_| kept.exists() && !kept.is_closed()) else { return };
        let bound = self.time_before_end(instance, &kept);
        let target = self.target_at(&instance.id, ssh);
        let all = async {
            self.keep_logs(instance, &target, &kept).await?;
            let _lock = lock(&kept).await;
            self.fetch_saves(instance, &target, Which::All).await
        };
        let how = match timeout(bound, all).await {
            Ok(Ok(())) => "all of it".to_owned(),
            Ok(Err(error)) => format!("what came until {error}"),
            Err(_) => format!("what came within {} s", bound.as_secs()),
        };
        tracing::info!(instance = %instance.id, how, "what its jobs wrote is kept");
        if let Err(error) = kept.close(&how) {
            tracing::warn!(instance = %instance.id, %error, "it may be fetched once more");
        }
        if let Err(error) = kept.prune() {
            tracing::warn!(%error, "what was kept of older machines could not be cleared away");
        }
    }

    /// An end that was asked leaves time for files to be saved, as much as the lease still had.
    fn time_before_end(&self, instance: &Instance, kept: &Kept) -> Duration {
        if instance.stage != Stage::Stopping {
            return LOGS_WHEN_DUE;
        }
        let asked = kept.save_into().is_some();
        let left = kept.lease_ends().filter(|_| asked).map_or(0, |ends| ends.since(self.clock.now()));
        Duration::from_secs(left.min(self.settings.save_secs)).max(LOGS)
    }

    /// The same for every instance whose end comes now, all at once: none waits for the machine of another.
    pub(super) async fn keep_all_due(&self) -> Result<(), FlowError> {
        let now = self.clock.now();
        let open = self.store.open_instances().await?;
        let due = open.iter().filter(|instance| settle::plan(instance, now) == Next::End);
        futures::future::join_all(due.map(|instance| self.keep_before_end(instance))).await;
        Ok(())
    }

    /// Fetches the end of every log, and then its beginning, so that what counts most comes first.
    async fn keep_logs(&self, instance: &Instance, target: &Target, kept: &Kept) -> Result<(), FlowError> {
        let mut jobs = self.ssh.list_jobs(target).await?;
        jobs.sort_by_key(|job| std::cmp::Reverse(job.started_at));
        jobs.truncate(JOBS_MAX);
        for job in &jobs {
            let piece = self.ssh.read_log(target, &job.name, LogPart::Tail, Duration::ZERO).await?;
            self.note_seen(&instance.id, &piece);
        }
        for job in &jobs {
            self.keep_rest(instance, target, kept, job).await?;
        }
        Ok(())
    }

    async fn keep_rest(
        &self,
        instance: &Instance,
        target: &Target,
        kept: &Kept,
        job: &JobSummary,
    ) -> Result<(), FlowError> {
        let read = |offset: u64, max: u64| {
            self.ssh.read_log(target, &job.name, LogPart::From { offset, max: max.min(PIECE) }, Duration::ZERO)
        };
        loop {
            let have = kept.have(job);
            let missing = HEAD_MAX.min(have.tail).saturating_sub(have.head);
            if missing == 0 {
                break;
            }
            let piece = read(have.head, missing).await?;
            self.note_seen(&instance.id, &piece);
            // Another job has the name by now, or this disk takes no more.
            if kept.have(job).head == have.head {
                return Ok(());
            }
        }
        let have = kept.have(job);
        let first = have.end.saturating_sub(TAIL_MAX).max(have.head);
        let mut bytes = Vec::new();
        while first + (bytes.len() as u64) < have.tail {
            let from = first + bytes.len() as u64;
            let piece = read(from, have.tail - from).await?;
            if piece.bytes.is_empty() || piece.job.run != job.run {
                return Ok(());
            }
            bytes.extend_from_slice(&piece.bytes);
        }
        if let Err(error) = kept.note_before(job, first, &bytes, self.clock.now()) {
            tracing::warn!(instance = %instance.id, job = job.name, %error, "the middle of its log could not be kept");
        }
        Ok(())
    }

    /// Before a due end: fetches files and logs while the machine still has its time.
    pub(super) async fn keep_early(&self, instance: &Instance) {
        let kept = self.kept(&instance.id);
        let left = Duration::from_secs(instance.lease.ends.since(self.clock.now()));
        let Some(ssh) = instance.ssh.as_ref().filter(|_| kept.exists() && !kept.is_closed()) else { return };
        let target = self.target_at(&instance.id, ssh);
        let Ok(Some(_lock)) = kept.try_lock() else { return };
        let all = async {
            self.keep_logs(instance, &target, &kept).await?;
            self.fetch_saves(instance, &target, Which::All).await
        };
        match timeout(left, all).await {
            Ok(Ok(())) => tracing::debug!(instance = %instance.id, "what its jobs wrote is kept before its end"),
            Ok(Err(error)) => {
                tracing::warn!(instance = %instance.id, %error, "not all of its jobs' output is kept yet")
            }
            Err(_) => tracing::warn!(instance = %instance.id, "its time was over before all was fetched"),
        }
    }

    /// Fetches what the ended jobs of an instance were to save, and returns what became of the paths of one.
    pub async fn save_now(&self, principal: &str, name: &str, job: &str) -> Result<Vec<Saved>, FlowError> {
        let instance = self.named(principal, name).await?;
        let kept = self.kept(&instance.id);
        let live = instance.ssh.as_ref().filter(|_| matches!(instance.stage, Stage::Made | Stage::Ready));
        if let (Some(ssh), true) = (live, kept.save_into().is_some()) {
            let _lock = lock(&kept).await;
            self.fetch_saves(&instance, &self.target_at(&instance.id, ssh), Which::Ended).await?;
        }
        let run = kept.jobs().into_iter().find(|known| known.name == job).map(|known| known.run);
        Ok(run.map_or_else(Vec::new, |run| kept.saved(job, &run)))
    }

    /// Fetches in the background what jobs that have ended were to save.
    pub(super) fn save_soon(&self, instance: &Instance) {
        let kept = self.kept(&instance.id);
        let Some(ssh) = instance.ssh.clone().filter(|_| kept.save_into().is_some()) else { return };
        let (rooms, instance) = (self.clone(), instance.clone());
        crate::task::spawn(async move {
            let Ok(Some(_lock)) = kept.try_lock() else { return };
            let target = rooms.target_at(&instance.id, &ssh);
            if let Err(error) = rooms.fetch_saves(&instance, &target, Which::Ended).await {
                tracing::warn!(instance = %instance.id, %error, "files of its jobs are not saved yet");
            }
        });
    }
}

/// Looks after jobs while the watch goes round: what ended ones were to save is fetched soon, everything before a due end.
#[derive(Default)]
pub(super) struct Minder {
    looked: HashMap<InstanceId, Instant>,
}

impl Minder {
    pub(super) fn look(&mut self, rooms: &Rooms, open: &[Instance]) {
        self.looked.retain(|id, _| open.iter().any(|instance| instance.id == *id));
        let now = rooms.clock.now();
        for instance in open.iter().filter(|instance| instance.stage == Stage::Ready && !instance.lease.is_due(now)) {
            let kept = rooms.kept(&instance.id);
            let saves = kept.save_into().is_some();
            let early = if saves { rooms.settings.save_secs } else { LOGS.as_secs() };
            let ends_soon = instance.lease.ends.since(now) <= early;
            let pause = match (ends_soon, kept.awaits_files()) {
                (true, _) => LOGS,
                (false, true) => LOOK,
                // A start whose answer got lost is found, too.
                (false, false) => 6 * LOOK,
            };
            let lately = self.looked.get(&instance.id).is_some_and(|last| last.elapsed() < pause);
            if lately || !kept.exists() || !(saves || ends_soon) {
                continue;
            }
            self.looked.insert(instance.id.clone(), Instant::now());
            if ends_soon {
                let (rooms, instance) = (rooms.clone(), instance.clone());
                crate::task::spawn(async move { rooms.keep_early(&instance).await });
            } else {
                rooms.save_soon(instance);
            }
        }
    }
}

/// Waits for the right to fetch files: no file is fetched twice at once.
async fn lock(kept: &Kept) -> Option<File> {
    loop {
        match kept.try_lock() {
            Ok(None) => sleep(Duration::from_millis(200)).await,
            locked => return locked.ok().flatten(),
        }
    }
}
