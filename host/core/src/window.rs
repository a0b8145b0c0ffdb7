//! Windows: never more than so much money in any so many minutes, now or at any moment to come.
//!
//! Money has a time: a hold is spent evenly from its begin to its end, a charge keeps the time it pays for, and what is
//! never given back counts at once. All of it is whole millionths and whole seconds: of an amount that its seconds do not
//! divide, the first ones take a millionth more. This module never reads the ledger: of what is charged it gets sums by
//! cells of time, a few for each window however long the ledger, and counts a cell that a window cuts as a whole.

use crate::{instance::Instance, money::Usd, offer::Price, scope::Scope, time::Moment};
use serde::{Deserialize, Serialize};

/// At most so much in any so many minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    pub minutes: u64,
    pub usd: Usd,
}

/// The longest window: 31 days.
pub const MINUTES_MAX: u64 = 31 * 24 * 60;
/// The sizes of cells that the ledger sums by, in seconds.
pub const CELL_SIZES: [u64; 7] = [4, 16, 64, 256, 1_024, 4_096, 16_384];

impl Window {
    pub fn secs(self) -> u64 {
        self.minutes.saturating_mul(60)
    }

    /// Returns whether whoever keeps this one keeps the other, too.
    pub fn covers(self, other: &Window) -> bool {
        self.minutes >= other.minutes && self.usd <= other.usd
    }

    /// Returns the size of cell to look at: the largest that is at most a sixty-fourth of the window.
    pub fn cell_secs(self) -> u64 {
        let fits = |size: &&u64| **size * 64 <= self.secs();
        CELL_SIZES.iter().rev().find(fits).copied().unwrap_or(CELL_SIZES[0])
    }
}

/// The time that an amount pays for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Paid {
    pub from: Moment,
    pub until: Moment,
    /// What of it is never given back; it counts at `from`.
    pub at_once: Usd,
}

impl Paid {
    /// Returns the time of a hold for a stay at this price; `until` is its end with the time to be sure of it.
    pub fn stay(price: &Price, from: Moment, until: Moment) -> Paid {
        let billing = &price.billing;
        let kept = match (billing.prepaid, billing.refunds) {
            (true, false) => Usd::MAX,
            (true, true) => price.per_hour.per_hour_for(billing.minimum_secs.max(billing.step_secs)),
            (false, _) => price.per_hour.per_hour_for(billing.minimum_secs),
        };
        Paid { from, until, at_once: price.once.plus(kept) }
    }

    /// Returns the time that an instance's hold pays for.
    pub fn hold(instance: &Instance) -> Paid {
        let ends = instance.lease.ends.after(instance.stop_secs);
        Paid::stay(&instance.price, instance.lease.begins, ends.max(instance.lease.begins))
    }

    /// Returns the time that a charge for an instance pays for, known at this moment: that of its hold, as far as it has
    /// passed, and longer where it was seen to live longer.
    pub fn charge(instance: &Instance, at: Moment) -> Paid {
        let hold = Paid::hold(instance);
        let seen = instance.sightings.seen_at.unwrap_or(hold.until).max(hold.until);
        Paid { from: hold.from.min(at), until: seen.min(at), ..hold }
    }

    /// Returns an amount that is all spent at one moment.
    pub fn now(at: Moment) -> Paid {
        Paid { from: at, until: at, at_once: Usd::MAX }
    }
}

/// Money with its time, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed {
    pub amount: Usd,
    pub paid: Paid,
}

/// Where the speed of spending changes, or money is spent at once.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: u64,
    slope: i128,
    lump: i128,
}

fn points(money: &Timed) -> [Point; 3] {
    let (from, until) = (money.paid.from.0, money.paid.until.0);
    let amount = i128::from(money.amount.0.max(0));
    let lump = i128::from(money.paid.at_once.0.max(0)).min(amount);
    let secs = i128::from(until.saturating_sub(from).max(1));
    let (each, odd) = ((amount - lump) / secs, (amount - lump) % secs);
    let faster_until = from.saturating_add(u64::try_from(odd).unwrap_or(0));
    [
        Point { at: from, slope: each + i128::from(odd > 0), lump },
        Point { at: faster_until, slope: -i128::from(odd > 0), lump: 0 },
        Point { at: from.saturating_add(u64::try_from(secs).unwrap_or(1)), slope: -each, lump: 0 },
    ]
}

/// How much was spent until a moment, for every moment: sums over all points up to each.
struct Curve {
    at: Vec<u64>,
    sums: Vec<Sums>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    slope: i128,
    moment: i128,
    lump: i128,
}

impl Curve {
    fn of(holds: &[Timed]) -> Curve {
        let mut all: Vec<Point> = holds.iter().flat_map(points).collect();
        all.sort_by_key(|point| point.at);
        let (mut sum, mut sums) = (Sums::default(), vec![Sums::default()]);
        for point in &all {
            sum.slope += point.slope;
            sum.moment += point.slope * i128::from(point.at);
            sum.lump += point.lump;
            sums.push(sum);
        }
        Curve { at: all.iter().map(|point| point.at).collect(), sums }
    }

    /// What is spent before a moment, and what at that moment itself if `also`.
    fn until(&self, t: u64, also: bool) -> i128 {
        let n = self.at.partition_point(|at| if also { *at <= t } else { *at < t });
        let Sums { slope, moment, lump } = self.sums.get(n).copied().unwrap_or_default();
        slope * i128::from(t) - moment + lump
    }
}

/// The sums of what is charged, of one cell of time: of all changes of speed in it, of the same times their distance from
/// its start, and of what counts at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell {
    pub start: u64,
    pub slope: i64,
    pub moment: i64,
    pub lump: i64,
}

/// What part of the past a decision needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub scope: Scope,
    pub cell_secs: u64,
    pub back_secs: u64,
}

/// That part, read: every cell from then on, oldest first. Nothing charged lies after the ledger's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    pub look: Look,
    pub cells: Vec<Cell>,
}

impl Past {
    /// Returns whether it is what a window of this scope needs.
    pub fn covers(&self, scope: &Scope, window: Window) -> bool {
        let Look { scope: read, cell_secs, back_secs } = &self.look;
        read == scope && *cell_secs == window.cell_secs() && *back_secs >= window.secs()
    }
}

/// Sums over this cell and all later ones.
struct After<'a> {
    past: &'a Past,
    sums: Vec<Sums>,
}

impl<'a> After<'a> {
    fn of(past: &'a Past) -> After<'a> {
        let mut sums = vec![Sums::default(); past.cells.len() + 1];
        let mut sum = Sums::default();
        for (n, cell) in past.cells.iter().enumerate().rev() {
            sum.slope += i128::from(cell.slope);
            sum.moment += i128::from(cell.moment) + i128::from(cell.slope) * i128::from(cell.start);
            sum.lump += i128::from(cell.lump);
            sums[n] = sum;
        }
        After { past, sums }
    }

    /// What was spent from a moment on. A cell that it lies in counts from the cell's start: never too little.
    fn from(&self, t: u64) -> i128 {
        let size = self.past.look.cell_secs;
        let n = self.past.cells.partition_point(|cell| cell.start + size <= t);
        let t = self.past.cells.get(n).map_or(t, |cell| cell.start.min(t));
        let Sums { slope, moment, lump } = self.sums.get(n).copied().unwrap_or_default();
        // All speeds end by the last cell, so those before it are what the later changes take away.
        slope * i128::from(t) - moment + lump
    }
}

/// Returns what a window holds that ends now.
pub fn spent(window: Window, past: &Past, holds: &[Timed], now: Moment) -> Usd {
    let (curve, from) = (Curve::of(holds), now.0.saturating_sub(window.secs()));
    let sum = curve.until(now.0, true) - curve.until(from, false) + After::of(past).from(from);
    Usd(i64::try_from(sum).unwrap_or(i64::MAX))
}

/// Returns the most that a window holds at any moment from `now` on, and a moment at which it does.
pub fn fullest(window: Window, past: &Past, holds: &[Timed], now: Moment) -> (Usd, Moment) {
    let (curve, after, secs) = (Curve::of(holds), After::of(past), window.secs());
    let spent = |from: u64, to: u64| curve.until(to, true) - curve.until(from, false) + after.from(from);
    let begins = now.0.saturating_sub(secs);
    let mut most = (spent(begins, now.0), now.0);
    let mut see = |from: u64, to: u64| {
        let sum = spent(from, to);
        if sum > most.0 {
            most = (sum, to);
        }
    };
    // The sum rises and falls in straight lines between these moments: there it is largest.
    for at in &curve.at {
        for to in [*at, at.saturating_add(secs)] {
            if to >= now.0 {
                see(to.saturating_sub(secs), to);
            }
        }
    }
    for cell in &past.cells {
        let ends = cell.start + past.look.cell_secs;
        if ends >= begins {
            see(cell.start.max(begins), ends + secs);
        }
    }
    (Usd(i64::try_from(most.0).unwrap_or(i64::MAX)), Moment(most.1))
}

/// Reads a list of windows: `60m=2.50, 24h=10`, or `none`.
pub fn read_windows(text: &str) -> Option<Vec<Window>> {
    if text.trim() == "none" {
        return Some(vec![]);
    }
    let one = |part: &str| {
        let (length, usd) = part.split_once('=')?;
        let secs = crate::limits::read_length(length.trim()).filter(|secs| secs % 60 == 0)?;
        let usd = usd.trim_end_matches("USD").trim().parse().ok().filter(|usd| *usd >= Usd::ZERO)?;
        let window = Window { minutes: secs / 60, usd };
        (window.minutes <= MINUTES_MAX).then_some(window)
    };
    let mut windows = text.split(',').map(|part| one(part.trim())).collect::<Option<Vec<Window>>>()?;
    windows.sort();
    let twice = windows.windows(2).any(|pair| pair[0].minutes == pair[1].minutes);
    (!twice).then_some(windows)
}

/// Returns windows as people write and read them.
pub fn show_windows(windows: &[Window]) -> String {
    let one = |window: &Window| format!("{}={}", short(window.minutes), window.usd);
    match windows {
        [] => "none".to_owned(),
        some => some.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

/// Returns a length that `read_windows` reads again.
pub fn short(minutes: u64) -> String {
    match minutes {
        m if m >= 60 && m % 60 == 0 => format!("{}h", m / 60),
        m => format!("{m}m"),
    }
}

#[cfg(test)]
mod tests;
