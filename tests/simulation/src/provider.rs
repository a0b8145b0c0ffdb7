//! The provider's own truth: what lives, what it costs, who was asked to end it. It knows nothing of ledgers.

use crate::{dice::Dice, faults::Faults};
use std::collections::BTreeMap;

const HOUR_MS: u64 = 3_600_000;
/// The offer that is sold, in thousandths of a dollar an hour.
const RATE_MUSD: u64 = 30;

#[derive(Debug, Clone)]
pub struct Machine {
    pub id: String,
    /// The name that was asked for: our tag, or a stranger's.
    pub tag: String,
    pub account: usize,
    pub rate_musd: u64,
    pub made_ms: u64,
    /// Lists do not show it before.
    pub listed_ms: u64,
    pub boots_ms: u64,
    pub dies_ms: Option<u64>,
    /// When its end was first asked, and how many further ends it ignores.
    pub end_asked_ms: Option<u64>,
    pub ignores: u32,
    /// When complete lists left it out although they must not: since its end was last accepted.
    pub lies: Vec<u64>,
}

impl Machine {
    pub fn lives(&self, now: u64) -> bool {
        now >= self.made_ms && self.dies_ms.is_none_or(|dies| now < dies)
    }

    /// Returns whether it is billed at more than it was sold for, in millionths of a dollar an hour.
    pub fn is_dearer(&self, sold: i64) -> bool {
        i64::try_from(self.rate_musd).unwrap_or(i64::MAX).saturating_mul(1_000) > sold
    }

    /// What it has cost by the hours of the clock it touched, in thousandths of a dollar.
    pub fn bill_musd(&self, now: u64) -> u64 {
        let until = self.dies_ms.map_or(now, |dies| dies.min(now)).max(self.made_ms + 1);
        let hours = until.div_ceil(HOUR_MS) - self.made_ms / HOUR_MS;
        hours.max(1) * self.rate_musd
    }
}

/// An order that left and may still become a machine.
#[derive(Debug, Clone)]
pub struct Landing {
    pub tag: String,
    pub id: u64,
}

pub struct Provider {
    pub machines: Vec<Machine>,
    pub landing: Vec<Landing>,
    /// How many orders left with each tag, and how many ends were asked for each id.
    pub orders: BTreeMap<String, u32>,
    pub ends: BTreeMap<String, u64>,
    /// What each account keeps of our keys.
    pub keys: [Vec<String>; 2],
    pub rate_musd: u64,
    pub faults: Faults,
    pub made: u64,
    /// Until then every list is incomplete, and leaves this machine out.
    pub incomplete: Option<(u64, String)>,
}

/// The accounts, by their names and their tokens.
pub const ACCOUNTS: [&str; 2] = ["account-one", "account-two"];
pub const TOKENS: [&str; 2] = ["token-of-the-first-account-0123456789", "token-of-the-other-account-0123456789"];

impl Provider {
    pub fn new(dice: &mut Dice) -> Provider {
        Provider {
            machines: vec![],
            landing: vec![],
            orders: BTreeMap::new(),
            ends: BTreeMap::new(),
            keys: [vec![], vec![]],
            rate_musd: RATE_MUSD,
            faults: Faults::new(dice),
            made: 0,
            incomplete: None,
        }
    }

    /// Makes a machine, as an order that has arrived does.
    pub fn make(&mut self, tag: &str, account: usize, now: u64, hidden_ms: u64, boots_ms: u64) -> Machine {
        self.made += 1;
        let machine = Machine {
            id: format!("m{:05}", self.made),
            tag: tag.to_owned(),
            account,
            rate_musd: self.rate_musd,
            made_ms: now,
            listed_ms: now + hidden_ms,
            boots_ms: now + boots_ms,
            dies_ms: None,
            end_asked_ms: None,
            ignores: 0,
            lies: vec![],
        };
        self.machines.push(machine.clone());
        machine
    }

    pub fn answers_ssh(&self, tag: &str, now: u64) -> bool {
        self.machines.iter().any(|machine| machine.tag == tag && machine.lives(now) && machine.boots_ms <= now)
    }

    pub fn living(&self, account: usize, now: u64) -> impl Iterator<Item = &Machine> {
        self.machines.iter().filter(move |machine| machine.account == account && machine.lives(now))
    }
}
