//! A longer lease: what the whole of it costs, and when it may not be. Pure. Whether it fits the limits is `decide`'s to say,
//! which is given the whole life as one order: a longest lease counts extensions too.

use crate::{
    instance::{Instance, Stage},
    offer::{Order, Terms},
    quote::{Quote, QuoteError},
    time::{Moment, human},
};

/// Why a lease is not made longer. Nothing was held and nothing moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLonger {
    #[error("`{name}` is {stage}: an end that was begun is not taken back")]
    Ending { name: String, stage: Stage },
    #[error("the lease of `{name}` ended at {ends}: what is over is not made longer")]
    Over { name: String, ends: Moment },
    #[error("the lease of `{name}` is {now_secs_text} long, counted from its begin; {asked_text} is not longer")]
    NotMore { name: String, now_secs_text: String, asked_text: String },
    #[error("{provider} sells fixed blocks, and lengthening one is an order of its own that is not built yet")]
    Block { provider: String },
    #[error(transparent)]
    Quote(#[from] QuoteError),
}

/// Returns the quote of an instance's whole life, if it were so long from its begin; nothing where it is so long already.
pub fn longer(instance: &Instance, whole_secs: u64, now: Moment) -> Result<Option<Quote>, NotLonger> {
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
    if instance.price.billing.prepaid {
        return Err(NotLonger::Block { provider: instance.provider.clone() });
    }
    Ok(Some(whole(instance, whole_secs)?))
}

/// Returns the quote of an instance's whole life as it stands, for one that was paused and is to run again: what it costs was
/// decided once, and is decided anew under the limits of now.
pub fn again(instance: &Instance, now: Moment) -> Result<Quote, NotLonger> {
    still_lasts(instance, now)?;
    Ok(whole(instance, instance.lease.ends.since(instance.lease.begins))?)
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

fn whole(instance: &Instance, whole_secs: u64) -> Result<Quote, QuoteError> {
    let mut price = instance.price.clone();
    price.per_hour = price.per_hour.max(instance.lease.per_hour);
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
        let whole = whole(&late_one(), 2 * HOUR).unwrap().hold;
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
            let quote = longer(&one(stage), whole, begins.after(at));
            assert_eq!(quote.ok().map(|quote| quote.map(|quote| quote.hold)), longer_by, "{name}");
        }
    }
}
