//! The worst that a driver with this manifest could do, in words for its owner, whatever its code is. Each sentence says
//! what the door leaves open; the last ones say what it does not.

use super::{Body, Conditions, Effect, Manifest, Place, Route};
use crate::template::CallKind;
use bursar_http::Method;

/// A lost order that counts as never made sooner than this may still be on its way.
const LATE_SECS_LOW: u64 = 60;

pub(super) fn sentences(manifest: &Manifest) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(orders(manifest));
    out.extend(prices(manifest));
    out.extend(frees(manifest));
    out.extend(tells(manifest));
    out.extend(secrets(manifest));
    out.extend(reads(manifest));
    out.extend(changes(manifest));
    out.push(
        "it can hide offers, invent some that cannot be had, and say that something failed which did not".to_owned(),
    );
    if !manifest.credentials.is_empty() {
        let names: Vec<_> = manifest.credentials.keys().map(|name| format!("`{name}`")).collect();
        out.push(format!("it cannot see {}: the host attaches it outside of the sandbox", names.join(", ")));
    }
    out.push("it cannot end, change or log into a machine that does not carry this ledger's tag".to_owned());
    out.push("it cannot keep a machine alive: the host sends `destroy` by itself where the driver does not".to_owned());
    out
}

fn spends(manifest: &Manifest) -> impl Iterator<Item = &Route> {
    manifest.routes.values().filter(|route| route.effect == Effect::Spend)
}

fn orders(manifest: &Manifest) -> Vec<String> {
    spends(manifest)
        .map(|route| {
            let calls: Vec<_> = route.calls.iter().map(|call| call.name()).collect();
            let calls = calls.join(" and ");
            match route.free_names().as_slice() {
                [] => format!(
                    "it can send `{}` once in a {calls} that the host has reserved money for, exactly as it was reserved",
                    route.name
                ),
                free => format!(
                    "IT CHOOSES {} OF AN ORDER: `{}` may make something other, and dearer, than what was reserved",
                    list(free),
                    route.name
                ),
            }
        })
        .collect()
}

fn prices(manifest: &Manifest) -> Vec<String> {
    let seen = manifest.routes.values().any(|route| route.prices.is_some());
    let billed = manifest.routes.values().any(|route| route.shows.as_ref().is_some_and(|shows| shows.rate.is_some()));
    vec![match (seen, billed) {
        (true, true) => "it can quote more than a thing costs, never less than the host reads; what is billed above the quote is seen".to_owned(),
        (true, false) => "it can quote more than a thing costs, never less than the host reads; what is billed later is not seen".to_owned(),
        (false, true) => "IT CAN QUOTE LESS THAN A THING COSTS: no price is read; only what is billed later is seen".to_owned(),
        (false, false) => "IT CAN QUOTE LESS THAN A THING COSTS: no price is read, before or after; the balance alone shows it".to_owned(),
    }]
}

fn frees(manifest: &Manifest) -> Vec<String> {
    let mut out = Vec::new();
    for route in spends(manifest) {
        if let Some(odd) =
            odd(&route.refused, |status| !(400..500).contains(&status) || [408, 409, 425].contains(&status))
        {
            out.push(format!(
                "AN ORDER THAT WAS CARRIED OUT COUNTS AS NEVER MADE, and its money is freed, if `{}` is answered with {odd}",
                route.name
            ));
        }
    }
    for route in manifest.routes.values().filter(|route| route.effect == Effect::Release) {
        if let Some(odd) = odd(&route.ended, |status| ![404, 410].contains(&status)) {
            out.push(format!(
                "AN END THAT WAS NOT CARRIED OUT COUNTS AS ONE if `{}` is answered with {odd}; two lists without it are still needed",
                route.name
            ));
        }
    }
    let over: Vec<&Route> = manifest
        .routes
        .values()
        .filter(|route| route.is_list() && route.shows.as_ref().is_some_and(|shows| !shows.over.is_empty()))
        .collect();
    for route in over {
        out.push(format!(
            "a machine that `{}` shows as over counts as gone, whether it still costs or not",
            route.name
        ));
    }
    if manifest.late_secs < LATE_SECS_LOW {
        out.push(format!("A LOST ORDER COUNTS AS NEVER MADE AFTER {} S and a minute of grace", manifest.late_secs));
    }
    out
}

/// Returns the conditions that a careful owner asks about.
fn odd(conditions: &Conditions, is_odd: impl Fn(u16) -> bool) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let status: Vec<String> =
        conditions.status.iter().filter(|status| is_odd(**status)).map(ToString::to_string).collect();
    if !status.is_empty() {
        parts.push(format!("status {}", status.join(" or ")));
    }
    parts.extend(conditions.lines.iter().map(|line| format!("what stands at `{}`", line.pointer)));
    (!parts.is_empty()).then(|| parts.join(", or "))
}

/// What of what it knows can leave, and where to.
fn tells(manifest: &Manifest) -> Vec<String> {
    let mut out = Vec::new();
    let open: Vec<&Route> =
        manifest.routes.values().filter(|route| !route.free_names().is_empty() || route.body == Body::Free).collect();
    let routes: Vec<String> = open.iter().map(|route| route.name.clone()).collect();
    match routes.is_empty() {
        true => out.push(
            "it can tell the provider nothing in words: no request leaves it a name; only which requests it sends".to_owned(),
        ),
        false => out.push(format!(
            "it can tell the provider what it knows (offers, tags, settings, our public key, addresses of machines) in {}",
            list(&routes)
        )),
    }
    for endpoint in manifest.endpoints.values().filter(|endpoint| matches!(endpoint.place, Place::Open { .. })) {
        out.push(format!(
            "it can send requests, without a credential, to any public name that the provider's answers introduce (`{}`)",
            endpoint.name
        ));
    }
    out
}

/// A manifest may name any variable of the owner's environment.
fn secrets(manifest: &Manifest) -> Vec<String> {
    let sent = |endpoint: &super::Endpoint| {
        let name = endpoint.credential.as_ref()?;
        let Place::Fixed(base) = &endpoint.place else { return None };
        let env = manifest.credentials.get(name).map(|c| c.env.join(" or ")).filter(|env| !env.is_empty())?;
        Some(format!(
            "{base} gets `{name}`, which may be what your environment has in {env}: see that it is meant for it"
        ))
    };
    manifest.endpoints.values().filter_map(sent).collect()
}

fn reads(manifest: &Manifest) -> Vec<String> {
    let by_word: Vec<String> = manifest
        .routes
        .values()
        .filter(|route| route.effect == Effect::Read && ![Method::GET, Method::HEAD].contains(&route.method))
        .map(|route| format!("{} {}", route.method, route.path_text()))
        .collect();
    match by_word.is_empty() {
        true => vec![],
        false => vec![format!(
            "IF {} DOES MORE THAN READ, IT DOES SO IN ANY CALL, without a hold: the manifest's word is all there is",
            by_word.join(" or ")
        )],
    }
}

fn changes(manifest: &Manifest) -> Vec<String> {
    let change = |route: &&Route| route.effect == Effect::Change;
    manifest
        .routes
        .values()
        .filter(change)
        .map(|route| {
            let calls: Vec<_> = route.calls.iter().map(|call| call.name()).collect();
            let about = match route.calls.as_slice() {
                [CallKind::Keys] => "our own public key",
                _ => "the machine that the call is about",
            };
            let free = match route.free_names().as_slice() {
                [] => String::new(),
                free => format!(", WITH {} OF ITS OWN", list(free)),
            };
            format!("it can send `{}` in {}, about {about}{free}", route.name, calls.join(" and "))
        })
        .collect()
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
