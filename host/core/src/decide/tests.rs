//! Each limit at its edge, alone and together.

use super::*;
use crate::{
    instance::InstanceId,
    ledger::{OpenLease, Totals},
    offer::{Billing, Order, Price, Priced, Terms},
    time::Moment,
    window::Past,
};

const HOUR: u64 = 3_600;
const NOW: Moment = Moment(1_795_161_600);

/// A past in which nothing was spent, for every window of the defaults.
fn nothing() -> Vec<Past> {
    let looks = Limits::default().lookback("bitlaunch", "owner").looks;
    looks.into_iter().map(|look| Past { look, cells: vec![] }).collect()
}

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
    let price =
        Price { per_hour, per_hour_paused: zero, once: zero, per_gb_in: zero, per_gb_out: zero, gb_free: 0, billing };
    let terms = Terms { price, priced: Priced::Seen, good_until: None, note: None };
    Quote::new(&order, &terms, 0, NOW).unwrap()
}

fn open(per_hour: i64, held: i64) -> OpenLease {
    OpenLease {
        instance: InstanceId("a".into()),
        name: "box".into(),
        provider: "bitlaunch".into(),
        account: "me".into(),
        principal: "owner".into(),
        per_hour: Usd(per_hour),
        held: Usd(held),
        paid: Paid { from: NOW, until: NOW.after(HOUR), at_once: Usd::ZERO },
    }
}

fn standing(open: &[OpenLease], charged: i64) -> Standing {
    let held = open.iter().map(|open| open.held).sum();
    Standing {
        totals: Totals { held, charged: Usd(charged) },
        open: open.to_vec(),
        past: nothing(),
        ..Standing::default()
    }
}

fn account(balance: Option<i64>, burn: i64, foreign: u64) -> AccountView {
    let (provider, identity) = ("bitlaunch".into(), "me".into());
    AccountView { provider, identity, balance: balance.map(Usd), position: 0, burn_per_hour: Some(Usd(burn)), foreign }
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
        ("a millionth less", standing(&[], 0), quote(USD, 4), account(Some(28 * USD - 1), 0, 0), &[MinBalanceHours]),
        (
            "what is held is not usable",
            standing(std::slice::from_ref(&one), 0),
            quote(CENT, 1),
            account(Some(13 * USD), 50 * CENT, 0),
            &[MinBalanceHours],
        ),
        ("no balance told", standing(&[], 0), quote(CENT, 1), account(None, 0, 0), &[MinBalanceHours, MinBalanceShare]),
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
            &[MaxTotalSpending, Windows],
        ),
        (
            "all that refuse are named",
            standing(&[], 20 * USD),
            quote(2 * USD, 25),
            account(Some(0), USD, 2),
            &[
                MaxPricePerHour,
                MaxLease,
                MaxInstances,
                MaxBurnPerHour,
                MaxTotalSpending,
                Windows,
                MinBalanceHours,
                MinBalanceShare,
            ],
        ),
    ] {
        let decided = decide(&Limits::default(), &standing, &quote, &account, "owner");
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
    let refusal = decide(&Limits::default(), &spent, &quote, &account(Some(99 * USD), 0, 0), "owner").unwrap_err();
    assert_eq!(refusal.over[0].hint, "0.025 USD are left: 1 h 50 min of this offer, its end included");
}

#[test]
fn a_refusal_has_the_numbers_and_the_way_out() {
    let refusal =
        decide(&Limits::default(), &standing(&[], 0), &quote(3 * USD / 2, 1), &account(Some(99 * USD), 0, 0), "owner");
    let text = refusal.unwrap_err().to_string();
    for part in ["1.50 USD/h", "1.00 USD/h", "nothing was done", "bursar limits set max_price_per_hour"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn limits_of_one_provider_and_of_one_principal_count_beside_the_others() {
    let refused = |set: &[(&str, &str)], standing: &Standing, account: &AccountView| -> Vec<String> {
        let mut limits = Limits::default();
        for (name, value) in set {
            limits.set_named(&LimitName::named(name).unwrap(), value, Usd(USD)).unwrap();
        }
        let looks = limits.lookback("bitlaunch", "owner").looks.into_iter();
        let standing = Standing { past: looks.map(|look| Past { look, cells: vec![] }).collect(), ..standing.clone() };
        let over = decide(&limits, &standing, &quote(USD, 2), account, "owner").err().map_or(vec![], |r| r.over);
        over.iter().map(|over| over.name().to_string()).collect()
    };
    let rich = account(Some(99 * USD), 0, 0);
    let one = standing(&[open(50 * CENT, 2 * USD)], 0);
    for (name, value, refuses) in [
        ("provider.bitlaunch.max_price_per_hour", "0.99", true),
        ("provider.acme.max_price_per_hour", "0.99", false),
        ("principal.owner.max_instances", "1", true),
        ("principal.ci.max_instances", "1", false),
        ("provider.bitlaunch.max_burn_per_hour", "1.49", true),
        ("principal.owner.max_lease", "90m", true),
        ("provider.bitlaunch.max_total_spending", "3.99", true),
        ("provider.bitlaunch.max_total_spending", "4", false),
        ("principal.owner.windows", "1h=2.99", true),
        ("principal.owner.windows", "1h=3.01", false),
    ] {
        let wanted = if refuses { vec![name.to_owned()] } else { vec![] };
        assert_eq!(refused(&[(name, value)], &one, &rich), wanted, "{name} = {value}");
    }
    let untold = account(None, 0, 0);
    let mut spent = standing(&[], 3 * USD);
    spent.charged_by.insert("provider.bitlaunch".into(), Usd(3 * USD));
    for (funds, wanted) in [
        ("40", vec![]),
        ("27.999999", vec!["min_balance_hours"]),
        ("none", vec!["min_balance_hours", "min_balance_share"]),
    ] {
        assert_eq!(refused(&[("provider.bitlaunch.funds", funds)], &spent, &untold), wanted, "{funds}");
    }
}

#[test]
fn what_was_charged_since_the_balance_was_asked_is_not_in_it() {
    let mut spent = standing(&[], 3 * USD);
    spent.charged_by.insert("provider.bitlaunch".into(), Usd(3 * USD));
    let decided = |taken_since: Option<i64>| {
        let standing = Standing { taken_since: taken_since.map(Usd), ..spent.clone() };
        decide(&Limits::default(), &standing, &quote(USD, 4), &account(Some(28 * USD), 0, 0), "owner")
    };
    assert_eq!(decided(Some(0)), Ok(()));
    for taken in [Some(1), None] {
        assert_eq!(decided(taken).unwrap_err().over[0].limit, LimitKey::MinBalanceHours, "{taken:?}");
    }
}

#[test]
fn a_session_has_a_limit_of_its_own_if_the_owner_wants_one() {
    let limits = Limits { max_session_spending: Some(Usd(5 * USD)), ..Limits::default() };
    let of = |session: Option<i64>| Standing { session: session.map(Usd), ..standing(&[], 2 * USD) };
    let rich = account(Some(99 * USD), 0, 0);
    for (session, refused) in [(Some(0), false), (Some(USD), false), (Some(USD + 1), true), (None, true)] {
        let order = decide(&limits, &of(session), &quote(USD, 4), &rich, "owner").err();
        let amount = decide_amount(&limits, &of(session), Usd(4 * USD), "owner", NOW).err();
        for over in [order, amount].map(|refusal| refusal.map_or(vec![], |refusal| refusal.over)) {
            let named: Vec<_> = over.iter().map(|over| over.limit).collect();
            assert_eq!(named, if refused { vec![LimitKey::MaxSessionSpending] } else { vec![] }, "{session:?}");
        }
    }
    assert_eq!(decide(&Limits::default(), &of(Some(9 * USD)), &quote(USD, 4), &rich, "owner"), Ok(()));
}

#[test]
fn the_eleventh_order_in_an_hour_waits() {
    let crowded = |ago: u64| Standing { crowding: Some(Moment(NOW.0 - ago)), ..standing(&[], 0) };
    let decided =
        |standing| decide(&Limits::default(), &standing, &quote(USD, 1), &account(Some(99 * USD), 0, 0), "owner");
    assert_eq!(decided(crowded(HOUR)), Ok(()));
    let over = decided(crowded(HOUR - 120)).unwrap_err().over;
    assert_eq!((over[0].limit, over[0].hint.as_str()), (LimitKey::MaxCreatesPerHour, "the next one fits in 2 min"));
}

#[test]
fn a_window_whose_past_was_not_read_refuses() {
    let blind = Standing { past: vec![], ..standing(&[], 0) };
    let decided = decide(&Limits::default(), &blind, &quote(USD, 1), &account(Some(99 * USD), 0, 0), "owner");
    assert_eq!(decided.unwrap_err().over[0].limit, LimitKey::Windows);
    assert!(decide_amount(&Limits::default(), &blind, Usd(1), "owner", NOW).is_err());
}

#[test]
fn what_it_could_cost_without_a_keeper_is_limited() {
    let limits = Limits { max_exposure: Some(Usd(40 * USD)), ..Limits::default() };
    for (balance, refused) in [(40 * USD, false), (40 * USD + 1, true)] {
        let decided = decide(&limits, &standing(&[], 0), &quote(USD, 1), &account(Some(balance), 0, 0), "owner");
        let over = decided.err().map_or(vec![], |refusal| refusal.over);
        assert_eq!(over.first().map(|over| over.limit), refused.then_some(LimitKey::MaxExposure), "{balance}");
    }
}

#[test]
fn a_longer_life_is_no_new_order_but_fills_every_window() {
    let crowded = Standing { crowding: Some(NOW), ..standing(&[], 0) };
    let rich = account(Some(99 * USD), 0, 0);
    let longer = |standing: &Standing, hours| {
        decide_longer(&Limits::default(), standing, &quote(USD, hours), &rich, "owner", NOW.after(HOUR))
    };
    assert!(decide(&Limits::default(), &crowded, &quote(USD, 4), &rich, "owner").is_err());
    assert_eq!(longer(&crowded, 20), Ok(()));
    let refused = longer(&standing(&[], 1), 20).unwrap_err().over;
    assert_eq!(refused.iter().map(|over| over.limit).collect::<Vec<_>>(), [LimitKey::MaxTotalSpending]);
    let beside = standing(&[open(0, USD)], 0);
    let refused = longer(&beside, 20).unwrap_err().over;
    assert_eq!(
        refused.iter().map(|over| over.limit).collect::<Vec<_>>(),
        [LimitKey::MaxTotalSpending, LimitKey::Windows]
    );
}
