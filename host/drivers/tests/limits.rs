//! A driver that computes, grows, recurses, floods, waits or breaks is stopped, and the next call works.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;
use common::{World, check, provider::Create};
use std::time::{Duration, Instant};

/// Case 39.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_driver_does_to_itself_stays_with_it() {
    for (script, expected) in [
        ("loop", "computed for more than 250 ms"),
        ("send user; loop", "computed for more than 250 ms"),
        ("plead", "computed for more than 250 ms"),
        ("grow", "broke down"),
        ("recurse", "broke down"),
        ("trap", "broke down"),
        ("chatter; send user; echo", "acct-1"),
        ("shout 4000000", "xxx"),
        ("shout 5000000", "too large"),
        ("count", "seen 0 calls"),
        ("wasi; echo", "0 false 0"),
    ] {
        let world = check("account", script, expected).await;
        let driver = world.driver().await;
        let sites = world.said("offers").await;
        assert_eq!(sites, "ok []", "after `{script}`");
        assert_eq!(driver.name(), "odd");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_survives_from_call_to_call() {
    let world = World::odd(&[("account", "count")]).await;
    for _ in 0..3 {
        assert!(world.said("account").await.contains("seen 0 calls"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_waits_is_not_a_driver_that_computes() {
    let world = World::odd(&[("create", "send create; send user; refuse late")]).await;
    world.provider.now().create = Create::Hang;
    let (driver, begun) = (world.driver().await, Instant::now());
    let created = driver.create(&common::at(), &common::order(), common::KEY, None).await;
    let error = created.outcome.unwrap_err().to_string();
    assert!(error.contains("refused") && error.contains("late"), "{error}");
    assert!((2..6).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_looping_driver_does_not_hold_up_the_others() {
    let world = World::odd(&[("account", "loop"), ("offers", "row a/b")]).await;
    let driver = world.driver().await;
    let at = common::at();
    let (looped, offers) = tokio::join!(driver.account(&at), async {
        let begun = Instant::now();
        let offers = driver.offers(&common::at(), &Default::default()).await.unwrap();
        (offers.len(), begun.elapsed())
    });
    assert!(looped.is_err());
    assert_eq!(offers.0, 1);
    assert!(offers.1 < Duration::from_millis(200), "{:?}", offers.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_calls_at_once_all_end() {
    let world = World::odd(&[("account", "send user")]).await;
    let driver = world.driver().await;
    let calls = (0..64).map(|_| {
        let driver = driver.clone();
        tokio::spawn(async move { driver.account(&common::at()).await.is_ok() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(call.await.unwrap());
    }
}
