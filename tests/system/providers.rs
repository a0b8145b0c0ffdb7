//! Every provider by the same commands: what is sold side by side, the whole loop on each, and what only some of them can do.

use crate::world::{World, text};
use bursar_practice::Machines;
use serde_json::Value;

/// The cheapest offer of a provider with a card, as commands name it.
fn cheapest(world: &World, provider: &str) -> String {
    let offers = world.json(&["offers", "--gpus", "1", "--provider", provider]);
    offers["offers"][0]["offer"].as_str().unwrap_or_else(|| panic!("{offers:#}")).to_owned()
}

fn instances(world: &World, provider: &str) -> Vec<Value> {
    let servers = world.truth()["servers"].as_array().unwrap().clone();
    servers.into_iter().filter(|server| server["provider"] == provider).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_of_all_providers_stand_side_by_side_and_only_of_those_with_a_key() {
    let names = bursar_practice::providers();
    let all = World::made(Machines::BuiltIn, &names).await;
    let found = all.json(&["offers", "--gpus", "1", "--limit", "500"]);
    let has = |found: &Value, provider: &str| {
        let offers = found["offers"].as_array().unwrap();
        offers.iter().any(|offer| offer["offer"].as_str().unwrap().starts_with(&format!("{provider}:")))
    };
    for provider in names {
        assert!(has(&found, provider), "{provider}: {found:#}");
    }
    let one = World::of("vast").await;
    let found = one.json(&["offers", "--gpus", "1"]);
    assert!(has(&found, "vast") && !has(&found, "bitlaunch"), "{found:#}");
    assert!(one.requests().iter().all(|line| !line.contains("hosts-create-options")), "nobody else was asked");
}

async fn whole_loop(provider: &str) {
    let world = World::of(provider).await;
    let offer = cheapest(&world, provider);
    let up = world.json(&["up", "trainer", "--offer", &offer, "--for", "1h"]);
    assert_eq!(up["stage"], "ready", "{up:#}");
    let ran = world.run(&["run", "trainer", "--", "nvidia-smi", "-L"]);
    assert!(ran.status.success() && text(&ran).contains("GPU 0"), "{}", text(&ran));
    let lives = instances(&world, provider);
    assert!(lives.len() == 1 && lives[0]["alive"] == true, "{lives:#?}");
    world.json(&["down", "trainer"]);
    let spending = world.json(&["spending"]);
    assert!(instances(&world, provider).iter().all(|one| one["alive"] == false), "{spending:#}");
    assert!(world.ls()["instances"].as_array().unwrap().iter().all(|one| one["stage"] == "gone"), "{:#}", world.ls());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_loop_works_on_vast() {
    whole_loop("vast").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_loop_works_on_aleph() {
    whole_loop("aleph").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_paused_costs_its_disk_and_runs_again() {
    let world = World::of("vast").await;
    let offer = cheapest(&world, "vast");
    world.json(&["up", "trainer", "--offer", &offer, "--for", "2h"]);
    let burn = || instances(&world, "vast")[0]["musd_per_hour"].as_f64().unwrap();
    let running = burn();
    world.run(&["run", "trainer", "--", "touch", "kept"]);

    let paused = world.json(&["pause", "trainer"]);
    assert!(paused["note"].as_str().unwrap().contains("paused"), "{paused:#}");
    assert!(0.0 < burn() && burn() < running / 5.0, "{} of {running}", burn());

    let resumed = world.json(&["resume", "trainer"]);
    assert_eq!(resumed["stage"], "ready", "{resumed:#}");
    assert!((burn() - running).abs() < 1.0, "{} of {running}", burn());
    let kept = world.run(&["run", "trainer", "--", "ls", "kept"]);
    assert!(text(&kept).contains("kept"), "{}", text(&kept));

    // What is frozen does not run again, and what is paused ends all the same.
    world.json(&["pause", "trainer"]);
    assert!(world.run(&["panic"]).status.success());
    let refused = world.run(&["resume", "trainer"]);
    assert!(!refused.status.success(), "{}", text(&refused));
    assert!(instances(&world, "vast").iter().all(|one| one["alive"] == false));
}
