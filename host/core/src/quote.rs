//! A quote: one exact order for a length of time, and the most it may cost as its provider really bills.

use crate::{
    money::Usd,
    offer::{Billing, Order, Price, Priced, Terms},
    time::{self, Moment},
};
use serde::{Deserialize, Serialize};

/// An order with its price, and what must be held for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    pub order: Order,
    pub price: Price,
    pub priced: Priced,
    /// All nodes together.
    pub per_hour: Usd,
    /// For the whole length, as the provider bills it.
    pub cost: Usd,
    /// What is set aside: the cost, and the time it takes to stop and be sure.
    pub hold: Usd,
    /// How long after the end was asked it may still cost.
    pub stop_secs: u64,
    pub asked_at: Moment,
    pub good_until: Option<Moment>,
    pub note: Option<String>,
}

/// Terms that make no sense. Nothing was reserved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    #[error(
        "the provider's terms have a negative or absurd price ({0} USD); nothing was reserved; report it to the driver's author"
    )]
    AbsurdPrice(Usd),
    #[error("the provider's terms bill in steps of 0 seconds; nothing was reserved; report it to the driver's author")]
    NoStep,
    #[error("the provider's terms were good until {0} s ago; nothing was reserved; ask again for a new quote")]
    Stale(u64),
    #[error("an order is for 1 to 1,000 nodes and at least a minute, not {nodes} nodes for {length}")]
    BadOrder { nodes: u32, length: String },
}

/// No honest price reaches this much an hour; beyond it a price is refused as absurd.
pub(crate) const ABSURD: Usd = Usd::dollars(100_000);

impl Quote {
    /// Returns the quote for an order under these terms, `now`; `stop_secs` is how long an accepted end may take.
    pub fn new(order: &Order, terms: &Terms, stop_secs: u64, now: Moment) -> Result<Quote, QuoteError> {
        if order.nodes == 0 || order.nodes > 1_000 || order.length_secs < 60 {
            return Err(QuoteError::BadOrder { nodes: order.nodes, length: time::human(order.length_secs) });
        }
        let price = &terms.price;
        for amount in [price.per_hour, price.once, price.per_hour_paused, price.billing.month_cap.unwrap_or_default()] {
            if amount < Usd::ZERO || amount > ABSURD {
                return Err(QuoteError::AbsurdPrice(amount));
            }
        }
        if price.billing.step_secs == 0 {
            return Err(QuoteError::NoStep);
        }
        if let Some(end) = terms.good_until.filter(|end| *end < now) {
            return Err(QuoteError::Stale(now.since(end)));
        }
        let ends = now.after(order.length_secs);
        Ok(Quote {
            order: order.clone(),
            price: price.clone(),
            priced: terms.priced,
            // The terms are those of the whole order: its nodes are in them already.
            per_hour: price.per_hour,
            cost: cost(price, now, ends),
            // What is prepaid ends by itself: its end takes nothing more.
            hold: if price.billing.prepaid { cost(price, now, ends) } else { cost(price, now, ends.after(stop_secs)) },
            stop_secs,
            asked_at: now,
            good_until: terms.good_until,
            note: terms.note.clone(),
        })
    }
}

impl Quote {
    /// Returns the longest lease of this order that so much money can hold, its end included: in steps of ten minutes, with
    /// a minute to ask for it; nothing where not even one step fits.
    pub fn longest_secs(&self, money: Usd) -> Option<u64> {
        const STEP: u64 = 600;
        let fits = |steps: u64| {
            let ends = self.asked_at.after(steps * STEP + self.stop_secs + 60);
            cost(&self.price, self.asked_at, ends) <= money
        };
        let (mut fit, mut too_long) = (0, self.order.length_secs / STEP + 1);
        while fit + 1 < too_long {
            let middle = fit.midpoint(too_long);
            if fits(middle) { fit = middle } else { too_long = middle }
        }
        (fit > 0).then_some(fit * STEP)
    }
}

/// Returns what a stay costs as the provider bills it: begun steps, minimum, month caps, what is paid once.
/// Metered traffic is not in it.
pub fn cost(price: &Price, from: Moment, to: Moment) -> Usd {
    let (begins, ends) = billed_span(&price.billing, from, to);
    let running = match price.billing.month_cap {
        None => price.per_hour.per_hour_for(ends.since(begins)),
        Some(cap) => by_month(begins, ends).map(|secs| price.per_hour.per_hour_for(secs).min(cap)).sum(),
    };
    price.once.plus(running)
}

/// Returns how long a stay is as it is paid for: whole steps, at least the minimum.
pub fn billed_secs(billing: &Billing, secs: u64) -> u64 {
    let step = billing.step_secs.max(1);
    secs.div_ceil(step).max(1).saturating_mul(step).max(billing.minimum_secs)
}

/// Returns the span that is paid for, for a stay.
fn billed_span(billing: &Billing, from: Moment, to: Moment) -> (Moment, Moment) {
    let step = billing.step_secs.max(1);
    let begins = if billing.on_the_clock { Moment(from.0 - from.0 % step) } else { from };
    (begins, begins.after(billed_secs(billing, to.since(begins))))
}

/// Returns the seconds of a span that lie in each calendar month (UTC) it touches.
fn by_month(begins: Moment, ends: Moment) -> impl Iterator<Item = u64> {
    let mut at = begins;
    std::iter::from_fn(move || {
        if at >= ends {
            return None;
        }
        let cut = next_month(at).min(ends);
        let secs = cut.since(at);
        at = cut;
        Some(secs)
    })
}

/// Returns the first moment of the month after this one; a moment no calendar has ends the span at once.
fn next_month(at: Moment) -> Moment {
    let first = |secs: i64| {
        let day = jiff::Timestamp::from_second(secs).ok()?.to_zoned(jiff::tz::TimeZone::UTC).date();
        let next = day.last_of_month().tomorrow().ok()?;
        let secs = next.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
        u64::try_from(secs).ok()
    };
    i64::try_from(at.0).ok().and_then(first).map_or(Moment(u64::MAX), Moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20 08:00:00 UTC, the start of a clock hour.
    const EIGHT: u64 = 1_795_161_600;
    const HOUR: u64 = 3_600;

    fn price(per_hour: i64, change: impl FnOnce(&mut Price)) -> Price {
        let billing = Billing {
            step_secs: HOUR,
            on_the_clock: true,
            minimum_secs: 0,
            prepaid: false,
            refunds: false,
            month_cap: None,
            balance_secs: 0,
        };
        let (zero, per_hour) = (Usd::ZERO, Usd(per_hour));
        let mut price = Price {
            per_hour,
            per_hour_paused: zero,
            once: zero,
            per_gb_in: zero,
            per_gb_out: zero,
            gb_free: 0,
            billing,
        };
        change(&mut price);
        price
    }

    #[test]
    fn a_stay_costs_what_the_provider_bills() {
        let clock = |p: &mut Price| p.billing.on_the_clock = true;
        let started = |p: &mut Price| p.billing.on_the_clock = false;
        let second = |p: &mut Price| (p.billing.step_secs, p.billing.on_the_clock) = (1, false);
        let minimum = |p: &mut Price| (p.billing.step_secs, p.billing.minimum_secs) = (1, 7_200);
        let once = |p: &mut Price| p.once = Usd(500);
        let capped = |p: &mut Price| p.billing.month_cap = Some(Usd(2_500));
        type Set = fn(&mut Price);
        for (name, set, from, secs, expected) in [
            ("a second inside an hour pays the hour", clock as Set, EIGHT + 60, 1, 1_000),
            ("a minute across the hour pays two", clock, EIGHT + HOUR - 30, 60, 2_000),
            ("exactly one clock hour pays one", clock, EIGHT, HOUR, 1_000),
            ("started hours are counted from the start", started, EIGHT + HOUR - 30, 60, 1_000),
            ("started hours round up", started, EIGHT, HOUR + 1, 2_000),
            ("by the second", second, EIGHT, 1_800, 500),
            ("a minimum is paid however short", minimum, EIGHT, 60, 2_000),
            ("what is paid once comes on top", once, EIGHT, HOUR, 1_500),
            ("a month has a cap", capped, EIGHT, 10 * HOUR, 2_500),
            // December begins 2026-12-01 00:00, which is 256 hours after EIGHT.
            ("two months have two caps", capped, EIGHT, 300 * HOUR, 5_000),
            ("the second month counts from its first hour", capped, EIGHT, 257 * HOUR, 3_500),
        ] {
            assert_eq!(cost(&price(1_000, set), Moment(from), Moment(from + secs)), Usd(expected), "{name}");
        }
    }

    fn order(nodes: u32, length_secs: u64) -> Order {
        Order { provider: "p".into(), offer: "o".into(), image: None, nodes, length_secs }
    }

    fn quote(price: Price, order: &Order, good_until: Option<u64>) -> Result<Quote, QuoteError> {
        let terms = Terms { price, priced: Priced::Seen, good_until: good_until.map(Moment), note: None };
        Quote::new(order, &terms, 120, Moment(EIGHT))
    }

    #[test]
    fn a_hold_covers_the_end_too() {
        let quote = quote(price(1_000, |_| ()), &order(1, 2 * HOUR), None).unwrap();
        assert_eq!((quote.cost, quote.hold), (Usd(2_000), Usd(3_000)));
    }

    #[test]
    fn a_block_is_held_whole_and_nothing_for_its_end() {
        let block = |p: &mut Price| {
            (p.billing.prepaid, p.billing.on_the_clock, p.billing.minimum_secs) = (true, false, HOUR);
        };
        for (length_secs, hold) in [(600, 1_000), (HOUR, 1_000), (HOUR + 1, 2_000), (5_400, 2_000)] {
            let quote = quote(price(1_000, block), &order(1, length_secs), None).unwrap();
            assert_eq!((quote.cost, quote.hold), (Usd(hold), Usd(hold)), "{length_secs} s");
        }
    }

    #[test]
    fn terms_without_sense_are_refused() {
        let ok = order(1, HOUR);
        let none = |_: &mut Price| ();
        assert!(matches!(quote(price(-1, none), &ok, None), Err(QuoteError::AbsurdPrice(_))));
        assert!(matches!(quote(price(i64::MAX, none), &ok, None), Err(QuoteError::AbsurdPrice(_))));
        assert!(matches!(quote(price(1, |p| p.billing.step_secs = 0), &ok, None), Err(QuoteError::NoStep)));
        assert!(matches!(quote(price(1, none), &ok, Some(EIGHT - 5)), Err(QuoteError::Stale(5))));
        assert!(matches!(quote(price(1, none), &order(0, HOUR), None), Err(QuoteError::BadOrder { .. })));
        assert!(matches!(quote(price(1, none), &order(1, 0), None), Err(QuoteError::BadOrder { .. })));
    }
}
