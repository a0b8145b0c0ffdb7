//! What can be done with contracts that exist: list, show, start and stop, rename, reboot, read logs, attach keys, end.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::error;
use super::instance::{Instance, Phase};
use super::market::fits;
use super::world::World;
use super::{json_parameter, parameter};
use crate::reply::Reply;

/// The most rows of a page.
const PAGE: usize = 25;

pub(super) fn list(world: &mut World, query: &str, now: Timestamp) -> Reply {
    let (port, filters) = (world.ssh_port, json_parameter(query, "select_filters"));
    let mut rows = Vec::new();
    for one in &mut world.instances {
        let shown = if one.is_alive() { !one.hidden.falls(now) } else { one.lingers.falls(now) };
        if shown {
            rows.push(one.json(port, now));
        }
    }
    let none = Map::new();
    for (column, filter) in filters.as_object().unwrap_or(&none) {
        if let Err(why) = fits(&Value::Null, filter) {
            return error(400, "invalid_args", &why);
        }
        rows.retain(|row| fits(&row[column], filter) == Ok(true));
    }
    let total = rows.len();
    let labels = labels(&rows);
    let after = parameter(query, "after_token").and_then(|token| token.strip_prefix("after-")?.parse::<u64>().ok());
    rows.retain(|row| after.is_none_or(|after| row["id"].as_u64().is_some_and(|id| id > after)));
    let limit = parameter(query, "limit").and_then(|text| text.parse().ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let token = rows.last().filter(|_| more).map(|row| format!("after-{}", row["id"]));
    let found = rows.len();
    let rows: Vec<Value> = rows.into_iter().map(|row| only(row, &json_parameter(query, "select_cols"))).collect();
    Reply::json(json!({
        "success": true, "instances_found": found, "total_instances": total, "label_counts": labels,
        "next_token": token, "instances": rows,
    }))
}

fn labels(rows: &[Value]) -> Map<String, Value> {
    let mut counts = Map::new();
    for row in rows {
        let count = counts.entry(row["label"].as_str().unwrap_or_default()).or_insert(json!(0));
        *count = json!(count.as_u64().unwrap_or(0) + 1);
    }
    counts
}

/// Keeps the columns that were asked for, and the id.
fn only(row: Value, columns: &Value) -> Value {
    let (Some(columns), Value::Object(members)) = (columns.as_array(), &row) else { return row };
    let wanted = |name: &str| name == "id" || columns.iter().any(|column| column == name || column == "*");
    members.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub(super) fn list_old(world: &World, now: Timestamp) -> Reply {
    let rows: Vec<Value> = world.alive().map(|one| one.json(world.ssh_port, now)).collect();
    Reply::json(json!({ "instances_found": rows.len(), "instances": rows }))
}

pub(super) fn filters(world: &World) -> Reply {
    let row =
        |one: &Instance| json!({ "actual_status": one.status(), "verification": "verified", "gpu_name": one.ask.gpu });
    Reply::json(json!({ "success": true, "filters": world.alive().map(row).collect::<Vec<_>>() }))
}

pub(super) fn one(world: &mut World, method: &str, id: &str, body: &Value, now: Timestamp) -> Reply {
    let number = id.parse().unwrap_or(0);
    let port = world.ssh_port;
    if method == "GET" {
        let shown = |one: &&Instance| one.id == number && (one.is_alive() || one.lingers.clone().falls(now));
        let row = world.instances.iter().find(shown).map(|one| one.json(port, now));
        return Reply::json(json!({ "instances": row }));
    }
    let (launch, ssh) = (world.pace.launch_ms, world.pace.ssh_ms);
    let Some(one) = world.find_mut(number) else {
        let code = if method == "DELETE" { "not_found" } else { "no_such_instance" };
        return error(404, code, &format!("Instance {id} not found."));
    };
    match method {
        "DELETE" => {
            one.end(now);
            Reply::json(json!({ "success": true }))
        }
        "PUT" => change(one, body, now, launch, ssh),
        _ => error(405, "invalid_args", "Method not allowed."),
    }
}

/// One path starts, stops and renames.
fn change(one: &mut Instance, body: &Value, now: Timestamp, launch: i64, ssh: i64) -> Reply {
    if let Some(label) = body["label"].as_str() {
        one.label = Some(label.to_owned()).filter(|label| !label.is_empty());
    }
    match body["state"].as_str() {
        Some("stopped") => one.stop(now),
        Some("running") if one.phase == Phase::Stopped => {
            let ready = now + SignedDuration::from_millis(launch);
            one.phase = Phase::Loading(Some(ready));
            one.ssh_at = Some(ready + SignedDuration::from_millis(ssh));
        }
        Some("running") | None => {}
        Some(other) => return error(400, "invalid_args", &format!("no state is called {other}")),
    }
    Reply::json(json!({ "success": true, "msg": "the request was accepted" }))
}

pub(super) fn reboot(world: &mut World, id: &str, now: Timestamp) -> Reply {
    let (back, ssh) = (now + SignedDuration::from_millis(world.pace.reboot_ms), world.pace.ssh_ms);
    let found = world.find_mut(id.parse().unwrap_or(0));
    let Some(one) = found else { return error(404, "no_such_instance", &format!("Instance {id} not found.")) };
    if one.phase != Phase::Running {
        // A failure with status 200.
        return Reply::json(json!({ "success": false, "error": "not_running", "msg": "The instance is not running." }));
    }
    one.boots += 1;
    one.phase = Phase::Rebooting(back);
    one.ssh_at = Some(back + SignedDuration::from_millis(ssh));
    Reply::json(json!({ "success": true }))
}

/// The text lies elsewhere, and is fetched without a key.
pub(super) fn request_logs(world: &mut World, id: &str) -> Reply {
    let url = format!("{}{}/v0/logs/{id}", world.url, super::BASE);
    match world.find_mut(id.parse().unwrap_or(0)) {
        Some(_) => Reply::json(json!({ "success": true, "result_url": url, "msg": "logs are being uploaded" })),
        None => error(404, "no_such_instance", &format!("Instance {id} not found.")),
    }
}

pub(super) fn logs(world: &mut World, id: &str) -> Reply {
    let Some(one) = world.find_mut(id.parse().unwrap_or(0)) else { return Reply::empty(404) };
    let text = format!("Image {} was pulled.\n\nContainer {} runs.\n", one.image, one.id);
    Reply::text(200, "text/plain", text)
}

pub(super) fn deposit(world: &mut World, id: &str) -> Reply {
    match world.find_mut(id.parse().unwrap_or(0)) {
        Some(_) => Reply::json(json!({ "success": true, "balance": 0.0 })),
        None => error(404, "no_such_instance", &format!("Instance {id} not found.")),
    }
}

/// The list of keys is a text that holds JSON.
pub(super) fn ssh(world: &mut World, method: &str, id: &str, key: Option<&str>, body: &Value) -> Reply {
    let Some(one) = world.find_mut(id.parse().unwrap_or(0)) else {
        return error(404, "no_such_instance", &format!("Instance {id} not found."));
    };
    match (method, key) {
        ("GET", None) => {
            let rows: Vec<Value> =
                one.keys.iter().enumerate().map(|(id, key)| json!({ "id": id + 1, "public_key": key })).collect();
            Reply::json(json!({ "success": true, "ssh_keys": Value::Array(rows).to_string() }))
        }
        ("POST", None) => match body["ssh_key"].as_str().filter(|key| key.starts_with("ssh-")) {
            Some(key) => {
                one.keys.push(key.trim().to_owned());
                Reply::json(json!({ "success": true, "msg": "SSH key added to instance." }))
            }
            None => error(400, "invalid_args", "ssh_key is required"),
        },
        ("DELETE", Some(key)) => {
            let place = key.parse::<usize>().ok().and_then(|id| id.checked_sub(1)).filter(|at| *at < one.keys.len());
            place.map(|at| one.keys.remove(at));
            Reply::json(json!({ "success": place.is_some() }))
        }
        _ => error(404, "not_found", "There is nothing here."),
    }
}
