//! Clusters: ordered, listed, shown, edited, ended, and where they answer SSH.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cluster::{Cluster, Type};
use super::requests::{Kind, add};
use super::{World, accepted, message};
use crate::ids;
use crate::imitation::{parameter, usd};
use crate::rental::{Machine, Phase, Rental};
use crate::reply::{Content, Reply};

const NODES_MAX: u64 = 16;

pub(super) fn quote(world: &World, query: &str) -> Reply {
    let nodes = parameter(query, "num_nodes").map_or(Some(1), |text| text.parse::<i64>().ok());
    let kind = parameter(query, "instance_type").unwrap_or_default();
    match (world.types.iter().find(|one| one.name == kind), nodes) {
        (Some(kind), Some(nodes)) if nodes == 1 || (kind.many_nodes && nodes > 1) => {
            Reply::json(json!({ "hourly_rate": usd(kind.micros_per_hour * nodes) }))
        }
        _ => invalid("instance_type", "Invalid instance type or number of nodes"),
    }
}

pub(super) fn create(world: &mut World, body: &Value, now: Timestamp) -> Reply {
    let (kind, nodes, keys) = match read(world, body) {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    if kind.sold_out {
        return message(400, "No capacity for this instance type");
    }
    let fallback = world.fallback_micros.take();
    let micros_per_hour = fallback.unwrap_or(kind.micros_per_hour * i64::from(nodes));
    if world.balance_micros(now) < micros_per_hour {
        return message(402, "Insufficient balance");
    }
    let id = format!("c-{}", short());
    let name = body["tp_cluster_name"].as_str().map_or_else(|| format!("cluster-{}", short()), str::to_owned);
    let machines = machines(world, &id, nodes, kind.vram_gb.is_some());
    let mut rental = Rental::new(id.clone(), &name, machines, world.pace, now);
    (rental.keys, rental.gpu_gb) = (keys, kind.vram_gb);
    let instance_ids: Vec<String> = rental.machines.iter().map(|one| one.id.clone()).collect();
    let is_protected = body["deletion_protection"] == true;
    let kind = kind.name;
    world.clusters.push(Cluster {
        rental,
        kind,
        nodes,
        micros_per_hour,
        is_protected,
        ssh_text: None,
        retries_until: None,
    });
    let request = add(world, Kind::Claim, &id, now);
    let pool = fallback.map(|micros| format!(" from a fallback pool at ${}/h", usd(micros))).unwrap_or_default();
    let text = format!("Cluster {id} is being provisioned{pool}");
    accepted(json!({ "cluster_id": id, "instance_ids": instance_ids, "request_id": request, "message": text }))
}

/// Adds one of another member of the organisation; there is no machine behind it.
pub(super) fn foreign(world: &mut World, name: &str, now: Timestamp) {
    let mut rental = Rental::new(format!("c-{}", short()), name, Vec::new(), world.pace, now);
    rental.foreign = true;
    world.clusters.push(Cluster {
        rental,
        kind: "32xCPU".into(),
        nodes: 1,
        micros_per_hour: 480_000,
        is_protected: false,
        ssh_text: None,
        retries_until: None,
    });
}

/// Clusters of several nodes have a jump host, and only that is public.
fn machines(world: &mut World, cluster: &str, nodes: u32, has_gpu: bool) -> Vec<Machine> {
    let mut machine = |name: String, is_jump: bool| Machine {
        id: format!("i-{}", short()),
        name,
        address: world.addresses.next(),
        is_jump,
        has_gpu: has_gpu && !is_jump,
    };
    match nodes {
        1 => vec![machine(format!("{cluster}-0"), false)],
        _ => {
            let jump = machine(format!("{cluster}-jumphost"), true);
            let workers = (0..nodes).map(|n| machine(format!("{cluster}-{n}"), false));
            std::iter::once(jump).chain(workers).collect()
        }
    }
}

pub(super) fn list(world: &mut World, query: &str, now: Timestamp) -> Reply {
    let is_set = |name| parameter(query, name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let (with_org, with_instances) = (is_set("include_org"), is_set("instances"));
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    for one in &mut world.clusters {
        let dead = !one.rental.is_alive();
        let shown = one.rental.is_shown(now);
        // A dead one that lingers says that it runs.
        let status = if dead && shown { "RUNNING" } else { one.status(now) };
        if (shown || dead) && (with_org || !one.rental.foreign) {
            rows.push(one.json(with_instances, status));
            lines.push(format!("{}  {}  {}x{}  {status}", one.rental.id, one.rental.name, one.nodes, one.kind));
        }
    }
    let text = if lines.is_empty() { "No clusters".to_owned() } else { lines.join("\n") };
    Reply::json(json!({ "clusters": rows, "message": text }))
}

pub(super) fn info(world: &World, id: &str, now: Timestamp) -> Reply {
    let Some(one) = world.find(id) else { return message(404, "Cluster not found") };
    let status = one.status(now);
    let text = format!("Cluster {} ({}): {}x{}, {status}", one.rental.id, one.rental.name, one.nodes, one.kind);
    Reply::json(json!({ "cluster_info": one.json(true, status), "message": text }))
}

/// Clients disagree about the name's member: both are taken.
pub(super) fn edit(world: &mut World, id: &str, body: &Value) -> Reply {
    let Some(one) = world.find_mut(id).filter(|one| one.rental.is_alive()) else {
        return message(404, "Cluster not found");
    };
    if let Some(name) = body["cluster_name"].as_str().or(body["tp_cluster_name"].as_str()) {
        name.clone_into(&mut one.rental.name);
    }
    if let Some(is_protected) = body["deletion_protection"].as_bool() {
        one.is_protected = is_protected;
    }
    accepted(json!({ "message": format!("Cluster {} updated", one.rental.id) }))
}

pub(super) fn destroy(world: &mut World, id: &str, now: Timestamp) -> Reply {
    let pace = world.pace;
    let Some(one) = world.find_mut(id).filter(|one| one.rental.is_alive() && !one.rental.foreign) else {
        return message(404, "Cluster not found");
    };
    if one.is_protected {
        return message(409, "Deletion protection is enabled for this cluster");
    }
    one.rental.begin_end(pace, now);
    let id = one.rental.id.clone();
    let request = add(world, Kind::Release, &id, now);
    let text = format!("Cluster {id} is being destroyed");
    accepted(json!({ "cluster_id": id, "request_id": request, "message": text }))
}

/// A command for the client to become. Nothing of ours ever runs it.
pub(super) fn ssh(world: &World, id: &str, now: Timestamp) -> Reply {
    let has = |one: &&Cluster| one.rental.machines.iter().any(|machine| machine.id == id);
    let Some(one) = world.clusters.iter().find(has) else { return message(404, "Instance not found") };
    if !matches!(one.rental.phase(now), Phase::Running | Phase::Ending) {
        return message(409, "Instance is not running yet");
    }
    let machines = &one.rental.machines;
    let user = one.rental.user;
    let at = |machine: &Machine| format!("{user}@{}", machine.address);
    let jump = machines.iter().find(|machine| machine.is_jump && machine.id != id);
    let through = jump.map(|jump| format!("-J {} ", at(jump))).unwrap_or_default();
    let machine = machines.iter().find(|machine| machine.id == id).map(at).unwrap_or_default();
    let command = format!("ssh -i ~/.ssh/id_ed25519 {through}{machine}");
    Reply::json(json!({ "command": one.ssh_text.clone().unwrap_or(command), "message": null }))
}

fn read(world: &World, body: &Value) -> Result<(Type, u32, Vec<String>), Reply> {
    let kind = body["instance_type"].as_str().ok_or_else(|| invalid("instance_type", "Field required"))?;
    let kind = world.types.iter().find(|one| one.name == kind).cloned();
    let kind = kind.ok_or_else(|| invalid("instance_type", "Invalid instance type"))?;
    // Null is the client's way to say nothing.
    let nodes = if body["num_nodes"].is_null() { Some(1) } else { body["num_nodes"].as_u64() };
    let nodes = nodes.filter(|nodes| (1..=NODES_MAX).contains(nodes)).and_then(|nodes| u32::try_from(nodes).ok());
    let nodes = nodes.ok_or_else(|| invalid("num_nodes", "Input should be a valid integer"))?;
    if nodes > 1 && !kind.many_nodes {
        return Err(invalid("num_nodes", "This instance type has one node only"));
    }
    let own = body["public_keys"].as_array().into_iter().flatten().filter_map(|key| Some(key.as_str()?.to_owned()));
    let saved = world.keys.iter().map(|key| key.line.clone());
    let keys: Vec<String> = own.chain(saved).collect();
    match keys.is_empty() {
        true => Err(message(400, "No SSH key: give one or save one on the account")),
        false => Ok((kind, nodes, keys)),
    }
}

fn invalid(member: &str, text: &str) -> Reply {
    let why = json!({ "detail": [{ "loc": ["body", member], "msg": text, "type": "value_error" }], "message": text });
    Reply::new(422, Content::Json(why))
}

pub(super) fn short() -> String {
    ids::hex(&ids::random::<5>())
}
