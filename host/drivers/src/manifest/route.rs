//! From the keys of one route to its checked form.

use super::{
    Body, Effect, Endpoint, Made, Prices, Route, Shows, Sign,
    conditions::Conditions,
    problem::{At, rule},
    raw,
};
use crate::{
    pointer::Pointer,
    template::{CallKind, Node, Text},
};
use bursar_http::Method;
use std::collections::BTreeMap;

pub(super) fn read(
    name: &str,
    raw: &raw::Route,
    declared: &BTreeMap<String, raw::Endpoint>,
    endpoints: &BTreeMap<String, Endpoint>,
    parts: &[String],
    at: &mut At<'_>,
) -> Option<Route> {
    let (method, path) = call(&raw.call, at)?;
    let effect = effect(raw.effect, &method, at)?;
    let endpoint = on(raw.on.as_deref(), declared, at)?;
    let gap_ms = raw.gap_ms.unwrap_or_else(|| endpoints.get(&endpoint).map_or(0, |endpoint| endpoint.gap_ms));
    at.must(gap_ms <= 60_000, rule::SIZES, "gap_ms is more than 60000", "choose a shorter gap");
    Some(Route {
        name: name.to_owned(),
        endpoint,
        calls: calls(raw.calls.as_deref(), effect, at),
        query: query(&raw.query, at),
        headers: headers(&raw.headers, at),
        body: body(raw, &method, effect, at),
        method,
        effect,
        path,
        timeout_secs: raw.timeout_secs,
        gap_ms,
        sign: raw.sign.as_ref().map(|sign| Sign {
            scheme: sign.scheme.clone(),
            signer: sign.signer.clone(),
            kind: sign.kind.clone(),
        }),
        made: raw.made.as_deref().and_then(|text| made(text, at)),
        refused: raw
            .refused
            .as_ref()
            .map_or_else(Conditions::refused_unless_given, |table| Conditions::read(table, "refused", at)),
        ended: raw.ended.as_ref().map(|table| Conditions::read(table, "ended", at)).unwrap_or_default(),
        accepted: raw.accepted.as_ref().map(|table| Conditions::read(table, "accepted", at)),
        hide: raw.hide.iter().filter_map(|text| pointer(text, at)).collect(),
        shows: raw.shows.as_ref().and_then(|shows| Shows::read(shows, at)),
        prices: raw.prices.as_ref().and_then(|prices| Prices::read(prices, parts, at)),
    })
}

fn pointer(text: &str, at: &mut At<'_>) -> Option<Pointer> {
    at.take(
        rule::EVIDENCE,
        Pointer::parse(text).map_err(|e| e.to_string()),
        "a pointer begins with `/`, like `/data/token`",
    )
}

/// Reads `POST /servers/{instance}/restart`. Cases 23 to 27: no other authority, no dots, no escapes.
fn call(text: &str, at: &mut At<'_>) -> Option<(Method, Vec<Text>)> {
    let fix = "write it like \"GET /servers/{instance}\"";
    let split = text.split_once(' ').and_then(|(method, path)| Some((method, path.strip_prefix('/')?)));
    let Some((method, path)) = split else {
        at.add(rule::ROUTES, format!("`{text}` is no method and path"), fix);
        return None;
    };
    let method = match method {
        "GET" => Method::GET,
        "HEAD" => Method::HEAD,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        other => {
            at.add(
                rule::ROUTES,
                format!("`{other}` is no method that goes out"),
                "use GET, HEAD, POST, PUT, PATCH or DELETE",
            );
            return None;
        }
    };
    let segments: Vec<&str> = path.split('/').collect();
    let last = segments.len() - 1;
    let mut read = Vec::new();
    for (n, segment) in segments.into_iter().enumerate() {
        let parsed = at.take(rule::TEMPLATES, Text::parse(segment), fix)?;
        let literal = parsed.literal().is_some();
        at.must(
            n > 0 || literal,
            rule::TEMPLATES,
            "the first segment of its path is no literal",
            "put what selects after a literal segment",
        );
        at.must(
            is_path_literal(&parsed),
            rule::OUTBOUND,
            format!("`{segment}` is no plain segment of a path"),
            "use `A-Z a-z 0-9 . _ ~ : @ + -`",
        );
        at.must(n == last || !segment.is_empty(), rule::OUTBOUND, "an empty segment stands inside its path", fix);
        read.push(parsed);
    }
    Some((method, read))
}

/// The literal pieces of a segment: plain characters, and not `.` or `..`.
fn is_path_literal(text: &Text) -> bool {
    let outside = text.holes().fold(text.to_string(), |rest, _| match (rest.find('{'), rest.find('}')) {
        (Some(open), Some(close)) if open < close => format!("{}{}", &rest[..open], &rest[close + 1..]),
        _ => rest,
    });
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~:@+-".contains(&b);
    outside.bytes().all(plain) && outside.len() <= 128 && !matches!(text.literal(), Some("." | ".."))
}

fn effect(given: Option<Effect>, method: &Method, at: &mut At<'_>) -> Option<Effect> {
    match given {
        Some(effect) => Some(effect),
        None if *method == Method::GET || *method == Method::HEAD => Some(Effect::Read),
        None => {
            let fix = "add effect = \"read\", \"change\", \"spend\" or \"release\"; a read that is no GET is a line the owner accepts by itself";
            at.add(rule::EFFECTS, format!("{method} without an effect"), fix);
            None
        }
    }
}

fn on(given: Option<&str>, declared: &BTreeMap<String, raw::Endpoint>, at: &mut At<'_>) -> Option<String> {
    match (given, declared.len()) {
        (Some(name), _) if declared.contains_key(name) => Some(name.to_owned()),
        (None, 1) => declared.keys().next().cloned(),
        (Some(name), _) => {
            at.add(rule::ROUTES, format!("`{name}` is no endpoint"), format!("add [endpoints.{name}]"));
            None
        }
        (None, _) => {
            at.add(rule::ROUTES, "there are several endpoints and it names none", "add on = \"...\"");
            None
        }
    }
}

fn calls(given: Option<&[String]>, effect: Effect, at: &mut At<'_>) -> Vec<CallKind> {
    let Some(given) = given else {
        return match effect {
            Effect::Read => Vec::new(),
            Effect::Spend => vec![CallKind::Create],
            Effect::Release => vec![CallKind::Destroy],
            Effect::Change => {
                at.add(
                    rule::EFFECTS,
                    "a change without `in`",
                    "name the calls it opens in: keys, advance, restart, pause",
                );
                Vec::new()
            }
        };
    };
    at.must(effect != Effect::Read, rule::EFFECTS, "a read has `in`", "remove it: reads open in every call");
    at.must(!given.is_empty(), rule::EFFECTS, "`in` is empty", "name a call, or remove the route");
    let mut out = Vec::new();
    for name in given {
        match CallKind::named(name).filter(|call| effect.may_open_in(*call)) {
            Some(call) if !out.contains(&call) => out.push(call),
            Some(_) => {}
            None => at.add(rule::EFFECTS, format!("a {effect} cannot open in `{name}`"), opens(effect)),
        }
    }
    out
}

fn opens(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "reads open in every call",
        Effect::Change => "a change opens in keys, advance, restart, pause",
        Effect::Spend => "a spend opens in create, extend, resume",
        Effect::Release => "a release opens in destroy",
    }
}

fn query(raw: &BTreeMap<String, String>, at: &mut At<'_>) -> Vec<(String, Text)> {
    at.must(raw.len() <= 40, rule::SIZES, "query has more than 40 members", "leave out what is not needed");
    let mut out = Vec::new();
    for (name, text) in raw {
        let plain = |b: u8| b.is_ascii_graphic() && !b"{}".contains(&b);
        let fits = (1..=80).contains(&name.len()) && name.bytes().all(plain) && !name.eq_ignore_ascii_case("_method");
        at.must(
            fits,
            rule::TEMPLATES,
            format!("`{name}` cannot be the name of a query member"),
            "use a plain literal name",
        );
        out.extend(
            at.take(rule::TEMPLATES, Text::parse(text), "spell names as `{name}`").map(|text| (name.clone(), text)),
        );
    }
    out
}

/// Case 29: what the host writes itself, and what would change the meaning of a request.
const HOSTS_HEADERS: [&str; 20] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "accept-encoding",
    "user-agent",
    "forwarded",
    "via",
    "range",
    "if-match",
    "http2-settings",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
];

pub(super) fn is_the_hosts_header(name: &str) -> bool {
    HOSTS_HEADERS.contains(&name)
        || name.starts_with("proxy-")
        || name.starts_with("x-forwarded-")
        || name.starts_with("x-rewrite-")
}

pub(super) fn is_header_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=60).contains(&name.len()) && name.bytes().all(plain)
}

fn headers(raw: &BTreeMap<String, String>, at: &mut At<'_>) -> Vec<(String, Text)> {
    at.must(raw.len() <= 20, rule::SIZES, "headers has more than 20 members", "leave out what is not needed");
    let mut out: Vec<(String, Text)> = Vec::new();
    for (name, text) in raw {
        let name = name.to_ascii_lowercase();
        let free = !is_the_hosts_header(&name) && !matches!(name.as_str(), "authorization" | "cookie");
        at.must(
            is_header_name(&name) && free,
            rule::TEMPLATES,
            format!("`{name}` is not for a manifest to write"),
            "the host writes it; credentials stand in [credentials]",
        );
        at.must(
            out.iter().all(|(other, _)| *other != name),
            rule::TEMPLATES,
            format!("the header `{name}` stands twice"),
            "keep one",
        );
        out.extend(at.take(rule::TEMPLATES, Text::parse(text), "spell names as `{name}`").map(|text| (name, text)));
    }
    out
}

fn body(raw: &raw::Route, method: &Method, effect: Effect, at: &mut At<'_>) -> Body {
    let bodiless = *method == Method::GET || *method == Method::HEAD;
    let given = raw.body.is_some() || raw.body_of.is_some();
    at.must(!(bodiless && given), rule::TEMPLATES, format!("{method} with a body"), "put it into `query`");
    at.must(raw.body.is_none() || raw.body_of.is_none(), rule::TEMPLATES, "it has `body` and `body_of`", "keep one");
    match &raw.body {
        None => Body::None,
        Some(toml::Value::String(free)) if free == "free" => {
            at.must(
                effect == Effect::Read,
                rule::TEMPLATES,
                format!("body = \"free\" on a {effect}"),
                "the host writes every request that is not a read: write the body as a template",
            );
            Body::Free
        }
        Some(value @ (toml::Value::Table(_) | toml::Value::Array(_))) => {
            node(value, at).map_or(Body::None, Body::Template)
        }
        Some(_) => {
            at.add(rule::TEMPLATES, "its body is neither a table, a list nor \"free\"", "write the JSON as TOML");
            Body::None
        }
    }
}

fn node(value: &toml::Value, at: &mut At<'_>) -> Option<Node> {
    Some(match value {
        toml::Value::Boolean(yes) => Node::Bool(*yes),
        toml::Value::Integer(n) => Node::Number(n.to_string()),
        toml::Value::Float(n) if n.is_finite() => Node::Number(n.to_string()),
        toml::Value::String(text) => {
            Node::Text(at.take(rule::TEMPLATES, Text::parse(text), "spell names as `{name}`")?)
        }
        toml::Value::Array(items) => Node::List(items.iter().filter_map(|item| node(item, at)).collect()),
        toml::Value::Table(members) => Node::Object(
            members.iter().filter_map(|(name, value)| Some((member(name, at)?, node(value, at)?))).collect(),
        ),
        other => {
            at.add(rule::TEMPLATES, format!("`{other}` has no form in JSON"), "write it as a text");
            return None;
        }
    })
}

fn member(name: &str, at: &mut At<'_>) -> Option<String> {
    let literal = Text::parse(name).is_ok_and(|text| text.literal().is_some());
    at.must(
        literal,
        rule::TEMPLATES,
        format!("the member's name `{name}` holds a name in braces"),
        "names of members are literal",
    );
    literal.then(|| name.to_owned())
}

/// Returns the body of another route without some members, so that a price is asked for exactly what is ordered.
pub(super) fn borrowed_body(raw: &raw::BodyOf, routes: &BTreeMap<String, Route>, at: &mut At<'_>) -> Option<Body> {
    let Some(Body::Template(node)) = routes.get(&raw.route).map(|route| &route.body) else {
        at.add(
            rule::TEMPLATES,
            format!("body_of names `{}`, which has no body of its own", raw.route),
            "name a route with a template",
        );
        return None;
    };
    let pointers: Vec<_> = raw.without.iter().filter_map(|text| pointer(text, at)).collect();
    let (node, missed) = node.without(&pointers);
    for pointer in missed {
        at.add(
            rule::TEMPLATES,
            format!("body_of leaves out `{pointer}`, which is not there"),
            "name a member of that body",
        );
    }
    Some(Body::Template(node))
}

fn made(text: &str, at: &mut At<'_>) -> Option<Made> {
    if text == "signed" { Some(Made::Signed) } else { pointer(text, at).map(Made::Pointer) }
}
