//! Whom a limit is about: everybody, one provider, or one principal. The strictest wins, for all are evaluated.

use crate::{
    limits::{BadLimit, LimitKey},
    money::Usd,
    window::Window,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Whom a limit is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    #[default]
    All,
    Provider(String),
    Principal(String),
}

impl Scope {
    /// Returns whether everything that the ledger has is in it.
    pub fn is_all(&self) -> bool {
        *self == Scope::All
    }

    /// Returns whether it holds what this principal has at this provider.
    pub fn holds(&self, provider: &str, principal: &str) -> bool {
        match self {
            Scope::All => true,
            Scope::Provider(name) => name == provider,
            Scope::Principal(name) => name == principal,
        }
    }
}

impl fmt::Display for Scope {
    /// Writes it as settings and the ledger do: `all`, `provider.acme`, `principal.owner`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::All => f.write_str("all"),
            Scope::Provider(name) => write!(f, "provider.{name}"),
            Scope::Principal(name) => write!(f, "principal.{name}"),
        }
    }
}

/// A limit by its whole name: `max_lease`, `provider.acme.max_total_spending`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitName {
    pub scope: Scope,
    pub key: LimitKey,
}

impl LimitName {
    /// Returns the limit of this name.
    pub fn named(name: &str) -> Result<LimitName, BadLimit> {
        let scoped = |scope: fn(String) -> Scope, rest: &str| {
            let (whose, key) = rest.rsplit_once('.').filter(|(whose, _)| !whose.is_empty())?;
            Some((scope(whose.to_owned()), key.to_owned()))
        };
        let found = match name.split_once('.') {
            Some(("provider", rest)) => scoped(Scope::Provider, rest),
            Some(("principal", rest)) => scoped(Scope::Principal, rest),
            _ => None,
        };
        let (scope, key) = found.unwrap_or_else(|| (Scope::All, name.to_owned()));
        let name = LimitName { scope, key: LimitKey::named(&key)? };
        if name.key.fits(&name.scope) { Ok(name) } else { Err(BadLimit::NotThere { name: name.to_string() }) }
    }
}

impl From<LimitKey> for LimitName {
    fn from(key: LimitKey) -> LimitName {
        LimitName { scope: Scope::All, key }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Scope::All => write!(f, "{}", self.key),
            scope => write!(f, "{scope}.{}", self.key),
        }
    }
}

/// The limits of one provider or principal. What is not set is bounded by the others only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bounds {
    pub max_price_per_hour: Option<Usd>,
    pub max_instances: Option<u64>,
    pub max_burn_per_hour: Option<Usd>,
    pub max_lease_secs: Option<u64>,
    pub max_total_spending: Option<Usd>,
    pub windows: Vec<Window>,
    /// Of a provider that tells no balance.
    pub funds: Option<Funds>,
}

/// What the owner says lies on an account, and what was charged there when he said so: it is counted down from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funds {
    pub usd: Usd,
    pub charged_then: Usd,
}

impl Funds {
    /// Returns what is left of it when so much is charged there.
    pub fn left(&self, charged: Usd) -> Usd {
        self.usd.minus(charged.minus(self.charged_then).max(Usd::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_named_with_whom_it_is_about() {
        for (name, scope) in [
            ("max_lease", Scope::All),
            ("provider.acme.max_lease", Scope::Provider("acme".into())),
            ("principal.ci.windows", Scope::Principal("ci".into())),
            ("provider.acme.funds", Scope::Provider("acme".into())),
        ] {
            let found = LimitName::named(name).unwrap();
            assert_eq!((found.to_string().as_str(), &found.scope), (name, &scope));
        }
        for name in ["max_prize", "provider.max_lease", "provider..max_lease", "principal.ci.funds", "funds", "x.y.z"] {
            assert!(LimitName::named(name).is_err(), "{name}");
        }
    }

    #[test]
    fn funds_are_counted_down_by_what_is_charged_after() {
        let funds = Funds { usd: Usd(50), charged_then: Usd(30) };
        for (charged, left) in [(30, 50), (40, 40), (90, -10), (10, 50)] {
            assert_eq!(funds.left(Usd(charged)), Usd(left), "{charged}");
        }
    }
}
