//! Prepaid blocks: the whole of one is held at once, and a further one is a spend of its own.

use crate::{
    laws,
    world::{World, text},
};
use serde_json::{Value, json};

const OFFER: &str = "ionet:12/1/US";
/// 0.30 USD/h, and 2.25 % of fees, in millionths.
const PER_HOUR: i64 = 306_750;

async fn rented(length: &str) -> World {
    let world = World::of("ionet").await;
    world.json(&["up", "box", "--offer", OFFER, "--for", length]);
    world
}

fn only(world: &World) -> Value {
    world.ls()["instances"][0].clone()
}

/// An amount in millionths.
fn micros(text: &Value) -> i64 {
    (text.as_str().unwrap().parse::<f64>().unwrap() * 1e6).round() as i64
}

fn held(world: &World) -> i64 {
    micros(&only(world)["held_usd"])
}

fn bought(world: &World) -> usize {
    world.requests().iter().filter(|line| line.starts_with("POST /deployment/")).count()
}

/// Ends it, and sees that nothing is left and that the ledger knows of all that was taken.
fn end(world: &World, story: &str) {
    world.json(&["down", "box"]);
    assert!(world.alive().is_empty(), "{story}");
    laws::hold(world, story);
    let shown = only(world);
    let taken = world.truth()["servers"][0]["charged_micros"].as_i64().unwrap();
    assert!(micros(&shown["charged_usd"]) >= taken, "{story}: {taken} taken, {shown:#}");
    assert_eq!(held(world), 0, "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_held_whole_and_a_further_one_is_bought_once() {
    let world = rented("2h").await;
    assert_eq!(held(&world), 2 * PER_HOUR, "the block and nothing for its end");
    let before = only(&world)["ends"].clone();
    world.json(&["extend", "box", "--for", "5h"]);
    assert_eq!(held(&world), 5 * PER_HOUR);
    assert_ne!(only(&world)["ends"], before);
    assert_eq!(world.truth()["servers"][0]["more"]["hours"], 5);
    world.json(&["extend", "box", "--for", "5h"]);
    assert_eq!(bought(&world), 1, "asked again it is the same");
    end(&world, "bought");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paid_already_is_not_bought_again() {
    let world = rented("90m").await;
    assert_eq!(held(&world), 2 * PER_HOUR, "begun hours are paid whole");
    world.json(&["extend", "box", "--for", "2h"]);
    assert_eq!((held(&world), bought(&world)), (2 * PER_HOUR, 0));
    end(&world, "inside its block");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_is_refused_gives_its_hold_back() {
    let world = rented("1h").await;
    let before = only(&world)["ends"].clone();
    world.misbehave(json!({ "match": "POST /deployment/{id}/extend", "fault": "refuse", "status": 429 }));
    let output = world.run(&["extend", "box", "--for", "4h"]);
    assert!(!output.status.success() && text(&output).contains("no further block was sold"), "{}", text(&output));
    assert_eq!((held(&world), only(&world)["ends"].clone()), (PER_HOUR, before));
    // Limits refuse before the provider is asked for anything that costs.
    let asked = bought(&world);
    let output = world.run(&["extend", "box", "--for", "30h"]);
    assert!(!output.status.success() && text(&output).contains("max_lease"), "{}", text(&output));
    assert_eq!((held(&world), bought(&world)), (PER_HOUR, asked));
    end(&world, "refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_settled_by_what_was_paid() {
    let world = rented("1h").await;
    world.misbehave(json!({ "match": "POST /deployment/{id}/extend", "fault": "lost_after" }));
    world.json(&["extend", "box", "--for", "3h"]);
    assert_eq!((held(&world), bought(&world)), (3 * PER_HOUR, 1), "it was bought, and is not bought twice");
    assert_eq!(world.truth()["servers"][0]["more"]["hours"], 3);
    end(&world, "lost and found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_in_doubt_stays_held_and_is_not_asked_for_twice() {
    let world = rented("1h").await;
    let before = only(&world)["ends"].clone();
    world.misbehave(json!({ "match": "POST /deployment/{id}/extend", "fault": "lost_before" }));
    for time in ["first", "again"] {
        let output = world.run(&["extend", "box", "--for", "3h"]);
        assert!(!output.status.success() && text(&output).contains("not known"), "{time}: {}", text(&output));
        assert_eq!((held(&world), only(&world)["ends"].clone()), (3 * PER_HOUR, before.clone()), "{time}");
        assert_eq!(bought(&world), 1, "{time}");
    }
    // When it can no longer come and nothing was paid, the hold serves the next one.
    world.pass(35 * 60);
    world.json(&["extend", "box", "--for", "3h"]);
    assert_eq!((held(&world), bought(&world)), (3 * PER_HOUR, 2));
    assert_eq!(world.truth()["servers"][0]["more"]["hours"], 3);
    end(&world, "in doubt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_ends_by_itself_and_costs_what_was_paid() {
    let world = rented("1h").await;
    world.pass(61 * 60);
    world.settle();
    laws::all_ended(&world, "the block is over");
    assert_eq!(micros(&only(&world)["charged_usd"]), PER_HOUR);
}
