//! The ledger's arithmetic: entries that are never changed, and totals folded from them.
//!
//! Four things can happen to money here: it is held, a hold becomes a charge, a hold is released, and what is charged is
//! corrected. Each is one more entry. The same entries always give the same totals.

use crate::{
    instance::InstanceId,
    limits::LimitKey,
    money::Usd,
    scope::{LimitName, Scope},
    time::Moment,
    window::{Paid, Past},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// What an entry does to the money of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Set aside before anyone is asked; raises what is held.
    Hold,
    /// Known to be spent; moves money from the hold to what is charged.
    Charge,
    /// Known not to be spent; lowers what is held.
    Release,
    /// What the provider took beyond our reckoning, or gave back of it; changes what is charged, and no hold.
    Correction,
}

/// Why an entry was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", content = "text", rename_all = "snake_case")]
pub enum Reason {
    /// A lease was reserved.
    Reserved,
    /// Its lease was made longer.
    Extended,
    /// The instance outlives its hold: its end was asked and did not happen.
    Overrun,
    /// Nothing left, the provider said no, or two complete lists after the request could no longer land.
    NeverMade(String),
    /// An end accepted at the door and two complete lists.
    Gone,
    /// The owner said so.
    OwnerSaid(String),
    /// The account told that more was taken, or that some of it came back.
    Told(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Reserved => f.write_str("reserved"),
            Reason::Extended => f.write_str("extended"),
            Reason::Overrun => f.write_str("overrun"),
            Reason::NeverMade(why) => write!(f, "never made: {why}"),
            Reason::Gone => f.write_str("gone"),
            Reason::OwnerSaid(what) => write!(f, "the owner said: {what}"),
            Reason::Told(what) => write!(f, "the account told: {what}"),
        }
    }
}

/// One change of money, not yet written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    pub kind: Kind,
    /// Never negative, but for a correction.
    pub amount: Usd,
    pub reason: Reason,
}

/// A movement in the ledger, with its place in the order and the totals after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub seq: i64,
    pub at: Moment,
    pub instance: InstanceId,
    pub kind: Kind,
    pub amount: Usd,
    #[serde(flatten)]
    pub reason: Reason,
    /// Of the whole ledger, after this entry.
    pub totals: Totals,
}

/// What is held and what is charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub held: Usd,
    pub charged: Usd,
}

/// A movement that would take more out of a hold than is in it. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{amount} USD cannot leave a hold of {held} USD")]
pub struct HoldTooSmall {
    pub amount: Usd,
    pub held: Usd,
}

impl Totals {
    /// Returns held and charged together: what counts against every limit.
    pub fn committed(self) -> Usd {
        self.held.plus(self.charged)
    }

    /// Returns the totals after a movement. Money that is not held can be neither charged nor released.
    pub fn after(self, movement: &Movement) -> Result<Totals, HoldTooSmall> {
        let amount = movement.amount;
        let (left, charged) = (self.held.minus(amount), self.charged.plus(amount));
        let fits = match movement.kind {
            Kind::Hold => amount >= Usd::ZERO,
            Kind::Charge | Kind::Release => amount >= Usd::ZERO && left >= Usd::ZERO,
            // No more comes back than was charged.
            Kind::Correction => charged >= Usd::ZERO,
        };
        if !fits {
            return Err(HoldTooSmall { amount, held: self.held });
        }
        Ok(match movement.kind {
            Kind::Hold => Totals { held: self.held.plus(amount), ..self },
            Kind::Charge => Totals { held: left, charged },
            Kind::Release => Totals { held: left, ..self },
            Kind::Correction => Totals { charged, ..self },
        })
    }
}

/// What the ledger says at the moment of deciding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The ledger's time: that of its last entry.
    pub at: Moment,
    pub totals: Totals,
    /// What is charged, by `provider.NAME` and `principal.NAME`.
    pub charged_by: BTreeMap<String, Usd>,
    /// When the last order but as many as one hour allows was made.
    pub crowding: Option<Moment>,
    /// Charged on the account that is asked since its balance was; where that was not read, all of the provider counts.
    pub taken_since: Option<Usd>,
    /// Held and charged for what this process reserved; where that was not read, everything counts.
    pub session: Option<Usd>,
    /// What was charged when, as far back as was asked.
    pub past: Vec<Past>,
    /// Every instance that may exist and cost.
    pub open: Vec<OpenLease>,
}

/// One open instance, as far as deciding needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLease {
    pub instance: InstanceId,
    pub name: String,
    pub provider: String,
    pub account: String,
    pub principal: String,
    pub per_hour: Usd,
    /// What is still held for it.
    pub held: Usd,
    /// The time that its hold pays for.
    pub paid: Paid,
}

/// The limits that refuse, each with its numbers. Nothing was reserved and nobody was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Refusal {
    pub over: Vec<Over>,
}

/// One limit that an order would pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Over {
    /// Whom the limit is about.
    #[serde(skip_serializing_if = "Scope::is_all")]
    pub scope: Scope,
    pub limit: LimitKey,
    /// What the owner allows, with its unit.
    pub allowed: String,
    /// What the order would make of it, with its parts.
    pub would_be: String,
    /// What would fit, or what to change.
    pub hint: String,
    /// What narrows it for this process only: a variable or a file. The ledger's own limit does not help there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub narrowed_by: Option<String>,
}

impl Over {
    /// Returns the limit's whole name, as settings write it.
    pub fn name(&self) -> LimitName {
        LimitName { scope: self.scope.clone(), key: self.limit }
    }

    /// Returns what the owner can do, and nobody else.
    pub fn owners_way(&self) -> String {
        match &self.narrowed_by {
            None => format!("`bursar limits set {} VALUE`", self.name()),
            Some(place) => format!("change `{}` where it is narrowed, in {place}", self.name()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused by the owner's limits; nothing was done")?;
        for over in &self.over {
            let Over { allowed, would_be, hint, .. } = over;
            write!(f, "\n- {would_be}; `{}` allows {allowed}\n  hint: {hint}", over.name())?;
        }
        let ways: Vec<String> = self.over.iter().map(Over::owners_way).collect();
        write!(f, "\nonly the owner can change a limit, in a terminal: {}", ways.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(held: i64, charged: i64) -> Totals {
        Totals { held: Usd(held), charged: Usd(charged) }
    }

    #[test]
    fn the_way_out_is_where_the_limit_is_narrowed() {
        let over = |narrowed_by: Option<&str>| Over {
            scope: Scope::All,
            limit: LimitKey::MaxLease,
            allowed: "1 h".into(),
            would_be: "2 h".into(),
            hint: "ask for less".into(),
            narrowed_by: narrowed_by.map(str::to_owned),
        };
        let text = Refusal { over: vec![over(None)] }.to_string();
        assert!(text.ends_with("in a terminal: `bursar limits set max_lease VALUE`"), "{text}");
        let text = Refusal { over: vec![over(Some("BURSAR_MAX_LEASE"))] }.to_string();
        assert!(text.ends_with("change `max_lease` where it is narrowed, in BURSAR_MAX_LEASE"), "{text}");
        assert!(!text.contains("limits set"), "{text}");
    }

    #[test]
    fn money_is_held_then_charged_or_released_and_never_more_than_is_held() {
        use Kind::*;
        for (before, kind, amount, after) in [
            (totals(0, 0), Hold, 5, Some(totals(5, 0))),
            (totals(5, 0), Charge, 3, Some(totals(2, 3))),
            (totals(5, 1), Release, 5, Some(totals(0, 1))),
            (totals(5, 1), Release, 6, None),
            (totals(5, 1), Charge, 6, None),
            (totals(5, 1), Hold, -1, None),
            (totals(5, 1), Charge, -1, None),
            (totals(i64::MAX, 0), Hold, 1, Some(totals(i64::MAX, 0))),
            (totals(5, 1), Correction, 3, Some(totals(5, 4))),
            (totals(5, 4), Correction, -4, Some(totals(5, 0))),
            (totals(5, 4), Correction, -5, None),
        ] {
            let movement = Movement { kind, amount: Usd(amount), reason: Reason::Reserved };
            assert_eq!(before.after(&movement).ok(), after, "{before:?} {movement:?}");
        }
    }
}
