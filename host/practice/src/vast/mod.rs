//! An imitation of vast.ai's API as its own client meets it: searches in both forms, contracts, their words and endpoints, the
//! errors in plain text and the failures with status 200. Pure: one request and the time go in, one answer comes out.

mod account;
mod create;
mod instance;
mod instances;
mod market;
mod world;

use std::collections::HashMap;
use std::path::Path;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) use world::World;

use crate::bitlaunch::{Pace, decode};
use crate::faults::Fault;
use crate::imitation::Imitation;
use crate::machines::Wanted;
use crate::reply::{Ask, Content, Reply};

/// Where the API lies below the practice's address.
const BASE: &str = "/vast/api";

/// The one key that is good here.
const KEY: &str = "practice";

impl Imitation for World {
    fn provider(&self) -> &'static str {
        "vast"
    }

    fn base(&self) -> &'static str {
        BASE
    }

    fn environment(&self, _: &Path) -> Vec<(&'static str, String)> {
        vec![("VAST_API_KEY", KEY.to_owned())]
    }

    fn denied(&self, ask: &Ask, headers: &HeaderMap) -> Option<Reply> {
        refusal(headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()), ask)
    }

    fn answer(&mut self, ask: &Ask, now: Timestamp) -> Reply {
        World::advance(self, now);
        shaped(route(self, ask, now))
    }

    fn pretend(&self, ask: &Ask, now: Timestamp) -> Reply {
        self.clone().answer(ask, now)
    }

    fn advance(&mut self, now: Timestamp) {
        World::advance(self, now);
    }

    fn wanted(&self, now: Timestamp) -> Vec<Wanted> {
        World::wanted(self, now)
    }

    fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        World::next_due(self, now)
    }

    fn reboot(&mut self, id: &str, _: Pace, now: Timestamp) -> bool {
        World::reboot(self, id, now)
    }

    fn not_started(&mut self, machine: &str, error: &str, _: Timestamp) {
        self.note_failure(machine, error);
    }

    fn account(&self, now: Timestamp) -> Value {
        json!({ "id": self.account, "balance": usd(self.credit(now)) })
    }

    fn truth(&self, now: Timestamp, up: &HashMap<String, bool>) -> Option<Value> {
        Some(World::truth(self, now, up))
    }

    fn change(&mut self, fault: &Fault, now: Timestamp) {
        World::change(self, fault, now);
    }

    fn made(&self, _: &Ask, reply: &Reply, _: usize) -> Option<String> {
        Some(reply.as_json()?["new_contract"].as_u64()?.to_string())
    }

    fn mark(&mut self, id: &str, fault: &Fault, now: Timestamp) {
        if let Ok(id) = id.parse() {
            World::mark(self, fault, id, now);
        }
    }

    fn heal(&mut self) {
        World::heal(self);
    }
}

/// Returns the answer to who may not ask. A wrong key is *not found* here, as it is there.
fn refusal(authorisation: Option<&str>, ask: &Ask) -> Option<Reply> {
    let open =
        ["gpu_names", "gpu_types", "logs"].iter().any(|word| ask.path.split('/').any(|segment| segment == *word));
    match authorisation.and_then(|text| text.strip_prefix("Bearer ")) {
        Some(KEY) => None,
        _ if open => None,
        None => Some(shaped(error(403, "auth_error", "This action requires login."))),
        Some(_) => Some(shaped(error(404, "auth_error", "Invalid user key"))),
    }
}

/// The search wants this type to the letter.
fn shaped(reply: Reply) -> Reply {
    match reply.body {
        Content::Json(_) => reply.header("content-type", "application/json"),
        _ => reply,
    }
}

fn route(world: &mut World, ask: &Ask, now: Timestamp) -> Reply {
    let segments: Vec<String> = ask.path.trim_matches('/').split('/').map(decode).collect();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (method, body) = (ask.method.as_str(), &ask.body);
    match (method, path.as_slice()) {
        ("GET", ["v0", "gpu_names", "unique"]) => Reply::json(market::gpu_names(&world.asks)),
        ("GET", ["v0", "gpu_types"]) => Reply::json(market::gpu_types(&world.asks)),
        ("POST", ["v0", "bundles"]) => search(world, body, now),
        ("PUT", ["v0", "search", "asks"]) => search(world, &body["q"], now),
        ("PUT", ["v0", "asks", id]) => create::create(world, id, body, now),
        ("GET", ["v1", "instances"]) => instances::list(world, &ask.query, now),
        ("GET", ["v0", "instances"]) => instances::list_old(world, now),
        ("GET", ["v0", "instances", "filters"]) => instances::filters(world),
        ("PUT", ["v0", "instances", "reboot" | "recycle", id]) => instances::reboot(world, id, now),
        ("PUT", ["v0", "instances", "request_logs", id]) => instances::request_logs(world, id),
        ("GET", ["v0", "instances", "balance", id]) => instances::deposit(world, id),
        ("GET", ["v0", "logs", id]) => instances::logs(world, id),
        (_, ["v0", "instances", id, "ssh", key @ ..]) => instances::ssh(world, method, id, key.first().copied(), body),
        (_, ["v0", "instances", id]) => instances::one(world, method, id, body, now),
        ("GET", ["v0", "ssh"]) => account::keys(world),
        ("POST", ["v0", "ssh"]) => account::add_key(world, body, now),
        ("DELETE", ["v0", "ssh", id]) => account::remove_key(world, id),
        ("GET", ["v0", "users", "current"]) => account::user(world, now),
        ("GET", ["v0", "users", "me", "invoices"]) => account::invoices_old(world, &ask.query, now),
        ("GET", ["v1", "invoices"]) => account::invoices(world, &ask.query, now),
        ("GET", ["v0", "charges"]) => account::charges(world, &ask.query, now),
        _ => error(404, "not_found", "There is nothing here."),
    }
}

fn search(world: &World, query: &Value, now: Timestamp) -> Reply {
    market::search(&world.asks, query, secs(now)).map_or_else(|why| error(400, "invalid_args", &why), Reply::json)
}

/// Returns an error as most endpoints shape it; the client reads `msg` alone.
fn error(status: u16, code: &str, msg: &str) -> Reply {
    Reply::new(status, Content::Json(json!({ "success": false, "error": code, "msg": msg })))
}

/// Returns millionths as the dollars of an answer.
fn usd(micros: i64) -> f64 {
    micros as f64 / 1e6
}

fn secs(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1e3
}

/// Returns a parameter of a query; blanks may be written as plus signs.
fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| decode(&value.replace('+', " ")))
}

/// Returns a parameter that is JSON, or null where it is not there.
fn json_parameter(query: &str, name: &str) -> Value {
    parameter(query, name).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null)
}
