//! The list of nodes, the scheduler that places machines, and what a node itself answers: who is told to start a machine, where
//! machines answer, and operations that their owner signs.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::sign::{Operation, operator};
use super::vm::{Message, Status, Vm};
use super::world::{NODES, World};
use crate::reply::{Ask, Content, Reply};

pub(super) fn list(world: &World, now: Timestamp) -> Reply {
    let rows: Vec<Value> = (0..NODES.len()).map(|at| world.node_row(at, now)).collect();
    Reply::json(json!({ "crns": rows, "last_refresh": crate::clock::rfc3339(now) }))
}

/// The scheduler knows a machine once it has placed it.
pub(super) fn scheduled(world: &World, hash: &str, now: Timestamp) -> Reply {
    let placed_after = SignedDuration::from_millis(world.pace.launch_ms / 2);
    let found = world.vms().find(|(message, vm)| message.hash == hash && vm.is_alive() && !vm.foreign);
    let placed = found.filter(|(_, vm)| now >= vm.began + placed_after);
    let Some((message, vm)) = placed else { return Reply::new(404, Content::Json(json!({ "error": "not found" }))) };
    let status = if vm.is_ready(now) { "dispatched" } else { "scheduled" };
    Reply::json(json!({
        "vm_hash": message.hash, "vm_type": "instance", "allocated_node": NODES.get(vm.node).map(|node| node.hash),
        "status": status, "scheduling_status": status, "observed_nodes": [], "payment_type": "credit",
        "payment_status": "validated", "owner": message.payer(), "migration_target": null,
    }))
}

pub(super) fn known(world: &World, hash: &str) -> Reply {
    let Some((at, node)) = NODES.iter().enumerate().find(|(_, node)| node.hash == hash) else {
        return Reply::new(404, Content::Json(json!({ "error": "not found" })));
    };
    let count = world.vms().filter(|(_, vm)| vm.node == at && vm.is_alive()).count();
    Reply::json(json!({
        "node_hash": node.hash, "name": node.name, "owner": null, "address": format!("https://{}", node.host),
        "status": "Healthy", "staked": true, "vm_count": count,
    }))
}

/// What one node answers.
pub(super) fn node(world: &mut World, host: &str, path: &[&str], ask: &Ask, now: Timestamp) -> Reply {
    let Some(at) = NODES.iter().position(|node| node.host == host) else {
        return Reply::text(404, "text/plain", "no such node");
    };
    match (ask.method.as_str(), path) {
        ("GET", ["v2", "about", "executions", "list"]) => executions(world, at, now),
        ("POST", ["control", "allocation", "notify"]) => notify(world, at, &ask.body, now),
        ("POST", ["control", "machine", hash, what]) => {
            let asked = Operation { method: "POST", path: &format!("/{}", path.join("/")), domain: host };
            match operator([ask.header("x-signedpubkey"), ask.header("x-signedoperation")], &asked, now) {
                Ok(account) => operate(world, at, &account, hash, what, now),
                Err(refused) => refused,
            }
        }
        _ => Reply::text(404, "text/plain", "404: Not Found"),
    }
}

fn executions(world: &World, at: usize, now: Timestamp) -> Reply {
    let here = world.vms().filter(|(_, vm)| vm.node == at && vm.is_there(now) && !vm.foreign && vm.ready_at.is_some());
    let row = |(message, vm): (&Message, &Vm)| {
        let network = json!({
            "ipv4_network": "172.16.3.0/24", "host_ipv4": vm.address.to_string(), "ipv4_ip": "172.16.3.2",
            "mapped_ports": { "22": { "host": world.ssh_port, "tcp": true, "udp": false } },
        });
        let network = if vm.is_ready(now) { network } else { json!({}) };
        let shown = json!({ "networking": network, "status": { "started_at": null }, "running": vm.is_ready(now), "vm_type": "instance" });
        (message.hash.clone(), shown)
    };
    Reply::json(Value::Object(here.map(row).collect::<Map<String, Value>>()))
}

/// Starts a machine now; to be told again does no harm.
fn notify(world: &mut World, at: usize, body: &Value, now: Timestamp) -> Reply {
    let error = |status: u16, text: String| Reply::new(status, Content::Json(json!({ "error": text })));
    let hash = body["instance"].as_str().unwrap_or_default().to_owned();
    let soon = now + SignedDuration::from_millis(world.pace.launch_ms / 3);
    let Some(message) = world.find_mut(&hash).filter(|message| message.status == Status::Processed) else {
        return error(404, format!("Hash not found: {hash}"));
    };
    let Some(vm) = message.vm.as_mut() else { return error(400, "400: not an INSTANCE".into()) };
    if vm.node != at {
        return error(400, "400: Instance is allocated to a different node".into());
    }
    vm.ready_at = vm.ready_at.map(|ready| ready.min(soon));
    Reply::json(json!({ "success": true, "successful": true, "failing": [], "errors": {} }))
}

fn operate(world: &mut World, at: usize, account: &str, hash: &str, what: &str, now: Timestamp) -> Reply {
    let away = world.pace.reboot_ms;
    let grants = world.grants.clone();
    let found =
        world.find_mut(hash).filter(|message| message.vm.as_ref().is_some_and(|vm| vm.node == at && vm.is_there(now)));
    let Some(message) = found else {
        return Reply::new(404, Content::Json(json!({ "error": format!("No virtual machine with ref {hash}") })));
    };
    let payer = message.payer().to_owned();
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    if !same(account, &payer) && !grants.iter().any(|(from, to)| same(from, &payer) && same(to, account)) {
        return Reply::text(403, "text/plain", "Unauthorized sender");
    }
    let Some(vm) = message.vm.as_mut() else { return Reply::empty(404) };
    match what {
        "erase" | "stop" => {
            vm.down_at = Some(now);
            let done = if what == "erase" { "Erased" } else { "Stopped" };
            Reply::text(200, "text/plain", format!("{done} VM with ref {hash}"))
        }
        "reboot" => {
            vm.reboot(now, 0, away);
            Reply::text(200, "text/plain", format!("Rebooted VM with ref {hash}"))
        }
        _ => Reply::text(404, "text/plain", "404: Not Found"),
    }
}
