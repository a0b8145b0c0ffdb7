//! What the account says of itself: credit, keys, invoices, and what each contract took.

use jiff::Timestamp;
use russh::keys::PublicKey;
use serde_json::{Value, json};

use super::error;
use super::instance::Instance;
use super::market::number;
use super::world::{Key, World};
use super::{json_parameter, parameter, secs, usd};
use crate::clock::rfc3339;
use crate::reply::Reply;

const DAY_SECS: f64 = 86_400.0;

pub(super) fn user(world: &World, now: Timestamp) -> Reply {
    let key = world.keys.first().map(|key| key.line.clone());
    Reply::json(json!({
        "id": world.account, "key_id": 7, "email": "practice@example.org", "username": "practice", "fullname": "Practice",
        "balance": 0.0, "credit": usd(world.credit(now)), "balance_threshold": 5.0, "balance_threshold_enabled": false,
        "ssh_key": key, "sid": "practice", "api_key": "not-a-key-but-a-secret", "can_pay": true, "email_verified": true,
        "host_agreement_accepted": false, "billing_creditonly": 1,
    }))
}

pub(super) fn keys(world: &World) -> Reply {
    Reply::json(world.keys.iter().map(|key| key.json(world.account)).collect())
}

impl Key {
    fn json(&self, account: u64) -> Value {
        json!({ "id": self.id, "user_id": account, "public_key": self.line, "created_at": rfc3339(self.created), "deleted_at": null })
    }
}

pub(super) fn add_key(world: &mut World, body: &Value, now: Timestamp) -> Reply {
    let line = body["ssh_key"].as_str().unwrap_or_default().trim().to_owned();
    if PublicKey::from_openssh(&line).is_err() {
        return error(400, "invalid_args", "Invalid SSH key.");
    }
    let id = world.keys.last().map_or(1, |key| key.id + 1);
    let key = Key { id, line, created: now };
    let shown = key.json(world.account);
    world.keys.push(key);
    Reply::json(json!({ "success": true, "key": shown }))
}

pub(super) fn remove_key(world: &mut World, id: &str) -> Reply {
    let before = world.keys.len();
    world.keys.retain(|key| key.id.to_string() != id);
    match world.keys.len() < before {
        true => Reply::json(json!({ "success": true })),
        false => error(404, "not_found", "No such key."),
    }
}

/// Returns what contracts took in a span of days, a page at a time.
pub(super) fn charges(world: &World, query: &str, now: Timestamp) -> Reply {
    let filters = json_parameter(query, "select_filters");
    let (from, to) = span(&filters["day"], now);
    let touched = |one: &&Instance| secs(one.created) <= to && one.ended.is_none_or(|end| secs(end) >= from);
    let rows: Vec<Value> = world.instances.iter().filter(touched).map(|one| charge(one, now)).collect();
    paged(rows, query)
}

/// The filter names whole days.
fn span(filter: &Value, now: Timestamp) -> (f64, f64) {
    let from = number(&filter["gte"]).unwrap_or(0.0);
    let to = number(&filter["lte"]).unwrap_or_else(|| secs(now));
    (from - from % DAY_SECS, to - to % DAY_SECS + DAY_SECS)
}

fn charge(one: &Instance, now: Timestamp) -> Value {
    let until = one.ended.unwrap_or(now);
    let (gpu, disk) = (one.gpu_cost(one.ran_until(now)), one.disk_cost(until.duration_since(one.created)));
    let item = |kind: &str, micros: i64| json!({ "type": kind, "description": kind, "amount": usd(micros), "start": null, "end": null, "items": [] });
    json!({
        "start": one.created.as_second(), "end": until.as_second(), "type": "instance", "source": format!("instance-{}", one.id),
        "description": format!("Instance {}", one.id), "amount": usd(gpu + disk), "metadata": { "label": one.label },
        "items": [item("gpu", gpu), item("disk", disk)],
    })
}

fn paged(rows: Vec<Value>, query: &str) -> Reply {
    let number =
        |name: &str| parameter(query, name).and_then(|text| text.trim_start_matches("row-").parse::<usize>().ok());
    let (skip, limit) = (number("after_token").unwrap_or(0), number("limit").unwrap_or(20).clamp(1, 500));
    let total = rows.len();
    let page: Vec<Value> = rows.into_iter().skip(skip).take(limit).collect();
    let token = (skip + page.len() < total).then(|| format!("row-{}", skip + page.len()));
    Reply::json(json!({ "success": true, "count": page.len(), "total": total, "next_token": token, "results": page }))
}

/// Returns what was paid in.
pub(super) fn invoices(world: &World, query: &str, now: Timestamp) -> Reply {
    let when = &json_parameter(query, "select_filters")["when"];
    let (from, to) = (number(&when["gte"]).unwrap_or(0.0), number(&when["lte"]).unwrap_or_else(|| secs(now)));
    if from > to {
        // A bad range is a failure with status 200.
        return Reply::json(
            json!({ "success": false, "error": "invalid_args", "msg": "The range ends before it begins." }),
        );
    }
    let paid = json!({
        "start": world.since.as_second(), "end": world.since.as_second(), "type": "credit", "source": "stripe_payments",
        "description": "Credit card payment", "amount": -usd(world.paid_in), "metadata": { "invoice_id": 1 }, "items": [],
    });
    paged(
        vec![paid].into_iter().filter(|row| row["start"].as_f64().is_some_and(|at| from <= at && at <= to)).collect(),
        query,
    )
}

/// The older form, which the client's `show invoices` still asks.
pub(super) fn invoices_old(world: &World, query: &str, now: Timestamp) -> Reply {
    let number = |name: &str| parameter(query, name).and_then(|text| text.parse::<f64>().ok());
    let (from, to) = (number("sdate").unwrap_or(0.0), number("edate").unwrap_or_else(|| secs(now)));
    let paid = json!({
        "id": 1, "type": "payment", "description": "Credit card payment", "timestamp": secs(world.since), "quantity": null,
        "rate": null, "amount": format!("{:.2}", usd(world.paid_in)),
    });
    let charged = |one: &Instance| {
        json!({
            "id": null, "type": "charge", "description": format!("Instance {} GPU and storage", one.id), "instance_id": one.id,
            "timestamp": secs(one.ended.unwrap_or(now)), "quantity": format!("{:.3}", one.ran_until(now).as_secs_f64() / 3600.0),
            "rate": format!("{:.4}", usd(one.per_hour)), "amount": format!("{:.3}", usd(one.charged(now))),
        })
    };
    let charges = parameter(query, "inc_charges").is_none_or(|text| text != "false");
    let rows = std::iter::once(paid).chain(world.instances.iter().filter(|_| charges).map(charged));
    let inside = |row: &Value| row["timestamp"].as_f64().is_some_and(|at| from <= at && at <= to.max(secs(now)));
    let spent: i64 = world.instances.iter().map(|one| one.charged(now)).sum();
    let current =
        json!({ "charges": usd(spent), "service_fee": 0.0, "total": usd(spent), "credit": usd(world.credit(now)) });
    Reply::json(json!({ "invoices": rows.filter(inside).collect::<Vec<_>>(), "current": current }))
}
