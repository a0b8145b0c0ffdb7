//! Windows against a model that counts every second.

use super::*;

const NOW: u64 = 1_900_000_000;

fn timed(amount: i64, from: u64, until: u64, at_once: i64) -> Timed {
    Timed { amount: Usd(amount), paid: Paid { from: Moment(from), until: Moment(until), at_once: Usd(at_once) } }
}

/// What is spent at each second from `begin` on: at once, and evenly.
fn by_second(all: &[Timed], begin: u64, end: u64) -> Vec<(i128, i128)> {
    let mut secs = vec![(0, 0); usize::try_from(end - begin).unwrap()];
    for Timed { amount, paid } in all {
        let lump = amount.0.min(paid.at_once.0);
        let (rest, long) = (amount.0 - lump, (paid.until.0 - paid.from.0).max(1));
        for n in 0..=long {
            let Some(at) = (paid.from.0 + n).checked_sub(begin).and_then(|at| secs.get_mut(at as usize)) else {
                continue;
            };
            at.0 += if n == 0 { i128::from(lump) } else { 0 };
            let odd = i128::from(n < rest as u64 % long);
            at.1 += if n < long { i128::from(rest / long as i64) + odd } else { 0 };
        }
    }
    secs
}

/// The most in any so many seconds that end at or after now.
fn brute(all: &[Timed], secs: u64, end: u64) -> i128 {
    let begin = NOW - secs - 100;
    let spent = by_second(all, begin, end + secs + 200);
    let mut before = vec![0];
    for (lump, even) in &spent {
        before.push(before.last().unwrap() + lump + even);
    }
    // The last second counts with what is spent at its beginning.
    let sum = |from: u64, to: u64| {
        let (from, to) = ((from - begin) as usize, (to - begin) as usize);
        before[to + 1] - before[from] - spent[to].1
    };
    (NOW..=end + secs + 50).map(|t| sum(t - secs, t)).max().unwrap()
}

/// Sums charges by cells, as the ledger does.
pub(super) fn cells(charges: &[Timed], look: Look) -> Past {
    let size = look.cell_secs;
    let first = (NOW - look.back_secs) / size * size;
    let mut by: std::collections::BTreeMap<u64, Cell> = Default::default();
    for point in charges.iter().flat_map(points) {
        let start = point.at / size * size;
        let cell = by.entry(start).or_insert(Cell { start, ..Cell::default() });
        cell.slope += point.slope as i64;
        cell.moment += point.slope as i64 * (point.at - start) as i64;
        cell.lump += point.lump as i64;
    }
    Past { look, cells: by.into_values().filter(|cell| cell.start >= first).collect() }
}

fn past_of(window: Window, charges: &[Timed]) -> Past {
    cells(charges, Look { scope: Scope::All, cell_secs: window.cell_secs(), back_secs: window.secs() })
}

#[test]
fn money_has_its_time() {
    let hour = 3_600;
    for (name, charges, holds, minutes, most) in [
        ("nothing", vec![], vec![], 60, 0),
        ("an hour's hold, evenly", vec![], vec![timed(3_600, NOW, NOW + hour, 0)], 60, 3_600),
        ("half of two hours", vec![], vec![timed(7_200, NOW, NOW + 2 * hour, 0)], 60, 3_600),
        (
            "what is never given back counts at once",
            vec![],
            vec![timed(14_400, NOW, NOW + 2 * hour, 7_200)],
            60,
            10_800,
        ),
        (
            "not only now: the second hold is later",
            vec![],
            vec![timed(3_600, NOW, NOW + hour, 0), timed(7_200, NOW + hour, NOW + 2 * hour, 0)],
            60,
            7_200,
        ),
        (
            "a charge of a day is not one of its last hour",
            vec![timed(86_400, NOW - 86_400, NOW, 0)],
            vec![],
            1_024,
            61_440,
        ),
        (
            "what is charged leaves as what is held comes",
            vec![timed(4_096, NOW - 4_096, NOW, 0)],
            vec![timed(4_096, NOW, NOW + 4_096, 0)],
            64,
            3_840 + 16,
        ),
        (
            "what lies before the window does not count",
            vec![timed(500, NOW - 9 * hour, NOW - 8 * hour, 0)],
            vec![],
            60,
            0,
        ),
    ] {
        let window = Window { minutes, usd: Usd::ZERO };
        let (found, _) = fullest(window, &past_of(window, &charges), &holds, Moment(NOW));
        assert_eq!(found, Usd(most), "{name}");
    }
}

#[test]
fn no_window_ever_counts_less_than_every_second_does_nor_more_than_a_cell_beside_it() {
    use proptest::prelude::*;
    let charge = (0..9_000_u64, 0..4_000_u64, 0..900_000_i64, prop_oneof![Just(0), 0..1_000_000_i64])
        .prop_map(|(ago, long, amount, once)| timed(amount, NOW - ago - long, NOW - ago, once));
    let hold = (-3_000..3_000_i64, 1..6_000_u64, 0..900_000_i64, prop_oneof![Just(0), 0..1_000_000_i64]).prop_map(
        |(at, long, amount, once)| {
            let from = NOW.saturating_add_signed(at);
            timed(amount, from, (from + long).max(NOW), once)
        },
    );
    let minutes = prop::sample::select(vec![1, 5, 15, 30, 60, 90, 120]);
    let all = (prop::collection::vec(charge, 0..9), prop::collection::vec(hold, 0..5), minutes);
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let checked = runner.run(&all, |(charges, holds, minutes)| {
        let window = Window { minutes, usd: Usd::ZERO };
        let found = i128::from(fullest(window, &past_of(window, &charges), &holds, Moment(NOW)).0.0);
        let both: Vec<Timed> = charges.into_iter().chain(holds).collect();
        let least = brute(&both, window.secs(), NOW + 9_100);
        let most = brute(&both, window.secs() + 2 * window.cell_secs(), NOW + 9_100);
        prop_assert!(least <= found, "{found} is less than {least}");
        prop_assert!(found <= most, "{found} is more than {most}");
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn windows_are_read_as_they_are_written() {
    for (text, shown) in [
        ("60m=2.5", Some("1h=2.50")),
        ("72h=9, 5m=0.10,24h=5", Some("5m=0.10, 24h=5.00, 72h=9.00")),
        ("none", Some("none")),
        ("", None),
        ("1h", None),
        ("1h=-1", None),
        ("1h=1,1h=2", None),
    ] {
        assert_eq!(read_windows(text).map(|windows| show_windows(&windows)).as_deref(), shown, "{text}");
    }
    let all = "5m=1, 15m=1, 30m=1, 60m=1, 90m=1, 120m=1, 240m=1, 300m=1, 360m=1, 400m=1, 460m=1, 520m=1, 640m=1, \
               700m=1, 1440m=1, 48h=1, 72h=1";
    assert_eq!(read_windows(all).map(|windows| windows.len()), Some(17));
}
