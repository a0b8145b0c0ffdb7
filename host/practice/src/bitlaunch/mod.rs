//! An imitation of BitLaunch's API: every endpoint a client could call, with its unit quirks, envelopes and errors.
//! Pure: one request and the time go in, one answer comes out. It knows nothing of sockets, faults and processes.

mod account;
mod billing;
mod catalogue;
mod create;
mod keys;
mod server;
mod servers;
mod stock;
mod transactions;
mod world;

use jiff::Timestamp;
use serde_json::Value;

pub(crate) use create::foreign as add_foreign;
pub(crate) use server::{Phase, Server, Shadow};
pub use world::Pace;
pub(crate) use world::World;

use crate::reply::{Ask, Reply};

/// Where the API lies below the practice's address.
pub(crate) const BASE: &str = "/bitlaunch/api";

/// The one token that is good here.
pub(crate) const TOKEN: &str = "practice";

/// Tells whether an `Authorization` header is good: both forms that are known to work, nothing else.
pub(crate) fn is_authorised(header: Option<&str>) -> bool {
    let token = header.and_then(|text| text.strip_prefix("Bearer: ").or(text.strip_prefix("Bearer ")));
    token == Some(TOKEN)
}

/// Answers one request.
pub(crate) fn answer(world: &mut World, ask: &Ask, now: Timestamp) -> Reply {
    world.advance(now);
    let segments: Vec<String> = ask.path.trim_matches('/').split('/').map(decode).collect();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (ask.method.as_str(), path.as_slice()) {
        ("GET", ["user"]) => account::user(world, now),
        ("GET", ["usage"]) => account::usage(world, parameter(&ask.query, "period").as_deref(), now),
        ("GET", ["security", "history"]) => account::history(world, &ask.query),
        ("GET", ["ssh-keys"]) => keys::list(world),
        ("POST", ["ssh-keys"]) => keys::add(world, &ask.body, now),
        ("DELETE", ["ssh-keys", id]) => keys::remove(world, id),
        ("GET", ["hosts-create-options", host]) => options(world, host),
        ("GET", ["transactions"]) => transactions::list(world, &ask.query),
        ("POST", ["transactions"]) => transactions::add(world, &ask.body, now),
        ("GET", ["transactions", id]) => transactions::show(world, id),
        ("GET", ["servers"]) => servers::list(world, now),
        ("POST", ["servers"]) => create::create(world, &ask.body, now),
        (method, ["servers", id, action @ ..]) => one_server(world, method, id, action, &ask.body, now),
        _ => Reply::message(404, "Not found"),
    }
}

fn one_server(world: &mut World, method: &str, id: &str, action: &[&str], body: &Value, now: Timestamp) -> Reply {
    if method == "GET" && action.is_empty() && servers::is_listed_after_its_end(world, id, now) {
        return servers::show(world, id);
    }
    if !world.find(id).is_some_and(Server::is_alive) {
        return Reply::message(404, "Server not found");
    }
    match (method, action) {
        ("GET", []) => servers::show(world, id),
        ("DELETE", []) => servers::destroy(world, id, now),
        ("POST", ["restart"]) => servers::restart(world, id, now),
        ("POST", ["stop"]) => servers::stop(world, id, now),
        ("POST", ["rebuild"]) => servers::rebuild(world, id, body, now),
        ("POST", ["resize"]) => servers::resize(world, id, body, now),
        ("GET", ["resize-availability"]) => servers::resize_availability(world, id),
        ("POST", ["protection"]) => servers::protect(world, id, body),
        ("POST", ["protection", "ports"]) => servers::protect_ports(world, id, body),
        _ => Reply::message(404, "Not found"),
    }
}

fn options(world: &World, host: &str) -> Reply {
    let host = host.parse().ok().and_then(|id| world.catalogue.host(id));
    host.map_or_else(|| Reply::message(404, "Host not found"), |host| Reply::json(host.options_json()))
}

/// Returns a member whose name is written in any mixture of large and small letters, as the real service accepts it.
fn member<'a>(object: &'a Value, name: &str) -> &'a Value {
    let members = object.as_object().into_iter().flatten();
    members.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or(&Value::Null, |(_, value)| value)
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| decode(value))
}

/// Cuts one page out of a list, as `page` and `items` ask (1 and 25 where they do not).
fn page_of<T: Clone>(rows: &[T], query: &str) -> Vec<T> {
    let number = |name| parameter(query, name).and_then(|text| text.parse::<usize>().ok());
    let items = number("items").unwrap_or(25).clamp(1, 100);
    let page = number("page").unwrap_or(1).max(1);
    rows.iter().skip((page - 1).saturating_mul(items)).take(items).cloned().collect()
}

/// Decodes percent signs; what is not decodable stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_decoded_where_they_can_be() {
        for (text, expected) in [("a%2Fb", "a/b"), ("100%", "100%"), ("%zz", "%zz"), ("..%2f", "../"), ("", "")] {
            assert_eq!(decode(text), expected);
        }
    }

    #[test]
    fn pages_begin_at_one_and_hold_25() {
        let rows: Vec<u32> = (0..60).collect();
        let table = [("", 0, 25), ("page=2", 25, 25), ("page=3", 50, 10), ("page=2&items=7", 7, 7), ("page=99", 0, 0)];
        for (query, first, count) in table {
            let page = page_of(&rows, query);
            assert_eq!((page.first().copied().unwrap_or(0), page.len()), (first, count), "{query}");
        }
    }
}
