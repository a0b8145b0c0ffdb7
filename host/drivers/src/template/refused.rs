//! What the door did not let through, why, and what in the manifest would change that.

use serde::Serialize;
use std::fmt;

/// A request that stays here. Nothing of it left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("denied: {asked}: {why}; {grant}")]
pub struct Refused {
    pub cause: Cause,
    pub route: String,
    /// What was asked, in words.
    pub asked: String,
    pub why: String,
    /// The line of the manifest that would allow it, or that none does.
    pub grant: String,
}

/// Why the door says no, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The manifest has no such route.
    NoRoute,
    /// The route does not open in the call in hand.
    Closed,
    /// A value that the route does not leave open, or that cannot stand where it would.
    Value,
    /// The one request that costs has left.
    SecondSpend,
    /// An address that no answer of this call showed, or one where none is asked for.
    Address,
    /// The call's requests are used up.
    Requests,
    /// The owner has stored no credential, or one that cannot be sent.
    Credential,
    /// Against the out-bound rules.
    Outbound,
}

impl Cause {
    pub const ALL: [Cause; 8] = [
        Cause::NoRoute,
        Cause::Closed,
        Cause::Value,
        Cause::SecondSpend,
        Cause::Address,
        Cause::Requests,
        Cause::Credential,
        Cause::Outbound,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Cause::NoRoute => "no_route",
            Cause::Closed => "closed",
            Cause::Value => "value",
            Cause::SecondSpend => "second_spend",
            Cause::Address => "address",
            Cause::Requests => "requests",
            Cause::Credential => "credential",
            Cause::Outbound => "outbound",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What stands where the line would, when there is none.
pub(crate) const NO_LINE: &str = "no line of a manifest allows this";

impl Refused {
    /// Returns the refusal of a route that the manifest does not have.
    pub fn no_route(name: &str) -> Refused {
        let name = crate::text::clean(name, 64);
        Refused {
            cause: Cause::NoRoute,
            asked: format!("route `{name}`"),
            why: "the manifest has no route of that name".to_owned(),
            grant: format!("add this line to allow it: [routes] {name} = {{ call = \"GET /...\" }}"),
            route: name,
        }
    }

    /// Returns the refusal of what a route was asked to carry.
    pub(super) fn new(
        route: &str,
        asked: impl Into<String>,
        why: impl Into<String>,
        grant: impl Into<String>,
    ) -> Refused {
        Refused::because(Cause::Value, route, asked, why, grant)
    }

    pub(crate) fn because(
        cause: Cause,
        route: &str,
        asked: impl Into<String>,
        why: impl Into<String>,
        grant: impl Into<String>,
    ) -> Refused {
        Refused { cause, route: route.to_owned(), asked: asked.into(), why: why.into(), grant: grant.into() }
    }
}
