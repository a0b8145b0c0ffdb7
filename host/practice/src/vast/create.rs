//! `PUT /asks/{id}/`: makes a contract of an ask. There is no price guard, and no key that makes a repeat harmless.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::error;
use super::instance::{Instance, Phase};
use super::market::{Ask, number};
use super::world::World;
use crate::reply::{Content, Reply};

const IMAGE_MAX: usize = 1_024;
const LABEL_MAX: usize = 256;
const SCRIPT_MAX: usize = 4_096;
const ENV_MAX: usize = 32_768;

pub(super) fn create(world: &mut World, id: &str, body: &Value, now: Timestamp) -> Reply {
    let found = id.parse().ok().and_then(|id: u64| world.asks.iter().find(|ask| ask.id == id).cloned());
    let Some(ask) = found else { return unknown(id) };
    let made = match order(world, &ask, body, now) {
        Ok(made) => made,
        Err(refused) => return refused,
    };
    let id = made.id;
    world.instances.push(made);
    let key = format!("key-of-contract-{id}-and-nobody-elses");
    Reply::json(json!({ "success": true, "new_contract": id, "instance_api_key": key }))
}

fn unknown(id: &str) -> Reply {
    let shown = id.parse::<u64>().map_or_else(|_| json!(id), |id| json!(id));
    let msg = format!("error 404/3603: no_such_ask Instance type by id {id} is not available.");
    Reply::new(404, Content::Json(json!({ "success": false, "error": "invalid_args", "msg": msg, "ask_id": shown })))
}

fn order(world: &mut World, ask: &Ask, body: &Value, now: Timestamp) -> Result<Instance, Reply> {
    let text = |name: &str| body[name].as_str().map(str::to_owned).filter(|text| !text.is_empty());
    let invalid = |msg: &str| error(400, "invalid_args", msg);
    let image = text("image").ok_or_else(|| invalid("error 400: image is required"))?;
    let disk_gb = number(&body["disk"]).unwrap_or(10.0);
    let label = text("label");
    let too_long = image.len() > IMAGE_MAX
        || label.as_ref().is_some_and(|label| label.len() > LABEL_MAX)
        || text("onstart").is_some_and(|script| script.len() > SCRIPT_MAX)
        || body["env"].to_string().len() > ENV_MAX;
    if too_long || disk_gb < 8.0 || disk_gb > ask.disk_gb as f64 {
        return Err(invalid("error 400: image, label, onstart, env or disk is out of bounds"));
    }
    let bid = match &body["price"] {
        Value::Null => None,
        price => Some((number(price).unwrap_or(0.0) * 1e6).round() as i64),
    };
    if bid.is_some_and(|bid| bid < ask.min_bid || bid > 128_000_000) {
        return Err(error(400, "invalid_price", "The bid is below the minimum or no price."));
    }
    if world.credit(now) <= 0 {
        return Err(error(400, "insufficient_credit", "Your account lacks credit; see the billing page."));
    }
    if world.single_address.is_some() && world.alive().any(|one| !one.foreign) {
        return Err(invalid("This computer has one loopback address, so practice runs one machine at a time."));
    }
    let free = ask.is_rentable();
    if !free && body["cancel_unavail"] == true {
        return Err(error(410, "no_such_ask", "The offer is no longer available."));
    }
    let made = world.add(ask.clone(), now);
    let (step, ssh) = (world.pace.launch_ms / 3, world.pace.ssh_ms);
    let after = |ms: i64| Some(now + SignedDuration::from_millis(ms));
    let env = body["env"].as_object().into_iter().flatten();
    Ok(Instance {
        image,
        label,
        disk_gb,
        runtype: text("runtype").unwrap_or_else(|| "ssh".into()),
        onstart: text("onstart"),
        env: env.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect(),
        keys: world.keys.iter().map(|key| key.line.clone()).collect(),
        is_bid: bid.is_some(),
        per_hour: bid.unwrap_or(ask.per_hour),
        // What is gone is waited for, and does not come.
        phase: Phase::Provisioning(free.then(|| after(step)).flatten()),
        ssh_at: free.then(|| after(3 * step + ssh)).flatten(),
        ..made
    })
}
