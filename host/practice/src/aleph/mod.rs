//! An imitation of the Aleph network: the node API that takes signed messages, the scheduler that places machines, the list
//! of nodes, and the nodes themselves, each of which wants operations signed. Pure: one request and the time go in.

mod messages;
mod nodes;
mod price;
mod sign;
mod vm;
mod world;

use std::collections::HashMap;
use std::path::Path;

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) use world::World;

use crate::bitlaunch::{Pace, decode};
use crate::faults::Fault;
use crate::imitation::Imitation;
use crate::machines::Wanted;
use crate::reply::{Ask, Content, Reply};

/// Where the network lies below the practice's address; its nodes are below `/aleph/at/NAME`.
const BASE: &str = "/aleph";

/// Where the price tables stand.
const PUBLISHER: &str = "0xFba561a84A537fCaa567bb7A2257e7142701ae2A.json";

/// The file in a practice's folder that holds the key of its one account.
const KEY_FILE: &str = "aleph.key";

impl World {
    /// Writes the key of the account into a practice's folder.
    pub(crate) fn write_key(dir: &Path) -> std::io::Result<()> {
        crate::machines::write_private(&dir.join(KEY_FILE), &world::AGENT_KEY)
    }
}

impl Imitation for World {
    fn provider(&self) -> &'static str {
        "aleph"
    }

    fn base(&self) -> &'static str {
        BASE
    }

    fn environment(&self, dir: &Path) -> Vec<(&'static str, String)> {
        vec![("ALEPH_AGENT_KEY_FILE", dir.join(KEY_FILE).display().to_string())]
    }

    /// Reads are open, and what is not is signed.
    fn denied(&self, _: &Ask, _: &HeaderMap) -> Option<Reply> {
        None
    }

    fn answer(&mut self, ask: &Ask, now: Timestamp) -> Reply {
        World::advance(self, now);
        route(self, ask, now)
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
        self.told_account(now)
    }

    fn truth(&self, now: Timestamp, up: &HashMap<String, bool>) -> Option<Value> {
        Some(World::truth(self, now, up))
    }

    fn change(&mut self, fault: &Fault, now: Timestamp) {
        World::change(self, fault, now);
    }

    fn made(&self, ask: &Ask, _: &Reply, _: usize) -> Option<String> {
        ask.body["message"]["item_hash"].as_str().map(str::to_owned)
    }

    fn mark(&mut self, id: &str, fault: &Fault, now: Timestamp) {
        World::mark(self, fault, id, now);
    }

    /// Neither prices nor stock can be changed here.
    fn heal(&mut self) {}
}

fn route(world: &mut World, ask: &Ask, now: Timestamp) -> Reply {
    let segments: Vec<String> = ask.path.trim_matches('/').split('/').map(decode).collect();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (ask.method.as_str(), path.as_slice()) {
        (_, ["at", host, rest @ ..]) => nodes::node(world, host, rest, ask, now),
        ("GET", ["crns.json"]) => nodes::list(world, now),
        ("GET", ["api", "v1", "vms", hash]) => nodes::scheduled(world, hash, now),
        ("GET", ["api", "v1", "nodes", hash]) => nodes::known(world, hash),
        ("POST", ["api", "v0", "messages"]) => messages::post(world, &ask.body, now),
        ("GET", ["api", "v0", "messages.json"]) => messages::list(world, &ask.query, now),
        ("GET", ["api", "v0", "messages", hash]) => messages::one(world, hash),
        ("GET", ["api", "v0", "messages", hash, "consumed_credits"]) => messages::consumed(world, hash, now),
        ("GET", ["api", "v0", "addresses", address, "balance"]) => balance(world, address, now),
        ("GET", ["api", "v0", "costs"]) => costs(world, &ask.query),
        ("POST", ["api", "v0", "price", "estimate", "instance"]) => estimate(&ask.body),
        ("GET", ["api", "v0", "aggregates", PUBLISHER]) => {
            Reply::json(json!({ "address": PUBLISHER.trim_end_matches(".json"), "data": price::tables(), "info": {} }))
        }
        _ => Reply::text(404, "text/plain", "404: Not Found"),
    }
}

/// An address that nobody knows has nothing; that is no error.
fn balance(world: &World, address: &str, now: Timestamp) -> Reply {
    Reply::json(json!({
        "address": address, "balance": 0.0, "details": {}, "locked_amount": 0.0,
        "credit_balance": world.credits(address, now), "credit_balance_details": null,
    }))
}

fn costs(world: &World, query: &str) -> Reply {
    let address = parameter(query, "address").unwrap_or_default();
    let alive = world.vms().filter(|(message, vm)| message.payer() == address && vm.is_alive()).count();
    Reply::json(json!({
        "summary": { "total_consumed_credits": 0, "total_cost_hold": "0", "total_cost_stream": "0",
            "total_cost_credit": price::written(world.burn(&address)), "resource_count": alive },
        "filters": { "address": address, "payment_type": "credit" }, "resources": [],
    }))
}

fn estimate(content: &Value) -> Reply {
    match price::per_second(content) {
        Ok(per_second) => Reply::json(json!({
            "required_tokens": 0.0, "payment_type": "credit", "cost": price::written(per_second), "detail": [],
            "charged_address": content["address"],
        })),
        Err(why) => Reply::new(422, Content::Json(json!({ "errors": [why] }))),
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| decode(&value.replace('+', " ")))
}
