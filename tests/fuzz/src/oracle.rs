//! The manifest, read a second time by other code: whether a request that left is exactly a filled template of a route
//! that the call in hand opens, and nothing besides. It shares nothing with the host but the text of the manifest.

use crate::{
    KEY, KEY_NAME, MANIFEST, NOW, TAG,
    secret::{self, TOKEN},
};
use http::Request;
use hyper::body::Bytes as Body;
use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock};

pub(crate) static ORACLE: LazyLock<Oracle> = LazyLock::new(|| {
    let manifest: toml::Table = MANIFEST.parse().expect("the manifest is TOML");
    let routes = manifest["routes"].as_table().expect("it has routes").clone();
    Oracle {
        routes: routes.into_iter().map(|(name, route)| (name, route.as_table().cloned().unwrap_or_default())).collect(),
    }
});

pub(crate) struct Oracle {
    routes: BTreeMap<String, toml::Table>,
}

/// What is known in the call in hand, and, where the target asks by itself, what it asked.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) call: &'static str,
    /// Calls of several pages have 20 requests for each.
    pub(crate) pages: usize,
    pub(crate) instance: String,
    pub(crate) image: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) nodes: u32,
    pub(crate) secs: u64,
    pub(crate) asked: Option<Asked>,
}

#[derive(Default, Clone)]
pub(crate) struct Asked {
    pub(crate) route: String,
    pub(crate) values: Vec<(String, String)>,
    pub(crate) address: Option<String>,
    pub(crate) body: Option<String>,
}

impl Oracle {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.routes.keys().map(String::as_str).collect()
    }

    /// Returns which route this is and its effect; panics if it is none.
    pub(crate) fn judge(&self, request: &Request<Body>, known: &Known) -> (String, &'static str) {
        let mut tried = Vec::new();
        for (name, route) in &self.routes {
            match fits(name, route, request, known) {
                Ok(effect) => return (name.clone(), effect),
                Err(why) => tried.push(format!("{name}: {why}")),
            }
        }
        panic!("in `{}` left what is no filled template: {request:?}\n{}", known.call, tried.join("\n"));
    }
}

fn fits(name: &str, route: &toml::Table, request: &Request<Body>, known: &Known) -> Result<&'static str, String> {
    let must = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    must(known.asked.as_ref().is_none_or(|asked| asked.route == name), "another was asked")?;
    let (method, path) = text(route, "call").split_once(' ').expect("a call is a method and a path");
    must(request.method().as_str() == method, "method")?;
    let effect = effect(route, method);
    must(effect == "read" || calls(route, effect).contains(&known.call), "its effect is not open in this call")?;
    let base = host(route, request, known)?;
    let target = request.uri().path().strip_prefix(base).ok_or("path of the base")?;
    let segments: Vec<&str> = target.split('/').collect();
    let wanted: Vec<&str> = path.split('/').collect();
    must(segments.len() == wanted.len(), "segments")?;
    for (is, wanted) in segments.iter().zip(&wanted) {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~:@+-".contains(&b);
        must(is.bytes().all(plain) && !matches!(*is, "." | ".."), "a segment is not plain")?;
        must(fits_text(wanted, Some(is), known), "a segment")?;
    }
    query(route, request.uri().query().unwrap_or_default(), known)?;
    headers(route, request, known)?;
    body(route, request.body(), known)?;
    Ok(effect)
}

fn text<'a>(route: &'a toml::Table, key: &str) -> &'a str {
    route.get(key).and_then(toml::Value::as_str).unwrap_or_default()
}

fn effect(route: &toml::Table, method: &str) -> &'static str {
    match text(route, "effect") {
        "spend" => "spend",
        "release" => "release",
        "change" => "change",
        "read" => "read",
        _ if method == "GET" => "read",
        other => panic!("the manifest has the effect {other} for {method}"),
    }
}

fn calls<'a>(route: &'a toml::Table, effect: &str) -> Vec<&'a str> {
    let given = route.get("in").and_then(toml::Value::as_array);
    let given: Option<Vec<&str>> = given.map(|calls| calls.iter().filter_map(toml::Value::as_str).collect());
    given.unwrap_or(match effect {
        "spend" => vec!["create"],
        "release" => vec!["destroy"],
        _ => vec![],
    })
}

/// Checks the authority, and returns the path of the base.
fn host(route: &toml::Table, request: &Request<Body>, known: &Known) -> Result<&'static str, String> {
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let address = known.asked.as_ref().and_then(|asked| asked.address.as_deref());
    match text(route, "on") {
        "api" if host == "api.free.example" && address.is_none() => Ok("/v1"),
        "plain" if host == "plain.free.example" && address.is_none() => Ok(""),
        "node" if is_public_name(host) && address.is_none_or(|a| a.eq_ignore_ascii_case(host)) => Ok(""),
        _ => Err(format!("the authority {host}")),
    }
}

fn is_public_name(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    host.contains('.') && host.bytes().all(plain) && last.starts_with(|c: char| c.is_ascii_lowercase())
}

fn query(route: &toml::Table, query: &str, known: &Known) -> Result<(), String> {
    let mut left: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').map(|(n, v)| (decoded(n), decoded(v))).ok_or("a query without `=`"))
        .collect::<Result<_, _>>()?;
    for (name, template) in route.get("query").and_then(toml::Value::as_table).into_iter().flatten() {
        let at = left.iter().position(|(n, _)| n == name);
        let is = at.map(|at| left.remove(at).1);
        if !fits_text(template.as_str().unwrap_or_default(), is.as_deref(), known) {
            return Err(format!("query {name} is {is:?}"));
        }
    }
    if left.is_empty() { Ok(()) } else { Err(format!("query has {left:?} besides")) }
}

fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let hex: Vec<u8> = bytes.by_ref().take(2).collect();
                let hex = std::str::from_utf8(&hex).expect("an escape is ASCII");
                out.push(u8::from_str_radix(hex, 16).expect("an escape is two hexadecimal digits"));
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8(out).expect("a query is UTF-8")
}

fn headers(route: &toml::Table, request: &Request<Body>, known: &Known) -> Result<(), String> {
    let (empty, on) = (toml::Table::new(), text(route, "on"));
    let templates = route.get("headers").and_then(toml::Value::as_table).unwrap_or(&empty);
    for (name, value) in request.headers() {
        let value = value.to_str().map_err(|_| "a header is no text")?;
        let fits = match name.as_str() {
            "host" => true,
            "accept" | "content-type" => value == "application/json",
            "accept-encoding" => value == "identity",
            "content-length" => value == "0" && request.body().is_empty(),
            "user-agent" => value.starts_with("bursar/"),
            "x-api-key" => on == "api" && value == format!("Key {TOKEN}"),
            name => templates.get(name).is_some_and(|t| fits_text(t.as_str().unwrap_or_default(), Some(value), known)),
        };
        if !fits {
            return Err(format!("header {name}: {value}"));
        }
        if name != "x-api-key" {
            secret::must_not_stand_in(value, "a header");
        }
    }
    secret::must_not_stand_in(&request.uri().to_string(), "the address");
    secret::must_not_stand_in(&String::from_utf8_lossy(request.body()), "the body");
    let missing = |(name, t): (&String, &toml::Value)| {
        let there = request.headers().contains_key(name);
        !there && !fits_text(t.as_str().unwrap_or_default(), None, known)
    };
    if templates.iter().any(missing) {
        return Err("a header is missing".to_owned());
    }
    match on != "api" || request.headers().contains_key("x-api-key") {
        true => Ok(()),
        false => Err("no credential".to_owned()),
    }
}

fn body(route: &toml::Table, body: &[u8], known: &Known) -> Result<(), String> {
    let read = || serde_json::from_slice::<Value>(body);
    match route.get("body") {
        None if body.is_empty() => Ok(()),
        None => Err("a body".to_owned()),
        Some(toml::Value::String(free)) if free == "free" => match (read(), known.asked.as_ref()) {
            (Ok(is), Some(asked)) => {
                let wanted = asked.body.as_deref().and_then(|body| serde_json::from_str::<Value>(body).ok());
                if wanted.is_some_and(|wanted| wanted == is) {
                    Ok(())
                } else {
                    Err("a free body is another".to_owned())
                }
            }
            // A number beyond what floats hold is JSON all the same.
            (Err(why), _) if !why.to_string().contains("out of range") => Err(format!("a free body is no JSON: {why}")),
            _ => Ok(()),
        },
        Some(template) => {
            let is = read().map_err(|why| format!("the body is no JSON: {why}"))?;
            let emptied = is == Value::Object(Default::default()) && fits_json(template, None, known);
            if emptied || fits_json(template, Some(&is), known) { Ok(()) } else { Err(format!("the body is {is}")) }
        }
    }
}

fn fits_json(template: &toml::Value, is: Option<&Value>, known: &Known) -> bool {
    match (template, is) {
        (toml::Value::String(text), None) => fits_text(text, None, known),
        (toml::Value::String(text), Some(Value::Null)) => text == "{null}",
        (toml::Value::String(text), Some(Value::String(is))) => {
            !text.contains(":int") && fits_text(text, Some(is), known)
        }
        (toml::Value::String(text), Some(Value::Number(is))) => {
            let numbers = ["{nodes}", "{hours}", "{now}"].contains(&text.as_str());
            (numbers || text.contains(":int") || text.contains(":auto"))
                && fits_text(text, Some(&is.to_string()), known)
        }
        (toml::Value::Integer(wanted), Some(Value::Number(is))) => is.as_i64() == Some(*wanted),
        (toml::Value::Boolean(wanted), Some(Value::Bool(is))) => wanted == is,
        (toml::Value::Table(members), None) => members.values().all(|member| fits_json(member, None, known)),
        (toml::Value::Table(members), Some(Value::Object(is))) => {
            is.keys().all(|name| members.contains_key(name))
                && members.iter().all(|(name, member)| fits_json(member, is.get(name), known))
        }
        (toml::Value::Array(items), None) => items.iter().all(|item| fits_json(item, None, known)),
        (toml::Value::Array(items), Some(Value::Array(is))) => {
            let mut at = 0;
            items.iter().all(|item| match is.get(at).filter(|value| fits_json(item, Some(value), known)) {
                Some(_) => {
                    at += 1;
                    true
                }
                None => fits_json(item, None, known),
            }) && at == is.len()
        }
        _ => false,
    }
}

/// Whether a text is a template filled. What a driver gave counts as given; where nobody knows what it gave, any value does.
fn fits_text(template: &str, is: Option<&str>, known: &Known) -> bool {
    let (before, rest) = template.split_once('{').unwrap_or((template, ""));
    let Some((inside, after)) = rest.split_once('}') else { return is == Some(template) };
    assert!(!after.contains('{'), "the oracle reads one name in a text");
    let (name, optional) = inside.strip_suffix('?').map_or((inside, false), |name| (name, true));
    let (name, kind) = name.split_once(':').unwrap_or((name, ""));
    let given = match (word(name, known), &known.asked) {
        (Err(NotAWord), Some(asked)) => asked.values.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()),
        (Err(NotAWord), None) => {
            return match is {
                None => optional,
                Some(is) => is.len() >= before.len() + after.len() && is.starts_with(before) && is.ends_with(after),
            };
        }
        (Ok(value), _) => value,
    };
    match (given.filter(|value| !(optional && value == "-")), is) {
        (None, None) => optional,
        (Some(value), Some(is)) => {
            (kind != "int" || value.parse::<i64>().is_ok()) && is == format!("{before}{value}{after}")
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

struct NotAWord;

/// Returns the value of a word of the host's in the call in hand: none where the call does not know it.
fn word(name: &str, known: &Known) -> Result<Option<String>, NotAWord> {
    let about_one = ["get", "destroy", "restart", "pause", "resume", "extend"].contains(&known.call);
    let order = ["quote", "create", "advance"].contains(&known.call);
    let (is_known, value) = match name {
        "tag" => (about_one || ["create", "advance"].contains(&known.call), Some(TAG.to_owned())),
        "instance" => (about_one || known.call == "advance", Some(known.instance.clone())),
        "offer" => (order || known.call == "images", Some("small/eu".to_owned())),
        "offer.size" => (order || known.call == "images", Some("small".to_owned())),
        "offer.region" => (order || known.call == "images", Some("eu".to_owned())),
        "image" => (order, known.image.clone()),
        "nodes" => (order, Some(known.nodes.to_string())),
        "hours" => (order || known.call == "extend", Some(known.secs.div_ceil(3_600).to_string())),
        "key" => (["keys", "create"].contains(&known.call), Some(KEY.to_owned())),
        "key.name" => (["keys", "create"].contains(&known.call), Some(KEY_NAME.to_owned())),
        "key.id" => (known.call == "create", known.key_id.clone()),
        "now" => (true, Some(NOW.to_string())),
        "setting.zone" => (true, Some("eu".to_owned())),
        "null" => (true, None),
        _ => return Err(NotAWord),
    };
    Ok(value.filter(|_| is_known))
}
