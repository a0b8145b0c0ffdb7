//! What the owner allows. Read from text here; stored by the ledger; widened by nobody but the owner.

use crate::{
    money::Usd,
    scope::{Bounds, Scope},
    time::{self},
    window::{self, Window},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

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
    /// Orders in any 60 minutes, whatever became of them.
    pub max_creates_per_hour: u64,
    /// So many hundredths of the balance must remain after the hold.
    pub min_balance_share: u64,
    /// Held and charged together for what one process reserves; nothing: any.
    #[serde(default)]
    pub max_session_spending: Option<Usd>,
    /// At most so much in any so many minutes.
    pub windows: Vec<Window>,
    /// Those of one provider or one principal, as `provider.NAME` and `principal.NAME`. The strictest wins.
    pub scoped: BTreeMap<String, Bounds>,
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
            max_creates_per_hour: 10,
            min_balance_share: 20,
            max_session_spending: None,
            windows: vec![Window { minutes: 24 * 60, usd: Usd::dollars(20) }],
            scoped: BTreeMap::new(),
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
    MaxCreatesPerHour,
    MinBalanceShare,
    MaxSessionSpending,
    Windows,
    /// Of a provider only.
    Funds,
}

use LimitKey::*;

impl LimitKey {
    /// Those that bound everything together.
    pub const ALL: [LimitKey; 12] = [
        MaxPricePerHour,
        MaxInstances,
        MaxBurnPerHour,
        MinBalanceHours,
        DefaultLease,
        MaxLease,
        MaxTotalSpending,
        MaxExposure,
        MaxCreatesPerHour,
        MinBalanceShare,
        MaxSessionSpending,
        Windows,
    ];
    /// Those that may be set for one provider or one principal, too.
    pub const SCOPED: [LimitKey; 7] =
        [MaxPricePerHour, MaxInstances, MaxBurnPerHour, MaxLease, MaxTotalSpending, Windows, Funds];

    /// Returns whether the limit can be set there.
    pub fn fits(self, scope: &Scope) -> bool {
        match scope {
            Scope::All => LimitKey::ALL.contains(&self),
            Scope::Provider(_) => LimitKey::SCOPED.contains(&self),
            Scope::Principal(_) => self != Funds && LimitKey::SCOPED.contains(&self),
        }
    }

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
            MaxCreatesPerHour => "max_creates_per_hour",
            MinBalanceShare => "min_balance_share",
            MaxSessionSpending => "max_session_spending",
            Windows => "windows",
            Funds => "funds",
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
            MaxCreatesPerHour => "orders in any 60 minutes, whatever became of them",
            MinBalanceShare => "how much of the balance must remain after a hold (%)",
            MaxSessionSpending => {
                "held and charged together for what one process reserves; a new one begins anew (USD, or any)"
            }
            Windows => "the most that is spent in any so many minutes, at every moment to come (USD)",
            Funds => "what lies on the account of a provider that tells no balance (USD), counted down from now on",
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
            MaxCreatesPerHour => &["BURSAR_MAX_CREATES_PER_HOUR"],
            MinBalanceShare => &["BURSAR_MIN_BALANCE_SHARE"],
            MaxSessionSpending => &["BURSAR_MAX_SESSION_SPENDING"],
            Windows => &["BURSAR_WINDOWS"],
            Funds => &[],
        }
    }

    /// Returns the limit of this name.
    pub fn named(name: &str) -> Result<LimitKey, BadLimit> {
        let known = LimitKey::ALL.into_iter().chain([Funds]);
        known.clone().find(|key| key.name() == name).ok_or_else(|| BadLimit::Unknown {
            name: name.chars().take(60).collect(),
            known: known.map(LimitKey::name).collect::<Vec<_>>().join(", "),
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
    #[error(
        "there is no limit `{name}`; `provider.NAME.` takes {}, `principal.NAME.` the same without funds",
        known_scoped()
    )]
    NotThere { name: String },
    #[error("`default_lease` of {default} is longer than `max_lease` of {max}: lower the first or raise the second")]
    DefaultAboveMax { default: String, max: String },
}

fn known_scoped() -> String {
    LimitKey::SCOPED.map(LimitKey::name).join(", ")
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
            MaxExposure => or_any(self.max_exposure),
            MaxSessionSpending => or_any(self.max_session_spending),
            MaxCreatesPerHour => self.max_creates_per_hour.to_string(),
            MinBalanceShare => format!("{} %", self.min_balance_share),
            Windows => window::show_windows(&self.windows),
            Funds => "-".to_owned(),
        }
    }

    /// Sets one limit from text. Whether the whole still makes sense is `check`'s to say.
    pub fn set(&mut self, key: LimitKey, text: &str) -> Result<(), BadLimit> {
        let read = Read { key, text };
        match key {
            MaxPricePerHour => self.max_price_per_hour = read.usd()?,
            MaxInstances => self.max_instances = read.count()?,
            MaxBurnPerHour => self.max_burn_per_hour = read.usd()?,
            MinBalanceHours => self.min_balance_hours = read.count()?,
            DefaultLease => self.default_lease_secs = read.length()?,
            MaxLease => self.max_lease_secs = read.length()?,
            MaxTotalSpending => self.max_total_spending = read.usd()?,
            MaxExposure => self.max_exposure = read.usd_or_any()?,
            MaxSessionSpending => self.max_session_spending = read.usd_or_any()?,
            MaxCreatesPerHour => self.max_creates_per_hour = read.count()?,
            MinBalanceShare => self.min_balance_share = read.share()?,
            Windows => self.windows = read.windows()?,
            Funds => return Err(BadLimit::NotThere { name: key.to_string() }),
        }
        Ok(())
    }

    /// Adds windows that are not there yet; of two of one length the narrower stays.
    pub fn add_windows(&mut self, more: &[Window]) {
        self.windows.extend_from_slice(more);
        self.windows.sort();
        self.windows.dedup_by_key(|window| window.minutes);
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
            MaxExposure => is_wider(self.max_exposure, other.max_exposure),
            MaxSessionSpending => is_wider(self.max_session_spending, other.max_session_spending),
            MaxCreatesPerHour => other.max_creates_per_hour > self.max_creates_per_hour,
            MinBalanceShare => other.min_balance_share < self.min_balance_share,
            Windows => !self.windows.iter().all(|window| other.windows.iter().any(|o| o.covers(window))),
            Funds => false,
        }
    }
}

fn or_any(most: Option<Usd>) -> String {
    most.map_or_else(|| "any".to_owned(), |most| format!("{most} USD"))
}

fn is_wider(most: Option<Usd>, other: Option<Usd>) -> bool {
    most.is_some_and(|most| other.is_none_or(|other| other > most))
}

/// A value as written, to be read as what its limit takes.
pub(crate) struct Read<'a> {
    pub(crate) key: LimitKey,
    pub(crate) text: &'a str,
}

impl Read<'_> {
    fn bad(&self, wants: &'static str) -> BadLimit {
        BadLimit::Value { key: self.key, value: self.text.chars().take(40).collect(), wants }
    }

    pub(crate) fn usd(&self) -> Result<Usd, BadLimit> {
        match self.text.trim_end_matches("USD").trim().parse::<Usd>() {
            Ok(amount) if amount >= Usd::ZERO => Ok(amount),
            _ => Err(self.bad("an amount in USD from 0, such as 1.50")),
        }
    }

    fn usd_or_any(&self) -> Result<Option<Usd>, BadLimit> {
        if self.text.trim() == "any" { Ok(None) } else { self.usd().map(Some) }
    }

    pub(crate) fn count(&self) -> Result<u64, BadLimit> {
        let read = self.text.parse::<u64>().ok().filter(|n| *n <= 1_000_000);
        read.ok_or_else(|| self.bad("a whole number from 0"))
    }

    fn share(&self) -> Result<u64, BadLimit> {
        let read = self.text.trim_end_matches('%').trim().parse::<u64>().ok().filter(|n| *n <= 100);
        read.ok_or_else(|| self.bad("a whole number of percent from 0 to 100"))
    }

    pub(crate) fn length(&self) -> Result<u64, BadLimit> {
        read_length(self.text).ok_or_else(|| self.bad("a length such as 90m, 4h or 2d, of at least one minute"))
    }

    pub(crate) fn windows(&self) -> Result<Vec<Window>, BadLimit> {
        window::read_windows(self.text).ok_or_else(|| {
            self.bad("lengths in whole minutes up to 31d, each once, with amounts: `60m=2.50, 24h=10`, or `none`")
        })
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
mod tests;
