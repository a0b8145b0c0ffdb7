//! Clusters behind a jump host, and machines that come back dearer than they were ordered.

use crate::{
    laws,
    world::{World, text},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_behind_its_jump_host_is_worked_on() {
    let mut world = World::of("tensorpool").await;
    for (name, value) in [
        ("BURSAR_MAX_PRICE_PER_HOUR", "100"),
        ("BURSAR_MAX_BURN_PER_HOUR", "100"),
        ("BURSAR_MIN_BALANCE_HOURS", "0"),
        ("BURSAR_MAX_TOTAL_SPENDING", "150"),
        ("BURSAR_WINDOWS", "none"),
    ] {
        world.set_env(name, value);
    }
    world.json(&["up", "pair", "--gpu", "b200", "--gpus", "8", "--nodes", "2", "--for", "1h"]);
    let machines = world.truth()["servers"][0]["machines"].as_array().unwrap().len();
    assert_eq!(machines, 3, "two workers and their jump host");
    let said = text(&world.run(&["run", "pair", "nvidia-smi -L"]));
    assert!(said.contains("GPU 0"), "commands go to a worker: {said}");
    world.json(&["down", "pair"]);
    laws::all_ended(&world, "a cluster");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_dearer_than_allowed_is_ended() {
    let world = World::of("tensorpool").await;
    world.misbehave(json!({ "match": "POST /cluster/create", "fault": { "billed_at": { "musd_per_hour": 3_000 } } }));
    let output = world.run(&["up", "box", "--offer", "tensorpool:1xL40S", "--for", "1h"]);
    let said = text(&output);
    assert!(!output.status.success() && said.contains("bills 3") && said.contains("ended"), "{said}");
    laws::all_ended(&world, "too dear");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_protected_ends_with_its_lease_all_the_same() {
    let world = World::of("tensorpool").await;
    world.json(&["up", "box", "--offer", "tensorpool:1xL40S", "--for", "1h"]);
    let id = world.truth()["servers"][0]["id"].as_str().unwrap().to_owned();
    world.patch("tensorpool", &format!("cluster/edit/{id}"), json!({ "deletion_protection": true }));
    world.json(&["down", "box"]);
    laws::all_ended(&world, "protected");
}
