//! A longer lease: what the whole of it costs, and when it may not be. Pure. Whether it fits the limits is `decide`'s to say,
//! which is given the whole life as one order: a longest lease counts extensions too.

use crate::{
    instance::{Instance, Stage, View},
    lease::Lease,
    ledger::{Kind, Movement, Reason, Totals},
    money::Usd,
    offer::{Order, Terms},
    quote::{Quote, QuoteError, billed_secs},
    time::{Moment, human},
};
use serde::{Deserialize, Serialize};

/// Why a lease is not made longer. Nothing was held and nothing moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLonger {
    #[error("`{name}` is {stage}: an end that was begun is not taken back")]
    Ending { name: String, stage: Stage },
    #[error("the lease of `{name}` ended at {ends}: what is over is not made longer")]
    Over { name: String, ends: Moment },
    #[error("the lease of `{name}` is {now_secs_text} long, counted from its begin; {asked_text} is not longer")]
    NotMore { name: String, now_secs_text: String, asked_text: String },
    #[error(
        "a further block for `{name}` was asked for at {at}, and whether {provider} sold it is not known yet; nothing more is bought"
    )]
    InDoubt { name: String, provider: String, at: Moment },
    #[error("a further block of {provider} has no price")]
    Unpriced { provider: String },
    #[error(transparent)]
    Quote(#[from] QuoteError),
}

/// A further block that was asked for: its hold is written before the provider is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extending {
    pub at: Moment,
    /// When the lease ends if it is bought.
    pub ends: Moment,
    /// What an hour costs then, of the whole lease.
    pub per_hour: Usd,
    /// What the lease held before it.
    pub hold_before: Usd,
    /// What the provider showed just before it was asked.
    pub spent: Option<Usd>,
    pub paid_until: Option<Moment>,
}

impl Extending {
    /// Returns whether the provider shows what was asked for: more was paid, or it runs on for at least half of it.
    pub fn is_shown(&self, lease: &Lease, view: &View) -> bool {
        let paid = view.spent.zip(self.spent).is_some_and(|(now, before)| now > before);
        let half = self.ends.since(lease.ends) / 2;
        let on = view.paid_until.zip(self.paid_until).is_some_and(|(now, before)| now >= before.after(half));
        paid || on
    }
}

/// Makes a lease so long as the block that was asked for; it is known to be bought.
pub fn bought(instance: &mut Instance) {
    let Some(asked) = instance.lease.extending.take() else { return };
    instance.lease.ends = instance.lease.ends.max(asked.ends);
    instance.lease.per_hour = instance.lease.per_hour.max(asked.per_hour);
    instance.price.per_hour = instance.price.per_hour.max(asked.per_hour);
}

/// Takes back what was held for a block that the provider clearly did not sell.
pub fn not_bought(instance: &mut Instance, totals: Totals, why: &str) -> Vec<Movement> {
    let Some(asked) = instance.lease.extending.take() else { return vec![] };
    let added = instance.lease.hold.minus(asked.hold_before).min(totals.held);
    instance.lease.hold = asked.hold_before;
    match added > Usd::ZERO {
        true => vec![Movement { kind: Kind::Release, amount: added, reason: Reason::NeverMade(why.to_owned()) }],
        false => vec![],
    }
}

/// Returns how much more of its provider's blocks an instance needs to live so long; nothing where its lease is ours alone.
pub fn missing_secs(instance: &Instance, whole_secs: u64) -> u64 {
    let billing = &instance.price.billing;
    let (lease, paid) = (&instance.lease, |secs| billed_secs(billing, secs));
    match billing.prepaid {
        true => paid(whole_secs).saturating_sub(paid(lease.ends.since(lease.begins))),
        false => 0,
    }
}

/// Returns the quote of an instance's whole life, if it were so long from its begin; nothing where it is so long already.
/// `block` is what an hour of a further block costs, where one is missing.
pub fn longer(
    instance: &Instance,
    whole_secs: u64,
    block: Option<Usd>,
    now: Moment,
) -> Result<Option<Quote>, NotLonger> {
    let (lease, name) = (&instance.lease, || instance.name.clone());
    still_lasts(instance, now)?;
    let long = lease.ends.since(lease.begins);
    if whole_secs == long {
        return Ok(None);
    }
    if whole_secs < long {
        let (now_secs_text, asked_text) = (human(long), human(whole_secs));
        return Err(NotLonger::NotMore { name: name(), now_secs_text, asked_text });
    }
    let provider = || instance.provider.clone();
    if let Some(asked) = &lease.extending {
        return Err(NotLonger::InDoubt { name: name(), provider: provider(), at: asked.at });
    }
    if block.is_none() && missing_secs(instance, whole_secs) > 0 {
        return Err(NotLonger::Unpriced { provider: provider() });
    }
    Ok(Some(whole(instance, whole_secs, block)?))
}

/// Returns the quote of an instance's whole life as it stands, for one that was paused and is to run again: what it costs was
/// decided once, and is decided anew under the limits of now.
pub fn again(instance: &Instance, now: Moment) -> Result<Quote, NotLonger> {
    still_lasts(instance, now)?;
    Ok(whole(instance, instance.lease.ends.since(instance.lease.begins), None)?)
}

fn still_lasts(instance: &Instance, now: Moment) -> Result<(), NotLonger> {
    let (lease, name) = (&instance.lease, || instance.name.clone());
    if !matches!(instance.stage, Stage::Made | Stage::Ready) {
        return Err(NotLonger::Ending { name: name(), stage: instance.stage });
    }
    if lease.is_due(now) {
        return Err(NotLonger::Over { name: name(), ends: lease.ends });
    }
    Ok(())
}

fn whole(instance: &Instance, whole_secs: u64, block: Option<Usd>) -> Result<Quote, QuoteError> {
    let mut price = instance.price.clone();
    // The dearer of two blocks counts for both: one instance has one price.
    price.per_hour = price.per_hour.max(instance.lease.per_hour).max(block.unwrap_or_default());
    let terms = Terms { price, priced: instance.priced, good_until: None, note: None };
    let order = Order { length_secs: whole_secs, ..instance.order.clone() };
    Quote::new(&order, &terms, instance.stop_secs, instance.lease.begins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{money::Usd, overrun::tests::late_one};

    const HOUR: u64 = 3_600;

    #[test]
    fn what_runs_again_is_decided_as_a_whole_and_never_after_its_end() {
        let one = |stage| Instance { stage, ..late_one() };
        let begins = late_one().lease.begins;
        let hold = |stage, at| again(&one(stage), begins.after(at)).ok().map(|quote| quote.hold);
        let whole = whole(&late_one(), 2 * HOUR, None).unwrap().hold;
        assert_eq!((hold(Stage::Ready, HOUR), hold(Stage::Made, 60)), (Some(whole), Some(whole)));
        assert_eq!((hold(Stage::Ready, 2 * HOUR), hold(Stage::Stopping, HOUR)), (None, None));
    }

    #[test]
    fn a_lease_grows_while_it_lasts_and_never_after() {
        let one = |stage| Instance { stage, ..late_one() };
        let begins = late_one().lease.begins;
        for (name, stage, at, whole, longer_by) in [
            ("a ready one grows", Stage::Ready, HOUR, 5 * HOUR, Some(Some(Usd(600)))),
            ("asked again it is the same", Stage::Made, HOUR, 2 * HOUR, Some(None)),
            ("it does not shrink", Stage::Ready, HOUR, HOUR, None),
            ("at its end it is over", Stage::Ready, 2 * HOUR, 5 * HOUR, None),
            ("a stop is not overtaken", Stage::Stopping, HOUR, 5 * HOUR, None),
            ("nor is a doubt", Stage::InDoubt, HOUR, 5 * HOUR, None),
            ("what is gone is gone", Stage::Gone, HOUR, 5 * HOUR, None),
        ] {
            let quote = longer(&one(stage), whole, None, begins.after(at));
            assert_eq!(quote.ok().map(|quote| quote.map(|quote| quote.hold)), longer_by, "{name}");
        }
    }

    /// A block of two hours at 100 millionths an hour.
    fn block() -> Instance {
        let mut one = Instance { stage: Stage::Ready, ..late_one() };
        (one.price.billing.prepaid, one.price.billing.minimum_secs) = (true, HOUR);
        one.lease.hold = Usd(200);
        one
    }

    #[test]
    fn of_a_block_only_what_is_missing_is_bought_and_the_whole_of_it_is_held() {
        let begins = block().lease.begins;
        for (whole, missing, per_hour, hold) in [
            (2 * HOUR + 1, HOUR, 100, 300),
            (3 * HOUR, HOUR, 100, 300),
            (5 * HOUR, 3 * HOUR, 100, 500),
            (5 * HOUR, 3 * HOUR, 40, 500),
            (3 * HOUR, HOUR, 150, 450),
        ] {
            assert_eq!(missing_secs(&block(), whole), missing, "{whole} s");
            let quote = longer(&block(), whole, Some(Usd(per_hour)), begins.after(HOUR)).unwrap().unwrap();
            assert_eq!(quote.hold, Usd(hold), "{whole} s at {per_hour}");
            assert!(matches!(longer(&block(), whole, None, begins.after(HOUR)), Err(NotLonger::Unpriced { .. })));
        }
        let mut short = block();
        short.lease.ends = begins.after(5_400);
        assert_eq!(missing_secs(&short, 2 * HOUR), 0, "two hours are paid already");
        assert_eq!(
            missing_secs(&Instance { price: late_one().price, ..block() }, 9 * HOUR),
            0,
            "a lease of ours alone"
        );
    }

    #[test]
    fn a_block_in_doubt_is_not_bought_twice_and_shows_by_what_was_paid() {
        let mut one = block();
        let (begins, ends) = (one.lease.begins, one.lease.ends);
        let asked = Extending {
            at: begins.after(60),
            ends: ends.after(2 * HOUR),
            per_hour: Usd(100),
            hold_before: Usd(200),
            spent: Some(Usd(200)),
            paid_until: Some(ends),
        };
        one.lease.extending = Some(asked.clone());
        let again = longer(&one, 9 * HOUR, Some(Usd(100)), begins.after(120));
        assert!(matches!(again, Err(NotLonger::InDoubt { .. })), "{again:?}");
        let view = |spent: Option<i64>, until: Option<Moment>| View {
            handle: crate::instance::Handle { id: "x".into(), memo: String::new() },
            tag: None,
            state: crate::instance::ProviderState::Running,
            per_hour: None,
            spent: spent.map(Usd),
            made_at: None,
            paid_until: until,
            nodes: vec![],
            note: None,
        };
        for (spent, until, shown) in [
            (Some(200), Some(ends), false),
            (Some(400), Some(ends), true),
            (None, Some(ends.after(30 * 60)), false),
            (None, Some(ends.after(2 * HOUR - 90)), true),
            (None, None, false),
        ] {
            assert_eq!(asked.is_shown(&one.lease, &view(spent, until)), shown, "{spent:?} {until:?}");
        }
    }
}
