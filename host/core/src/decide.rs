//! May this be rented? Pure: limits × ledger × quote × what the account shows. Names every limit that refuses.

use crate::{
    exposure::exposure,
    ledger::{Over, Refusal, Standing},
    limits::{LimitKey, Limits},
    money::Usd,
    quote::Quote,
    time,
};

/// What the provider showed of the account just before deciding. Guards see everything on it, not only what is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountView {
    pub provider: String,
    pub identity: String,
    pub balance: Option<Usd>,
    pub burn_per_hour: Option<Usd>,
    /// Live instances on the account that do not carry our tag.
    pub foreign: u64,
}

/// Decides whether an order fits inside every limit. The caller writes the hold in the same step, or nothing.
pub fn decide(limits: &Limits, standing: &Standing, quote: &Quote, account: &AccountView) -> Result<(), Refusal> {
    let checks = [
        price(limits, quote),
        length(limits, quote),
        count(limits, standing, account),
        burn(limits, standing, quote, account),
        balance(limits, standing, quote, account),
        total(limits, standing, quote),
        exposed(limits, quote, account),
    ];
    let over: Vec<Over> = checks.into_iter().flatten().collect();
    if over.is_empty() { Ok(()) } else { Err(Refusal { over }) }
}

fn over(limits: &Limits, limit: LimitKey, would_be: String, hint: String) -> Option<Over> {
    Some(Over { limit, allowed: limits.show(limit), would_be, hint, narrowed_by: None })
}

fn price(limits: &Limits, quote: &Quote) -> Option<Over> {
    if quote.per_hour <= limits.max_price_per_hour {
        return None;
    }
    let would_be = format!("this offer costs {} USD/h", quote.per_hour);
    over(
        limits,
        LimitKey::MaxPricePerHour,
        would_be,
        format!("find an offer up to {} USD/h", limits.max_price_per_hour),
    )
}

fn length(limits: &Limits, quote: &Quote) -> Option<Over> {
    if quote.order.length_secs <= limits.max_lease_secs {
        return None;
    }
    let would_be = format!("the lease would last {}", time::human(quote.order.length_secs));
    over(limits, LimitKey::MaxLease, would_be, format!("ask for {} or less", limits.show(LimitKey::MaxLease)))
}

fn count(limits: &Limits, standing: &Standing, account: &AccountView) -> Option<Over> {
    let (ours, foreign) = (standing.open.len() as u64, account.foreign);
    if ours + foreign < limits.max_instances {
        return None;
    }
    let names: Vec<&str> = standing.open.iter().map(|open| open.name.as_str()).take(8).collect();
    let would_be = match foreign {
        0 => format!("{ours} of ours are open ({})", names.join(", ")),
        n => format!("{ours} of ours ({}) and {n} that are not ours are open on this account", names.join(", ")),
    };
    let hint = match names.first() {
        Some(name) => format!("destroy one first, for example `{name}`"),
        None => "wait until what runs on the account has ended".to_owned(),
    };
    over(limits, LimitKey::MaxInstances, would_be, hint)
}

/// Returns what everything costs per hour, by our book or as the account tells, whichever is more.
fn burning(standing: &Standing, account: &AccountView) -> Usd {
    let ours: Usd = standing.open.iter().map(|open| open.per_hour).sum();
    let here: Usd = on_account(standing, account).map(|open| open.per_hour).sum();
    let told_beyond = account.burn_per_hour.unwrap_or_default().minus(here).max(Usd::ZERO);
    ours.plus(told_beyond)
}

fn on_account<'a>(
    standing: &'a Standing,
    account: &'a AccountView,
) -> impl Iterator<Item = &'a crate::ledger::OpenLease> {
    standing.open.iter().filter(|open| open.provider == account.provider && open.account == account.identity)
}

fn burn(limits: &Limits, standing: &Standing, quote: &Quote, account: &AccountView) -> Option<Over> {
    let now = burning(standing, account);
    if now.plus(quote.per_hour) <= limits.max_burn_per_hour {
        return None;
    }
    let would_be = format!("{} USD/h run now, {} USD/h would be added", now, quote.per_hour);
    let left = limits.max_burn_per_hour.minus(now).max(Usd::ZERO);
    over(
        limits,
        LimitKey::MaxBurnPerHour,
        would_be,
        format!("an offer up to {left} USD/h fits, or destroy something first"),
    )
}

fn balance(limits: &Limits, standing: &Standing, quote: &Quote, account: &AccountView) -> Option<Over> {
    let here: Usd = on_account(standing, account).map(|open| open.per_hour).sum();
    let burn = account.burn_per_hour.unwrap_or_default().max(here).plus(quote.per_hour);
    let hours = limits.min_balance_hours.max(quote.price.billing.balance_secs.div_ceil(3_600));
    let must_stay = burn.times(hours);
    let Some(balance) = account.balance else {
        let hint = "this provider tells no balance; set min_balance_hours to 0 if that is all right".to_owned();
        return (hours > 0).then(|| over(limits, LimitKey::MinBalanceHours, "the balance is unknown".into(), hint))?;
    };
    // A hold may have been taken from the balance in part already; counting it whole errs to the safe side.
    let held: Usd = on_account(standing, account).map(|open| open.held).sum();
    let usable = balance.minus(held);
    if usable.minus(quote.hold) >= must_stay {
        return None;
    }
    let would_be = format!(
        "the balance is {balance} USD, {held} of it held; after {} for this, {} must stay for {hours} h of {burn} USD/h",
        quote.hold, must_stay
    );
    let missing = must_stay.plus(quote.hold).minus(usable);
    over(
        limits,
        LimitKey::MinBalanceHours,
        would_be,
        format!("{missing} USD are missing: top up, or take a cheaper or shorter lease"),
    )
}

fn exposed(limits: &Limits, quote: &Quote, account: &AccountView) -> Option<Over> {
    let exposure = exposure(quote, account);
    if exposure.is_within(limits.max_exposure) {
        return None;
    }
    let would_be = format!("if no keeper ever ran again, {exposure}");
    let hint = "keep less on the account, or take a provider whose machines end by themselves".to_owned();
    over(limits, LimitKey::MaxExposure, would_be, hint)
}

fn total(limits: &Limits, standing: &Standing, quote: &Quote) -> Option<Over> {
    let committed = standing.totals.committed();
    if committed.plus(quote.hold) <= limits.max_total_spending {
        return None;
    }
    let would_be = format!(
        "this lease holds {} USD, its end included; {} USD are charged and {} USD held already",
        quote.hold, standing.totals.charged, standing.totals.held
    );
    let left = limits.max_total_spending.minus(committed).max(Usd::ZERO);
    let hint = match quote.longest_secs(left) {
        Some(secs) => format!("{left} USD are left: {} of this offer, its end included", time::human(secs)),
        None => format!("{left} USD are left, too little for this offer"),
    };
    over(limits, LimitKey::MaxTotalSpending, would_be, hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        instance::InstanceId,
        ledger::{OpenLease, Totals},
        offer::{Billing, Order, Price, Priced, Terms},
        time::Moment,
    };

    const HOUR: u64 = 3_600;

    fn quote(per_hour: i64, hours: u64) -> Quote {
        let order =
            Order { provider: "bitlaunch".into(), offer: "o".into(), image: None, nodes: 1, length_secs: hours * HOUR };
        let billing = Billing {
            step_secs: HOUR,
            on_the_clock: false,
            minimum_secs: 0,
            prepaid: false,
            refunds: false,
            month_cap: None,
            balance_secs: 0,
        };
        let (zero, per_hour) = (Usd::ZERO, Usd(per_hour));
        let price = Price {
            per_hour,
            per_hour_paused: zero,
            once: zero,
            per_gb_in: zero,
            per_gb_out: zero,
            gb_free: 0,
            billing,
        };
        let terms = Terms { price, priced: Priced::Seen, good_until: None, note: None };
        Quote::new(&order, &terms, 0, Moment(1_795_161_600)).unwrap()
    }

    fn open(per_hour: i64, held: i64) -> OpenLease {
        OpenLease {
            instance: InstanceId("a".into()),
            name: "box".into(),
            provider: "bitlaunch".into(),
            account: "me".into(),
            per_hour: Usd(per_hour),
            held: Usd(held),
        }
    }

    fn standing(open: &[OpenLease], charged: i64) -> Standing {
        let held = open.iter().map(|open| open.held).sum();
        Standing { totals: Totals { held, charged: Usd(charged) }, open: open.to_vec() }
    }

    fn account(balance: Option<i64>, burn: i64, foreign: u64) -> AccountView {
        let (provider, identity) = ("bitlaunch".into(), "me".into());
        AccountView { provider, identity, balance: balance.map(Usd), burn_per_hour: Some(Usd(burn)), foreign }
    }

    const CENT: i64 = 10_000;
    const USD: i64 = 1_000_000;

    #[test]
    fn an_order_passes_inside_every_limit_and_is_refused_by_name_outside() {
        use LimitKey::*;
        let one = open(50 * CENT, 2 * USD);
        let none: &[LimitKey] = &[];
        for (name, standing, quote, account, refused) in [
            ("an empty ledger takes it", standing(&[], 0), quote(USD, 4), account(Some(40 * USD), 0, 0), none),
            (
                "a cent above the price",
                standing(&[], 0),
                quote(USD + CENT, 1),
                account(Some(99 * USD), 0, 0),
                &[MaxPricePerHour],
            ),
            ("a lease too long", standing(&[], 0), quote(CENT, 25), account(Some(40 * USD), 0, 0), &[MaxLease]),
            (
                "two are open",
                standing(&[one.clone(), one.clone()], 0),
                quote(CENT, 1),
                account(Some(99 * USD), USD, 0),
                &[MaxInstances],
            ),
            (
                "foreign ones count",
                standing(std::slice::from_ref(&one), 0),
                quote(CENT, 1),
                account(Some(99 * USD), USD, 1),
                &[MaxInstances],
            ),
            (
                "the burn told counts",
                standing(&[], 0),
                quote(USD, 1),
                account(Some(99 * USD), USD + CENT, 0),
                &[MaxBurnPerHour],
            ),
            (
                "ours are not counted twice",
                standing(std::slice::from_ref(&one), 0),
                quote(USD, 1),
                account(Some(99 * USD), 50 * CENT, 0),
                none,
            ),
            ("24 hours must stay", standing(&[], 0), quote(USD, 4), account(Some(28 * USD), 0, 0), none),
            (
                "a millionth less",
                standing(&[], 0),
                quote(USD, 4),
                account(Some(28 * USD - 1), 0, 0),
                &[MinBalanceHours],
            ),
            (
                "what is held is not usable",
                standing(std::slice::from_ref(&one), 0),
                quote(CENT, 1),
                account(Some(13 * USD), 50 * CENT, 0),
                &[MinBalanceHours],
            ),
            ("no balance told", standing(&[], 0), quote(CENT, 1), account(None, 0, 0), &[MinBalanceHours]),
            ("the total is reached", standing(&[], 16 * USD), quote(USD, 4), account(Some(99 * USD), 0, 0), none),
            (
                "the total is passed",
                standing(&[], 16 * USD + 1),
                quote(USD, 4),
                account(Some(99 * USD), 0, 0),
                &[MaxTotalSpending],
            ),
            (
                "what is held counts",
                standing(&[open(0, 17 * USD)], 0),
                quote(USD, 4),
                account(Some(99 * USD), 0, 0),
                &[MaxTotalSpending],
            ),
            (
                "all that refuse are named",
                standing(&[], 20 * USD),
                quote(2 * USD, 25),
                account(Some(0), USD, 2),
                &[MaxPricePerHour, MaxLease, MaxInstances, MaxBurnPerHour, MinBalanceHours, MaxTotalSpending],
            ),
        ] {
            let decided = decide(&Limits::default(), &standing, &quote, &account);
            let named: Vec<LimitKey> = decided.err().map_or(vec![], |r| r.over.iter().map(|o| o.limit).collect());
            assert_eq!(named, refused, "{name}");
        }
    }

    #[test]
    fn what_the_total_leaves_is_a_length_that_fits() {
        let cents = |cents: i64| cents * CENT;
        // 10:35 by the clock: of an hour on the clock 25 min are left.
        let at = Moment(1_795_161_600 - 1_795_161_600 % HOUR + 2_100);
        for (name, on_the_clock, stop_secs, left, longest) in [
            ("two hours begin, the end takes a third", false, 300, cents(200), Some(HOUR + 50 * 60)),
            ("not an hour with its end", false, 300, cents(100), Some(50 * 60)),
            ("the hour of the clock is paid whole", true, 300, cents(100), Some(10 * 60)),
            ("the next one, too", true, 300, cents(200), Some(HOUR + 10 * 60)),
            ("nothing fits", true, 300, cents(99), None),
            ("no longer than was asked", false, 0, cents(9_900), Some(4 * HOUR)),
        ] {
            let mut quote = quote(USD, 4);
            (quote.asked_at, quote.stop_secs) = (at, stop_secs);
            quote.price.billing.on_the_clock = on_the_clock;
            assert_eq!(quote.longest_secs(Usd(left)), longest, "{name}");
        }
        let spent = standing(&[], 20 * USD - 25_000);
        let mut quote = quote(11_000, 2);
        (quote.stop_secs, quote.hold) = (300, Usd(33_000));
        let refusal = decide(&Limits::default(), &spent, &quote, &account(Some(99 * USD), 0, 0)).unwrap_err();
        assert_eq!(refusal.over[0].hint, "0.025 USD are left: 1 h 50 min of this offer, its end included");
    }

    #[test]
    fn a_refusal_has_the_numbers_and_the_way_out() {
        let refusal =
            decide(&Limits::default(), &standing(&[], 0), &quote(3 * USD / 2, 1), &account(Some(99 * USD), 0, 0));
        let text = refusal.unwrap_err().to_string();
        for part in ["1.50 USD/h", "1.00 USD/h", "nothing was done", "bursar limits set max_price_per_hour"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
