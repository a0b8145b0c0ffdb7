//! What is taken against what ours cost: one case a line.

use super::*;
use crate::overrun::tests::late_one;
use std::collections::BTreeMap;

const HOUR: u64 = 3_600;

/// Begun hours of 100 millionths each, from T on.
fn ours(stage: Stage, charged: i64) -> (Instance, Totals) {
    (Instance { stage, ..late_one() }, Totals { held: Usd::ZERO, charged: Usd(charged) })
}

fn begins() -> Moment {
    late_one().lease.begins
}

fn mark(balance: Option<i64>, alone: bool, corrected: i64) -> Mark {
    Mark {
        at: begins(),
        position: 1,
        balance: balance.map(Usd),
        taken: None,
        paid_in: None,
        since: begins(),
        alone,
        corrected: Usd(corrected),
    }
}

fn cost(id: &str, least: i64, most: i64) -> Cost {
    Cost { instance: InstanceId(id.into()), least: Usd(least), most: Usd(most), metered: false }
}

#[test]
fn what_ours_cost_is_known_between_any_two_moments() {
    let open = |from: u64, to: u64| {
        let cost = &costs(&[ours(Stage::Ready, 0)], begins().after(from), begins().after(to))[0];
        (cost.least.0, cost.most.0)
    };
    for (name, from, to, expected) in [
        ("inside one hour nothing is billed", 600, 1_800, (0, 0)),
        ("from before its begin its first hour is", 0, 1_800, (0, 100)),
        ("across an hour one is", 1_800, HOUR + 1_800, (100, 100)),
        ("at the edge it may be", 1_800, HOUR + 30, (0, 100)),
        ("across three", 1_800, 3 * HOUR + 1_800, (300, 300)),
    ] {
        assert_eq!(open(from, to), expected, "{name}");
    }
    let gone = |from: u64| costs(&[ours(Stage::Gone, 250)], begins().after(from), begins().after(9 * HOUR))[0].most.0;
    assert_eq!((gone(0), gone(1_800), gone(5 * HOUR)), (250, 150, 0), "what is gone cost what was charged");
    let mut doubtful = ours(Stage::InDoubt, 0);
    doubtful.0.handle = None;
    let cost = &costs(&[doubtful], begins().after(600), begins().after(HOUR + 600))[0];
    assert_eq!((cost.least.0, cost.most.0), (0, 100), "a doubt may cost and may not");
}

#[test]
fn a_look_is_not_taken_where_a_step_is_billed() {
    let quiet = |at: u64| is_quiet(&[ours(Stage::Ready, 0)], begins().after(at));
    assert_eq!([10, 200, HOUR - 60, HOUR + 60, HOUR + 200].map(quiet), [false, true, false, false, true]);
    let mut by_second = ours(Stage::Ready, 0);
    by_second.0.price.billing.step_secs = 1;
    assert!(is_quiet(std::slice::from_ref(&by_second), begins().after(10)));
    assert_eq!(span_secs(&[by_second]), HOUR);
}

#[test]
fn what_is_taken_beyond_ours_is_entered_and_too_much_stops() {
    use Weight::*;
    let dollars = 1_000_000;
    for (name, before, now, paid_in, costs, expected) in [
        ("as quoted", mark(Some(1_000), true, 0), mark(Some(900), true, 0), Some(0), vec![cost("a", 100, 100)], None),
        (
            "less than quoted",
            mark(Some(1_000), true, 0),
            mark(Some(950), true, 0),
            Some(0),
            vec![cost("a", 100, 100)],
            None,
        ),
        (
            "five percent is light",
            mark(Some(1_000), true, 0),
            mark(Some(895), true, 0),
            Some(0),
            vec![cost("a", 100, 100)],
            Some((5, Light)),
        ),
        (
            "more stops",
            mark(Some(1_000), true, 0),
            mark(Some(894), true, 0),
            Some(0),
            vec![cost("a", 100, 100)],
            Some((6, Stops)),
        ),
        (
            "more than a dollar stops, however much it is of",
            mark(Some(900 * dollars), true, 0),
            mark(Some(798 * dollars), true, 0),
            Some(0),
            vec![cost("a", 100 * dollars, 100 * dollars + 999_999)],
            Some((1_000_001, Stops)),
        ),
        (
            "nobody may take where nothing ran",
            mark(Some(1_000), true, 0),
            mark(Some(999), true, 0),
            None,
            vec![],
            Some((1, Stops)),
        ),
        (
            "with money paid in it warns",
            mark(Some(1_000), true, 0),
            mark(Some(1_300), true, 0),
            Some(500),
            vec![cost("a", 100, 100)],
            Some((100, Warns)),
        ),
        (
            "at an edge the dearer one is believed",
            mark(Some(1_000), true, 0),
            mark(Some(800), true, 0),
            Some(0),
            vec![cost("a", 100, 200)],
            None,
        ),
        (
            "what comes back of a correction is taken back",
            mark(Some(1_000), true, 30),
            mark(Some(950), true, 0),
            Some(0),
            vec![cost("a", 100, 100)],
            Some((-30, Light)),
        ),
        (
            "not where money may have come in unseen",
            mark(Some(1_000), true, 30),
            mark(Some(950), true, 0),
            None,
            vec![cost("a", 100, 100)],
            None,
        ),
    ] {
        let found = match compare(&before, &now, paid_in.map(Usd), &costs) {
            Compared::Differs(difference) => Some((difference.by.0, difference.weight)),
            Compared::Fits => None,
            Compared::Unclear => panic!("{name}"),
        };
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn what_is_paid_ahead_is_taken_at_once_and_metered_traffic_only_warns() {
    let mut block = ours(Stage::Ready, 0);
    block.0.price.billing.prepaid = true;
    let cost = |from: u64, to: u64| {
        let cost = &costs(std::slice::from_ref(&block), begins().after(from), begins().after(to))[0];
        (cost.least.0, cost.most.0)
    };
    assert_eq!((cost(0, 600), cost(600, HOUR)), ((0, 200), (0, 0)), "two hours of 100 are paid at its begin");
    let mut traffic = ours(Stage::Ready, 0);
    traffic.0.price.per_gb_out = Usd(1);
    let costs = costs(&[traffic], begins().after(1_800), begins().after(HOUR + 1_800));
    let compared = compare(&mark(Some(1_000), true, 0), &mark(Some(500), true, 0), Some(Usd::ZERO), &costs);
    assert!(
        matches!(compared, Compared::Differs(Difference { by: Usd(400), weight: Weight::Warns, .. })),
        "{compared:?}"
    );
}

#[test]
fn what_is_told_of_one_machine_is_held_against_its_whole_life() {
    let told = |taken: i64| BTreeMap::from([("1".to_owned(), Usd(taken)), ("somebody else's".to_owned(), Usd(9_999))]);
    let mut corrected = ours(Stage::Ready, 50);
    corrected.0.sightings.corrected = Usd(50);
    let mut traffic = ours(Stage::Ready, 0);
    traffic.0.price.per_gb_in = Usd(1);
    for (name, row, taken, expected) in [
        ("two begun hours", ours(Stage::Ready, 0), 200, None),
        ("a bill that is late", ours(Stage::Ready, 0), 0, None),
        ("a little more", ours(Stage::Ready, 0), 210, Some((10, Weight::Light))),
        ("more", ours(Stage::Ready, 0), 211, Some((11, Weight::Stops))),
        ("traffic is metered", traffic, 400, Some((200, Weight::Warns))),
        ("what was corrected is not corrected again", corrected.clone(), 250, None),
        ("only what came on top", corrected, 300, Some((50, Weight::Stops))),
        ("what is gone cost what was charged", ours(Stage::Gone, 100), 150, Some((50, Weight::Stops))),
    ] {
        let found = by_machine(&[row], &told(taken), begins().after(HOUR + 600));
        let found = found.first().map(|difference| (difference.by.0, difference.weight));
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn what_nobody_can_say_is_not_said() {
    let costs = [cost("a", 100, 100)];
    for (name, before, now) in [
        ("somebody else was there", mark(Some(1_000), false, 0), mark(Some(0), true, 0)),
        ("somebody else is there", mark(Some(1_000), true, 0), mark(Some(0), false, 0)),
        ("no balance is told, and no charges", mark(None, true, 0), mark(None, true, 0)),
        ("the balance rose", mark(Some(1_000), true, 0), mark(Some(1_001), true, 0)),
    ] {
        assert_eq!(compare(&before, &now, Some(Usd::ZERO), &costs), Compared::Unclear, "{name}");
    }
    let told = |taken: i64| Mark { taken: Some(Usd(taken)), ..mark(None, true, 0) };
    let by_charges = compare(&told(500), &told(700), None, &costs);
    assert!(matches!(by_charges, Compared::Differs(Difference { by: Usd(100), weight: Weight::Stops, .. })));
}

#[test]
fn a_difference_is_parted_to_the_millionth() {
    let id = |name: &str| InstanceId(name.into());
    let costs = [cost("a", 0, 100), cost("b", 0, 200), cost("c", 0, 0)];
    let none = |_: &InstanceId| Usd::ZERO;
    assert_eq!(parts(Usd(10), &costs, none), [(id("a"), Usd(3)), (id("b"), Usd(6)), (id("c"), Usd(1))]);
    let nothing_ran = [cost("a", 0, 0)];
    assert_eq!(parts(Usd(10), &nothing_ran, none), [(id("a"), Usd(10))]);
    let corrected = |which: &InstanceId| if which.0 == "b" { Usd(4) } else { Usd(2) };
    assert_eq!(parts(Usd(-5), &costs, corrected), [(id("a"), Usd(-2)), (id("b"), Usd(-3))]);
    assert_eq!(parts(Usd(5), &[], none), []);
}
