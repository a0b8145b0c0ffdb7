//! The rules of the door that a driver can break: routes, words, values, effects. Pure; it returns the first one broken.

use std::collections::BTreeMap;

use super::manifest::{Manifest, Route, names};
use crate::bindings::driver::bursar::driver::http::Request;

/// The most requests in one call.
const REQUESTS_MAX: usize = 20;

/// The call in hand: its name, and the values of the words it knows.
pub(super) struct InHand {
    pub(super) call: &'static str,
    pub(super) words: BTreeMap<String, String>,
}

/// Returns the request as a line, such as `GET /servers/6a92`, or the rule it breaks.
pub(super) fn check(
    manifest: &Manifest,
    hand: &InHand,
    request: &Request,
    before: &[String],
) -> Result<String, String> {
    let name = &request.route;
    let Some(route) = manifest.routes.get(name) else {
        return Err(format!("route `{name}` is not in the manifest"));
    };
    if before.len() == REQUESTS_MAX {
        return Err(format!("route `{name}`: a call sends at most {REQUESTS_MAX} requests"));
    }
    effect(route, hand.call, manifest, before).map_err(|why| format!("route `{name}` in `{}`: {why}", hand.call))?;
    values(route, hand, request).map_err(|why| format!("route `{name}` in `{}`: {why}", hand.call))?;
    if request.body.is_some() != route.free_body {
        return Err(format!(
            "route `{name}`: a body comes with `.json(…)` where the manifest says `body = \"free\"`, and nowhere else"
        ));
    }
    if request.address.is_some() != route.named_by.is_some() {
        return Err(format!("route `{name}`: an address comes with `.at(…)` for an open endpoint, and nowhere else"));
    }
    Ok(line(route, hand, request))
}

fn effect(route: &Route, call: &str, manifest: &Manifest, before: &[String]) -> Result<(), String> {
    let named = |otherwise: &str| {
        if route.calls.is_empty() { call == otherwise } else { route.calls.iter().any(|c| c == call) }
    };
    let open = match route.effect.as_str() {
        "read" => true,
        "spend" => matches!(call, "create" | "extend" | "resume") && named("create"),
        "release" => call == "destroy",
        "change" => matches!(call, "keys" | "advance" | "restart" | "pause") && named(""),
        _ => false,
    };
    if !open {
        return Err(format!("its effect, {}, is not open in this call", route.effect));
    }
    let spent = before.iter().any(|sent| manifest.routes.get(sent).is_some_and(|r| r.effect == "spend"));
    if route.effect == "spend" && spent {
        return Err("one spend request leaves under one hold".into());
    }
    Ok(())
}

fn values(route: &Route, hand: &InHand, request: &Request) -> Result<(), String> {
    let mut theirs = Vec::new();
    for name in route.names() {
        if is_word(&name.name) {
            if !knows(hand.call, &name.name) || (!name.optional && !hand.words.contains_key(&name.name)) {
                return Err(format!("the word {} is not known in this call", name.written));
            }
            continue;
        }
        let given = request.values.iter().find(|(given, _)| *given == name.name);
        if given.is_none() && !name.optional {
            return Err(format!("{} is the driver's to give: `.with(\"{}\", …)`", name.written, name.name));
        }
        theirs.push(name.name);
    }
    if let Some((unknown, _)) = request.values.iter().find(|(name, _)| !theirs.contains(name)) {
        return Err(format!("`{unknown}` is not a name that the route leaves to the driver"));
    }
    for name in names(&route.path) {
        if let Some((_, value)) =
            request.values.iter().find(|(given, _)| *given == name.name).filter(|(_, v)| !is_segment(v))
        {
            return Err(format!("`{value}` cannot stand in a path"));
        }
    }
    Ok(())
}

/// Says whether a name is the host's to fill. `instance` and `instances` are two names.
fn is_word(name: &str) -> bool {
    matches!(
        name,
        "tag"
            | "offer"
            | "image"
            | "nodes"
            | "minutes"
            | "hours"
            | "days"
            | "key"
            | "key.id"
            | "key.name"
            | "instance"
            | "now"
            | "null"
    ) || ["offer.", "setting.", "signer."].iter().any(|group| name.starts_with(group))
}

fn knows(call: &str, word: &str) -> bool {
    let one_instance = matches!(call, "get" | "advance" | "destroy" | "restart" | "pause" | "resume" | "extend");
    let an_order = matches!(call, "quote" | "create" | "advance");
    match word.split('.').next().unwrap_or(word) {
        "tag" => one_instance || call == "create",
        "offer" => an_order || call == "images",
        "image" | "nodes" => an_order,
        "minutes" | "hours" | "days" => an_order || call == "extend",
        "key" if word == "key.id" => call == "create",
        "key" => matches!(call, "keys" | "create"),
        "instance" => one_instance,
        _ => true,
    }
}

/// Says whether a value can stand in a path: 1 to 128 plain characters, and no way up.
pub(super) fn is_segment(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._~:@+-".contains(c);
    (1..=128).contains(&value.len()) && value.chars().all(plain) && value != "." && value != ".."
}

fn line(route: &Route, hand: &InHand, request: &Request) -> String {
    let fill = |template: &str| {
        let mut filled = template.to_owned();
        for name in names(template) {
            let given = request.values.iter().find(|(given, _)| *given == name.name).map(|(_, value)| value);
            if let Some(value) = given.or(hand.words.get(&name.name)) {
                filled = filled.replace(&name.written, value);
            }
        }
        filled
    };
    let given = |(_, value): &&(String, String)| {
        names(value)
            .iter()
            .all(|n| !n.optional || is_word(&n.name) || request.values.iter().any(|(given, _)| *given == n.name))
    };
    let query: Vec<String> =
        route.query.iter().filter(given).map(|(name, value)| format!("{name}={}", fill(value))).collect();
    let question = if query.is_empty() { "" } else { "?" };
    let address = request.address.as_deref().map(|a| format!("{a} ")).unwrap_or_default();
    format!("{} {address}{}{question}{}", route.method, fill(&route.path), query.join("&"))
}
