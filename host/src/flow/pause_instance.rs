//! Pauses an instance where that costs less, and lets it run again. Running again is a spend of its own: decided and written
//! in one step under the limits of now, though its whole cost stayed held meanwhile. Only knowledge frees money, and what is
//! paused may cost more than it says.

use super::{FlowError, InstanceState, Rooms, said::Said};
use bursar_core::{
    decide::decide_longer,
    extend::again,
    instance::{Instance, Stage},
    ledger::{Refusal, Standing, Totals},
};
use bursar_drivers::{At, Left, Resumed};
use bursar_store::{Longer, ReserveError};

impl Rooms {
    /// Pauses an instance of ours, where its driver can. Its lease goes on, and ends it.
    pub async fn pause_instance(&self, principal: &str, name: &str) -> Result<InstanceState, FlowError> {
        let instance = self.named(principal, name).await?;
        let handle = match (&instance.handle, instance.stage) {
            (Some(handle), Stage::Made | Stage::Ready) => handle,
            _ => {
                let what = format!("`{}` cannot be paused: it is {}", instance.name, instance.stage);
                return Err(FlowError::refused(what, "only an instance that its provider has named can be"));
            }
        };
        let driver = self.driver(&instance.provider).await?;
        let at = At { now: self.clock.now(), tag: Some(instance.tag.clone()) };
        driver.pause(&at, handle).await?;
        let rate = instance.price.per_hour_paused;
        self.note(&instance.id, format!("paused; it still costs {rate} USD/h, and its lease goes on")).await?;
        self.state_of(self.require(&instance.id).await?, None).await
    }

    /// Lets a paused instance of ours run again.
    pub async fn resume_instance(&self, principal: &str, name: &str) -> Result<InstanceState, FlowError> {
        let instance = self.named(principal, name).await?;
        again(&instance, self.clock.now())?;
        if let Some((_, why)) = self.store.frozen().await? {
            let what = format!("the owner froze all spending ({why})");
            return Err(FlowError::refused(what, "only `bursar thaw` lifts it"));
        }
        let Some(handle) = instance.handle.clone() else {
            let what = format!("`{}` has no name at its provider yet", instance.name);
            return Err(FlowError::refused(what, "see get_instance (`bursar ls`)"));
        };
        self.ensure_keeper().await?;
        let instance = self.hold_again(principal, instance).await?;
        let at = At { now: self.clock.now(), tag: Some(instance.tag.clone()) };
        let Resumed { left, result } = self.driver(&instance.provider).await?.resume(&at, &handle).await;
        match (left, result) {
            (Left::Nothing | Left::Refused { .. }, Err(error)) => return Err(error.into()),
            (_, Ok(())) => self.runs_again(&instance, "resumed").await?,
            (_, Err(error)) => {
                self.runs_again(&instance, "asked to run again, and no clear answer came").await?;
                let hint = "look with get_instance before you ask again; its whole cost is held either way";
                let (instance, what) = (instance.id.to_string(), format!("it may run again: {error}"));
                return Err(FlowError::InDoubt { instance, what, hint: hint.to_owned() });
            }
        }
        self.state_of(self.require(&instance.id).await?, None).await
    }

    /// Decides on the whole of it once more, and holds what may be missing.
    async fn hold_again(&self, principal: &str, instance: Instance) -> Result<Instance, FlowError> {
        let account = self.account_of(&instance).await?;
        let (limits, now) = (self.limits().await?, self.clock.now());
        let lookback = self.lookback(&limits, &account, principal);
        let mut over = None;
        let decided = |standing: &Standing, instance: &Instance, _: Totals| match again(instance, now) {
            Ok(quote) => {
                decide_longer(&limits, standing, &quote, &account, principal, now)?;
                let extending = instance.lease.extending.clone();
                Ok(Longer { ends: instance.lease.ends, hold: quote.hold, extending })
            }
            Err(error) => {
                over = Some(error);
                Err(Refusal { over: vec![] })
            }
        };
        let written = self.store.extend(&instance.id, now, &lookback, decided).await;
        let refused = over.as_ref().map(ToString::to_string).or(written.as_ref().err().map(ToString::to_string));
        self.say(Said {
            provider: &instance.provider,
            call: "resume_instance",
            what: if refused.is_none() { "allowed" } else { "denied" },
            asked: format!("`{}` runs again", instance.name),
            why: refused,
            tag: Some(&instance.tag),
        })
        .await;
        if let Some(error) = over {
            return Err(error.into());
        }
        match written {
            Ok(instance) => Ok(instance),
            Err(ReserveError::Refused(refusal)) => Err(self.with_places(refusal).await?.into()),
            Err(ReserveError::NameTaken(_)) => Err(FlowError::failed("the name is taken", "report this")),
            Err(ReserveError::Store(error)) => Err(error.into()),
        }
    }

    /// It is ready again only when SSH answers again, perhaps elsewhere.
    async fn runs_again(&self, instance: &Instance, note: &str) -> Result<(), FlowError> {
        let again = |instance: &mut Instance| {
            if instance.stage == Stage::Ready {
                instance.stage = Stage::Made;
            }
            instance.ssh = None;
            instance.note = Some(note.to_owned());
            (vec![], ())
        };
        self.store.change(&instance.id, self.clock.now(), again).await?;
        Ok(())
    }
}
