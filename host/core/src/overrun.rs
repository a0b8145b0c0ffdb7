//! An instance that outlives its hold: what is held for it hour by hour, and how often its end is asked again. Pure.
//! Nothing is decided here: an overrun costs whether the owner allows it or not.

use crate::{
    instance::{Instance, Sightings},
    ledger::{Kind, Movement, Reason, Totals},
    money::Usd,
    settle,
    time::{Moment, human},
};

/// The first pause after an end that was asked in vain, in seconds. It doubles each time.
const PAUSE_FIRST_SECS: u64 = 3;
/// The longest pause.
const PAUSE_MAX_SECS: u64 = 300;
/// What is held beyond now, in seconds: the watch comes round many times within it.
const AHEAD_SECS: u64 = 3_600;

/// Returns from when on an end that was asked may be asked again: at once where the time of day was set back since.
pub fn ask_again(sightings: &Sightings, now: Moment) -> Moment {
    match sightings.end_asked {
        None => Moment(0),
        Some((_, at)) if at > now => Moment(0),
        Some((times, at)) => at.after(pause_secs(times)),
    }
}

/// Returns the pause after so many ends in vain.
pub fn pause_secs(times: u32) -> u64 {
    PAUSE_FIRST_SECS.saturating_mul(1 << times.saturating_sub(1).min(16)).min(PAUSE_MAX_SECS)
}

/// Returns whether an instance should be gone by now, its time to end included.
pub fn is_late(instance: &Instance, now: Moment) -> bool {
    instance.stage.is_open() && instance.handle.is_some() && now > instance.lease.ends.after(instance.stop_secs)
}

/// Returns what must be held on top for an instance that is late: its cost until an hour from now, as far as nothing covers
/// it yet. Nothing while the next minutes are covered.
pub fn hold(instance: &Instance, totals: Totals, now: Moment) -> Vec<Movement> {
    let covered = totals.held.plus(instance.reckoned(totals));
    let soon = settle::accrued(instance, now.after(AHEAD_SECS / 4));
    if !is_late(instance, now) || soon <= covered {
        return vec![];
    }
    let missing = settle::accrued(instance, now.after(AHEAD_SECS)).minus(covered).max(Usd::ZERO);
    vec![Movement { kind: Kind::Hold, amount: missing, reason: Reason::Overrun }]
}

/// Says what an owner must know of an instance that does not die.
pub fn in_words(instance: &Instance, totals: Totals, now: Moment) -> String {
    let late = human(now.since(instance.lease.ends));
    let asked = instance.sightings.end_asked.map_or(0, |(times, _)| times);
    format!(
        "`{}` at {} outlives its lease by {late}: its end was asked {asked} times, it costs {} USD/h, {} USD are held; end it at \
         the provider's own page, and look at `bursar doctor`",
        instance.name, instance.provider, instance.lease.per_hour, totals.held
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        instance::{Handle, InstanceId, Stage, Tag},
        lease::Lease,
        offer::{Billing, Order, Price, Priced},
    };

    const HOUR: u64 = 3_600;
    const T: u64 = 1_795_161_600;

    pub(crate) fn late_one() -> Instance {
        let billing = Billing {
            step_secs: 3_600,
            on_the_clock: false,
            minimum_secs: 0,
            prepaid: false,
            refunds: false,
            month_cap: None,
            balance_secs: 0,
        };
        let zero = Usd::ZERO;
        let price = Price {
            per_hour: Usd(100),
            per_hour_paused: zero,
            once: zero,
            per_gb_in: zero,
            per_gb_out: zero,
            gb_free: 0,
            billing,
        };
        let id = InstanceId("abcdefghij".into());
        Instance {
            tag: Tag::new("ledger0000", &id),
            id,
            name: "box".into(),
            principal: "owner".into(),
            provider: "p".into(),
            account: "me".into(),
            order: Order { provider: "p".into(), offer: "o".into(), image: None, nodes: 1, length_secs: 2 * HOUR },
            price,
            priced: Priced::Seen,
            asked: String::new(),
            asked_image: None,
            title: String::new(),
            gpu: false,
            stage: Stage::Stopping,
            lease: Lease {
                begins: Moment(T),
                ends: Moment(T + 2 * HOUR),
                hold: Usd(300),
                per_hour: Usd(100),
                extending: None,
            },
            handle: Some(Handle { id: "1".into(), memo: String::new() }),
            pending: None,
            ssh: None,
            ssh_keys: vec![],
            lands_until: Moment(T + 600),
            stop_secs: 120,
            sightings: Sightings::default(),
            note: None,
        }
    }

    #[test]
    fn pauses_grow_and_have_an_end() {
        let pauses: Vec<u64> = [1, 2, 3, 7, 8, 9, 40, u32::MAX].map(pause_secs).into();
        assert_eq!(pauses, [3, 6, 12, 192, 300, 300, 300, 300]);
        let asked = Sightings { end_asked: Some((2, Moment(100))), ..Sightings::default() };
        let (in_time, set_back) = (Moment(101), Moment(99));
        assert_eq!([ask_again(&asked, in_time), ask_again(&asked, set_back)], [Moment(106), Moment(0)]);
        assert_eq!(ask_again(&Sightings::default(), in_time), Moment(0));
    }

    #[test]
    fn an_overrun_is_held_hour_by_hour_and_never_less_than_it_costs() {
        let one = late_one();
        let mut totals = Totals { held: Usd(300), charged: Usd::ZERO };
        let mut holds = vec![];
        for minute in 0..=600 {
            let now = Moment(T + minute * 60);
            for movement in hold(&one, totals, now) {
                assert_eq!(movement.reason, Reason::Overrun);
                holds.push((minute, movement.amount.0));
                totals = totals.after(&movement).unwrap();
            }
            assert!(settle::accrued(&one, now) <= totals.held, "minute {minute}");
        }
        // Three begun hours are held; the fourth is held before it begins, and so on.
        assert_eq!(&holds[..3], &[(166, 100), (226, 100), (286, 100)]);
    }

    #[test]
    fn one_that_is_in_time_or_gone_holds_nothing_more() {
        let totals = Totals { held: Usd(100), charged: Usd::ZERO };
        let now = Moment(T + 9 * HOUR);
        let gone = Instance { stage: Stage::Gone, ..late_one() };
        let unnamed = Instance { handle: None, ..late_one() };
        assert!(hold(&gone, totals, now).is_empty() && hold(&unnamed, totals, now).is_empty());
        assert!(hold(&late_one(), totals, Moment(T + 2 * HOUR)).is_empty());
        assert!(in_words(&late_one(), totals, now).contains("by 7 h"));
    }
}
