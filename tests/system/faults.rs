//! Every outside call of a create and of a destroy, broken once in every way, with a restart afterwards.
//!
//! First the flow runs undisturbed and its requests are counted. Then it runs once per request and fault, each time in a
//! world of its own: the provider refuses, loses the answer, does it late, does it and says 500, says 200 and does
//! nothing; or the owner's process is killed while the request is open. After a restart the laws must hold, and when
//! every lease is over nothing may be left.

use crate::{
    laws,
    world::{SMALL, World, text, wait_for},
};
use serde_json::{Value, json};
use std::{process::Stdio, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet};

/// What can happen to any request.
const ANY: [&str; 8] =
    ["refuse", "lost_before", "lost_after", "500_before", "html", "rate_limited", "KILL_before", "KILL_after"];
/// What can happen to a list besides.
const LIST: [&str; 3] = ["list_cut_id", "list_cut_name", "list_cut_json"];
/// What can happen to an order besides.
const ORDER: [&str; 6] = ["lands_late", "500_after", "200_without", "only_id", "list_lags", "cut_body"];
/// What can happen to an end besides.
const END: [&str; 5] = ["destroy_404_alive", "destroy_ignored", "500_after", "lands_late", "destroy_lingers"];

/// Worlds at the same time; most of each is waiting.
const AT_ONCE: usize = 6;

const UP: [&str; 7] = ["up", "box", "--offer", SMALL, "--for", "2h", "--no-wait"];
const DOWN: [&str; 4] = ["down", "box", "--wait", "4"];

#[derive(Clone, Copy, PartialEq)]
enum Flow {
    Create,
    Destroy,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_broken_anywhere_leaves_nothing_unheld() {
    break_every_call(Flow::Create).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroy_broken_anywhere_leaves_nothing_alive() {
    break_every_call(Flow::Destroy).await;
}

async fn break_every_call(flow: Flow) {
    let calls = count_calls(flow).await;
    let limit = Arc::new(Semaphore::new(AT_ONCE));
    let mut stories = JoinSet::new();
    for (n, call) in calls.iter().enumerate() {
        for fault in faults_for(call) {
            let (limit, call) = (limit.clone(), call.clone());
            stories.spawn(async move {
                let _turn = limit.acquire_owned().await.unwrap();
                let world = World::new().await;
                let told = tokio::task::spawn_blocking(move || tell(&world, flow, n + 1, fault, &call));
                told.await.expect("the story ends well");
            });
        }
    }
    let told = stories.len();
    let mut failed = 0;
    while let Some(story) = stories.join_next().await {
        failed += usize::from(story.is_err());
    }
    assert!(told > 60, "only {told} stories from {calls:?}");
    assert_eq!(failed, 0, "of {told} stories; each says above what broke");
}

/// Returns the requests of the undisturbed flow, as `METHOD /path`.
async fn count_calls(flow: Flow) -> Vec<String> {
    let world = World::new().await;
    let before = prepare(&world, flow);
    let output = world.run(flow.args());
    assert!(output.status.success(), "{}", text(&output));
    world.requests().split_off(before)
}

/// Brings a world to the moment before the flow, and returns how many requests that took.
fn prepare(world: &World, flow: Flow) -> usize {
    if flow == Flow::Destroy {
        world.json(&UP);
    }
    world.requests().len()
}

impl Flow {
    fn args(self) -> &'static [&'static str] {
        match self {
            Flow::Create => &UP,
            Flow::Destroy => &DOWN,
        }
    }
}

fn faults_for(call: &str) -> Vec<&'static str> {
    let path = call.split_whitespace().nth(1).unwrap_or_default();
    let mut faults = ANY.to_vec();
    match call.split(' ').next() {
        Some("GET") if path.ends_with("/servers") => faults.extend(LIST),
        Some("POST") if path.ends_with("/servers") => faults.extend(ORDER),
        Some("DELETE") => faults.extend(END),
        _ => {}
    }
    faults
}

/// One story: the n-th request of the flow meets the fault; then a restart; then the end of all leases.
fn tell(world: &World, flow: Flow, n: usize, fault: &str, call: &str) {
    let story = format!("request {n} ({call}) meets {fault}");
    prepare(world, flow);
    world.misbehave(json!([{ "match": "* **", "nth": n, "times": 1, "fault": as_ordered(fault) }]));
    match fault.starts_with("KILL") {
        true => kill_while_it_hangs(world, flow, &story),
        false => drop(world.run(flow.args())),
    }
    world.behave();
    // The restart: any command settles what was left behind.
    world.settle();
    laws::hold(world, &story);
    if fault == "lands_late" {
        world.pass(40);
        world.settle();
        laws::hold(world, &format!("{story}, and landed"));
    }
    laws::all_ended(world, &story);
}

fn as_ordered(fault: &str) -> Value {
    match fault {
        "KILL_before" => json!("hang_before"),
        "KILL_after" => json!("hang_after"),
        "lands_late" => json!({ "lands_late": { "secs": 30 } }),
        "list_lags" => json!({ "list_lags": { "lists": 3 } }),
        "destroy_lingers" => json!({ "destroy_lingers": { "lists": 3 } }),
        "list_cut_id" => json!({ "list_cut": { "how": "id" } }),
        "list_cut_name" => json!({ "list_cut": { "how": "name" } }),
        "list_cut_json" => json!({ "list_cut": { "how": "json" } }),
        plain => json!(plain),
    }
}

fn kill_while_it_hangs(world: &World, flow: Flow, story: &str) {
    let mut process = world.bursar(flow.args()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(story, Duration::from_secs(60), || {
        let log = world.truth()["log"].clone();
        log.as_array().unwrap().iter().any(|row| row["status"] == "hanging" || row["outcome"] == "hanging")
    });
    process.kill().unwrap();
    process.wait().unwrap();
}
