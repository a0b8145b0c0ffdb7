//! What the door did not let through, why, and what in the manifest would change that.

/// A request that stays here. Nothing of it left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("denied: {asked}: {why}; {grant}")]
pub struct Refused {
    pub route: String,
    /// What was asked, in words.
    pub asked: String,
    pub why: String,
    /// The line of the manifest that would allow it, or that none does.
    pub grant: String,
}

impl Refused {
    /// Returns the refusal of a route that the manifest does not have.
    pub fn no_route(name: &str) -> Refused {
        let name = crate::text::clean(name, 40);
        Refused {
            asked: format!("route `{name}`"),
            why: "the manifest has no route of that name".to_owned(),
            grant: format!("add this line to allow it: [routes] {name} = {{ call = \"GET /...\" }}"),
            route: name,
        }
    }

    pub(super) fn new(
        route: &str,
        asked: impl Into<String>,
        why: impl Into<String>,
        grant: impl Into<String>,
    ) -> Refused {
        Refused { route: route.to_owned(), asked: asked.into(), why: why.into(), grant: grant.into() }
    }
}
