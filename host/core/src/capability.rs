//! What a driver can do besides the least. Found by looking at what its component exports, never declared.

use serde::{Deserialize, Serialize};

/// The optional interfaces that a driver exports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Registers our public key before the order.
    pub keys: bool,
    /// Lists images other than an offer's own.
    pub images: bool,
    /// Finds one offer by its id, where a list does not hold them all.
    #[serde(default)]
    pub lookup: bool,
    pub restart: bool,
    /// Pauses and resumes an instance at a lower rate.
    pub pause: bool,
    /// Lengthens a prepaid instance.
    pub extend: bool,
    /// Tells what the provider took.
    pub charges: bool,
    /// Lists places one can ask for.
    pub sites: bool,
}

impl Capabilities {
    /// Returns the names of what is there, as the interface calls them.
    pub fn names(&self) -> Vec<&'static str> {
        [
            ("keys", self.keys),
            ("images", self.images),
            ("lookup", self.lookup),
            ("restart", self.restart),
            ("pause", self.pause),
            ("extend", self.extend),
            ("charges", self.charges),
            ("sites", self.sites),
        ]
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
        .collect()
    }
}
