//! The real Aleph driver, built from source, in the real sandbox, over real HTTP, against its imitation: messages that the
//! host signs and the network checks, operations that nodes check, addresses that only answers name.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;
use bursar_core::{
    instance::{Handle, ProviderState, View},
    money::Usd,
    offer::{Order, Priced, Wish},
};
use bursar_drivers::{At, CallErrorKind, Created, Left, Outcome};
use common::imitated::World;

const KEY: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const ANOTHER_KEY: &str = "2222222222222222222222222222222222222222222222222222222222222222";
const AGENT: &str = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A";

async fn world() -> World {
    World::with("aleph", KEY, &[]).await
}

async fn order(world: &World, wish: Wish) -> Order {
    let offer = world.driver.offers(&world.at(1), &wish).await.unwrap().into_iter().next().unwrap();
    Order { provider: "aleph".into(), offer: offer.id, image: offer.image, nodes: 1, length_secs: 3_600 }
}

async fn create(world: &World, order: &Order) -> Created {
    assert_eq!(world.driver.ensure_key(&world.at(1), common::KEY).await.unwrap(), None, "the key is in the order");
    world.driver.create(&world.at(1), order, common::KEY, None).await
}

/// Takes an order further until it is made; returns its view and how often it was asked.
async fn until_made(world: &World, order: &Order, hash: &str) -> View {
    for _ in 0..200 {
        let created = world.driver.advance_made(&world.at(1), order, hash, hash).await;
        match created.outcome.unwrap() {
            Outcome::Made(view) => return view,
            Outcome::Pending(text) => assert_eq!(text, hash),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it was never made: {}", world.practice.state()["aleph"]);
}

fn requests(world: &World, part: &str) -> usize {
    let state = world.practice.state();
    state["log"].as_array().unwrap().iter().filter(|row| row["path"].as_str().unwrap().contains(part)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_loop_is_signed_by_the_host() {
    let world = world().await;
    let (driver, at) = (&world.driver, world.at(1));
    let account = driver.account(&at).await.unwrap();
    assert_eq!((account.identity.as_str(), account.balance), (AGENT, Some(Usd::dollars(200))));

    let order = order(&world, Wish::default()).await;
    let terms = driver.quote(&at, &order).await.unwrap();
    assert_eq!(
        (terms.priced, terms.price.per_hour, terms.price.billing.balance_secs),
        (Priced::Seen, Usd(14_250), 86_400)
    );

    let created = create(&world, &order).await;
    assert_eq!(created.left, Left::Answered { status: 200 });
    let [hash] = &created.made[..] else { panic!("{created:?}") };
    assert_eq!(created.outcome, Ok(Outcome::Pending(hash.clone())));
    let view = until_made(&world, &order, hash).await;
    assert_eq!((view.state.clone(), view.handle.memo.as_str()), (ProviderState::Running, AGENT));

    let listing = driver.list(&at).await.unwrap();
    assert_eq!((listing.complete, listing.identity.as_str()), (Ok(()), AGENT));
    assert_eq!(listing.rows[0].tag.as_ref(), at.tag.as_ref().map(|tag| &tag.0));
    driver.restart(&at, &view.handle).await.unwrap();
    world.until_running(&view.handle).await;

    let ended = driver.destroy(&at, &view.handle).await;
    assert!(ended.accepted && !ended.by_host && ended.result.is_ok(), "{ended:?}");
    assert_eq!(requests(&world, "/erase"), 1, "it was wiped on its node first");
    // A second later, for the same words of the same second are the same message, which is taken once.
    let later = At { now: at.now.after(1), ..at.clone() };
    assert!(driver.destroy_by_host(&later, &view.handle).await.accepted, "an end asked twice has happened");
    let listing = driver.list(&at).await.unwrap();
    assert!(listing.complete.is_ok() && listing.rows.is_empty(), "{listing:?}");
    assert_eq!(driver.account(&at).await.unwrap().burn_per_hour, Some(Usd::ZERO));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_ordered_on_its_node_which_is_told() {
    let world = world().await;
    let order = order(&world, Wish { gpu: Some("4090".into()), ..Wish::default() }).await;
    assert!(order.offer.contains("/10de:2684/"), "{}", order.offer);
    let terms = world.driver.quote(&world.at(1), &order).await.unwrap();
    assert_eq!(terms.price.per_hour, Usd(258_750), "six units of 43,125 credits");
    let created = create(&world, &order).await;
    let view = until_made(&world, &order, &created.made[0]).await;
    assert!(view.nodes[0].ssh.is_some() && requests(&world, "/at/two.crn.example.org/control/allocation/notify") > 0);
    let sold = world.driver.quote(&world.at(2), &order).await.unwrap_err();
    assert!(matches!(sold.kind, CallErrorKind::OutOfStock(_)), "{sold:?}");
    assert!(world.driver.destroy(&world.at(1), &view.handle).await.accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_an_order_is_known_even_when_its_answer_is_lost() {
    for fault in [r#""lost_after""#, r#""500_after""#, r#"{"html":{"status":502}}"#] {
        let world = world().await;
        let order = order(&world, Wish::default()).await;
        world.fault(&format!(r#"{{"match":"POST /api/v0/messages","provider":"aleph","fault":{fault}}}"#)).await;
        let created = create(&world, &order).await;
        let [hash] = &created.made[..] else { panic!("{fault}: {created:?}") };
        assert!(!created.nothing_was_made(), "{fault}: what was signed may reach the network");
        let lives = world.practice.state()["aleph"]["instances"].clone();
        assert!(lives.as_array().unwrap().iter().all(|row| row["hash"] == *hash), "{fault}: {lives}");
        // Signed once: to ask again tells, and makes nothing.
        if !lives.as_array().unwrap().is_empty() {
            until_made(&world, &order, hash).await;
        }
        assert!(world.practice.state()["aleph"]["instances"].as_array().unwrap().len() <= 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_rejected_says_why_and_is_no_clear_no() {
    let world = world().await;
    let order = order(&world, Wish::default()).await;
    // A day of 14,250 credits an hour is 342,000.
    world.fault(r#"{"provider":"aleph","fault":{"balance":{"musd":341}}}"#).await;
    let created = create(&world, &order).await;
    assert!(!created.nothing_was_made() && created.made.len() == 1, "a rejected message was published: {created:?}");
    let view = until_made(&world, &order, &created.made[0]).await;
    assert!(matches!(&view.state, ProviderState::Failed(why) if why.contains("24 h")), "{view:?}");
    assert!(world.driver.destroy(&world.at(1), &view.handle).await.accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_somebody_else_ends_nothing_of_ours() {
    let world = World::with("aleph", ANOTHER_KEY, &[("payer", AGENT)]).await;
    let (driver, at) = (&world.driver, world.at(1));
    assert_eq!(driver.account(&at).await.unwrap().identity, AGENT);
    let handle = Handle { id: "0".repeat(64), memo: AGENT.to_owned() };
    let ended = driver.destroy(&at, &handle).await;
    assert!(!ended.accepted && ended.result.is_err(), "{ended:?}");
    let order = order(&world, Wish::default()).await;
    let created = create(&world, &order).await;
    assert_eq!(world.practice.state()["aleph"]["instances"], serde_json::json!([]), "{created:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_asked_and_the_way_to_one_is_named() {
    for (key, words) in [("", "bursar login aleph"), ("/nonexistent/key", "cannot be read")] {
        let world = World::with("aleph", key, &[]).await;
        let error = world.driver.account(&world.at(1)).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(world.practice.state()["log"], serde_json::json!([]));
    }
}
