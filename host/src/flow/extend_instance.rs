//! Makes a lease longer: a spend of its own. Decided and written in one step with the move of the end, so that neither a stop
//! nor another extension can come in between.

use super::{FlowError, InstanceState, Rooms, said::Said};
use bursar_core::{
    decide::{AccountView, decide_longer},
    extend::{NotLonger, longer},
    instance::Instance,
    ledger::{Refusal, Standing, Totals},
    time::human,
};
use bursar_store::{Longer, ReserveError};

/// What came of asking for a longer lease.
#[derive(Debug, Clone)]
pub struct Extended {
    pub state: InstanceState,
    /// It was so long already: nothing was held and nothing moved.
    pub repeated: bool,
}

impl Rooms {
    /// Makes the whole lease of an instance so long, counted from its begin.
    pub async fn extend_instance(&self, principal: &str, name: &str, whole_secs: u64) -> Result<Extended, FlowError> {
        let instance = self.named(principal, name).await?;
        if longer(&instance, whole_secs, self.clock.now())?.is_none() {
            return Ok(Extended { state: self.state_of(instance, None).await?, repeated: true });
        }
        if let Some((_, why)) = self.store.frozen().await? {
            return Err(FlowError::refused(
                format!("the owner froze all spending ({why})"),
                "only `bursar thaw` lifts it",
            ));
        }
        self.ensure_keeper().await?;
        let account = self.account_of(&instance).await?;
        let (limits, now) = (self.limits().await?, self.clock.now());
        let lookback = self.lookback(&limits, &account, principal);
        // Known by now to be a refusal of the limits, or of the instance as it stands in this very moment.
        let mut not_longer = None;
        let decided = |standing: &Standing, instance: &Instance, _: Totals| match longer(instance, whole_secs, now) {
            Ok(Some(quote)) => {
                decide_longer(&limits, standing, &quote, &account, principal, now)?;
                Ok(Longer { ends: instance.lease.begins.after(whole_secs), hold: quote.hold })
            }
            Ok(None) => Ok(Longer { ends: instance.lease.ends, hold: instance.lease.hold }),
            Err(error) => {
                not_longer = Some(error);
                Err(Refusal { over: vec![] })
            }
        };
        let written = self.store.extend(&instance.id, now, &lookback, decided).await;
        let refused = match (&not_longer, &written) {
            (Some(error), _) => Some(error.to_string()),
            (None, Err(error)) => Some(error.to_string()),
            (None, Ok(_)) => None,
        };
        self.say(Said {
            who: principal,
            provider: &instance.provider,
            call: "extend_instance",
            what: if refused.is_none() { "allowed" } else { "denied" },
            asked: format!("`{}`: a whole lease of {}", instance.name, human(whole_secs)),
            why: refused,
            tag: Some(&instance.tag),
        })
        .await;
        if let Some(error) = not_longer {
            return Err(error.into());
        }
        let instance = match written {
            Ok(instance) => instance,
            Err(ReserveError::Refused(refusal)) => return Err(self.with_places(refusal).await?.into()),
            Err(ReserveError::NameTaken(_)) => return Err(FlowError::failed("the name is taken", "report this")),
            Err(ReserveError::Store(error)) => return Err(error.into()),
        };
        let (boot, ends) = super::keeper::boot_end(instance.lease.ends.since(now));
        self.store.set_boot_end(&instance.id, &boot, ends).await?;
        self.try_self_end(&instance.id).await;
        Ok(Extended { state: self.state_of(instance, None).await?, repeated: false })
    }

    /// Asks what else lives on the account that an extension is paid from.
    async fn account_of(&self, instance: &Instance) -> Result<AccountView, FlowError> {
        let driver = self.driver(&instance.provider).await?;
        let position = self.store.position().await?;
        let account = driver.account(&self.at()).await?;
        if account.identity != instance.account {
            let what = format!(
                "`{}` is on account {}, and the key is of {}",
                instance.name, instance.account, account.identity
            );
            return Err(FlowError::refused(what, "nothing moved; set the key of that account: bursar doctor"));
        }
        let observed = self.observe(&instance.provider).await?;
        if let Err(why) = &observed.listing.complete {
            let what = format!("the list of what runs on the account cannot be trusted: {why}");
            return Err(FlowError::refused(what, "nothing moved; try again, or look at the provider's page"));
        }
        Ok(AccountView {
            provider: instance.provider.clone(),
            identity: account.identity,
            balance: account.balance,
            position,
            burn_per_hour: account.burn_per_hour.map(|burn| burn.minus(instance.lease.per_hour)),
            foreign: observed.foreign,
        })
    }
}

impl From<NotLonger> for FlowError {
    fn from(error: NotLonger) -> FlowError {
        let hint = match &error {
            NotLonger::NotMore { .. } => {
                "name the whole length that it shall have, from its begin on; destroy it to end it sooner"
            }
            NotLonger::Block { .. } => "rent another one, and move the work there",
            _ => "rent another one; what its jobs wrote is kept",
        };
        FlowError::refused(error.to_string(), hint)
    }
}
