//! What the test door needs of a manifest: routes with the names in their templates, effects, and evidence lines.
//!
//! It reads leniently; whether a manifest is one at all is judged by the host.

use std::collections::BTreeMap;

use toml::{Table, Value};

pub(super) struct Manifest {
    pub(super) offer: String,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) signers: Vec<String>,
    pub(super) routes: BTreeMap<String, Route>,
    pub(super) text: String,
}

pub(super) struct Route {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    /// Names in headers and body; those of path and query stand there.
    pub(super) elsewhere: Vec<Name>,
    pub(super) effect: String,
    pub(super) calls: Vec<String>,
    pub(super) free_body: bool,
    /// For an open endpoint: the routes and pointers that may name its addresses.
    pub(super) named_by: Option<Vec<String>>,
    pub(super) made: Option<String>,
    pub(super) shows: Option<Table>,
    pub(super) prices: Option<Table>,
}

/// A name in braces, such as `{offer.host:int}` or `{after?}`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) optional: bool,
    /// As it stands in the template, braces included.
    pub(super) written: String,
}

impl Manifest {
    pub(super) fn read(text: &str) -> Manifest {
        let table: Table = text.parse().unwrap_or_else(|error| panic!("driver.toml is no TOML: {error}"));
        let empty = Table::new();
        let part = |name: &str| table.get(name).and_then(Value::as_table).unwrap_or(&empty);
        let routes = part("routes");
        Manifest {
            offer: text_of(&table, "offer").unwrap_or_default(),
            settings: part("settings")
                .iter()
                .map(|(name, setting)| {
                    (name.clone(), setting.get("default").and_then(Value::as_str).unwrap_or_default().to_owned())
                })
                .collect(),
            signers: part("signers").keys().cloned().collect(),
            routes: routes
                .iter()
                .filter_map(|(name, route)| {
                    Some((name.clone(), Route::read(name, route.as_table()?, routes, part("endpoints"))))
                })
                .collect(),
            text: text.to_owned(),
        }
    }
}

impl Route {
    fn read(name: &str, route: &Table, routes: &Table, endpoints: &Table) -> Route {
        let call = text_of(route, "call").unwrap_or_default();
        let (method, path) = call.split_once(' ').unwrap_or_else(|| panic!("route {name}: `call` is `METHOD /path`"));
        let reads = matches!(method, "GET" | "HEAD");
        let effect = text_of(route, "effect").or(reads.then(|| "read".to_owned()));
        let body = route.get("body").cloned().or_else(|| body_of(route, routes));
        let endpoint = match text_of(route, "on") {
            Some(on) => endpoints.get(&on),
            None => endpoints.values().next(),
        };
        let open = endpoint.and_then(Value::as_table).filter(|e| e.get("open").and_then(Value::as_bool) == Some(true));
        Route {
            method: method.to_owned(),
            path: path.to_owned(),
            query: pairs(route.get("query")),
            elsewhere: [route.get("headers"), body.as_ref()].into_iter().flatten().flat_map(names_within).collect(),
            effect: effect.unwrap_or_else(|| panic!("route {name}: a {method} has an `effect`")),
            calls: route.get("in").map(texts).unwrap_or_default(),
            free_body: body.as_ref().and_then(Value::as_str) == Some("free"),
            named_by: open.map(|endpoint| endpoint.get("named_by").map(texts).unwrap_or_default()),
            made: text_of(route, "made"),
            shows: route.get("shows").and_then(Value::as_table).cloned(),
            prices: route.get("prices").and_then(Value::as_table).cloned(),
        }
    }

    pub(super) fn names(&self) -> Vec<Name> {
        let query = self.query.iter().flat_map(|(_, value)| names(value));
        names(&self.path).into_iter().chain(query).chain(self.elsewhere.iter().cloned()).collect()
    }
}

/// The body of another route, without some of its members.
fn body_of(route: &Table, routes: &Table) -> Option<Value> {
    let of = route.get("body_of")?;
    let mut body = routes.get(of.get("route")?.as_str()?)?.get("body")?.clone();
    for pointer in of.get("without").map(texts).unwrap_or_default() {
        let (parent, member) = pointer.rsplit_once('/')?;
        let parent = parent.split('/').skip(1).try_fold(&mut body, |at, member| at.get_mut(member))?;
        parent.as_table_mut()?.remove(member);
    }
    Some(body)
}

/// Returns the names in braces; braces around anything else are literal.
pub(super) fn names(template: &str) -> Vec<Name> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}')).filter_map(|(inside, _)| name(inside)).collect()
}

fn name(inside: &str) -> Option<Name> {
    let bare = inside.strip_suffix('?').unwrap_or(inside);
    let bare = [":int", ":auto"].iter().find_map(|kind| bare.strip_suffix(kind)).unwrap_or(bare);
    let bare = bare.strip_suffix('?').unwrap_or(bare);
    let fits = bare.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && bare.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.'));
    fits.then(|| Name { name: bare.to_owned(), optional: inside.contains('?'), written: format!("{{{inside}}}") })
}

fn names_within(value: &Value) -> Vec<Name> {
    match value {
        Value::String(text) => names(text),
        Value::Array(items) => items.iter().flat_map(names_within).collect(),
        Value::Table(members) => members.values().flat_map(names_within).collect(),
        _ => Vec::new(),
    }
}

fn pairs(table: Option<&Value>) -> Vec<(String, String)> {
    let members = table.and_then(Value::as_table).into_iter().flatten();
    members
        .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(super) fn text_of(table: &Table, name: &str) -> Option<String> {
    table.get(name).and_then(Value::as_str).map(str::to_owned)
}
