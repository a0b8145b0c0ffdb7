//! The keeper where its surroundings fail it: the time of day set back, a newer program in mid-stop, a ledger that is locked,
//! unreadable, taken away or newer, a container. Whatever it is, what is due ends.

use crate::{
    agent::{Agent, Era},
    keeper::{keepers, signal},
    laws,
    world::{SMALL, World, text, wait_for},
};
use serde_json::json;
use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(120);
const UP: [&str; 7] = ["up", "box", "--offer", SMALL, "--for", "2h", "--no-wait"];

/// A connection to the ledger that knows no law.
async fn bare(world: &World) -> SqliteConnection {
    let file = SqliteConnectOptions::new().filename(world.home().join("ledger.db"));
    file.busy_timeout(Duration::from_secs(20)).connect().await.unwrap()
}

fn one_keeper(world: &World) -> i32 {
    wait_for("one keeper", SOON, || keepers(world).len() == 1);
    keepers(world)[0]
}

fn ends_asked(world: &World) -> usize {
    world.requests().iter().filter(|line| line.starts_with("DELETE /servers")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_ends_by_the_clock_since_boot_when_the_time_of_day_was_set_back() {
    let world = World::new().await;
    world.json(&["up", "box", "--offer", SMALL, "--for", "1m", "--no-wait"]);
    one_keeper(&world);
    world.set_back(5 * 3_600);
    assert_eq!(world.alive().len(), 1);
    wait_for("it ends a minute later, whatever the time of day is", SOON, || world.alive().is_empty());
    wait_for("its hold is released", SOON, || world.json(&["spending"])["held_usd"] == "0.00");
    let entries = world.json(&["spending", "--entries", "9"])["entries"].clone();
    let times: Vec<&str> = entries.as_array().unwrap().iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "ledger time runs backwards: {times:?}");
    laws::hold(&world, "a clock that was set back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_program_takes_over_in_mid_stop_and_the_end_goes_on() {
    let world = World::new().await;
    world.json(&UP);
    let first = one_keeper(&world);
    world.misbehave(json!([{ "match": "DELETE /servers/{id}", "fault": { "slow": { "secs": 4, "before": true } } }]));
    world.pass(7_201);
    wait_for("its end is asked", SOON, || ends_asked(&world) > 0);
    bare(&world).await.execute("UPDATE keeper SET wanted = '99.0.0.0'").await.unwrap();
    wait_for("it hands over", SOON, || !keepers(&world).contains(&first));
    world.run(&["ls"]);
    wait_for("it is gone", SOON, || world.alive().is_empty());
    wait_for("its hold is released", SOON, || world.json(&["spending"])["held_usd"] == "0.00");
    let listed = world.ls();
    assert_eq!(listed["instances"].as_array().unwrap().len(), 1, "{listed:#}");
    laws::hold(&world, "a hand-over in mid-stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_keeper_on_a_newer_schema_ends_what_is_due_and_nothing_is_rented() {
    let world = World::new().await;
    world.json(&UP);
    let keeper = one_keeper(&world);
    let newer =
        "ALTER TABLE instances ADD COLUMN colour TEXT; CREATE TABLE tomorrow (n INTEGER); PRAGMA user_version = 99;";
    bare(&world).await.execute(sqlx::raw_sql(newer)).await.unwrap();
    let refused = world.run(&["up", "more", "--offer", SMALL, "--no-wait"]);
    assert!(!refused.status.success() && text(&refused).contains("older than its ledger"), "{}", text(&refused));
    world.pass(7_201);
    wait_for("it ends what is due", SOON, || world.alive().is_empty());
    wait_for("its hold is released", SOON, || world.json(&["spending"])["held_usd"] == "0.00");
    assert!(keepers(&world).contains(&keeper), "it is still the one that kept");
    laws::hold(&world, "a schema of tomorrow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_nobody_can_write_delays_no_end() {
    let world = World::new().await;
    world.json(&UP);
    let keeper = one_keeper(&world);
    let mut lock = bare(&world).await;
    lock.execute("BEGIN IMMEDIATE").await.unwrap();
    world.pass(7_201);
    wait_for("it ends while the ledger is locked", SOON, || world.alive().is_empty());
    lock.execute("ROLLBACK").await.unwrap();
    lock.close().await.unwrap();
    wait_for("it is written down then", SOON, || world.json(&["spending"])["held_usd"] == "0.00");
    assert!(keepers(&world).contains(&keeper));
    laws::hold(&world, "a ledger that was locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_lost_makes_the_keeper_act_from_memory() {
    let files = ["ledger.db", "ledger.db-wal", "ledger.db-shm"];
    for story in ["taken away", "deleted", "filled with nonsense"] {
        let world = World::new().await;
        world.json(&UP);
        let keeper = one_keeper(&world);
        // It has seen what is open.
        wait_for("a round", SOON, || world.home().join("keeper.log").exists());
        std::thread::sleep(Duration::from_secs(4));
        for file in files.map(|file| world.home().join(file)).iter().filter(|file| file.exists()) {
            match story {
                "taken away" => std::fs::rename(file, world.work().join(file.file_name().unwrap())).unwrap(),
                "deleted" => std::fs::remove_file(file).unwrap(),
                _ if file.to_string_lossy().ends_with("-shm") => {}
                _ => std::fs::write(file, vec![0xA5; std::fs::metadata(file).unwrap().len() as usize]).unwrap(),
            }
        }
        world.pass(7_201);
        wait_for("what it knows to be due ends", SOON, || world.alive().is_empty());
        assert!(keepers(&world).contains(&keeper), "{story}: it lives on");
        signal(keeper, "KILL");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_cannot_outlive_its_surrounding_says_so_wherever_an_end_is_told() {
    // Tests that run in a container say so, whatever else is true.
    for (name, value, one_of) in
        [("container", "podman", ["this container"; 2]), ("CI", "true", ["this CI job", "this container"])]
    {
        let says = |text: &str, start: &str| one_of.iter().any(|what| text.contains(&format!("{start} {what}")));
        let mut world = World::new().await;
        world.set_env(name, value);
        let up = world.run(&UP);
        assert!(up.status.success() && says(&text(&up), "cannot outlive"), "{}", text(&up));
        let listed = text(&world.run(&["ls"]));
        assert!(listed.contains("if no keeper ever ran again: `box`"), "{listed}");
        assert!(says(&listed, "this is near: no keeper outlives"), "{listed}");
        let doctor = text(&world.run(&["doctor"]));
        assert!(says(&doctor, "cannot outlive"), "{doctor}");
        let agent = Agent::start(&world, Era::Modern).await;
        let shown = agent.call("list_instances", json!({})).await;
        assert!(says(&shown.text, "no keeper outlives"), "{}", shown.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_its_own_limit_and_a_new_one_begins_anew() {
    let mut world = World::new().await;
    let fits = world.json(&["up", "a", "--offer", SMALL, "--for", "2h", "--dry-run"]);
    world.set_env("BURSAR_MAX_SESSION_SPENDING", fits["hold_usd"].as_str().unwrap());
    let ask = |name: &str| json!({ "name": name, "offer": SMALL, "length": "2h", "wait": false });
    let first = Agent::start(&world, Era::Legacy).await;
    first.get("create_instance", ask("a")).await;
    let refused = first.call("create_instance", ask("b")).await;
    assert!(refused.is_error && refused.text.contains("`max_session_spending` allows"), "{}", refused.text);
    let longer = first.call("extend_instance", json!({ "instance": "a", "length": "6h" })).await;
    assert!(longer.is_error && longer.text.contains("max_session_spending"), "{}", longer.text);
    first.call("destroy_instance", json!({ "instance": "a" })).await;
    let again = first.call("create_instance", ask("b")).await;
    assert!(again.is_error, "what is charged counts, too: {}", again.text);
    first.kill().await;
    let second = Agent::start(&world, Era::Legacy).await;
    second.get("create_instance", ask("b")).await;
    laws::hold(&world, "two sessions");
}
