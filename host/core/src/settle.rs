//! What is to be done about one instance, and when a hold may be freed. Pure: `plan` reads the book and `now`.
//!
//! Knowledge frees money, time does not. Time alone only ends leases.

use crate::{
    block,
    instance::{Instance, ProviderState, Sightings, Stage, View},
    ledger::{Kind, Movement, Reason, Totals},
    money::Usd,
    offer::Price,
    overrun, quote,
    time::Moment,
};

/// How far apart two lists must lie to count as two, in seconds.
pub const LIST_GAP_SECS: u64 = 2;
/// How long after a lost create can no longer land before a list may say "never made", in seconds.
pub const GRACE_SECS: u64 = 60;
/// How long an accepted end may go without effect before it is asked again, in seconds.
pub const ASK_AGAIN_SECS: u64 = 15;

/// Returns from when on complete lists may prove that an instance in doubt was never made.
pub fn doubt_ends(instance: &Instance) -> Moment {
    instance.lands_until.after(GRACE_SECS)
}

/// The next step for one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing before its lease is due.
    Rest,
    /// A list of its account is needed, not before this moment.
    List { not_before: Moment },
    /// Its end must be asked.
    End,
    /// Its end was asked in vain, and is asked again then.
    Wait { until: Moment },
    /// Two complete lists after it could no longer land: it was never made.
    NeverMade,
    /// An accepted end and two complete lists: it is gone since then.
    Gone { since: Moment },
}

/// Returns what an instance needs now.
pub fn plan(instance: &Instance, now: Moment) -> Next {
    match instance.stage {
        Stage::Gone => Next::Rest,
        Stage::Requested | Stage::InDoubt => doubt(instance, now),
        Stage::Made | Stage::Ready if instance.lease.is_due(now) => Next::End,
        Stage::Made | Stage::Ready => Next::Rest,
        Stage::Stopping => stopping(instance, now),
    }
}

/// A create whose answer is unknown: it is looked for all the time, and given up only when it can no longer land.
fn doubt(instance: &Instance, now: Moment) -> Next {
    if absent_since(&instance.sightings, doubt_ends(instance)).is_some() {
        return Next::NeverMade;
    }
    Next::List { not_before: next_list(&instance.sightings, now) }
}

fn stopping(instance: &Instance, now: Moment) -> Next {
    let Some(accepted) = instance.sightings.end_accepted_at else {
        let until = overrun::ask_again(&instance.sightings, now);
        return if now < until { Next::Wait { until } } else { Next::End };
    };
    // One that no list ever showed may be made and not listed yet.
    let from = match instance.sightings.seen_at {
        Some(_) => accepted,
        None => accepted.max(doubt_ends(instance)),
    };
    if let Some(since) = absent_since(&instance.sightings, from) {
        return Next::Gone { since };
    }
    // An end that was accepted and ignored is asked again.
    let ignored = instance.sightings.seen_at.is_some_and(|seen| seen >= accepted.after(ASK_AGAIN_SECS));
    if ignored && now >= overrun::ask_again(&instance.sightings, now) {
        return Next::End;
    }
    Next::List { not_before: next_list(&instance.sightings, now) }
}

/// Returns when the first of two complete lists without it was asked, both at or after `from` and far enough apart.
fn absent_since(sightings: &Sightings, from: Moment) -> Option<Moment> {
    let after: Vec<Moment> = sightings.absent_at.iter().copied().filter(|at| *at >= from).collect();
    let (first, last) = (after.first()?, after.last()?);
    (last.since(*first) >= LIST_GAP_SECS).then_some(*first)
}

fn next_list(sightings: &Sightings, now: Moment) -> Moment {
    sightings.absent_at.last().map_or(now, |last| last.after(LIST_GAP_SECS))
}

/// What one complete list of the instance's own account showed of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// In a row with its id or its tag.
    There,
    Absent,
}

impl Sightings {
    /// Returns whether what no list has shown may still appear, by the clock since this start of the computer.
    pub fn may_still_land(&self, boot: &str, boot_secs: u64) -> bool {
        let waits = |(known, until): &(String, u64)| known == boot && boot_secs < until.saturating_add(GRACE_SECS);
        self.seen_at.is_none() && self.lands_by_boot.as_ref().is_some_and(waits)
    }

    /// Notes what a complete list showed; `asked` is when it was asked, before its answer.
    pub fn note(&mut self, shown: Shown, asked: Moment) {
        match shown {
            Shown::There => {
                self.seen_at = Some(asked);
                self.absent_at.clear();
            }
            Shown::Absent => {
                self.absent_at.push(asked);
                // The first of each kind of proof and the last are enough.
                if self.absent_at.len() > 64 {
                    self.absent_at.remove(1);
                }
            }
        }
    }
}

/// Returns what frees the hold of an instance that was never made: all of it.
pub fn never_made(held: Usd, why: &str) -> Vec<Movement> {
    vec![Movement { kind: Kind::Release, amount: held, reason: Reason::NeverMade(why.to_owned()) }]
}

/// Returns what an instance gone since a moment costs, as its provider bills it, and what of its hold is freed.
///
/// It is counted from the moment of the reservation: the provider's own begin is later, and only the driver tells it.
/// What a hold cannot cover is held first: an overrun. What was charged before, of an instance that was believed gone and
/// listed again, is not charged twice.
pub fn gone(instance: &Instance, totals: Totals, since: Moment) -> Vec<Movement> {
    let held = totals.held;
    // Moments are whole seconds, rounded down: it may have lived into the next one, and what began is billed. Not of what was
    // paid ahead: that is known.
    let begun = u64::from(!instance.price.billing.prepaid);
    let cost = accrued(instance, since.after(begun)).minus(instance.reckoned(totals)).max(Usd::ZERO);
    let mut movements = Vec::new();
    if cost > held {
        movements.push(Movement { kind: Kind::Hold, amount: cost.minus(held), reason: Reason::Overrun });
    }
    movements.push(Movement { kind: Kind::Charge, amount: cost, reason: Reason::Gone });
    if held > cost {
        movements.push(Movement { kind: Kind::Release, amount: held.minus(cost), reason: Reason::Gone });
    }
    movements
}

/// Returns what an instance has cost until a moment, as its provider bills it.
pub fn accrued(instance: &Instance, until: Moment) -> Usd {
    let until = block::counted(instance, until).max(instance.lease.begins);
    let cost = quote::cost(&billed_price(instance), instance.lease.begins, until);
    cost.max(block::least(instance))
}

/// Notes a rate that the host read for an open instance. One above the quote counts from the beginning, and what its
/// whole lease then costs is held: an overrun, for nobody was asked.
pub fn billed(instance: &mut Instance, totals: Totals, rate: Usd) -> Vec<Movement> {
    let rate = rate.min(quote::ABSURD);
    let known = instance.sightings.rate.unwrap_or(Usd::ZERO).max(instance.price.per_hour);
    if rate <= known || !instance.stage.is_open() {
        return vec![];
    }
    instance.sightings.rate = Some(rate);
    instance.lease.per_hour = instance.lease.per_hour.max(rate);
    let whole = accrued(instance, instance.lease.ends.after(instance.stop_secs));
    let missing = whole.minus(totals.held).minus(instance.reckoned(totals));
    match missing > Usd::ZERO {
        true => vec![Movement { kind: Kind::Hold, amount: missing, reason: Reason::Overrun }],
        false => vec![],
    }
}

/// The quoted price, or what is really billed where that is more: then no cap of the quote is believed.
fn billed_price(instance: &Instance) -> Price {
    let mut price = instance.price.clone();
    if let Some(rate) = instance.dearer() {
        price.per_hour = rate;
        price.billing.month_cap = None;
    }
    price
}

/// Returns whether an instance as its provider shows it will never run and must be ended.
pub fn has_failed(view: &View) -> Option<&str> {
    match &view.state {
        ProviderState::Failed(why) => Some(why),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        instance::{InstanceId, Tag},
        lease::Lease,
        offer::{Billing, Order, Price, Priced},
    };

    const T: u64 = 1_795_161_600;

    fn price() -> Price {
        let zero = Usd::ZERO;
        let billing = Billing {
            step_secs: 3_600,
            on_the_clock: true,
            minimum_secs: 0,
            prepaid: false,
            refunds: false,
            month_cap: None,
            balance_secs: 0,
        };
        Price {
            per_hour: Usd(100),
            per_hour_paused: zero,
            once: zero,
            per_gb_in: zero,
            per_gb_out: zero,
            gb_free: 0,
            billing,
        }
    }

    /// An instance reserved at T for four hours; a lost create lands until T + 600.
    fn instance(stage: Stage, seen: Option<u64>, accepted: Option<u64>, absent: &[u64]) -> Instance {
        let id = InstanceId("abcdefghij".into());
        let order = Order { provider: "p".into(), offer: "o".into(), image: None, nodes: 1, length_secs: 14_400 };
        let at = |secs: u64| Moment(T + secs);
        let sightings = Sightings {
            seen_at: seen.map(at),
            end_accepted_at: accepted.map(at),
            end_asked: None,
            absent_at: absent.iter().copied().map(at).collect(),
            rate: None,
            corrected: Usd::ZERO,
            lands_by_boot: None,
            self_ends: None,
        };
        Instance {
            tag: Tag::new("ledger0000", &id),
            id,
            name: "box".into(),
            principal: "owner".into(),
            provider: "p".into(),
            account: "me".into(),
            order,
            price: price(),
            priced: Priced::Seen,
            asked: String::new(),
            asked_image: None,
            title: String::new(),
            gpu: false,
            stage,
            lease: Lease { begins: at(0), ends: at(14_400), hold: Usd(500), per_hour: Usd(100), extending: None },
            handle: None,
            pending: None,
            ssh: None,
            ssh_keys: vec![],
            lands_until: at(600),
            stop_secs: 120,
            sightings,
            note: None,
        }
    }

    #[test]
    fn a_rate_above_the_quote_is_held_and_charged_as_it_is_billed() {
        for (name, stage, rates, per_hour, held_more, charged) in [
            ("the quoted rate changes nothing", Stage::Made, &[100][..], 100, 0, 200),
            ("a lower one, too", Stage::Made, &[50], 100, 0, 200),
            // Five begun hours, the time to end it included.
            ("a higher one is held for the whole lease", Stage::Made, &[130], 130, 150, 260),
            ("it is told again and held once", Stage::Ready, &[130, 130, 100], 130, 150, 260),
            ("it goes on rising", Stage::Ready, &[130, 200], 200, 500, 400),
            ("one that is gone is charged already", Stage::Gone, &[130], 100, 0, 200),
        ] {
            let mut one = instance(stage, Some(0), None, &[]);
            let mut totals = Totals { held: Usd(500), charged: Usd::ZERO };
            for rate in rates {
                for movement in billed(&mut one, totals, Usd(*rate)) {
                    totals = totals.after(&movement).unwrap();
                }
            }
            assert_eq!(one.lease.per_hour, Usd(per_hour), "{name}");
            assert_eq!(totals.held, Usd(500 + held_more), "{name}");
            assert_eq!(accrued(&one, Moment(T + 7_200)), Usd(charged), "{name}");
            assert_eq!(one.notes().is_some(), held_more > 0, "{name}: {:?}", one.notes());
        }
        let mut one = instance(Stage::Made, None, None, &[]);
        let movements = billed(&mut one, Totals { held: Usd(500), charged: Usd::ZERO }, Usd::MAX);
        assert!(movements[0].amount < Usd::dollars(1_000_000), "an absurd rate still leaves a ledger that counts");
    }

    #[test]
    fn the_next_step_follows_from_what_is_known() {
        use Stage::*;
        let at = |secs: u64| Moment(T + secs);
        let list = |secs: u64| Next::List { not_before: at(secs) };
        for (name, stage, seen, accepted, absent, now, next) in [
            ("a lost create is looked for at once", InDoubt, None, None, &[][..], 5, list(5)),
            ("absent while it can land proves nothing", InDoubt, None, None, &[5, 300, 590], 700, list(592)),
            ("absent inside the grace proves nothing", InDoubt, None, None, &[601, 659], 661, list(661)),
            ("one list after the grace is not two", InDoubt, None, None, &[590, 660], 661, list(662)),
            ("two lists at once are one", InDoubt, None, None, &[660, 661], 662, list(663)),
            ("two lists after the grace: never made", InDoubt, None, None, &[660, 662], 662, Next::NeverMade),
            ("a killed create is in doubt", Requested, None, None, &[660, 662], 662, Next::NeverMade),
            ("a made one rests", Made, None, None, &[], 100, Next::Rest),
            ("a ready one rests until its last second", Ready, None, None, &[], 14_399, Next::Rest),
            ("a due one is ended", Ready, None, None, &[], 14_400, Next::End),
            ("a due one that no list shows is ended too", Made, Some(5), None, &[900, 910], 14_400, Next::End),
            ("an end must be accepted first", Stopping, Some(5), None, &[900, 910], 920, Next::End),
            ("then lists are asked", Stopping, Some(5), Some(900), &[], 901, list(901)),
            ("lists before the end prove nothing", Stopping, Some(5), Some(900), &[880, 890], 901, list(892)),
            (
                "two after it: gone since the first",
                Stopping,
                Some(5),
                Some(900),
                &[901, 903],
                903,
                Next::Gone { since: at(901) },
            ),
            ("never seen: absent proves nothing yet", Stopping, None, Some(30), &[31, 40], 41, list(42)),
            (
                "never seen: gone when it cannot land",
                Stopping,
                None,
                Some(30),
                &[31, 660, 662],
                663,
                Next::Gone { since: at(660) },
            ),
            ("still listed a while after: asked again", Stopping, Some(916), Some(900), &[], 917, Next::End),
            ("still listed at once: patience", Stopping, Some(905), Some(900), &[], 906, list(906)),
            ("gone stays gone", Gone, None, None, &[], 99_999, Next::Rest),
        ] {
            assert_eq!(plan(&instance(stage, seen, accepted, absent), at(now)), next, "{name}");
        }
    }

    #[test]
    fn a_begun_second_is_charged() {
        for (step, cost) in [(1, 10), (60, 60)] {
            let mut one = instance(Stage::Stopping, None, None, &[]);
            (one.price.per_hour, one.price.billing.step_secs) = (Usd(3_600), step);
            let movements = gone(&one, Totals { held: Usd(5_000), ..Totals::default() }, Moment(T + 9));
            assert_eq!(movements[0].amount, Usd(cost), "billed by {step} s");
        }
    }

    #[test]
    fn a_sighting_voids_the_absences_before_it() {
        let mut sightings = Sightings::default();
        sightings.note(Shown::Absent, Moment(1));
        sightings.note(Shown::There, Moment(2));
        sightings.note(Shown::Absent, Moment(3));
        assert_eq!((sightings.seen_at, sightings.absent_at), (Some(Moment(2)), vec![Moment(3)]));
    }

    #[test]
    fn what_may_still_land_by_the_clock_of_this_boot_may_land_whatever_the_time_of_day_says() {
        let until = |seen: Option<u64>, boot: &str| Sightings {
            seen_at: seen.map(Moment),
            lands_by_boot: Some((boot.to_owned(), 100)),
            ..Sightings::default()
        };
        for (name, sightings, now, may) in [
            ("before it is over", until(None, "this"), 100, true),
            ("inside the grace", until(None, "this"), 159, true),
            ("after it", until(None, "this"), 160, false),
            ("one that a list has shown has landed", until(Some(1), "this"), 5, false),
            ("another boot's clock says nothing", until(None, "other"), 5, false),
            ("nor does none", Sightings::default(), 5, false),
        ] {
            assert_eq!(sightings.may_still_land("this", now), may, "{name}");
        }
    }

    #[test]
    fn what_is_gone_is_charged_as_billed_and_the_rest_is_freed() {
        let instance = instance(Stage::Stopping, None, None, &[]);
        let again = |held: i64, charged: i64, after: u64| -> Vec<(Kind, i64)> {
            let totals = Totals { held: Usd(held), charged: Usd(charged) };
            gone(&instance, totals, Moment(T + after)).iter().map(|m| (m.kind, m.amount.0)).collect()
        };
        let amounts = |held: i64, after: u64| again(held, 0, after);
        assert_eq!(amounts(500, 60), [(Kind::Charge, 100), (Kind::Release, 400)]);
        assert_eq!(amounts(500, 3_601), [(Kind::Charge, 200), (Kind::Release, 300)]);
        assert_eq!(amounts(500, 17_999), [(Kind::Charge, 500)]);
        // Within the first second of an hour, that hour is billed.
        assert_eq!(amounts(500, 18_000), [(Kind::Hold, 100), (Kind::Charge, 600)]);
        // Listed again after it was charged for an hour: only what came on top.
        assert_eq!(again(100, 100, 3_601), [(Kind::Charge, 100)]);
        assert_eq!(again(100, 100, 60), [(Kind::Charge, 0), (Kind::Release, 100)]);
    }
}
