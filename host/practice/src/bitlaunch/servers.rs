//! What can be done with servers that exist: list, show, end, restart, stop, rebuild, resize, protect.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::billing::hour_of;
use super::create::{describe, no_protection, span};
use super::member;
use super::server::Phase;
use super::world::World;
use crate::reply::Reply;

/// Returns a bare array; what is hidden is missing, and what lingers is still there.
pub(super) fn list(world: &mut World, now: Timestamp) -> Reply {
    let mut rows = Vec::new();
    for server in &mut world.servers {
        let shown = if server.is_alive() { !server.hidden.falls(now) } else { server.lingers.falls(now) };
        if shown {
            rows.push(server.json());
        }
    }
    Reply::json(Value::Array(rows))
}

/// Returns the wrapped object, unlike create and list.
pub(super) fn show(world: &World, id: &str) -> Reply {
    let found = world.find(id).map(|server| json!({ "server": server.json() }));
    found.map_or_else(|| Reply::message(404, "Server not found"), Reply::json)
}

/// Tells whether an ended server is still shown.
pub(super) fn is_listed_after_its_end(world: &World, id: &str, now: Timestamp) -> bool {
    world.find(id).is_some_and(|server| !server.is_alive() && server.lingers.clone().falls(now))
}

pub(super) fn destroy(world: &mut World, id: &str, now: Timestamp) -> Reply {
    if let Some(server) = world.find_mut(id) {
        server.destroyed_at = Some(now);
        server.lingers = server.lingers_after;
        let text = format!("Server {} destroyed", server.name);
        world.history.push((now, text));
    }
    Reply::json(Value::Null)
}

pub(super) fn restart(world: &mut World, id: &str, now: Timestamp) -> Reply {
    let (back, ssh) = (after(now, world.pace.reboot_ms), world.pace.ssh_ms);
    let Some(server) = world.find_mut(id).filter(|server| server.has_machine()) else {
        return Reply::message(400, "Server is not running");
    };
    server.boots += 1;
    server.phase = Phase::Restarting(back);
    server.ssh_at = Some(after(back, ssh));
    Reply::json(Value::Null)
}

pub(super) fn stop(world: &mut World, id: &str, now: Timestamp) -> Reply {
    let Some(server) = world.find_mut(id).filter(|server| server.has_machine()) else {
        return Reply::message(400, "Server is not running");
    };
    server.boots += 1;
    server.phase = Phase::Stopped;
    server.ssh_at = Some(now);
    Reply::json(json!({}))
}

/// Wipes the machine. Only some hosts can.
pub(super) fn rebuild(world: &mut World, id: &str, body: &Value, now: Timestamp) -> Reply {
    let image = member(body, "hostImageID").as_str().unwrap_or_default().to_owned();
    let (ready, ssh) = (after(now, world.pace.launch_ms), world.pace.ssh_ms);
    let Some(host) = world.find(id).and_then(|server| world.catalogue.host(server.host)) else {
        return Reply::message(400, "Host not found");
    };
    if !host.can("rebuild") {
        return Reply::message(400, "This host does not support rebuild");
    }
    let Some(description) = host.version(&image).map(|(_, version)| version.description) else {
        return Reply::message(400, "Invalid image");
    };
    if let Some(server) = world.find_mut(id) {
        server.image = image;
        server.image_description = description.to_owned();
        server.builds += 1;
        server.boots += 1;
        server.phase = Phase::Rebuilding(ready);
        server.ssh_at = Some(after(ready, ssh));
    }
    Reply::json(json!({}))
}

/// Moves a server to another size of its host; a dearer price counts from this hour, a cheaper one from the next.
pub(super) fn resize(world: &mut World, id: &str, body: &Value, now: Timestamp) -> Reply {
    let size = member(body, "size").as_str().unwrap_or_default();
    let (back, ssh) = (after(now, world.pace.reboot_ms), world.pace.ssh_ms);
    let Some(server) = world.find(id) else { return Reply::message(404, "Server not found") };
    let choice = match world.catalogue.choose(server.host, size, &server.image, &server.region) {
        Ok(choice) if choice.host.can("resize") => choice,
        Ok(_) => return Reply::message(400, "This host does not support resize"),
        Err(message) => return Reply::message(400, message),
    };
    if choice.size.disk_gb < server.disk_gb {
        return Reply::message(400, "Disk cannot shrink");
    }
    let (mut price, description) = (span(&choice, now), describe(&choice));
    let (id_of_size, disk_gb) = (choice.size.id.to_owned(), choice.size.disk_gb);
    if price.musd_per_hour < server.musd_per_hour() {
        price.from_hour = hour_of(now) + 1;
    }
    if let Some(server) = world.find_mut(id) {
        server.spans.push(price);
        server.size = id_of_size;
        server.size_description = description;
        server.disk_gb = disk_gb;
        server.boots += 1;
        server.phase = Phase::Restarting(back);
        server.ssh_at = Some(after(back, ssh));
    }
    Reply::json(Value::Null)
}

pub(super) fn resize_availability(world: &World, id: &str) -> Reply {
    let Some(server) = world.find(id) else { return Reply::message(404, "Server not found") };
    let host = world.catalogue.host(server.host);
    host.map_or_else(|| Reply::message(404, "Host not found"), |host| Reply::json(host.options_json()))
}

pub(super) fn protect(world: &mut World, id: &str, body: &Value) -> Reply {
    let region = member(body, "region").as_str().unwrap_or_default().to_owned();
    let enable = member(body, "enable").as_bool().unwrap_or(false);
    let Some(server) = world.find_mut(id) else { return Reply::message(404, "Server not found") };
    server.protection = no_protection();
    if enable {
        let target = server.address.to_string();
        let proxy = json!({ "ip": "198.51.100.7", "region": region, "ports": [], "target": target });
        server.protection = json!({ "enabled": true, "proxy": proxy });
    }
    Reply::json(server.json())
}

pub(super) fn protect_ports(world: &mut World, id: &str, body: &Value) -> Reply {
    let Some(server) = world.find_mut(id) else { return Reply::message(404, "Server not found") };
    if server.protection["enabled"] != true {
        return Reply::message(400, "Protection is not enabled");
    }
    server.protection["proxy"]["ports"] = body.clone();
    Reply::json(server.json())
}

fn after(at: Timestamp, ms: i64) -> Timestamp {
    at + SignedDuration::from_millis(ms)
}
