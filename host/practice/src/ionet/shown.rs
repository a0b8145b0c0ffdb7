//! What the imitated io.net shows: hardware, deployments, one of them, and its machines.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::deployment::Deployment;
use super::{World, detail};
use crate::clock::rfc3339;
use crate::imitation::{parameter, usd};
use crate::rental::Phase;
use crate::reply::Reply;

pub(super) fn hardware(world: &World) -> Reply {
    let row = |row: &super::Hardware| {
        json!({
            "id": row.id,
            "deploy_id": row.deploy_id,
            "name": row.name,
            "num_cards": row.cards,
            "supplier": if row.deploy_id.is_string() { "external" } else { "internal" },
            "sold_out": row.sold_out,
            "price": usd(row.micros_per_hour),
            "vram_per_card": row.vram_gb,
            "interconnect": row.link,
            "nvlink": false,
            "storage": row.storage_gb,
            "vcpu": row.vcpu,
            "memory": row.memory_gb,
            "location": row.location,
        })
    };
    Reply::json(json!({ "data": { "hardware": world.stock.iter().map(row).collect::<Vec<_>>() } }))
}

/// Pages begin at 0 here. The dead stay in the list.
pub(super) fn list(world: &mut World, query: &str, now: Timestamp) -> Reply {
    let number = |name| parameter(query, name).and_then(|text| text.parse::<usize>().ok());
    let (page, size) = (number("page").unwrap_or(0), number("page_size").unwrap_or(20).clamp(1, 100));
    let status = parameter(query, "status").filter(|status| !status.is_empty() && status != "all");
    let mut rows: Vec<Value> = Vec::new();
    for one in world.deployments.iter_mut().rev() {
        // A dead row that lingers says that it runs.
        let dead = !one.rental.is_alive();
        let shown = one.rental.is_shown(now);
        let word = if dead && shown { "running" } else { one.status(now) };
        if (shown || dead) && status.as_deref().is_none_or(|status| status == word) {
            rows.push(in_list(one, word, now));
        }
    }
    let total = rows.len();
    let rows: Vec<Value> = rows.into_iter().skip(page.saturating_mul(size)).take(size).collect();
    Reply::json(json!({ "data": { "deployments": rows, "total": total, "statuses": [] } }))
}

fn in_list(one: &Deployment, status: &str, now: Timestamp) -> Value {
    json!({
        "id": one.rental.id,
        "status": status,
        "name": one.rental.name,
        "completed_percent": percent(one, now),
        "hardware_quantity": one.hardware.cards,
        "brand_name": "NVIDIA",
        "hardware_name": one.hardware.name,
        "compute_minutes_served": one.minutes_served(now),
        "compute_minutes_remaining": one.minutes_remaining(now),
    })
}

pub(super) fn details(world: &World, id: &str, now: Timestamp) -> Reply {
    let Some(one) = world.find(id) else { return detail(404, "Deployment not found") };
    let place = json!({ "id": 4, "iso2": one.hardware.location, "name": one.hardware.location });
    Reply::json(json!({ "data": {
        "id": one.rental.id,
        "status": one.status(now),
        "created_at": rfc3339(one.rental.created),
        "started_at": one.rental.ready_at.filter(|at| *at <= now).map(rfc3339),
        "finished_at": one.rental.ended_at.map(rfc3339),
        "amount_paid": usd(one.paid_micros),
        "completed_percent": percent(one, now),
        "total_gpus": one.hardware.cards,
        "gpus_per_vm": one.hardware.cards,
        "total_vms": 1,
        "hardware_name": one.hardware.name,
        "hardware_id": one.hardware.deploy_id,
        "locations": [place],
        "brand_name": "NVIDIA",
        "compute_minutes_served": one.minutes_served(now),
        "compute_minutes_remaining": one.minutes_remaining(now),
        "ssh_keys": { "main": one.key },
        "github_ids": [],
    } }))
}

/// Pages begin at 1 here.
pub(super) fn vms(world: &World, id: &str, query: &str, now: Timestamp) -> Reply {
    let Some(one) = world.find(id) else { return detail(404, "Deployment not found") };
    let first = parameter(query, "page").is_none_or(|page| page == "1");
    let runs = matches!(one.rental.phase(now), Phase::Running | Phase::Ending);
    let worker = |machine: &crate::rental::Machine| {
        let ssh = format!("ssh {}@{} -p 22", one.rental.user, machine.address);
        json!({
            "device_id": machine.id,
            "vm_id": machine.id,
            "hardware": one.hardware.name,
            "brand_name": "NVIDIA",
            "created_at": rfc3339(one.rental.created),
            "uptime_percent": 100,
            "gpus_per_vm": one.hardware.cards,
            "status": "running",
            "vm_events": null,
            "is_external": one.hardware.deploy_id.is_string(),
            "ssh_access": one.ssh_text.clone().unwrap_or(ssh),
            "network_services": {},
        })
    };
    let workers: Vec<Value> = one.rental.machines.iter().filter(|_| first && runs).map(worker).collect();
    Reply::json(json!({ "data": { "total": if runs { one.rental.machines.len() } else { 0 }, "workers": workers } }))
}

fn percent(one: &Deployment, now: Timestamp) -> i64 {
    one.minutes_served(now) * 100 / (i64::from(one.hours) * 60).max(1)
}
