//! What costs and what ends at the imitated io.net: the price of one order, the order, its extension, its end.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::deployment::Deployment;
use super::stock::Hardware;
use super::{World, detail};
use crate::ids;
use crate::imitation::{parameter, usd};
use crate::rental::{Machine, Rental};
use crate::reply::{Content, Reply};

/// What an order may say. Anything else is refused, as the real service does.
const KNOWN: [&str; 11] = [
    "resource_private_name",
    "duration_hours",
    "gpus_per_vm",
    "hardware_id",
    "location_ids",
    "node_pool_id",
    "ssh_keys",
    "github_ids",
    "vm_image_type",
    "network_services",
    "vms_qty",
];
const HOURS_MAX: u64 = 8760;
/// Reservation 0.25 % and facilitation 2 %, in ten-thousandths.
const RESERVATION: i64 = 25;
const FACILITATION: i64 = 200;

struct Order {
    name: String,
    hours: u32,
    hardware: Hardware,
    keys: Vec<String>,
}

pub(super) fn price(world: &World, query: &str) -> Reply {
    let number = |name| parameter(query, name).and_then(|text| text.parse::<u32>().ok());
    let Some((hours, cards)) = number("duration_hours").zip(number("gpus_per_vm")).filter(|(hours, _)| *hours > 0)
    else {
        return invalid("duration_hours", "Input should be a valid integer");
    };
    let places = parameter(query, "location_ids").and_then(|text| serde_json::from_str::<Vec<String>>(&text).ok());
    let Some([place]) = places.as_deref() else { return invalid("location_ids", "Input should be a list of one") };
    // Guides pass texts, the schema says integer: here both are taken.
    let id = parameter(query, "hardware_id").unwrap_or_default();
    let is_it = |row: &&Hardware| said(&row.deploy_id) == id && row.cards == cards && row.location == *place;
    let Some(row) = world.stock.iter().find(is_it) else { return detail(404, "Hardware not found") };
    let total = total_micros(row, hours);
    let bare = row.micros_per_hour * i64::from(hours);
    Reply::json(json!({ "data": {
        "replica_count": 1,
        "gpus_per_vm": cards,
        "available_replica_count": if row.sold_out { json!([]) } else { json!([1]) },
        "discount": 0,
        "ionet_fee": usd(bare * RESERVATION / 10_000),
        "ionet_fee_percent": 0.25,
        "currency_conversion_fee": usd(bare * FACILITATION / 10_000),
        "currency_conversion_fee_percent": 2,
        "total_cost_usdc": usd(total),
    } }))
}

fn total_micros(row: &Hardware, hours: u32) -> i64 {
    let bare = row.micros_per_hour * i64::from(hours);
    (bare * (10_000 + RESERVATION + FACILITATION) + 9_999) / 10_000
}

/// The answer to a good order is empty.
pub(super) fn deploy(world: &mut World, body: &Value, now: Timestamp) -> Reply {
    let order = match read(world, body) {
        Ok(order) => order,
        Err(refused) => return refused,
    };
    let paid = total_micros(&order.hardware, order.hours);
    if order.hardware.sold_out {
        return detail(400, "No available capacity for the selected hardware");
    }
    if world.credits_left(now) < paid {
        return detail(402, "Insufficient IO Credits");
    }
    let address = world.addresses.next();
    let machine = Machine { id: ids::object_id(), name: order.name.clone(), address, is_jump: false, has_gpu: true };
    let mut rental = Rental::new(ids::uuid(), &order.name, vec![machine], world.pace, now);
    rental.keys = order.keys.clone();
    rental.gpu_gb = Some(order.hardware.vram_gb);
    let key = order.keys.first().cloned().unwrap_or_default();
    let Order { hours, hardware, .. } = order;
    world.deployments.push(Deployment {
        rental,
        hardware,
        hours,
        paid_micros: paid,
        key,
        is_unpaid: false,
        ssh_text: None,
    });
    Reply::empty(200)
}

/// Adds one that somebody else made on the account; there is no machine behind it.
pub(super) fn foreign(world: &mut World, name: &str, now: Timestamp) {
    let Some(hardware) = world.stock.first().cloned() else { return };
    let mut rental = Rental::new(ids::uuid(), name, Vec::new(), world.pace, now);
    rental.foreign = true;
    let paid_micros = total_micros(&hardware, 24);
    let one =
        Deployment { rental, hardware, hours: 24, paid_micros, key: String::new(), is_unpaid: false, ssh_text: None };
    world.deployments.push(one);
}

pub(super) fn extend(world: &mut World, id: &str, body: &Value, now: Timestamp) -> Reply {
    let hours = body["duration_hours"].as_u64().filter(|hours| (1..=HOURS_MAX).contains(hours));
    let Some(hours) = hours.and_then(|hours| u32::try_from(hours).ok()) else {
        return invalid("duration_hours", "Input should be a valid integer");
    };
    let left = world.credits_left(now);
    let Some(one) = world.deployments.iter_mut().find(|one| one.rental.id == id) else {
        return detail(404, "Deployment not found");
    };
    if !matches!(one.status(now), "running" | "deployment requested") {
        return detail(400, "Deployment cannot be extended in its present status");
    }
    let row = world.stock.iter().find(|row| row.id == one.hardware.id).unwrap_or(&one.hardware);
    let more = total_micros(row, hours);
    if left < more {
        return detail(402, "Insufficient IO Credits");
    }
    one.hours += hours;
    one.paid_micros += more;
    super::shown::details(world, id, now)
}

/// Taken is not done: the row says so until it is.
pub(super) fn destroy(world: &mut World, id: &str, now: Timestamp) -> Reply {
    let pace = world.pace;
    match world.find_mut(id).filter(|one| one.rental.is_alive()) {
        Some(one) => {
            one.rental.begin_end(pace, now);
            Reply::json(json!({}))
        }
        None => detail(404, "Deployment not found"),
    }
}

fn read(world: &World, body: &Value) -> Result<Order, Reply> {
    let members = body.as_object().ok_or_else(|| invalid("", "Input should be a valid dictionary"))?;
    if let Some(strange) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(invalid(strange, "Extra inputs are not permitted"));
    }
    let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let name = text("resource_private_name").ok_or_else(|| invalid("resource_private_name", "Field required"))?;
    let number = |name: &str, most: u64| {
        let found = body[name].as_u64().filter(|number| (1..=most).contains(number));
        found
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| invalid(name, "Input should be a valid integer"))
    };
    let (hours, cards) = (number("duration_hours", HOURS_MAX)?, number("gpus_per_vm", 8)?);
    if !["general", "datascience"].contains(&body["vm_image_type"].as_str().unwrap_or("general")) {
        return Err(invalid("vm_image_type", "Input should be 'general' or 'datascience'"));
    }
    let Some([place]) = body["location_ids"].as_array().map(Vec::as_slice) else {
        return Err(invalid("location_ids", "Input should be a list of one"));
    };
    let keys: Vec<String> = body["ssh_keys"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, key)| Some(key.as_str()?.to_owned()))
        .collect();
    if keys.is_empty() {
        return Err(invalid("ssh_keys", "Field required"));
    }
    let is_it = |row: &&Hardware| row.deploy_id == body["hardware_id"] && row.cards == cards && *place == row.location;
    let hardware = world.stock.iter().find(is_it).cloned().ok_or_else(|| detail(404, "Hardware not found"))?;
    Ok(Order { name, hours, hardware, keys })
}

pub(super) fn said(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

fn invalid(member: &str, text: &str) -> Reply {
    let why = json!({ "detail": [{ "loc": ["body", member], "msg": text, "type": "value_error" }] });
    Reply::new(422, Content::Json(why))
}
