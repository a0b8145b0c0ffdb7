//! The right of one instance to live until a moment, and what an end by then holds.

use crate::{extend::Extending, money::Usd, time::Moment};
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
    /// A further block that was asked for and is not known to be bought; what it costs is held already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extending: Option<Extending>,
}

impl Lease {
    /// Returns whether its instance must be ended now.
    pub fn is_due(&self, now: Moment) -> bool {
        now >= self.ends
    }
}
