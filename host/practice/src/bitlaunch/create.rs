//! `POST /servers`: checks one order and makes the server. The machine behind it is started elsewhere.

use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::billing::{Span, hour_of};
use super::catalogue::Choice;
use super::member;
use super::server::{Phase, Server, Shadow};
use super::world::World;
use crate::ids;
use crate::machines::Driver;
use crate::reply::Reply;

/// What an order asks for, with the ids of keys turned into the keys themselves.
#[derive(Default)]
struct Order {
    name: String,
    host: u64,
    size: String,
    version: String,
    region: String,
    keys: Vec<String>,
    initscript: Option<String>,
}

pub(super) fn create(world: &mut World, body: &Value, now: Timestamp) -> Reply {
    if !world.account.email_confirmed {
        return Reply::message(500, "There was an error, please contact support");
    }
    match make(world, body, now) {
        Ok(server) => {
            let shown = server.json();
            world.history.push((now, format!("Server {} created", server.name)));
            world.servers.push(server);
            Reply::json(shown)
        }
        Err(message) => Reply::message(400, message),
    }
}

fn make(world: &mut World, body: &Value, now: Timestamp) -> Result<Server, String> {
    let order = read(world, member(body, "server"))?;
    check_account(world, now)?;
    let address = world.next_address();
    let choice = world.catalogue.choose(order.host, &order.size, &order.version, &order.region)?;
    if order.initscript.is_some() && !choice.host.can("userScript") {
        return Err("This host does not support user scripts".into());
    }
    let ready = now + SignedDuration::from_millis(world.pace.launch_ms);
    Ok(Server {
        phase: Phase::Launching(Some(ready)),
        ssh_at: Some(ready + SignedDuration::from_millis(world.pace.ssh_ms)),
        ..server(&choice, order, address, now)
    })
}

/// Adds a server that somebody else made on the account; there is no machine behind it.
pub(crate) fn foreign(world: &mut World, name: &str, now: Timestamp) {
    let address = world.next_address();
    let Ok(choice) = world.catalogue.choose(4, "nibble-1024", "10006", "lon1") else { return };
    let order = Order { name: name.to_owned(), region: "lon1".into(), ..Order::default() };
    let made = Server { foreign: true, phase: Phase::Ok, ..server(&choice, order, address, now) };
    world.servers.push(made);
}

fn server(choice: &Choice<'_>, order: Order, address: Ipv4Addr, now: Timestamp) -> Server {
    Server {
        id: ids::object_id(),
        name: order.name,
        host: choice.host.id,
        region: order.region,
        size: choice.size.id.to_owned(),
        size_description: describe(choice),
        image: choice.version.id.to_owned(),
        image_description: choice.version.description.to_owned(),
        disk_gb: choice.size.disk_gb,
        bandwidth_gb: choice.size.bandwidth_gb,
        created: now,
        destroyed_at: None,
        spans: vec![span(choice, now)],
        keys: order.keys,
        initscript: order.initscript,
        protection: no_protection(),
        phase: Phase::Launching(None),
        error_text: String::new(),
        address,
        ssh_at: None,
        reboot_at: None,
        boots: 0,
        builds: 0,
        driver: Driver::Working,
        foreign: false,
        hidden: Shadow::default(),
        lingers: Shadow::default(),
        lingers_after: Shadow::default(),
        told_musd_per_hour: None,
    }
}

fn check_account(world: &World, now: Timestamp) -> Result<(), String> {
    let used = world.alive().count();
    if used >= world.account.server_limit {
        return Err(format!("Server limit reached ({used} of {})", world.account.server_limit));
    }
    if world.balance_musd(now) <= 0 {
        return Err("Insufficient funds".into());
    }
    if world.single_address.is_some() && world.alive().any(|server| !server.foreign) {
        return Err("This computer has one loopback address, so practice runs one machine at a time: \
                    destroy the one that runs, or use Linux"
            .into());
    }
    Ok(())
}

fn read(world: &World, order: &Value) -> Result<Order, String> {
    let text = |name: &str| member(order, name).as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let required = |name: &str| text(name).ok_or_else(|| format!("{name} is required"));
    let ids = member(order, "sshKeys").as_array().cloned().unwrap_or_default();
    let keys = ids.iter().map(|id| key(world, id)).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() && text("password").is_none() {
        return Err("SSH key or password is required".into());
    }
    Ok(Order {
        name: required("name")?,
        host: member(order, "hostID").as_u64().ok_or("hostID is required")?,
        size: required("sizeID")?,
        version: required("hostImageID")?,
        region: required("regionID")?,
        keys,
        initscript: text("initscript"),
    })
}

fn key(world: &World, id: &Value) -> Result<String, String> {
    let found = world.keys.iter().find(|key| id.as_str() == Some(&key.id));
    found.map(|key| key.content.clone()).ok_or_else(|| format!("Invalid SSH key {id}"))
}

/// Returns the price from this hour on; an image such as Windows costs extra.
pub(super) fn span(choice: &Choice<'_>, now: Timestamp) -> Span {
    let extra_musd_per_month = i64::try_from(choice.image.extra_usd_per_month).unwrap_or(0) * 1000;
    Span {
        from_hour: hour_of(now),
        musd_per_hour: choice.size.musd_per_hour + (extra_musd_per_month + 671) / 672,
        month_cap_musd: choice.size.usd_per_month * 1000 + extra_musd_per_month,
    }
}

pub(super) fn describe(choice: &Choice<'_>) -> String {
    let size = choice.size;
    if !size.free_text.is_empty() {
        return size.free_text.to_owned();
    }
    format!("{} vCPU, {} MB RAM, {} GB SSD", size.cpu_count, size.memory_mb, size.disk_gb)
}

pub(super) fn no_protection() -> Value {
    json!({ "enabled": false, "proxy": { "ip": "", "region": "", "ports": null, "target": "" } })
}
