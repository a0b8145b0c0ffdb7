//! Ends one instance of ours: asked at the door, then seen in complete lists. Its hold is freed by those, not by an answer.

use super::{FlowError, Rooms, end_unclaimed::LOOKS_BY, said::Said};
use bursar_core::{
    instance::{Instance, InstanceId, Stage},
    money::Usd,
    settle::{self, Next},
    time::Moment,
};
use bursar_drivers::At;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How the note of an instance begins whose provider did not take its end.
pub const END_NOT_ACCEPTED: &str = "its end was asked and not accepted";

/// How far an end has come.
#[derive(Debug, Clone)]
pub struct Stopped {
    pub instance: Instance,
    pub charged: Usd,
    pub held: Usd,
}

impl Stopped {
    pub fn is_gone(&self) -> bool {
        self.instance.stage == Stage::Gone
    }

    pub fn in_words(&self) -> String {
        let Stopped { instance, charged, held } = self;
        match self.is_gone() {
            true => format!("`{}` is gone; it cost {charged} USD", instance.name),
            false if instance.handle.is_none() => format!(
                "`{}` is in doubt, and there is nothing to end yet: it is ended as soon as its provider lists it, and released \
                 if it never appears; {held} USD stay held until then",
                instance.name
            ),
            false => format!(
                "the end of `{}` is asked and not yet seen; {held} USD stay held until two complete lists are without it, \
                 and the keeper asks again",
                instance.name
            ),
        }
    }
}

impl Rooms {
    /// Ends an instance and waits so long for the provider's lists to show it.
    pub async fn stop_instance(&self, id: &InstanceId, why: &str, wait: Duration) -> Result<Stopped, FlowError> {
        let began = Instant::now();
        let instance = self.require(id).await?;
        self.begin_stop(id, why).await?;
        let (provider, tag) = (&*instance.provider, Some(&instance.tag));
        let asked = format!("`{}`: {why}", instance.name);
        self.say(Said { provider, call: "stop_instance", what: "asked", asked, why: None, tag }).await;
        self.ask_anew(id).await?;
        loop {
            if let Err(error) = self.settle_one(id).await {
                self.note_odd(id, format!("its end could not be taken further: {error}")).await?;
            }
            let stopped = self.stopped(id).await?;
            if stopped.is_gone() || began.elapsed() >= wait {
                return Ok(stopped);
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    }

    /// The same, for a flow that holds the claim already: asks once and looks a few times.
    pub(super) async fn stop_claimed(&self, id: &InstanceId, why: &str) -> Result<Stopped, FlowError> {
        self.begin_stop(id, why).await?;
        for _ in 0..6 {
            self.settle_claimed(id).await?;
            if self.stopped(id).await?.is_gone() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        self.stopped(id).await
    }

    async fn stopped(&self, id: &InstanceId) -> Result<Stopped, FlowError> {
        let totals = self.store.held(id).await?;
        Ok(Stopped { instance: self.require(id).await?, charged: totals.charged, held: totals.held })
    }

    /// Writes down that an instance is to end, before anyone is asked. One in doubt ends as soon as it is found.
    pub(super) async fn begin_stop(&self, id: &InstanceId, why: &str) -> Result<(), FlowError> {
        let (now, note) = (self.clock.now(), why.to_owned());
        self.note_lease(id).await?;
        let begin = |instance: &mut Instance| {
            if !matches!(instance.stage, Stage::Stopping | Stage::Gone) {
                instance.lease.ends = instance.lease.ends.min(now);
                instance.note = Some(note);
                if instance.handle.is_some() {
                    instance.stage = Stage::Stopping;
                }
            }
            (vec![], ())
        };
        self.store.change(id, now, begin).await?;
        self.tell_ssh_of_change().await;
        Ok(())
    }

    /// Whoever asks for an end himself does not wait for the next pause to be over.
    async fn ask_anew(&self, id: &InstanceId) -> Result<(), FlowError> {
        if self.require(id).await?.sightings.end_asked.is_none() {
            return Ok(());
        }
        let anew = |instance: &mut Instance| {
            instance.sightings.end_asked = None;
            (vec![], ())
        };
        self.store.change(id, self.clock.now(), anew).await?;
        Ok(())
    }

    /// Files that jobs were to save are fetched before an asked end, within the lease, which the end cuts short.
    async fn note_lease(&self, id: &InstanceId) -> Result<(), FlowError> {
        let (instance, kept) = (self.require(id).await?, self.kept(id));
        if !matches!(instance.stage, Stage::Stopping | Stage::Gone)
            && kept.save_into().is_some()
            && let Err(error) = kept.lease_until(instance.lease.ends)
        {
            tracing::warn!(instance = %id, %error, "its files have little time to be saved");
        }
        Ok(())
    }

    /// Asks the provider to end an instance, through its driver or without it.
    async fn end(&self, instance: &Instance) -> Result<(), FlowError> {
        let Some(handle) = &instance.handle else { return Ok(()) };
        self.begin_stop(&instance.id, "its lease is over").await?;
        self.keep_before_end(instance).await;
        // Lists without it prove its end only if one showed it before: else they may just lag. An end waits for no list.
        if instance.sightings.seen_at.is_none()
            && let Ok(Err(error)) = timeout(LOOKS_BY, self.observe(&instance.provider)).await
        {
            // The same reason refuses its end, mostly, and is told there.
            tracing::debug!(instance = %instance.id, %error, "could not be listed before its end");
        }
        let now = self.clock.now();
        let count = |instance: &mut Instance| {
            let times = instance.sightings.end_asked.map_or(0, |(times, _)| times);
            instance.sightings.end_asked = Some((times.saturating_add(1), now));
            (vec![], ())
        };
        self.store.change(&instance.id, now, count).await?;
        let at = At { now, tag: Some(instance.tag.clone()) };
        let ended = self.driver(&instance.provider).await?.destroy(&at, handle).await;
        if !ended.accepted {
            let why =
                ended.result.err().map_or_else(|| "the answer did not say so".to_owned(), |error| error.to_string());
            return self.note_odd(&instance.id, format!("{END_NOT_ACCEPTED}: {why}")).await;
        }
        let now = self.clock.now();
        let accept = |instance: &mut Instance| {
            instance.sightings.end_accepted_at = Some(now);
            instance.sightings.absent_at.clear();
            instance.note = instance.note.take().filter(|note| !note.starts_with(END_NOT_ACCEPTED));
            (vec![], ())
        };
        self.store.change(&instance.id, now, accept).await?;
        tracing::info!(instance = %instance.id, by_host = ended.by_host, "its end was accepted");
        Ok(())
    }

    /// Notes what is odd, and logs it once, however often it is tried again.
    async fn note_odd(&self, id: &InstanceId, text: String) -> Result<(), FlowError> {
        if self.require(id).await?.note.as_ref() != Some(&text) {
            tracing::warn!(instance = %id, "{text}");
            self.note(id, text).await?;
        }
        Ok(())
    }

    /// Takes one instance as far as it can go now, unless another flow or process acts on it.
    pub(super) async fn settle_one(&self, id: &InstanceId) -> Result<(), FlowError> {
        match self.claim(id).await? {
            Some(_claim) => self.settle_claimed(id).await,
            None => Ok(()),
        }
    }

    /// Follows the plan until it says to rest or to wait.
    pub(super) async fn settle_claimed(&self, id: &InstanceId) -> Result<(), FlowError> {
        let mut listed = false;
        let before = self.require(id).await?;
        self.look_at_overrun(&before, self.clock.now()).await?;
        loop {
            let instance = self.require(id).await?;
            match settle::plan(&instance, self.clock.now()) {
                Next::Rest | Next::Wait { .. } => return Ok(()),
                Next::End => {
                    self.end(&instance).await?;
                    if self.require(id).await?.sightings.end_accepted_at.is_none() {
                        return Ok(());
                    }
                }
                Next::List { not_before } if not_before > self.clock.now() || listed => return Ok(()),
                Next::List { .. } => {
                    listed = true;
                    self.look(&instance).await?;
                }
                Next::NeverMade => {
                    self.close_never_made(id, "two complete lists after it could no longer appear").await?;
                }
                Next::Gone { since } => self.close_gone(&instance, since).await?,
            }
        }
    }

    /// Takes a create further that is pending, and looks for it in the list of its account.
    async fn look(&self, instance: &Instance) -> Result<(), FlowError> {
        if let (Some(pending), None) = (&instance.pending, &instance.handle) {
            let at = At { now: self.clock.now(), tag: Some(instance.tag.clone()) };
            let asked = self.driver(&instance.provider).await?.advance(&at, &instance.order, pending).await;
            self.write_made(&instance.id, &asked).await?;
        }
        self.observe(&instance.provider).await?;
        Ok(())
    }

    /// Charges what an ended instance cost and frees the rest of its hold.
    async fn close_gone(&self, instance: &Instance, since: Moment) -> Result<(), FlowError> {
        let totals = self.store.held(&instance.id).await?;
        let close = |instance: &mut Instance| {
            instance.stage = Stage::Gone;
            (settle::gone(instance, totals, since), ())
        };
        self.store.change(&instance.id, self.clock.now(), close).await?;
        self.ssh.forget(&instance.id.0);
        self.tell_ssh_of_change().await;
        tracing::info!(instance = %instance.id, "gone; charged and released");
        Ok(())
    }
}
