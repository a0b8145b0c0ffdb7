//! Buys a further block for a prepaid instance: priced, held, asked, and looked at. The one request leaves under a hold of its
//! own, and the lease ends later only when the provider took it. What is not clear stays held and moves nothing.

use super::{FlowError, Rooms};
use bursar_core::{
    extend::{Extending, bought, not_bought},
    instance::{Handle, Instance, View},
    money::Usd,
    offer::Order,
    time::Moment,
};
use bursar_drivers::{At, Extended, Left};
use std::time::Duration;

/// The longest that a request may be on its way before it counts as lost, in seconds.
const REQUEST_SECS: u64 = 150;

/// What a further block costs now, and what its instance showed just before it is asked for.
pub(super) struct Block {
    pub(super) per_hour: Usd,
    spent: Option<Usd>,
    paid_until: Option<Moment>,
}

impl Block {
    pub(super) fn asked(&self, instance: &Instance, ends: Moment, per_hour: Usd, now: Moment) -> Extending {
        let (spent, paid_until) = (self.spent, self.paid_until);
        Extending { at: now, ends, per_hour, hold_before: instance.lease.hold, spent, paid_until }
    }
}

impl Rooms {
    /// Prices what is missing and looks at the instance, to know afterwards whether it changed. Nothing where nothing is.
    pub(super) async fn price_block(&self, instance: &Instance, missing: u64) -> Result<Option<Block>, FlowError> {
        if missing == 0 {
            return Ok(None);
        }
        let driver = self.driver(&instance.provider).await?;
        let order = Order { length_secs: missing, ..instance.order.clone() };
        let terms = driver.quote(&self.at(), &order).await?;
        let (at, handle) = self.about(instance)?;
        let shown = driver.get(&at, &handle).await?;
        Ok(Some(Block { per_hour: terms.price.per_hour, spent: shown.spent, paid_until: shown.paid_until }))
    }

    /// Asks for the block that is held, and writes down what the door saw of it.
    pub(super) async fn buy_block(&self, instance: Instance, missing: u64) -> Result<Instance, FlowError> {
        let (at, handle) = self.about(&instance)?;
        let asked = self.driver(&instance.provider).await?.extend(&at, &handle, missing).await;
        if asked.is_bought() {
            return self.write_bought(&instance).await;
        }
        let why = why(&asked);
        if asked.nothing_was_bought() {
            let totals = self.store.held(&instance.id).await?;
            let freed = |one: &mut Instance| (not_bought(one, totals, &why), ());
            self.store.change(&instance.id, self.clock.now(), freed).await?;
            let hint = "what was held for it is released; the lease ends as before";
            return Err(FlowError::failed(format!("no further block was sold: {why}"), hint));
        }
        tracing::warn!(instance = %instance.id, %why, "it is not known whether a further block was bought; it stays held");
        for _ in 0..3 {
            if let Ok(instance) = self.look_at_block(instance.clone()).await
                && instance.lease.extending.is_none()
            {
                return Ok(instance);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let hint = "its cost stays held and the lease ends as before; ask for the same length again in a few minutes: \
                    it is looked for before anything is bought";
        let what = format!("it is not known whether a further block was sold: {why}");
        Err(FlowError::InDoubt { instance: instance.id.to_string(), what, hint: hint.to_owned() })
    }

    /// Looks whether a block in doubt was bought. One that could no longer come, of an instance that shows what was paid for
    /// it, is given up; its hold stays for the next one.
    pub(super) async fn look_at_block(&self, instance: Instance) -> Result<Instance, FlowError> {
        let Some(asked) = instance.lease.extending.clone() else { return Ok(instance) };
        let (at, handle) = self.about(&instance)?;
        let driver = self.driver(&instance.provider).await?;
        let shown: View = driver.get(&at, &handle).await?;
        if asked.is_shown(&instance.lease, &shown) {
            return self.write_bought(&instance).await;
        }
        let too_late = asked.at.after(REQUEST_SECS + driver.manifest().late_secs) < self.clock.now();
        if too_late && shown.spent.is_some() && shown.spent == asked.spent {
            let given_up = |one: &mut Instance| {
                one.lease.extending = None;
                (vec![], ())
            };
            return Ok(self.store.change(&instance.id, self.clock.now(), given_up).await?.0);
        }
        Ok(instance)
    }

    async fn write_bought(&self, instance: &Instance) -> Result<Instance, FlowError> {
        let write = |one: &mut Instance| {
            let ended = one.lease.ends;
            bought(one);
            (vec![], ended)
        };
        let (instance, ended) = self.store.change(&instance.id, self.clock.now(), write).await?;
        tracing::info!(instance = %instance.id, ends = %instance.lease.ends, "a further block is bought");
        self.move_boot_end(&instance, ended).await?;
        Ok(instance)
    }

    fn about(&self, instance: &Instance) -> Result<(At, Handle), FlowError> {
        let unnamed = || FlowError::refused("its provider has not named it yet", "ask again when it is ready");
        let handle = instance.handle.clone().ok_or_else(unnamed)?;
        Ok((At { now: self.clock.now(), tag: Some(instance.tag.clone()) }, handle))
    }
}

fn why(asked: &Extended) -> String {
    match (&asked.left, &asked.outcome) {
        (Left::Refused { status, text }, _) => format!("it answered {status}: {text}"),
        (Left::Maybe(why), _) => why.clone(),
        (_, Err(error)) => error.to_string(),
        (Left::Answered { status }, Ok(_)) => format!("it answered {status}"),
        (Left::Nothing, Ok(_)) => "its driver asked for nothing".to_owned(),
    }
}
