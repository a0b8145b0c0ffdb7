//! Takes an instance that was made to the point where work can begin: address, SSH, keys, set-up, GPU.

use super::{FlowError, Rooms};
use crate::simulation;
use bursar_core::{
    instance::{Handle, Hop, Instance, InstanceId, SshAt, Stage, View},
    settle::has_failed,
};
use bursar_drivers::{At, Outcome};
use bursar_ssh::{Gpu, SetUp, SetUpState, Target};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Tells whoever waits what is going on, in words.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(&str) + Send + Sync>);

impl Progress {
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Progress {
        Progress(Arc::new(tell))
    }

    pub fn silent() -> Progress {
        Progress::new(|_| ())
    }

    pub fn tell(&self, text: &str) {
        (self.0)(text);
    }
}

/// An instance whose SSH does not answer by then is ended.
const SSH_BY: Duration = Duration::from_secs(15 * 60);
/// One whose set-up has not finished by then is kept, and not ready.
const SET_UP_BY: Duration = Duration::from_secs(30 * 60);
const PAUSE: Duration = Duration::from_secs(2);

impl Rooms {
    /// Waits until an instance is ready, or cannot become so. Goes on where an earlier process stopped.
    pub async fn make_ready(&self, id: &InstanceId, progress: &Progress) -> Result<Instance, FlowError> {
        let Some(_claim) = self.claim(id).await? else {
            return self.wait_for_other(id, progress).await;
        };
        let began = Instant::now();
        let target = self.wait_for_ssh(id, progress, began).await?;
        if simulation::process().is_some() {
            self.write_ready(id).await?;
            return self.require(id).await;
        }
        let instance = self.require(id).await?;
        self.ssh.install_keys(&target, &instance.ssh_keys).await?;
        if self.settings.ssh_key_per_instance {
            self.ssh.own_key(&target).await?;
            self.tell_ssh_of_change().await;
        }
        match self.set_up(&instance, &target, progress, began).await? {
            Ok(()) => {
                self.write_ready(id).await?;
                self.try_self_end(id).await;
                self.require(id).await
            }
            Err(why) => {
                self.note(id, why).await?;
                self.require(id).await
            }
        }
    }

    /// Another flow or process works on it: follow what it writes down.
    async fn wait_for_other(&self, id: &InstanceId, progress: &Progress) -> Result<Instance, FlowError> {
        let (began, mut told) = (Instant::now(), None);
        loop {
            let instance = self.require(id).await?;
            if instance.stage != Stage::Made || began.elapsed() > SET_UP_BY {
                return Ok(instance);
            }
            if told != instance.note {
                progress.tell(instance.note.as_deref().unwrap_or("being made ready"));
                told = instance.note;
            }
            // Asked after the stage was read anew, so that what the other has finished is not done again.
            if let Some(claim) = self.claim(id).await? {
                drop(claim);
                return Box::pin(self.make_ready(id, progress)).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn wait_for_ssh(&self, id: &InstanceId, progress: &Progress, began: Instant) -> Result<Target, FlowError> {
        let mut last = "the provider has named no address yet".to_owned();
        while began.elapsed() < SSH_BY {
            let instance = self.require(id).await?;
            if instance.stage == Stage::Stopping || instance.stage == Stage::Gone {
                return Err(FlowError::failed(
                    format!("`{}` was ended meanwhile", instance.name),
                    "nothing more to do",
                ));
            }
            match self.try_ssh(&instance).await? {
                Ok(target) => return Ok(target),
                Err(why) => last = why,
            }
            progress.tell(&last);
            tokio::time::sleep(PAUSE).await;
        }
        let why = format!("SSH did not answer within {} min: {last}", SSH_BY.as_secs() / 60);
        self.give_up(id, &why).await
    }

    /// Asks the provider and the machine once; the inner error says what is still missing.
    async fn try_ssh(&self, instance: &Instance) -> Result<Result<Target, String>, FlowError> {
        let Some(handle) = &instance.handle else {
            return Ok(Err("the provider has not named it yet".to_owned()));
        };
        let view = match &instance.pending {
            Some(pending) => self.advanced(instance, handle, pending).await?,
            None => self.seen(instance, handle).await?,
        };
        let view = match view {
            Ok(view) => view,
            Err(why) => return Ok(Err(why)),
        };
        if let Some(why) = has_failed(&view) {
            let why = format!("the provider says it failed: {}", if why.is_empty() { "no reason given" } else { why });
            return self.give_up(&instance.id, &why).await;
        }
        if let Some(why) = self.too_dear(&self.require(&instance.id).await?).await? {
            return self.give_up(&instance.id, &why).await;
        }
        let Some(ssh) = view.nodes.first().and_then(|node| node.ssh.clone()) else {
            return Ok(Err(format!("the provider says: {}, no address yet", view.state)));
        };
        self.write_address(&instance.id, ssh.clone()).await?;
        let target = self.target_at(&instance.id, &ssh);
        if let Some(around) = simulation::around() {
            let answers = around.answers_ssh(&target.instance);
            return Ok(answers.then_some(target).ok_or_else(|| "waiting for SSH".to_owned()));
        }
        match self.ssh.answers(&target).await {
            Ok(()) => Ok(Ok(target)),
            Err(error) if error.may_pass() => Ok(Err(format!("waiting for SSH: {error}"))),
            Err(error) => Err(error.into()),
        }
    }

    async fn seen(&self, instance: &Instance, handle: &Handle) -> Result<Result<View, String>, FlowError> {
        let at = At { now: self.clock.now(), tag: Some(instance.tag.clone()) };
        match self.driver(&instance.provider).await?.get_seen(&at, handle).await {
            Ok((view, rate)) => {
                self.note_bill(instance, &view, rate).await?;
                Ok(Ok(view))
            }
            Err(error) => Ok(Err(format!("the provider could not be asked: {error}"))),
        }
    }

    /// Takes an order further that was accepted and is not finished, though its id is known.
    async fn advanced(
        &self,
        instance: &Instance,
        handle: &Handle,
        pending: &str,
    ) -> Result<Result<View, String>, FlowError> {
        let at = At { now: self.clock.now(), tag: Some(instance.tag.clone()) };
        let driver = self.driver(&instance.provider).await?;
        let outcome = driver.advance_made(&at, &instance.order, pending, &handle.id).await.outcome;
        let (view, text) = match outcome {
            Ok(Outcome::Made(view)) => (Some(view), None),
            Ok(Outcome::Pending(text)) => (None, Some(text)),
            Err(error) => return Ok(Err(format!("the provider could not be asked: {error}"))),
        };
        let memo = view.as_ref().map(|view| view.handle.memo.clone());
        let write = |instance: &mut Instance| {
            instance.pending = text;
            if let (Some(handle), Some(memo)) = (&mut instance.handle, memo) {
                handle.memo = memo;
            }
            (vec![], ())
        };
        self.store.change(&instance.id, self.clock.now(), write).await?;
        Ok(view.ok_or_else(|| "the order is accepted and not carried out yet".to_owned()))
    }

    async fn write_address(&self, id: &InstanceId, ssh: SshAt) -> Result<(), FlowError> {
        let write = |instance: &mut Instance| {
            instance.ssh = Some(ssh);
            (vec![], ())
        };
        self.store.change(id, self.clock.now(), write).await?;
        self.tell_ssh_of_change().await;
        Ok(())
    }

    /// Runs the host's own set-up; the inner error says why the instance is kept and not ready.
    async fn set_up(
        &self,
        instance: &Instance,
        target: &Target,
        progress: &Progress,
        began: Instant,
    ) -> Result<Result<(), String>, FlowError> {
        let ask = SetUp { gpu: instance.gpu };
        while began.elapsed() < SET_UP_BY {
            let stage = self.require(&instance.id).await?.stage;
            if stage != Stage::Made && stage != Stage::Ready {
                return Err(FlowError::failed(
                    format!("`{}` was ended meanwhile", instance.name),
                    "nothing more to do",
                ));
            }
            match self.ssh.set_up(target, &ask).await {
                Ok(SetUpState::Done { gpu: Gpu::NotWorking { why }, .. }) if instance.gpu => {
                    return Ok(Err(format!("SSH answers, and the GPU does not work: {why}")));
                }
                Ok(SetUpState::Done { .. }) => return Ok(Ok(())),
                Ok(SetUpState::Failed { step, .. }) => {
                    return Ok(Err(format!("SSH answers, and the set-up failed at {step}")));
                }
                Ok(SetUpState::Running { step, .. }) => progress.tell(&format!("set-up: {step}")),
                Ok(SetUpState::Rebooting) => progress.tell("set-up: the machine restarts for its GPU driver"),
                Err(error) if error.may_pass() => progress.tell(&format!("set-up: {error}")),
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(Err(format!("SSH answers, and the set-up did not finish within {} min", SET_UP_BY.as_secs() / 60)))
    }

    async fn write_ready(&self, id: &InstanceId) -> Result<(), FlowError> {
        let write = |instance: &mut Instance| {
            if instance.stage == Stage::Made {
                instance.stage = Stage::Ready;
                instance.note = None;
            }
            (vec![], ())
        };
        self.store.change(id, self.clock.now(), write).await?;
        tracing::info!(instance = %id, "ready");
        Ok(())
    }

    /// Ends an instance that will never be of use, and says why.
    async fn give_up<T>(&self, id: &InstanceId, why: &str) -> Result<T, FlowError> {
        let stopped = self.stop_claimed(id, why).await?;
        let hint = format!("it was ended, so that it does not cost: {}", stopped.in_words());
        Err(FlowError::failed(why, hint))
    }

    /// Returns the port at which a machine answers that is said to answer at `own`: in practice all machines listen on one port
    /// of their own loopback addresses.
    pub(super) fn ssh_port(&self, own: u16) -> u16 {
        self.settings.practice.as_ref().map_or(own, |practice| practice.ssh_port)
    }

    pub(super) fn target_at(&self, id: &InstanceId, ssh: &SshAt) -> Target {
        let port = |own| self.ssh_port(own);
        let jump = ssh.jump.clone().map(|hop| Hop { port: port(hop.port), ..hop });
        Target { instance: id.to_string(), host: ssh.host.clone(), port: port(ssh.port), user: ssh.user.clone(), jump }
    }
}
