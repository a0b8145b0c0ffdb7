//! How long one call takes, fresh sandbox included. Not a check: run it with
//! `cargo test --release -p bursar-drivers --test speed -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;
use bursar_core::offer::Wish;
use common::World;
use std::time::{Duration, Instant};

const ROUNDS: usize = 2_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn one_call() {
    let fifty: Vec<String> = (0..50).map(|n| format!("row size-{n}/eu")).collect();
    for (what, script) in [
        ("an empty page", String::new()),
        ("50 offers, nothing asked", fifty.join(";")),
        ("one request over loopback HTTP", "send user".to_owned()),
        ("one denied request", "send destroy".to_owned()),
    ] {
        let world = World::odd(&[("offers", &script)]).await;
        let driver = world.driver().await;
        let mut took: Vec<Duration> = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            driver.offers(&common::at(), &Wish::default()).await.unwrap();
            took.push(begun.elapsed());
        }
        took.sort();
        println!("{what}: median {:?}, p99 {:?}", took[ROUNDS / 2], took[ROUNDS * 99 / 100]);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn one_load() {
    let world = World::odd(&[]).await;
    let begun = Instant::now();
    world.driver().await;
    println!("engine, compile, probe: {:?}", begun.elapsed());
    let world = World::odd(&[]).await;
    let begun = Instant::now();
    world.driver().await;
    println!("engine, load from cache, probe: {:?}", begun.elapsed());
}
