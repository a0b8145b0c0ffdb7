//! Makes a lease longer: a spend of its own. Decided and written in one step with the move of the end, so that neither a stop
//! nor another extension can come in between. Where its provider sells blocks, the hold is written first, and the end moves
//! when the block is bought: `extend_block.rs`.

use super::{FlowError, InstanceState, Rooms, said::Said};
use bursar_core::{
    decide::{AccountView, decide_longer},
    extend::{NotLonger, longer, missing_secs},
    instance::Instance,
    ledger::{Refusal, Standing, Totals},
    money::Usd,
    time::{Moment, human},
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
        let mut instance = self.named(principal, name).await?;
        if instance.lease.extending.is_some() {
            instance = self.look_at_block(instance).await?;
        }
        let ended = instance.lease.ends;
        let missing = missing_secs(&instance, whole_secs);
        // What is asked for in vain is refused before anybody is asked for a price.
        if longer(&instance, whole_secs, (missing > 0).then_some(Usd::ZERO), self.clock.now())?.is_none() {
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
        let block = self.price_block(&instance, missing).await?;
        let price = block.as_ref().map(|block| block.per_hour);
        let (limits, now) = (self.limits().await?, self.clock.now());
        let lookback = self.lookback(&limits, &account, principal);
        // Known by now to be a refusal of the limits, or of the instance as it stands in this very moment.
        let mut not_longer = None;
        let decided =
            |standing: &Standing, instance: &Instance, _: Totals| match longer(instance, whole_secs, price, now) {
                Ok(Some(quote)) => {
                    decide_longer(&limits, standing, &quote, &account, principal, now)?;
                    let ends = instance.lease.begins.after(whole_secs);
                    Ok(match &block {
                        None => Longer { ends, hold: quote.hold, extending: None },
                        Some(block) => {
                            let extending = Some(block.asked(instance, ends, quote.per_hour, now));
                            Longer { ends: instance.lease.ends, hold: quote.hold, extending }
                        }
                    })
                }
                Ok(None) => Ok(Longer { ends: instance.lease.ends, hold: instance.lease.hold, extending: None }),
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
        let instance = match instance.lease.extending.is_some() {
            true => self.buy_block(instance, missing).await?,
            false => {
                self.move_boot_end(&instance, ended).await?;
                instance
            }
        };
        self.try_self_end(&instance.id).await;
        Ok(Extended { state: self.state_of(instance, None).await?, repeated: false })
    }

    /// Moves the end by the clock since boot as far as the lease's own end moved from `ended`.
    pub(super) async fn move_boot_end(&self, instance: &Instance, ended: Moment) -> Result<(), FlowError> {
        let (boot, by_wall) = super::keeper::boot_end(instance.lease.ends.since(self.clock.now()));
        // A time of day that was set back makes no lease longer than what is held for it.
        let known = self.store.boot_ends(&boot).await?.get(&instance.id).copied();
        let ends = known.map_or(by_wall, |known| by_wall.min(known + instance.lease.ends.since(ended)));
        Ok(self.store.set_boot_end(&instance.id, &boot, ends).await?)
    }

    /// Asks what else lives on the account that an extension is paid from.
    pub(super) async fn account_of(&self, instance: &Instance) -> Result<AccountView, FlowError> {
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
            NotLonger::InDoubt { .. } => {
                "its cost is held; ask again in a few minutes: it is looked for first. It ends as its lease says until then"
            }
            _ => "rent another one; what its jobs wrote is kept",
        };
        FlowError::refused(error.to_string(), hint)
    }
}
