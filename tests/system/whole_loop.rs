//! The agent's whole day, in both eras of the protocol, on the built-in machines and on real OpenSSH servers.

use crate::{
    agent::{Agent, Era},
    laws,
    world::{GPU, SMALL, World, text},
};
use bursar_practice::Machines;
use serde_json::json;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn the_loop_works_for_a_legacy_client_on_built_in_machines() {
    whole_loop(Era::Legacy, Machines::BuiltIn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loop_works_for_a_modern_client_on_built_in_machines() {
    whole_loop(Era::Modern, Machines::BuiltIn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loop_works_for_a_legacy_client_on_a_real_openssh() {
    whole_loop(Era::Legacy, Machines::OpenSsh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loop_works_for_a_modern_client_on_a_real_openssh() {
    whole_loop(Era::Modern, Machines::OpenSsh).await;
}

/// Rent, work, be killed in the middle of a job, come back, fetch, give back.
async fn whole_loop(era: Era, machines: Machines) {
    let world = World::with(machines).await;
    std::fs::write(world.work().join("train.sh"), TRAIN).unwrap();
    let agent = Agent::start(&world, era).await;
    let offers = agent.get("find_offers", json!({ "gpu": "a40", "site": "fra" })).await;
    assert_eq!(offers["offers"][0]["offer"], GPU, "{offers:#}");
    let account = agent.get("get_account", json!({})).await;
    assert_eq!(account["accounts"][0]["provider"], "bitlaunch", "{account:#}");

    let made = agent.get("create_instance", json!({ "name": "trainer", "offer": GPU, "length": "2h" })).await;
    assert_eq!(made["name"], "trainer", "{made:#}");
    let ready =
        agent.until("get_instance", json!({ "instance": "trainer", "wait": true }), SOON, |i| i["ready"] == true).await;
    assert_eq!(ready["stage"], "ready");
    let gpu = agent.get("run_command", json!({ "instance": "trainer", "command": "nvidia-smi -L" })).await;
    assert!(gpu["stdout"].as_str().unwrap().contains("A40"), "{gpu:#}");

    agent
        .get("upload_file", json!({ "instance": "trainer", "local_path": "train.sh", "remote_path": "train.sh" }))
        .await;
    agent.get("start_job", json!({ "instance": "trainer", "job": "train", "command": "sh train.sh # once" })).await;
    agent.until("get_job", job(None), SOON, |job| job["log"].as_str().unwrap().contains("step 1")).await;
    agent.kill().await;

    let agent = Agent::start(&world, era).await;
    let again = agent.get("get_instance", json!({ "instance": "trainer" })).await;
    assert_eq!((&again["id"], &again["ends_at"]), (&made["id"], &made["ends_at"]), "the lease is the same");
    std::fs::write(world.work().join("go"), "").unwrap();
    agent.get("upload_file", json!({ "instance": "trainer", "local_path": "go", "remote_path": "go" })).await;
    let ended = agent.until("get_job", job(Some(0)), SOON, |job| job["state"] == "exited").await;
    assert_eq!(ended["exit_code"], 7, "{ended:#}");
    let log = ended["log"].as_str().unwrap();
    assert_eq!(log.matches("step").count(), 2, "each line once: {log}");
    agent
        .get("download_file", json!({ "instance": "trainer", "remote_path": "model", "local_path": "out/model" }))
        .await;
    assert_eq!(std::fs::read_to_string(world.work().join("out/model")).unwrap(), "weights\n");

    let listed = agent.get("list_jobs", json!({ "instance": "trainer" })).await;
    assert_eq!(listed["jobs"][0]["job"], "train", "{listed:#}");
    let gone = agent.get("destroy_instance", json!({ "instance": "trainer" })).await;
    assert_eq!(gone["gone"], true, "{gone:#}");
    assert!(world.alive().is_empty());
    let spending = agent.get("get_spending", json!({})).await;
    assert_eq!(spending["held_usd"], "0.00", "{spending:#}");
    drop(agent);
    laws::hold(&world, "the whole loop");
}

fn job(from_offset: Option<u64>) -> serde_json::Value {
    match from_offset {
        Some(offset) => json!({ "instance": "trainer", "job": "train", "from_offset": offset, "wait_secs": 2 }),
        None => json!({ "instance": "trainer", "job": "train" }),
    }
}

/// Waits in the middle until it is told to go on.
const TRAIN: &str = "echo step 1
while ! [ -e go ]; do sleep 0.1; done
echo step 2
echo weights > model
exit 7
";

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_ends_by_itself_while_a_server_lives() {
    let world = World::new().await;
    let agent = Agent::start(&world, Era::Legacy).await;
    agent.get("create_instance", json!({ "name": "short", "offer": SMALL, "length": "1h", "wait": false })).await;
    assert_eq!(world.alive().len(), 1);
    world.pass(3_601);
    crate::world::wait_for("the watch ends what is due", SOON, || world.alive().is_empty());
    agent.until("get_instance", json!({ "instance": "short" }), SOON, |i| i["stage"] == "gone").await;
    drop(agent);
    laws::hold(&world, "a lease that ran out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_create_loses_nothing() {
    let world = World::new().await;
    world.misbehave(json!([{ "match": "POST /servers", "fault": { "slow": { "secs": 2 } } }]));
    let agent = Agent::start(&world, Era::Legacy).await;
    let ask = json!({ "name": "left", "offer": SMALL });
    let call = tokio::time::timeout(Duration::from_secs(6), agent.call("create_instance", ask));
    drop(call.await);
    let state = agent.until("get_instance", json!({ "instance": "left" }), SOON, |i| i["stage"] == "ready").await;
    assert_eq!(state["ready"], true);
    assert_eq!(world.alive().len(), 1);
    agent.get("destroy_instance", json!({ "instance": "left" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_name_the_setting_and_the_numbers() {
    let mut world = World::new().await;
    world.set_env("BITLAUNCH_MAX_COST_PER_HOUR", "0.1");
    let agent = Agent::start(&world, Era::Legacy).await;
    let refused = agent.call("create_instance", json!({ "name": "dear", "offer": GPU })).await;
    assert!(refused.is_error);
    assert_eq!(refused.content["kind"], "refused");
    for part in ["0.164 USD/h", "0.10 USD/h", "max_price_per_hour", "bursar limits set"] {
        assert!(refused.text.contains(part), "{part} in {}", refused.text);
    }
    assert!(world.alive().is_empty());
    assert!(!world.requests().iter().any(|request| request.starts_with("POST")), "no trace at the provider");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_fails_or_never_answers_is_ended() {
    let world = World::new().await;
    world.misbehave(json!([{ "match": "POST /servers", "fault": { "error_status": { "text": "Out of capacity" } } }]));
    let output = world.run(&["up", "broken", "--offer", SMALL]);
    assert!(!output.status.success());
    assert!(text(&output).contains("Out of capacity"), "{}", text(&output));
    laws::all_ended(&world, "a machine that failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_what_to_do_without_a_key_and_with_a_wrong_one() {
    let mut world = World::new().await;
    world.set_env("BITLAUNCH_API_KEY", "");
    let none = world.run(&["doctor"]);
    assert_eq!(none.status.code(), Some(5), "{}", text(&none));
    assert!(text(&none).contains("bursar practice --env"), "{}", text(&none));
    world.set_env("BITLAUNCH_API_KEY", "wrong-key-7731");
    let wrong = world.run(&["doctor"]);
    assert_eq!(wrong.status.code(), Some(5), "{}", text(&wrong));
    assert!(text(&wrong).contains("401") && !text(&wrong).contains("wrong-key-7731"), "{}", text(&wrong));
    world.set_env("BITLAUNCH_API_KEY", "practice");
    let good = world.run(&["doctor"]);
    assert!(good.status.success(), "{}", text(&good));
}
