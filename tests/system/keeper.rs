//! The keeper that outlives everybody: started by whoever spends, one at a time, replaced when it is killed, gone when
//! nothing is left. Real processes; only the data centre is imitated.

use crate::{
    agent::{Agent, Era},
    laws,
    world::{SMALL, World, text, wait_for},
};
use serde_json::json;
use std::{process::Command, time::Duration};

const SOON: Duration = Duration::from_secs(90);
const UP: [&str; 7] = ["up", "box", "--offer", SMALL, "--for", "2h", "--no-wait"];

/// The keepers of this world that live now, found as any user would find them.
pub fn keepers(world: &World) -> Vec<i32> {
    let home = format!("BURSAR_HOME={}", world.home().display());
    let mut found = vec![];
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let read = |file: &str| std::fs::read(process.path().join(file)).unwrap_or_default();
        let is_keeper = String::from_utf8_lossy(&read("cmdline")).contains("watch\0--keeper");
        let is_here = read("environ").split(|b| *b == 0).any(|line| line == home.as_bytes());
        let state = String::from_utf8_lossy(&read("stat")).into_owned();
        let lives = state.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'));
        if is_keeper && is_here && lives {
            found.push(pid);
        }
    }
    found
}

pub fn signal(pid: i32, name: &str) {
    let ran = Command::new("kill").args([format!("-{name}"), pid.to_string()]).output().unwrap();
    assert!(ran.status.success(), "{}", text(&ran));
}

fn wait_for_one(world: &World) -> i32 {
    wait_for("one keeper", SOON, || keepers(world).len() == 1);
    keepers(world)[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_ends_although_its_client_was_killed() {
    let world = World::new().await;
    let agent = Agent::start(&world, Era::Legacy).await;
    agent.get("create_instance", json!({ "name": "short", "offer": SMALL, "length": "1h", "wait": false })).await;
    agent.kill().await;
    let keeper = wait_for_one(&world);
    let status = std::fs::read_to_string(format!("/proc/{keeper}/stat")).unwrap();
    let session: i32 = status.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert_eq!(session, keeper, "a session of its own");
    for stream in 0..3 {
        let to = std::fs::read_link(format!("/proc/{keeper}/fd/{stream}")).unwrap();
        assert_eq!(to.to_str(), Some("/dev/null"), "stream {stream}");
    }
    assert_eq!(std::fs::read_link(format!("/proc/{keeper}/cwd")).unwrap().to_str(), Some("/"));
    let environment = std::fs::read(format!("/proc/{keeper}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("BITLAUNCH_API_KEY"), "keys are not passed by environment");
    world.pass(3_601);
    wait_for("the keeper ends what is due", SOON, || world.alive().is_empty());
    wait_for("its hold is released", SOON, || keeper_idle(&world));
    laws::hold(&world, "a client that was killed");
}

fn keeper_idle(world: &World) -> bool {
    world.json(&["spending"])["held_usd"] == "0.00"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_keeper_is_replaced_by_any_bursar_that_runs() {
    let world = World::new().await;
    world.json(&UP);
    let first = wait_for_one(&world);
    signal(first, "KILL");
    wait_for("it is gone", SOON, || keepers(&world).is_empty());
    world.json(&["ls"]);
    let second = wait_for_one(&world);
    assert_ne!(first, second);
    let agent = Agent::start(&world, Era::Modern).await;
    agent.get("list_instances", json!({})).await;
    signal(second, "KILL");
    wait_for("the server starts another", SOON, || keepers(&world).iter().any(|pid| *pid != second));
    drop(agent);
    world.pass(7_201);
    wait_for("the last one ends what is due", SOON, || world.alive().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_spend_at_once_have_one_keeper() {
    let world = World::new().await;
    let names = ["a", "b", "c", "d"];
    let ups: Vec<_> = names
        .iter()
        .map(|name| world.bursar(&["up", name, "--offer", SMALL, "--for", "2h", "--no-wait"]).spawn().unwrap())
        .collect();
    for mut up in ups {
        up.wait().unwrap();
    }
    assert_eq!(world.alive().len(), 2);
    wait_for("one keeper is left", SOON, || keepers(&world).len() == 1);
    laws::hold(&world, "four at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_stopped_past_a_lease_does_not_keep_it_from_ending() {
    let world = World::new().await;
    let agent = Agent::start(&world, Era::Legacy).await;
    agent.get("create_instance", json!({ "name": "short", "offer": SMALL, "length": "1h", "wait": false })).await;
    let keeper = wait_for_one(&world);
    signal(keeper, "STOP");
    signal(agent.pid(), "STOP");
    world.pass(3_601);
    assert_eq!(world.alive().len(), 1, "nobody runs");
    signal(keeper, "CONT");
    wait_for("the keeper ends it", SOON, || world.alive().is_empty());
    signal(agent.pid(), "CONT");
    agent.until("get_instance", json!({ "instance": "short" }), SOON, |i| i["stage"] == "gone").await;
    drop(agent);
    laws::hold(&world, "stopped past a lease");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_made_longer_inside_the_limits_and_never_after_its_end() {
    let world = World::new().await;
    let agent = Agent::start(&world, Era::Legacy).await;
    agent.get("create_instance", json!({ "name": "box", "offer": SMALL, "length": "1h", "wait": false })).await;
    let longer = agent.get("extend_instance", json!({ "instance": "box", "length": "3h" })).await;
    let held: f64 = longer["held_usd"].as_str().unwrap().parse().unwrap();
    assert!(held > 0.03, "{longer:#}");
    let again = agent.get("extend_instance", json!({ "instance": "box", "length": "3h" })).await;
    assert_eq!((&again["ends_at"], &again["held_usd"]), (&longer["ends_at"], &longer["held_usd"]), "asked again");
    world.pass(2 * 3_600);
    assert_eq!(world.alive().len(), 1, "its end was moved");
    let refused = agent.call("extend_instance", json!({ "instance": "box", "length": "30h" })).await;
    assert!(refused.is_error && refused.text.contains("max_lease"), "{}", refused.text);
    let shorter = agent.call("extend_instance", json!({ "instance": "box", "length": "1h" })).await;
    assert!(shorter.is_error && shorter.text.contains("not longer"), "{}", shorter.text);
    laws::hold(&world, "a longer lease");
    world.pass(3_601);
    let late = agent.call("extend_instance", json!({ "instance": "box", "length": "9h" })).await;
    assert!(late.is_error, "an end is not overtaken: {}", late.text);
    wait_for("it ends at its new end", SOON, || world.alive().is_empty());
    drop(agent);
    laws::hold(&world, "an end that was moved");
}

#[tokio::test(flavor = "multi_thread")]
async fn panic_ends_everything_and_only_a_thaw_lets_things_be_rented_again() {
    let world = World::new().await;
    world.json(&UP);
    world.misbehave(json!([{ "match": "POST /servers", "fault": { "lands_late": { "secs": 20 } } }]));
    world.run(&["up", "late", "--offer", SMALL, "--for", "2h", "--no-wait"]);
    world.behave();
    let first = world.run(&["--json", "panic", "--wait", "6"]);
    assert_eq!(first.status.code(), Some(5), "something may still land: {}", text(&first));
    world.pass(21);
    let again = world.run(&["--json", "panic", "--wait", "60"]);
    assert!(again.status.success(), "{}", text(&again));
    assert!(world.alive().is_empty(), "what landed late was ended, too");
    let refused = world.run(&["up", "box", "--offer", SMALL, "--no-wait"]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    assert!(text(&refused).contains("bursar thaw"), "{}", text(&refused));
    world.json(&["thaw"]);
    world.json(&UP);
    assert_eq!(world.alive().len(), 1);
    let verified = world.json(&["audit", "verify"]);
    assert_eq!(verified["whole"], true, "{verified:#}");
    let shown = world.json(&["audit", "show", "--last", "200"]);
    let said = |what: &str, call: &str| {
        shown["lines"].as_array().unwrap().iter().any(|line| line["what"] == what && line["call"] == call)
    };
    assert!(said("allowed", "create_instance") && said("asked", "panic") && said("asked", "thaw"), "{shown:#}");
    laws::hold(&world, "panic and thaw");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_does_not_die_is_held_hour_by_hour_and_everybody_is_told() {
    let mut world = World::new().await;
    let told = world.home().join("told");
    let config = world.home().join("bursar.toml");
    std::fs::write(&config, format!("notify = \"echo $BURSAR_EVENT $BURSAR_INSTANCE >> '{}'\"\n", told.display()))
        .unwrap();
    world.set_env("BURSAR_CONFIG", config.to_str().unwrap());
    world.json(&["up", "box", "--offer", SMALL, "--for", "1h", "--no-wait"]);
    let held = |world: &World| -> f64 { world.ls()["instances"][0]["held_usd"].as_str().unwrap().parse().unwrap() };
    let before = held(&world);
    world.misbehave(json!([{ "match": "DELETE /servers/{id}", "times": 0, "fault": "destroy_ignored" }]));
    world.pass(2 * 3_600);
    wait_for("its end is asked", SOON, || world.requests().iter().any(|line| line.starts_with("DELETE")));
    world.pass(3_600);
    wait_for("more is held", SOON, || held(&world) > before);
    let first = held(&world);
    world.pass(2 * 3_600);
    wait_for("the next hours are held, too", SOON, || held(&world) > first);
    wait_for("the owner's command is run", SOON, || {
        std::fs::read_to_string(&told).is_ok_and(|text| text.contains("overrun box"))
    });
    let listed = world.run(&["ls"]);
    assert_eq!(listed.status.code(), Some(5), "{}", text(&listed));
    let refused = world.run(&["up", "more", "--offer", SMALL, "--no-wait"]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    assert!(text(&refused).contains("outlives its lease"), "{}", text(&refused));
    world.behave();
    wait_for("it dies at last", Duration::from_secs(400), || world.alive().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ledger_is_built_again_from_tags() {
    let mut world = World::new().await;
    world.json(&UP);
    let tag = world.alive()[0]["name"].as_str().unwrap().to_owned();
    let keeper = wait_for_one(&world);
    signal(keeper, "KILL");
    let lost = world.work().join("lost");
    std::fs::rename(world.home(), &lost).unwrap();
    let seen = world.run(&["--json", "recover"]);
    assert!(seen.status.success() && text(&seen).contains(&tag[..10]), "{}", text(&seen));
    let elsewhere = world.work().with_file_name("again");
    world.set_env("BURSAR_HOME", elsewhere.to_str().unwrap());
    let found = world.json(&["recover", "--ledger", &tag[..10]]);
    assert_eq!(found["found"][0]["end_known"], true, "{found:#}");
    let again = world.json(&["recover"]);
    assert_eq!(again["found"].as_array().unwrap().len(), 0, "found once: {again:#}");
    laws::hold(&world, "a ledger that was lost");
    world.pass(24 * 3_600);
    wait_for("it ends like any other", SOON, || world.alive().is_empty());
}
