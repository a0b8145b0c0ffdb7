//! What an account really took, held against what ours cost there as billed, from one moment to another. Pure.
//!
//! Nothing is compared where somebody else's machines may have cost, too. Their clock and ours may differ a little: what
//! may have cost at a moment near the edges is believed to have. What was taken beyond that is entered as a correction;
//! what comes back is believed only as far as something was corrected before: a bill may just be late.

use crate::{
    instance::{Instance, InstanceId, Stage},
    ledger::Totals,
    money::Usd,
    settle,
    time::Moment,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// So far their clock, and the moment at which their answer was true, may be from ours, in seconds.
pub const SLACK_SECS: u64 = 90;
/// The shortest time that is compared, in seconds: a provider that bills by the second tells its balance more rarely.
pub const SPAN_SECS: u64 = 3_600;
/// Money may be dated long before it is there: so much of the past is summed, in seconds.
const SINCE_SECS: u64 = 30 * 86_400;
/// Beyond this much, or this many hundredths, the owner must look.
const GRAVE: Usd = Usd::dollars(1);
const GRAVE_PERCENT: i64 = 5;

/// What an account showed at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub at: Moment,
    /// Where the ledger ended just before it was asked.
    pub position: i64,
    pub balance: Option<Usd>,
    /// The sum of its charges since `since`, and that of what was paid in; nothing where it does not tell.
    #[serde(default)]
    pub taken: Option<Usd>,
    #[serde(default)]
    pub paid_in: Option<Usd>,
    pub since: Moment,
    /// A complete list showed nothing that is not ours, now and at every look since.
    pub alone: bool,
    /// What was corrected on this account, in all, and has not come back.
    #[serde(default)]
    pub corrected: Usd,
}

impl Mark {
    /// Returns what is known of an account that nobody has looked at: nothing. It is due to be looked at.
    pub fn nothing(now: Moment) -> Mark {
        Mark {
            at: Moment(0),
            position: 0,
            balance: None,
            taken: None,
            paid_in: None,
            since: Moment(now.0.saturating_sub(SINCE_SECS)),
            alone: false,
            corrected: Usd::ZERO,
        }
    }
}

/// One of ours, and what it cost between two moments: at least and at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    pub instance: InstanceId,
    pub least: Usd,
    pub most: Usd,
    /// Its traffic costs, too, and nobody but the provider counts it.
    pub metered: bool,
}

/// What came of holding two marks against each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// Somebody else was on the account, or it told too little.
    Unclear,
    /// It took what ours cost.
    Fits,
    Differs(Difference),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub took: Usd,
    /// What ours cost at most.
    pub ours: Usd,
    /// What is charged on top; below zero: what came back.
    pub by: Usd,
    pub weight: Weight,
    /// The one machine it is about; nothing where it is about the account.
    pub instance: Option<InstanceId>,
}

/// What a difference means for the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Entered, and no more.
    Light,
    /// Told, and not sure: money was paid in meanwhile, or something is metered that only the provider counts.
    Warns,
    /// Nothing more is made there until the owner has looked.
    Stops,
}

/// Returns what each of ours cost between two moments, as billed. The rows are all that may have.
pub fn costs(rows: &[(Instance, Totals)], from: Moment, to: Moment) -> Vec<Cost> {
    let back = |at: Moment| Moment(at.0.saturating_sub(SLACK_SECS));
    let (wide, narrow) = ((back(from), to.after(SLACK_SECS)), (from.after(SLACK_SECS), back(to)));
    let one = |(instance, totals): &(Instance, Totals)| {
        let between = |from, to| until(instance, *totals, to).minus(until(instance, *totals, from)).max(Usd::ZERO);
        // What is in doubt may cost nothing, and of what is paid ahead some may come back.
        let sure = instance.handle.is_some() && !instance.price.billing.prepaid;
        let least = if sure { between(narrow.0, narrow.1) } else { Usd::ZERO };
        let metered = instance.price.per_gb_in.max(instance.price.per_gb_out) > Usd::ZERO;
        Cost { instance: instance.id.clone(), least, most: between(wide.0, wide.1), metered }
    };
    rows.iter().map(one).collect()
}

/// Returns what an instance had cost by a moment.
fn until(instance: &Instance, totals: Totals, at: Moment) -> Usd {
    if at <= instance.lease.begins {
        return Usd::ZERO;
    }
    if instance.price.billing.prepaid {
        return settle::accrued(instance, instance.lease.ends.max(at));
    }
    let accrued = settle::accrued(instance, at);
    match instance.stage {
        Stage::Gone => accrued.min(instance.reckoned(totals)),
        _ => accrued,
    }
}

/// Returns whether no step of anything is billed near a moment, so that a look then says much. What is billed in small
/// steps is the same at any time.
pub fn is_quiet(rows: &[(Instance, Totals)], at: Moment) -> bool {
    let back = Moment(at.0.saturating_sub(SLACK_SECS));
    rows.iter().all(|(instance, totals)| {
        let small = instance.price.billing.step_secs < 600;
        small || until(instance, *totals, back) == until(instance, *totals, at.after(SLACK_SECS))
    })
}

/// Returns how long a span must be that says something about these: a full billing interval of each.
pub fn span_secs(rows: &[(Instance, Totals)]) -> u64 {
    rows.iter().map(|(instance, _)| instance.price.billing.step_secs).max().unwrap_or(0).max(SPAN_SECS)
}

/// Holds two marks of one account against what ours cost between them.
pub fn compare(before: &Mark, now: &Mark, paid_in: Option<Usd>, costs: &[Cost]) -> Compared {
    let taken = match (before.balance, now.balance) {
        (Some(before), Some(now)) => Some(before.minus(now).plus(paid_in.unwrap_or_default())),
        _ => now.taken.zip(before.taken).map(|(now, before)| now.minus(before)),
    };
    let Some(took) = taken.filter(|_| before.alone && now.alone) else { return Compared::Unclear };
    let (most, least): (Usd, Usd) = (costs.iter().map(|c| c.most).sum(), costs.iter().map(|c| c.least).sum());
    let (over, under) = (took.minus(most), least.minus(took));
    if took < Usd::ZERO {
        // Money came in that nobody told of.
        return Compared::Unclear;
    }
    let by_balance = before.balance.is_some() && now.balance.is_some();
    if over > Usd::ZERO {
        let paid = by_balance && paid_in.is_some_and(|paid| paid != Usd::ZERO);
        let weight = match (is_grave(over, most), paid || costs.iter().any(|cost| cost.metered)) {
            (false, _) => Weight::Light,
            (true, true) => Weight::Warns,
            (true, false) => Weight::Stops,
        };
        return Compared::Differs(Difference { took, ours: most, by: over, weight, instance: None });
    }
    // What nobody could have paid in unseen may have come back.
    let back = if by_balance && paid_in.is_none() { Usd::ZERO } else { under.min(before.corrected) };
    match back > Usd::ZERO {
        true => Compared::Differs(Difference {
            took,
            ours: least,
            by: Usd::ZERO.minus(back),
            weight: Weight::Light,
            instance: None,
        }),
        false => Compared::Fits,
    }
}

/// Holds what an account says it took for single machines, in all, against what those cost since they began. That a bill comes
/// late does no harm here, nor does it who else is on the account. `told` has the sums by the provider's ids.
pub fn by_machine(rows: &[(Instance, Totals)], told: &BTreeMap<String, Usd>, now: Moment) -> Vec<Difference> {
    let one = |(instance, totals): &(Instance, Totals)| {
        let took = *told.get(&instance.handle.as_ref()?.id)?;
        let ours = until(instance, *totals, now.after(SLACK_SECS)).plus(instance.sightings.corrected);
        let by = took.minus(ours);
        let metered = instance.price.per_gb_in.max(instance.price.per_gb_out) > Usd::ZERO;
        let weight = match (is_grave(by, ours), metered) {
            (false, _) => Weight::Light,
            (true, true) => Weight::Warns,
            (true, false) => Weight::Stops,
        };
        let instance = Some(instance.id.clone());
        (by > Usd::ZERO).then_some(Difference { took, ours, by, weight, instance })
    };
    rows.iter().filter_map(one).collect()
}

fn is_grave(over: Usd, ours: Usd) -> bool {
    over > GRAVE || i128::from(over.0) * 100 > i128::from(ours.0) * i128::from(GRAVE_PERCENT)
}

/// Parts a difference among those that cost something, each by what it cost; the sum is exact. Nothing may be taken back
/// from one beyond what was corrected on it: `corrected` says so much of each.
pub fn parts(by: Usd, costs: &[Cost], corrected: impl Fn(&InstanceId) -> Usd) -> Vec<(InstanceId, Usd)> {
    if by < Usd::ZERO {
        let mut left = Usd::ZERO.minus(by);
        let back = |cost: &Cost| {
            let part = corrected(&cost.instance).max(Usd::ZERO).min(left);
            left = left.minus(part);
            (part > Usd::ZERO).then(|| (cost.instance.clone(), Usd::ZERO.minus(part)))
        };
        return costs.iter().filter_map(back).collect();
    }
    let all: i128 = costs.iter().map(|cost| i128::from(cost.most.0)).sum();
    let (mut left, last) = (by, costs.len().saturating_sub(1));
    let share = |(n, cost): (usize, &Cost)| {
        let even = i128::from(by.0) * i128::from(cost.most.0) / all.max(1);
        let part = if n == last { left } else { Usd(i64::try_from(even).unwrap_or(i64::MAX)).min(left) };
        left = left.minus(part);
        (part > Usd::ZERO).then(|| (cost.instance.clone(), part))
    };
    costs.iter().enumerate().filter_map(share).collect()
}

impl Difference {
    /// Says what an owner must know.
    pub fn in_words(&self, provider: &str, account: &str, from: Moment, to: Moment) -> String {
        let Difference { took, ours, by, instance, .. } = self;
        if let Some(instance) = instance {
            return format!(
                "{provider} took {took} USD for {instance} by {to}, and it costs {ours} USD as quoted: {by} USD more"
            );
        }
        match *by > Usd::ZERO {
            true => format!(
                "{provider} took {took} USD from account {account} between {from} and {to}, and what ran there costs {ours} USD \
                 as quoted: {by} USD more"
            ),
            false => format!(
                "{provider} gave back {} USD on account {account} between {from} and {to}",
                Usd::ZERO.minus(*by)
            ),
        }
    }
}

#[cfg(test)]
mod tests;
