//! The account: who it is, its balance, its SSH keys, and its jobs. Jobs are begun over WebSocket by the real client; here
//! two were begun long ago.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{World, clusters::short, message};
use crate::imitation::usd;
use crate::reply::{Content, Reply};

#[derive(Clone)]
pub(crate) struct Key {
    id: String,
    name: Option<String>,
    pub(super) line: String,
}

#[derive(Clone)]
pub(crate) struct Job {
    id: &'static str,
    status: &'static str,
    exit_code: Option<i32>,
}

pub(super) fn jobs() -> Vec<Job> {
    vec![
        Job { id: "j-31", status: "completed", exit_code: Some(0) },
        Job { id: "j-32", status: "running", exit_code: None },
    ]
}

pub(super) fn user(world: &mut World, method: &str, path: &[&str], body: &Value, now: Timestamp) -> Reply {
    let balance = world.balance_micros(now);
    match (method, path) {
        ("GET", ["info"]) => {
            let text = format!("Logged in as practice@example.org\nOrganization: acme\nBalance: ${:.2}", usd(balance));
            Reply::json(json!({ "message": text }))
        }
        ("GET", ["organization", "info"]) => Reply::json(json!({
            "org_name": "acme",
            "members": [{ "uid": "u-1", "email": "practice@example.org" }],
            "balance": usd(balance),
        })),
        ("POST", ["ssh-key", "add"]) => add_key(world, body),
        ("GET", ["ssh-key", "list"]) => {
            let keys = world.keys.iter().map(|key| json!({ "id": key.id, "name": key.name, "public_key": key.line }));
            let lines: Vec<String> = world.keys.iter().map(|key| format!("{}  {}", key.id, key.line)).collect();
            Reply::json(json!({ "keys": keys.collect::<Vec<_>>(), "message": lines.join("\n") }))
        }
        ("DELETE", ["ssh-key", "remove", id]) => {
            let before = world.keys.len();
            world.keys.retain(|key| key.id != *id);
            match world.keys.len() < before {
                true => Reply::json(json!({ "message": format!("SSH key {id} removed") })),
                false => message(404, "SSH key not found"),
            }
        }
        _ => message(404, "Not Found"),
    }
}

fn add_key(world: &mut World, body: &Value) -> Reply {
    let Some(line) = body["public_key"].as_str().filter(|line| line.starts_with("ssh-")) else {
        let why = json!({ "detail": [{ "loc": ["body", "public_key"], "msg": "Field required", "type": "missing" }] });
        return Reply::new(422, Content::Json(why));
    };
    let id = format!("k-{}", short());
    let name = body["name"].as_str().map(str::to_owned);
    world.keys.push(Key { id: id.clone(), name, line: line.to_owned() });
    Reply::json(json!({ "key_id": id, "message": format!("SSH key {id} added") }))
}

pub(super) fn job(world: &mut World, method: &str, path: &[&str], _: Timestamp) -> Reply {
    let row = |job: &Job| json!({ "id": job.id, "status": job.status, "exit_code": job.exit_code });
    match (method, path) {
        ("GET", ["init"]) => {
            Reply::json(json!({ "empty_tp_config": "commands = []\noutputs = []\nignore = []\n", "message": null }))
        }
        ("GET", ["list"]) => {
            let lines: Vec<String> = world.jobs.iter().map(|job| format!("{}  {}", job.id, job.status)).collect();
            Reply::json(json!({ "jobs": world.jobs.iter().map(row).collect::<Vec<_>>(), "message": lines.join("\n") }))
        }
        ("GET", ["info", id]) => match world.jobs.iter_mut().find(|job| job.id == *id) {
            Some(job) => {
                let shown = json!({ "job_info": row(job), "message": format!("Job {id}: {}", job.status) });
                // What was asked to stop has stopped by the next look.
                if job.status == "canceling" {
                    job.status = "canceled";
                }
                Reply::json(shown)
            }
            None => message(404, "Job not found"),
        },
        ("POST", ["cancel", id]) => match world.jobs.iter_mut().find(|job| job.id == *id) {
            Some(job) if ["pending", "running"].contains(&job.status) => {
                job.status = "canceling";
                super::accepted(
                    json!({ "job_id": id, "message": format!("Job {id} is being canceled"), "status": "canceling" }),
                )
            }
            Some(_) => message(409, "Job is not running"),
            None => message(404, "Job not found"),
        },
        _ => message(404, "Not Found"),
    }
}
