//! The right of one instance to live until a moment, and what an end by then holds.

use crate::{money::Usd, time::Moment};
use serde::{Deserialize, Serialize};

/// Every instance has exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub begins: Moment,
    /// The keeper ends the instance at this moment.
    pub ends: Moment,
    /// What is held for it: its length as billed, and the time it takes to stop and be sure.
    pub hold: Usd,
    /// At most this much an hour, all nodes together.
    pub per_hour: Usd,
}

impl Lease {
    /// Returns whether its instance must be ended now.
    pub fn is_due(&self, now: Moment) -> bool {
        now >= self.ends
    }
}
