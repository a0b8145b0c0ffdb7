//! What the table must know of each provider's imitation to make it misbehave.

/// One provider: where its interface is asked what, as `METHOD /path`.
pub struct Specifics {
    pub name: &'static str,
    pub create: &'static str,
    pub destroy: &'static str,
    pub list: &'static str,
    /// The look at one instance.
    pub one: &'static str,
    /// A size that the imitation takes out of stock, and the offer that then is none; nothing where only an order finds out.
    pub sold_out: Option<(&'static str, &'static str)>,
    /// How many rows stand on one page of the list; nothing where there are no pages.
    pub page: Option<usize>,
    /// The create answer names the instance; else it is found by its tag.
    pub names_what_it_made: bool,
}

pub fn bitlaunch() -> Specifics {
    Specifics {
        name: "bitlaunch",
        create: "POST /servers",
        destroy: "DELETE /servers/{id}",
        list: "GET /servers",
        one: "GET /servers/{id}",
        sold_out: Some(("nibble-1024", "4/nibble-1024/lon1")),
        page: None,
        names_what_it_made: true,
    }
}

pub fn ionet() -> Specifics {
    Specifics {
        name: "ionet",
        create: "POST /deploy",
        destroy: "DELETE /deployment/{id}",
        list: "GET /deployments",
        one: "GET /deployment/{id}",
        sold_out: Some(("12__1__US", "12/1/US")),
        page: Some(100),
        names_what_it_made: false,
    }
}

pub fn tensorpool() -> Specifics {
    Specifics {
        name: "tensorpool",
        create: "POST /cluster/create",
        destroy: "DELETE /cluster/{id}",
        list: "GET /cluster/list",
        one: "GET /cluster/info/{id}",
        sold_out: None,
        page: None,
        names_what_it_made: true,
    }
}
