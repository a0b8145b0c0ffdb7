//! What a provider really takes: its balance held against what ours cost. One that charges more than it tells is found,
//! corrected, shown and left alone until the owner has looked. The real driver, the real door, an imitation that lies.

use crate::{
    agent::{Agent, Era},
    laws,
    world::{SMALL, World, text, wait_for},
};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(90);
const UP: [&str; 7] = ["up", "box", "--offer", SMALL, "--for", "20h", "--no-wait"];

fn usd(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

fn quoted_musd(world: &World) -> i64 {
    let fits = world.json(&["up", "box", "--offer", SMALL, "--for", "2h", "--dry-run"]);
    (usd(&fits["price_usd_per_hour"]) * 1_000.0).round() as i64
}

/// Every machine made from now on costs so many times what every answer tells.
fn overcharge(world: &World, times: i64) {
    let fault = json!({ "billed_at": { "musd_per_hour": quoted_musd(world) * times, "hidden": true } });
    world.misbehave(json!([{ "match": "POST /servers", "times": 0, "fault": fault }]));
}

/// Leaves the clock in the middle of an hour, where nothing is just being billed.
fn to_the_middle_of_an_hour(world: &World) {
    let now = world.truth()["now"].as_str().unwrap().to_owned();
    let minutes: u64 = now[14..16].parse().unwrap();
    world.pass((90 - minutes) % 60 * 60);
}

fn taken(world: &World) -> f64 {
    let truth = world.truth();
    truth["servers"].as_array().unwrap().iter().map(|server| server["charged_musd"].as_f64().unwrap() / 1e3).sum()
}

fn corrections(world: &World) -> Vec<Value> {
    let entries = world.json(&["spending", "--entries", "100"])["entries"].clone();
    entries.as_array().unwrap().iter().filter(|entry| entry["kind"] == "correction").cloned().collect()
}

/// How often the account's bill was read.
fn looks(world: &World) -> usize {
    world.requests().iter().filter(|line| line.starts_with("GET /transactions")).count()
}

fn complaints(world: &World) -> Vec<Value> {
    world.ls()["complaints"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_charges_more_than_it_tells_is_found_corrected_and_left_alone() {
    let mut world = World::new().await;
    let told = world.home().join("told");
    let config = world.home().join("bursar.toml");
    let command = format!("notify = \"echo $BURSAR_EVENT $BURSAR_INSTANCE >> '{}'\"\n", told.display());
    std::fs::write(&config, command).unwrap();
    world.set_env("BURSAR_CONFIG", config.to_str().unwrap());
    to_the_middle_of_an_hour(&world);
    overcharge(&world, 3);
    world.json(&UP);
    let agent = Agent::start(&world, Era::Modern).await;
    world.pass(4 * 3_600);
    wait_for("it is found", SOON, || !complaints(&world).is_empty());
    assert_eq!(complaints(&world)[0]["stops"], true, "{:#?}", complaints(&world));
    let charged = usd(&world.json(&["spending"])["charged_usd"]);
    let more = taken(&world) * 2.0 / 3.0;
    assert!((charged - more).abs() < 1e-9, "{charged} USD corrected, {more} USD were taken beyond the price told");
    let listed = world.run(&["ls"]);
    assert_eq!(listed.status.code(), Some(5), "{}", text(&listed));
    assert!(text(&listed).contains("bursar settle --account bitlaunch"), "{}", text(&listed));
    let doctor = world.run(&["doctor"]);
    assert!(doctor.status.code() == Some(5) && text(&doctor).contains("more"), "{}", text(&doctor));
    let seen = agent.call("list_instances", json!({})).await;
    assert!(seen.text.contains("for the owner: bitlaunch took"), "{}", seen.text);
    let refused = agent.call("create_instance", json!({ "name": "more", "offer": SMALL, "length": "1h" })).await;
    assert!(refused.is_error && refused.text.contains("nothing more is made on it"), "{}", refused.text);
    wait_for("the owner's command is run", SOON, || {
        std::fs::read_to_string(&told).is_ok_and(|text| text.contains("overcharged bitlaunch"))
    });
    assert_eq!(corrections(&world).len(), 1, "whoever looks first writes it down: the keeper or the server");
    assert!(world.run(&["down", "box"]).status.success());
    world.json(&["settle", "--account", "bitlaunch"]);
    assert!(complaints(&world).is_empty());
    assert_eq!(
        world.run(&["settle", "--account", "bitlaunch"]).status.code(),
        Some(3),
        "there is nothing left to look at"
    );
    world.behave();
    world.json(&["up", "more", "--offer", SMALL, "--for", "1h", "--no-wait"]);
    drop(agent);
    laws::all_ended(&world, "a provider that overcharges");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_provider_is_never_corrected_whatever_runs_and_ends() {
    let world = World::new().await;
    to_the_middle_of_an_hour(&world);
    world.json(&UP);
    for hours in [1, 2, 5] {
        let before = looks(&world);
        world.pass(hours * 3_600 + 60);
        wait_for("its account is looked at", SOON, || looks(&world) > before);
        world.json(&["up", "second", "--offer", SMALL, "--for", "2h", "--no-wait"]);
        assert!(world.run(&["down", "second"]).status.success());
    }
    assert_eq!((corrections(&world), complaints(&world)), (vec![], vec![]));
    laws::all_ended(&world, "an honest provider");
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_is_paid_in_hides_no_overcharge_and_a_stranger_s_machine_makes_none() {
    let world = World::new().await;
    to_the_middle_of_an_hour(&world);
    overcharge(&world, 2);
    world.json(&UP);
    world.misbehave(json!([{ "fault": "top_up", "usd": 30 }]));
    world.pass(3 * 3_600);
    wait_for("it is corrected", SOON, || !corrections(&world).is_empty());
    assert_eq!(complaints(&world)[0]["stops"], false, "with money paid in it is a warning: {:#?}", complaints(&world));
    world.json(&["settle", "--account", "bitlaunch"]);
    let known = corrections(&world).len();
    world.misbehave(json!([{ "fault": "foreign_server", "name": "somebody" }]));
    world.json(&["ls", "--refresh"]);
    for _ in 0..2 {
        let before = looks(&world);
        world.pass(2 * 3_600);
        wait_for("its account is looked at", SOON, || looks(&world) > before);
    }
    assert_eq!((corrections(&world).len(), complaints(&world)), (known, vec![]), "who else costs there is not known");
}
