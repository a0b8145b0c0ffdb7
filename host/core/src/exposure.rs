//! What an instance can cost if no keeper ever runs again, and what ends it then. Pure.

use crate::{decide::AccountView, money::Usd, quote::Quote};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What ends an instance when no keeper of ours runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backstop {
    /// Its whole length is paid at once, and it ends with it.
    Block,
    /// It runs until the account is empty.
    Balance,
    /// It is billed afterwards, for as long as it runs.
    None,
}

/// The most that can be lost if nobody ever ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    pub backstop: Backstop,
    /// Nothing where it has no bound.
    pub most: Option<Usd>,
}

/// Returns the exposure of an order on an account, as it was seen just now.
pub fn exposure(quote: &Quote, account: &AccountView) -> Exposure {
    match (quote.price.billing.prepaid, account.balance) {
        (true, _) => Exposure { backstop: Backstop::Block, most: Some(quote.hold) },
        // All that is on the account can go, and never less than the order itself.
        (false, Some(balance)) => Exposure { backstop: Backstop::Balance, most: Some(balance.max(quote.hold)) },
        (false, None) => Exposure { backstop: Backstop::None, most: None },
    }
}

impl Exposure {
    /// Returns whether it stays inside what the owner allows; nothing allowed means any.
    pub fn is_within(&self, allowed: Option<Usd>) -> bool {
        allowed.is_none_or(|allowed| self.most.is_some_and(|most| most <= allowed))
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.backstop, self.most) {
            (Backstop::Block, Some(most)) => write!(f, "it ends with the block that is paid: {most} USD at most"),
            (Backstop::Balance, Some(most)) => write!(f, "it runs until the account is empty: {most} USD at most"),
            _ => f.write_str("nothing ends it, and its cost has no bound"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_bound_fits_no_limit_but_any() {
        let of = |most: Option<i64>| Exposure { backstop: Backstop::Balance, most: most.map(Usd::dollars) };
        for (most, allowed, within) in [
            (Some(20), None, true),
            (None, None, true),
            (Some(20), Some(20), true),
            (Some(21), Some(20), false),
            (None, Some(1_000_000), false),
        ] {
            assert_eq!(of(most).is_within(allowed.map(Usd::dollars)), within, "{most:?} {allowed:?}");
        }
    }
}
