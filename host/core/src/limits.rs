//! What the owner allows. Read from text here; stored by the ledger; widened by nobody but the owner.

use crate::{
    money::Usd,
    time::{self},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The limits in force. Each default protects a newcomer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Of one instance, all its nodes.
    pub max_price_per_hour: Usd,
    /// Open at once: ours, and what else is on the account that is asked.
    pub max_instances: u64,
    /// Of everything together.
    pub max_burn_per_hour: Usd,
    /// So many hours of the whole burn must remain on the balance after the hold.
    pub min_balance_hours: u64,
    /// Used when nobody names a length.
    pub default_lease_secs: u64,
    pub max_lease_secs: u64,
    /// Held and charged together, since the ledger began.
    pub max_total_spending: Usd,
    /// What one instance can cost if no keeper ever runs again; nothing: any.
    #[serde(default)]
    pub max_exposure: Option<Usd>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_price_per_hour: Usd::dollars(1),
            max_instances: 2,
            max_burn_per_hour: Usd::dollars(2),
            min_balance_hours: 24,
            default_lease_secs: 4 * 3_600,
            max_lease_secs: 24 * 3_600,
            max_total_spending: Usd::dollars(20),
            max_exposure: None,
        }
    }
}

/// The name of a limit, as settings, refusals and commands write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKey {
    MaxPricePerHour,
    MaxInstances,
    MaxBurnPerHour,
    MinBalanceHours,
    DefaultLease,
    MaxLease,
    MaxTotalSpending,
    MaxExposure,
}

use LimitKey::*;

impl LimitKey {
    pub const ALL: [LimitKey; 8] = [
        MaxPricePerHour,
        MaxInstances,
        MaxBurnPerHour,
        MinBalanceHours,
        DefaultLease,
        MaxLease,
        MaxTotalSpending,
        MaxExposure,
    ];

    /// Returns the name, `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            MaxPricePerHour => "max_price_per_hour",
            MaxInstances => "max_instances",
            MaxBurnPerHour => "max_burn_per_hour",
            MinBalanceHours => "min_balance_hours",
            DefaultLease => "default_lease",
            MaxLease => "max_lease",
            MaxTotalSpending => "max_total_spending",
            MaxExposure => "max_exposure",
        }
    }

    /// Returns what the limit bounds, for people.
    pub fn about(self) -> &'static str {
        match self {
            MaxPricePerHour => "highest price per hour of one instance, all its nodes (USD)",
            MaxInstances => "instances at once, foreign ones on the same account included",
            MaxBurnPerHour => "what everything together may cost per hour (USD)",
            MinBalanceHours => "hours of the whole burn that must remain on the balance (h)",
            DefaultLease => "how long an instance lives when nobody says",
            MaxLease => "the longest an instance may live",
            MaxTotalSpending => "held and charged together, since the ledger began (USD)",
            MaxExposure => "what one instance can cost if no keeper ever runs again (USD, or any)",
        }
    }

    /// Returns the environment variables that set it: ours first, then those that users of other servers have.
    pub fn env(self) -> &'static [&'static str] {
        match self {
            MaxPricePerHour => &["BURSAR_MAX_PRICE_PER_HOUR", "BITLAUNCH_MAX_COST_PER_HOUR"],
            MaxInstances => &["BURSAR_MAX_INSTANCES", "BITLAUNCH_MAX_SERVERS"],
            MaxBurnPerHour => &["BURSAR_MAX_BURN_PER_HOUR"],
            MinBalanceHours => &["BURSAR_MIN_BALANCE_HOURS", "BITLAUNCH_MIN_BALANCE_HOURS"],
            DefaultLease => &["BURSAR_DEFAULT_LEASE"],
            MaxLease => &["BURSAR_MAX_LEASE"],
            MaxTotalSpending => &["BURSAR_MAX_TOTAL_SPENDING"],
            MaxExposure => &["BURSAR_MAX_EXPOSURE"],
        }
    }

    /// Returns the limit of this name.
    pub fn named(name: &str) -> Result<LimitKey, BadLimit> {
        LimitKey::ALL.into_iter().find(|key| key.name() == name).ok_or_else(|| BadLimit::Unknown {
            name: name.chars().take(60).collect(),
            known: LimitKey::ALL.map(LimitKey::name).join(", "),
        })
    }
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A setting that cannot be taken. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLimit {
    #[error("there is no limit `{name}`; there are: {known}")]
    Unknown { name: String, known: String },
    #[error("`{key}` cannot be `{value}`: it takes {wants}")]
    Value { key: LimitKey, value: String, wants: &'static str },
    #[error("`default_lease` of {default} is longer than `max_lease` of {max}: lower the first or raise the second")]
    DefaultAboveMax { default: String, max: String },
}

impl Limits {
    /// Returns a limit's value as people write it, with its unit.
    pub fn show(&self, key: LimitKey) -> String {
        match key {
            MaxPricePerHour => format!("{} USD/h", self.max_price_per_hour),
            MaxInstances => self.max_instances.to_string(),
            MaxBurnPerHour => format!("{} USD/h", self.max_burn_per_hour),
            MinBalanceHours => format!("{} h", self.min_balance_hours),
            DefaultLease => time::human(self.default_lease_secs),
            MaxLease => time::human(self.max_lease_secs),
            MaxTotalSpending => format!("{} USD", self.max_total_spending),
            MaxExposure => self.max_exposure.map_or_else(|| "any".to_owned(), |most| format!("{most} USD")),
        }
    }

    /// Sets one limit from text. Whether the whole still makes sense is `check`'s to say.
    pub fn set(&mut self, key: LimitKey, text: &str) -> Result<(), BadLimit> {
        let bad = |wants| BadLimit::Value { key, value: text.chars().take(40).collect(), wants };
        let usd = || match text.trim_end_matches("USD").trim().parse::<Usd>() {
            Ok(amount) if amount >= Usd::ZERO => Ok(amount),
            _ => Err(bad("an amount in USD from 0, such as 1.50")),
        };
        let count = || text.parse::<u64>().ok().filter(|n| *n <= 1_000_000).ok_or_else(|| bad("a whole number from 0"));
        let length = || read_length(text).ok_or_else(|| bad("a length such as 90m, 4h or 2d, of at least one minute"));
        match key {
            MaxPricePerHour => self.max_price_per_hour = usd()?,
            MaxInstances => self.max_instances = count()?,
            MaxBurnPerHour => self.max_burn_per_hour = usd()?,
            MinBalanceHours => self.min_balance_hours = count()?,
            DefaultLease => self.default_lease_secs = length()?,
            MaxLease => self.max_lease_secs = length()?,
            MaxTotalSpending => self.max_total_spending = usd()?,
            MaxExposure => self.max_exposure = if text == "any" { None } else { Some(usd()?) },
        }
        Ok(())
    }

    /// Refuses settings that contradict each other.
    pub fn check(&self) -> Result<(), BadLimit> {
        if self.default_lease_secs > self.max_lease_secs {
            let (default, max) = (time::human(self.default_lease_secs), time::human(self.max_lease_secs));
            return Err(BadLimit::DefaultAboveMax { default, max });
        }
        Ok(())
    }

    /// Returns whether `other` allows more than this in the one limit.
    pub fn is_wider(&self, other: &Limits, key: LimitKey) -> bool {
        match key {
            MaxPricePerHour => other.max_price_per_hour > self.max_price_per_hour,
            MaxInstances => other.max_instances > self.max_instances,
            MaxBurnPerHour => other.max_burn_per_hour > self.max_burn_per_hour,
            MinBalanceHours => other.min_balance_hours < self.min_balance_hours,
            DefaultLease => other.default_lease_secs > self.default_lease_secs,
            MaxLease => other.max_lease_secs > self.max_lease_secs,
            MaxTotalSpending => other.max_total_spending > self.max_total_spending,
            MaxExposure => self.max_exposure.is_some_and(|most| other.max_exposure.is_none_or(|other| other > most)),
        }
    }
}

/// Reads a length: `90m`, `4h`, `2d`, `3600s`, `1h30m`; a bare number is refused, because nobody knows its unit.
pub fn read_length(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut digits = String::new();
    for c in text.trim().chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(unit)?)?;
        digits.clear();
    }
    (digits.is_empty() && (60..=366 * 86_400).contains(&total)).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_sane_values_and_nothing_else() {
        for (key, text, taken) in [
            (MaxPricePerHour, "1.5", Some("1.50 USD/h")),
            (MaxPricePerHour, "0", Some("0.00 USD/h")),
            (MaxPricePerHour, "nan", None),
            (MaxPricePerHour, "-1", None),
            (MaxPricePerHour, "inf", None),
            (MaxPricePerHour, "1e9", None),
            (MaxInstances, "3", Some("3")),
            (MaxInstances, "-3", None),
            (MaxInstances, "2.5", None),
            (MaxLease, "90m", Some("1 h 30 min")),
            (MaxLease, "1h30m", Some("1 h 30 min")),
            (MaxLease, "24", None),
            (MaxLease, "30s", None),
            (MaxLease, "999999999999999999d", None),
            (MinBalanceHours, "48", Some("48 h")),
            (MaxExposure, "50", Some("50.00 USD")),
            (MaxExposure, "any", Some("any")),
            (MaxExposure, "nan", None),
        ] {
            let mut limits = Limits::default();
            let set = limits.set(key, text).map(|()| limits.show(key)).ok();
            assert_eq!(set.as_deref(), taken, "{key} = {text}");
        }
    }

    #[test]
    fn every_name_is_known_and_a_misspelt_one_lists_them() {
        for key in LimitKey::ALL {
            assert_eq!(LimitKey::named(key.name()), Ok(key));
        }
        let text = LimitKey::named("max_prize").unwrap_err().to_string();
        assert!(text.contains("max_price_per_hour"), "{text}");
    }

    #[test]
    fn a_default_longer_than_the_longest_lease_is_refused() {
        let limits = Limits { default_lease_secs: 90_000, ..Limits::default() };
        assert!(matches!(limits.check(), Err(BadLimit::DefaultAboveMax { .. })));
    }
}
