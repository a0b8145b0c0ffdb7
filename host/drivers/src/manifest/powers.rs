//! The worst that a manifest allows, in sentences for its owner, in the order of rule 12: where requests go, what is
//! ordered, what the driver may add, what counts as read though it is no GET, which answers free money, how prices are known.

use super::{Body, Conditions, Effect, Expected, Made, Manifest, Money, Place, Route};
use crate::template::{CallKind, Word};
use bursar_http::Method;

pub(super) fn sentences(manifest: &Manifest) -> Vec<String> {
    let routes = || manifest.routes.values();
    let mut out = goes(manifest);
    for effect in [Effect::Spend, Effect::Change, Effect::Release] {
        out.extend(routes().filter(|route| route.effect == effect).flat_map(|route| does(manifest, route)));
    }
    out.extend(routes().filter_map(adds));
    out.extend(routes().filter_map(|route| reads(manifest, route)));
    out.extend(routes().flat_map(frees));
    out.extend(lists(manifest));
    out.extend(prices(manifest));
    out.extend(manifest.self_end.iter().map(|end| {
        format!(
            "machines: on each machine of ours the host runs `{}` when it is ready, and `{}` ten minutes after its lease if it lives",
            end.check, end.run
        )
    }));
    out
}

fn goes(manifest: &Manifest) -> Vec<String> {
    let mut out = Vec::new();
    for endpoint in manifest.endpoints.values() {
        let place = match &endpoint.place {
            Place::Fixed(base) => base.to_string(),
            Place::Open { named_by } => {
                let by: Vec<_> = named_by.iter().map(|by| format!("`{}` at `{}`", by.route, by.pointer)).collect();
                format!("any public address that answers of {} named in the same call", by.join(" or "))
            }
        };
        let secret = match endpoint.credential.as_ref().and_then(|name| Some((name, manifest.credentials.get(name)?))) {
            Some((name, credential)) => {
                let env = if credential.env.is_empty() {
                    String::new()
                } else {
                    format!(" from {}", credential.env.join(" or "))
                };
                format!(", with the credential `{name}`{env} in the header `{}`", credential.header)
            }
            None => ", without a credential".to_owned(),
        };
        out.push(format!("where: requests go to {place}{secret}"));
    }
    for (name, signer) in &manifest.signers {
        out.push(format!(
            "where: requests may be signed with `{name}` ({}) from {}",
            signer.scheme,
            signer.env.join(" or ")
        ));
    }
    out
}

fn does(manifest: &Manifest, route: &Route) -> Vec<String> {
    let calls: Vec<_> = route.calls.iter().map(|call| call.name()).collect();
    let (calls, request) = (calls.join(" and "), request(manifest, route));
    let mut out = vec![match route.effect {
        Effect::Spend => format!("orders: in {calls}, once under each reservation: {request}"),
        Effect::Release => format!("ends: in {calls}, for instances the host saw to be ours: {request}"),
        _ => format!("changes: in {calls}: {request}"),
    }];
    if route.effect == Effect::Spend && route.calls.contains(&CallKind::Create) {
        let holds = |word| route.holds(&word);
        if !holds(Word::Nodes) {
            out.push(format!("orders: `{}` holds no {{nodes}}: always one node", route.name));
        }
        if !(holds(Word::Minutes) || holds(Word::Hours) || holds(Word::Days)) {
            out.push(format!("orders: `{}` holds no length: no prepaid price is accepted", route.name));
        }
    }
    out
}

pub(super) fn request(manifest: &Manifest, route: &Route) -> String {
    let base = match &manifest.endpoint_of(route).place {
        Place::Fixed(base) => base.to_string().trim_end_matches('/').to_owned(),
        Place::Open { .. } => "https://(address)".to_owned(),
    };
    let query: Vec<_> = route.query.iter().map(|(name, text)| format!("{name}={text}")).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let headers: String = route.headers.iter().map(|(name, text)| format!(", header {name}: {text}")).collect();
    let body = match &route.body {
        Body::None => String::new(),
        Body::Free => ", body of the driver's".to_owned(),
        Body::Template(node) => format!(", body {}", node.sketch()),
    };
    let sign =
        route.sign.as_ref().map_or(String::new(), |sign| format!(", signed as {} by `{}`", sign.scheme, sign.signer));
    format!("{} {base}{}{query}{headers}{body}{sign}", route.method, route.path_text())
}

fn adds(route: &Route) -> Option<String> {
    let names: Vec<_> = route.free_names().iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return None;
    }
    let what = if route.effect == Effect::Read { "a read" } else { "NOT a read" };
    Some(format!("driver adds: {} in `{}` ({what}, {})", names.join(", "), route.name, route.effect))
}

/// Returns whether it counts as read because the manifest says so.
pub(super) fn reads_by_word(route: &Route) -> bool {
    route.effect == Effect::Read && route.method != Method::GET && route.method != Method::HEAD
}

fn reads(manifest: &Manifest, route: &Route) -> Option<String> {
    reads_by_word(route).then(|| format!("reads: counts as read though it is no GET: {}", request(manifest, route)))
}

fn frees(route: &Route) -> Vec<String> {
    let refused = match conditions(&route.refused) {
        Some(lines) => format!("nothing was done where the answer has {lines}"),
        None => "no answer says that nothing was done".to_owned(),
    };
    match route.effect {
        Effect::Spend => {
            let id = match &route.made {
                None => "the id is found by our tag".to_owned(),
                Some(Made::Signed) => "the id is the hash of what was signed".to_owned(),
                Some(Made::Pointer(pointer)) => format!("the id stands at `{pointer}`"),
            };
            vec![format!("frees: `{}`: {refused}; {id}", route.name)]
        }
        Effect::Release => {
            let ended = conditions(&route.ended).map_or(String::new(), |lines| format!(", or an answer with {lines}"));
            let accepted = route
                .accepted
                .as_ref()
                .and_then(conditions)
                .map_or(String::new(), |lines| format!(" that has {lines}"));
            vec![format!("frees: `{}`: an end is accepted by a 2xx{accepted}{ended}; {refused}", route.name)]
        }
        _ => Vec::new(),
    }
}

fn conditions(conditions: &Conditions) -> Option<String> {
    let value = |value: &Expected| match value {
        Expected::Bool(yes) => yes.to_string(),
        Expected::Null => "null".to_owned(),
        Expected::Text(text) => format!("\"{text}\""),
    };
    let mut parts = Vec::new();
    if !conditions.status.is_empty() {
        let status: Vec<_> = conditions.status.iter().map(u16::to_string).collect();
        parts.push(format!("status {}", status.join(" ")));
    }
    for line in &conditions.lines {
        let values: Vec<_> = line.values.iter().map(value).collect();
        parts.push(format!("`{}` = {}", line.pointer, values.join(" or ")));
    }
    (!parts.is_empty()).then(|| parts.join(", or "))
}

fn lists(manifest: &Manifest) -> Vec<String> {
    let mut out = Vec::new();
    for route in manifest.routes.values().filter(|route| route.is_list()) {
        let Some(shows) = &route.shows else { continue };
        let all = match (&shows.more, &shows.total) {
            (Some(more), _) => format!("when `{}` is null", more.pointer),
            (None, Some(total)) => format!("when `{total}` rows were seen"),
            (None, None) => "after one answer".to_owned(),
        };
        let pages: Vec<_> = route.free_names().iter().map(|name| format!("`{name}`")).collect();
        let pages = if pages.is_empty() {
            String::new()
        } else {
            format!("; the driver turns its pages with {}", pages.join(", "))
        };
        let over =
            conditions(&shows.over).map_or(String::new(), |lines| format!("; a row with {lines} counts as absent"));
        out.push(format!("frees: the list `{}` is complete {all}{over}{pages}", route.name));
    }
    out
}

fn prices(manifest: &Manifest) -> Vec<String> {
    let mut out = Vec::new();
    for route in manifest.routes.values() {
        if let Some(prices) = &route.prices {
            let (what, pointer) = match &prices.money {
                Money::Rate(pointer) => ("rate", pointer),
                Money::Total(pointer) => ("total", pointer),
            };
            out.push(format!(
                "prices: the host reads the {what} of an order in `{}` at `{pointer}` ({})",
                route.name, prices.unit
            ));
        }
        if let Some((rate, unit)) = route.shows.as_ref().and_then(|shows| Some((shows.rate.as_ref()?, shows.unit?))) {
            out.push(format!(
                "prices: the host reads the rate of an instance in `{}` at `{rate}` ({unit})",
                route.name
            ));
        }
    }
    if out.is_empty() {
        out.push("prices: told by the driver, not seen by the host".to_owned());
    }
    out
}
