//! Turns a route, the words of a call and the driver's few values into one request, or says what is in the way.

use super::{
    BODY_MAX, CallKind, Name, Node, Refused, Words,
    body::{self, Given},
    is_segment,
    refused::{Cause, NO_LINE},
    text::{Text, Unfilled, shown},
};
use crate::{
    json::Json,
    manifest::{Body, Effect, Route},
};
use bursar_http::Method;
use std::fmt::Write;

/// A request, ready but for the credential or the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    pub route: String,
    pub endpoint: String,
    pub method: Method,
    /// Path and query, without the path of the endpoint's base.
    pub target: String,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
    /// The same body as JSON, for a scheme that signs it.
    pub json: Option<Json>,
    pub effect: Effect,
}

const TARGET_MAX: usize = 8 * 1024;
const VALUES_MAX: usize = 32;

/// Fills a route. Nothing is sent, and what the door counts (requests, the one spend) is not counted here.
pub fn fill(
    route: &Route,
    words: &Words,
    values: &[(String, String)],
    free_body: Option<&str>,
) -> Result<Filled, Refused> {
    check_open(route, words.call())?;
    check_values(route, values)?;
    let given = Given { words, values };
    let refuse = |unfilled: Unfilled| not_filled(route, &unfilled);
    let mut target = path(route, given)?;
    target.push_str(&query(&route.query, given).map_err(refuse)?);
    if target.len() > TARGET_MAX {
        return Err(Refused::new(
            &route.name,
            asked(route),
            format!("its path and query have more than {TARGET_MAX} bytes"),
            NO_LINE,
        ));
    }
    let json = body_of(route, given, free_body)?;
    let mut headers = headers(route, given)?;
    if json.is_some() && !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let body = json.as_ref().map(|json| json.to_string().into_bytes());
    if body.as_ref().is_some_and(|body| body.len() > BODY_MAX) {
        return Err(Refused::new(
            &route.name,
            asked(route),
            format!("its body has more than {BODY_MAX} bytes"),
            NO_LINE,
        ));
    }
    Ok(Filled {
        route: route.name.clone(),
        endpoint: route.endpoint.clone(),
        method: route.method.clone(),
        target,
        headers,
        body,
        json,
        effect: route.effect,
    })
}

pub(crate) fn asked(route: &Route) -> String {
    format!("route `{}` ({} {})", route.name, route.method, route.path_text())
}

/// Case 35: a route that is not a read opens in the calls that its effect belongs to.
fn check_open(route: &Route, call: CallKind) -> Result<(), Refused> {
    if route.open_in(call) {
        return Ok(());
    }
    let calls: Vec<_> = route.calls.iter().map(|call| format!("`{call}`")).collect();
    let why = format!("it is a {} and opens in {}, not in `{call}`", route.effect, calls.join(", "));
    let grant = if route.effect.may_open_in(call) {
        let calls: Vec<_> = route.calls.iter().chain([&call]).map(|call| format!("\"{call}\"")).collect();
        format!("this line in [routes.{}] would allow it: in = [{}]", route.name, calls.join(", "))
    } else {
        NO_LINE.to_owned()
    };
    Err(Refused::because(Cause::Closed, &route.name, asked(route), why, grant))
}

fn check_values(route: &Route, values: &[(String, String)]) -> Result<(), Refused> {
    if values.len() > VALUES_MAX {
        return Err(Refused::new(&route.name, asked(route), format!("more than {VALUES_MAX} values"), NO_LINE));
    }
    let free = route.free_names();
    for (n, (name, _)) in values.iter().enumerate() {
        let name_shown = shown(name);
        if values[..n].iter().any(|(other, _)| other == name) {
            return Err(Refused::new(&route.name, asked(route), format!("`{name_shown}` is given twice"), NO_LINE));
        }
        if !free.contains(name) {
            let why = format!("the route does not leave `{name_shown}` to the driver");
            let grant = format!("where it stands in [routes.{}], write \"{{{name_shown}}}\" to allow it", route.name);
            return Err(Refused::new(&route.name, asked(route), why, grant));
        }
    }
    Ok(())
}

fn not_filled(route: &Route, unfilled: &Unfilled) -> Refused {
    let Unfilled { name, why } = unfilled;
    let grant = match route.free_names().contains(name) {
        true => format!("give `{name}`, or write \"{{{name}?}}\" in [routes.{}] if it may be left out", route.name),
        false => NO_LINE.to_owned(),
    };
    Refused::new(&route.name, asked(route), format!("`{{{name}}}`: {why}"), grant)
}

fn path(route: &Route, given: Given<'_>) -> Result<String, Refused> {
    let mut out = String::new();
    for segment in &route.path {
        out.push('/');
        let joined = body::join(segment, given).map_err(|unfilled| not_filled(route, &unfilled))?.unwrap_or_default();
        if segment.literal().is_none() && !is_segment(&joined) {
            let why = format!(
                "`{}` is no segment of a path: 1 to 128 of `A-Z a-z 0-9 . _ ~ : @ + -`, not `.` or `..`",
                shown(&joined)
            );
            return Err(Refused::new(&route.name, asked(route), why, NO_LINE));
        }
        out.push_str(&joined);
    }
    Ok(out)
}

fn query(members: &[(String, Text)], given: Given<'_>) -> Result<String, Unfilled> {
    let mut out = String::new();
    for (name, text) in members {
        if let Some(value) = body::join(text, given)? {
            out.push(if out.is_empty() { '?' } else { '&' });
            encode(&mut out, name);
            out.push('=');
            encode(&mut out, &value);
        }
    }
    Ok(out)
}

fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Case 28: a value that would end the line, or is no plain text, is refused.
fn headers(route: &Route, given: Given<'_>) -> Result<Vec<(String, String)>, Refused> {
    let mut out = Vec::new();
    for (name, text) in &route.headers {
        let Some(value) = body::join(text, given).map_err(|unfilled| not_filled(route, &unfilled))? else { continue };
        if !value.bytes().all(|b| (0x20..0x7f).contains(&b)) || value.trim() != value {
            let why = format!("the value of the header `{name}` is no plain ASCII text");
            return Err(Refused::new(&route.name, asked(route), why, NO_LINE));
        }
        out.push((name.clone(), value));
    }
    Ok(out)
}

fn body_of(route: &Route, given: Given<'_>, free_body: Option<&str>) -> Result<Option<Json>, Refused> {
    let refuse = |why: String, grant: &str| Err(Refused::new(&route.name, asked(route), why, grant));
    match (&route.body, free_body) {
        (Body::None, None) => Ok(None),
        (Body::Template(node), None) => {
            let filled = node.fill(given).map_err(|unfilled| not_filled(route, &unfilled))?;
            Ok(Some(filled.unwrap_or_else(|| empty_like(node))))
        }
        (Body::Free, Some(text)) if text.len() > BODY_MAX => {
            refuse(format!("its body has more than {BODY_MAX} bytes"), NO_LINE)
        }
        (Body::Free, Some(text)) => match Json::parse(text.as_bytes()) {
            Ok(json @ (Json::Object(_) | Json::List(_))) => Ok(Some(json)),
            Ok(_) => refuse("the driver's body is neither an object nor a list".to_owned(), NO_LINE),
            Err(bad) => refuse(format!("the driver's body is no JSON: {bad}"), NO_LINE),
        },
        (Body::Free, None) => refuse("the route leaves the body to the driver, which gave none".to_owned(), NO_LINE),
        (_, Some(_)) => {
            let grant = format!("for a read this line in [routes.{}] would allow it: body = \"free\"", route.name);
            refuse("the route does not leave the body to the driver".to_owned(), &grant)
        }
    }
}

fn empty_like(node: &Node) -> Json {
    if matches!(node, Node::List(_)) { Json::List(Vec::new()) } else { Json::Object(Vec::new()) }
}

/// Returns the driver's names among holes, each once, in their order.
pub(crate) fn free_names<'a>(holes: impl Iterator<Item = &'a super::Hole>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for hole in holes {
        if let Name::Driver(name) = &hole.name
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    }
    names
}
