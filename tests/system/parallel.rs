//! Many at once: what passes a limit is decided in one place, whoever asks.

use crate::{
    laws,
    world::{SMALL, World, text},
};

/// Creates that ask at the same time, over so many processes.
const PROCESSES: usize = 4;
const EACH: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_creates_from_four_processes_make_exactly_two() {
    let world = World::new().await;
    let agents: Vec<_> =
        (0..PROCESSES).map(|_| crate::agent::Agent::start(&world, crate::agent::Era::Legacy)).collect();
    let agents = futures::future::join_all(agents).await;
    let calls = agents.iter().enumerate().flat_map(|(p, agent)| {
        (0..EACH).map(move |n| {
            let name = format!("box-{p}-{n}");
            agent.call("create_instance", serde_json::json!({ "name": name, "offer": SMALL, "wait": false }))
        })
    });
    let answers = futures::future::join_all(calls).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| !answer.is_error);
    assert_eq!(made.len(), 2, "{made:?}");
    for answer in &refused {
        assert_eq!(answer.content["kind"], "refused", "{answer:?}");
        let message = answer.content["message"].as_str().unwrap();
        assert!(message.contains("max_instances") && message.contains('2'), "{message}");
        assert!(!message.to_lowercase().contains("database"), "{message}");
    }
    assert_eq!(world.alive().len(), 2);
    let creates = world.requests().iter().filter(|request| *request == "POST /servers").count();
    assert_eq!(creates, 2, "orders reached the provider");
    drop(agents);
    laws::hold(&world, "64 creates");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_create_asked_again_is_the_same_instance() {
    let world = World::new().await;
    let ask = ["up", "twin", "--offer", SMALL, "--for", "2h", "--no-wait"];
    let first = world.json(&ask);
    let again = world.json(&ask);
    assert_eq!(first["id"], again["id"]);
    assert_eq!(world.alive().len(), 1);
    let other = world.run(&["up", "twin", "--offer", SMALL, "--for", "3h", "--no-wait"]);
    assert_eq!(other.status.code(), Some(3), "{}", text(&other));
    assert_eq!(world.alive().len(), 1);
}
