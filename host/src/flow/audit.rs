//! The trail of the door: what the drivers' room tells is written to the store beside the calls, in batches, and read back
//! for the owner. A trail that cannot be written stops no end and no answer; it is said aloud.

use super::{FlowError, Rooms, last_word::LastWord};
use crate::clock::Clock;
use bursar_core::time::Moment;
use bursar_drivers::{Audit, Counters, DoorEvent, SpendAsk, What};
use bursar_store::{AuditCount, AuditLine, Store};
use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Lines that may wait for the disk. What comes on top of that is lost, and counted.
const WAITING_MAX: usize = 4_096;
const BATCH_MAX: usize = 256;
/// How long a call waits for its lines to be on disk.
const KEPT_BY: Duration = Duration::from_secs(5);
/// `doctor` looks back so far.
const RECENT_SECS: u64 = 24 * 3_600;
/// And at so many lines.
const RECENT_MAX: u32 = 1_000;

/// Takes events at the door and writes them behind it.
pub(super) struct Trail {
    sender: mpsc::Sender<Line>,
    lost: AtomicU64,
    last_word: LastWord,
}

enum Line {
    Event(Box<AuditLine>),
    /// Answered when everything before it is written.
    Mark(oneshot::Sender<()>),
}

impl Trail {
    pub(super) fn begin(store: Store, clock: Clock) -> Trail {
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        let last_word = LastWord::new(store.clone(), clock);
        crate::task::spawn(write(store, waiting));
        Trail { sender, lost: AtomicU64::new(0), last_word }
    }
}

impl Audit for Trail {
    fn note(&self, event: DoorEvent) {
        if self.sender.try_send(Line::Event(Box::new(line(event)))).is_err() {
            let lost = self.lost.fetch_add(1, Relaxed) + 1;
            if lost.is_power_of_two() {
                tracing::error!(lost, "lines of the door's trail are lost: the disk does not keep up");
            }
        }
    }

    fn may_spend(&self, spend: SpendAsk) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(self.last_word.may_spend(spend))
    }

    fn kept(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let (mark, written) = oneshot::channel();
            let kept = timeout(KEPT_BY, async {
                let sent = self.sender.send(Line::Mark(mark)).await;
                if sent.is_ok() {
                    // Dropped without an answer: the writer has said why.
                    drop(written.await);
                }
            });
            if kept.await.is_err() {
                tracing::warn!(waited = ?KEPT_BY, "the door's trail is written late");
            }
        })
    }
}

async fn write(store: Store, mut waiting: mpsc::Receiver<Line>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let (mut lines, mut marks) = (vec![], vec![]);
        for line in batch.drain(..) {
            match line {
                Line::Event(line) => lines.push(*line),
                Line::Mark(mark) => marks.push(mark),
            }
        }
        if !lines.is_empty()
            && let Err(error) = store.append_audit(&lines).await
        {
            tracing::error!(%error, lines = lines.len(), "the door's trail could not be written");
        }
        for mark in marks {
            // Whoever waited may be gone.
            let _ = mark.send(());
        }
    }
}

fn line(event: DoorEvent) -> AuditLine {
    let DoorEvent { at, driver, call, route, effect, tag, provider_id, what } = event;
    let name = what.name().to_owned();
    let (mut status, mut cause, mut asked, mut why, mut way) = (None, None, None, None, None);
    match what {
        What::Left => {}
        What::Answered { status: answered } => status = Some(answered),
        What::Refused { cause: c, asked: a, why: w, grant } => {
            (cause, asked, why, way) = (Some(c.name().to_owned()), Some(a), Some(w), Some(grant));
        }
        What::NotSent(text) | What::MaybeSent(text) => why = Some(text),
    }
    let (call, effect) = (call.to_owned(), effect.map(str::to_owned));
    AuditLine {
        at,
        driver,
        call,
        route,
        effect,
        tag,
        provider_id,
        what: name,
        status,
        cause,
        asked,
        why,
        way,
        who: None,
    }
}

/// What the door counted of one driver: in this process, and in the trail since the ledger began.
#[derive(Debug, Clone, Default)]
pub struct DoorCounts {
    pub process: Counters,
    /// `left`, `answered`, `refused`, `not_sent`, `maybe_sent` → how often; reads that were answered are not in it.
    pub trail: BTreeMap<String, u64>,
    /// Cause → how often.
    pub refused: BTreeMap<String, u64>,
}

impl Rooms {
    /// Returns the last lines of the door's trail, newest first.
    pub async fn audit(&self, limit: u32) -> Result<Vec<AuditLine>, FlowError> {
        Ok(self.store.audit(limit).await?)
    }

    /// Returns what the door counted, by driver.
    pub async fn door_counts(&self) -> Result<BTreeMap<String, DoorCounts>, FlowError> {
        let mut counts: BTreeMap<String, DoorCounts> = BTreeMap::new();
        for AuditCount { driver, what, cause, count, .. } in self.store.audit_counts(Moment(0)).await? {
            let counts = counts.entry(driver).or_default();
            *counts.trail.entry(what).or_default() += count;
            if let Some(cause) = cause {
                *counts.refused.entry(cause).or_default() += count;
            }
        }
        for (driver, process) in self.drivers.counters() {
            counts.entry(driver).or_default().process = process;
        }
        Ok(counts)
    }

    /// Returns the last refusal of each driver that the door stopped lately, and how often it did.
    pub(super) async fn stopped_lately(&self) -> Result<Vec<(u64, AuditLine)>, FlowError> {
        let since = Moment(self.clock.now().0.saturating_sub(RECENT_SECS));
        let mut stopped: BTreeMap<String, u64> = BTreeMap::new();
        for count in self.store.audit_counts(since).await? {
            // A missing key is the owner's to store, and `doctor` says so elsewhere.
            if count.what == "refused" && count.cause.as_deref() != Some("credential") {
                *stopped.entry(count.driver).or_default() += count.count;
            }
        }
        if stopped.is_empty() {
            return Ok(vec![]);
        }
        let recent = self.audit(RECENT_MAX).await?;
        let last = |driver: &str| {
            recent.iter().find(|line| {
                line.driver == driver && line.what == "refused" && line.cause.as_deref() != Some("credential")
            })
        };
        Ok(stopped.into_iter().filter_map(|(driver, n)| Some((n, last(&driver)?.clone()))).collect())
    }
}
