//! A provider that lies about money, or answers with what is no answer: what the owner is told, held and charged.

use crate::{
    agent::{Agent, Era},
    laws,
    world::{SMALL, World, text},
};
use serde_json::{Value, json};

const UP: [&str; 7] = ["up", "box", "--offer", SMALL, "--for", "2h", "--no-wait"];

fn usd(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

fn only(listed: &Value) -> &Value {
    &listed["instances"][0]
}

/// The listed price of `SMALL`, in thousandths of a dollar.
fn quoted_musd(world: &World) -> i64 {
    let fits = world.json(&["up", "box", "--offer", SMALL, "--for", "2h", "--dry-run"]);
    (usd(&fits["price_usd_per_hour"]) * 1_000.0).round() as i64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_billed_above_the_listed_one_is_told_held_and_charged() {
    let world = World::new().await;
    let quoted = quoted_musd(&world);
    let fault = json!({ "billed_at": { "musd_per_hour": quoted * 3, "size": "nibble-8192" } });
    world.misbehave(json!([{ "match": "POST /servers", "fault": fault }]));
    let agent = Agent::start(&world, Era::Legacy).await;
    let made = agent.call("create_instance", json!({ "name": "box", "offer": SMALL, "length": "2h" })).await;
    assert!(!made.is_error, "{}", made.text);
    let shown = agent.call("get_instance", json!({ "instance": "box", "wait": true })).await;
    let (listed_at, billed_at) = (quoted as f64 / 1_000.0, quoted as f64 * 3.0 / 1_000.0);
    for told in [shown.content["note"].as_str().unwrap(), &shown.text] {
        assert!(told.contains(&format!("bills {billed_at} USD/h, {listed_at} USD/h were quoted")), "{told}");
    }
    assert_eq!(shown.content["stage"], "ready", "the note survives being made ready: {}", shown.text);
    let held = usd(&shown.content["held_usd"]);
    assert!(held >= billed_at * 2.0, "{held} USD held for two hours at {billed_at} USD/h");
    assert_eq!(usd(&shown.content["price_usd_per_hour"]), billed_at);
    let gone = agent.call("destroy_instance", json!({ "instance": "box" })).await;
    assert_eq!(gone.content["gone"], true, "{}", gone.text);
    drop(agent);
    let (charged, taken) =
        (usd(&only(&world.ls())["charged_usd"]), world.truth()["servers"][0]["charged_musd"].clone());
    assert!(charged >= taken.as_f64().unwrap() / 1_000.0, "{charged} USD charged, {taken} mUSD taken");
    laws::hold(&world, "a dearer machine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_rises_between_quote_and_order_is_told_held_and_charged() {
    let world = World::new().await;
    let quoted = quoted_musd(&world);
    let size = SMALL.split('/').nth(1).unwrap();
    let fault = json!({ "price_changed": { "size": size, "musd_per_hour": quoted * 2 } });
    world.misbehave(json!([{ "match": "POST /servers", "fault": fault }]));
    let output = world.run(&["up", "box", "--offer", SMALL, "--for", "2h"]);
    assert!(output.status.success(), "{}", text(&output));
    let listed = world.ls();
    let note = only(&listed)["note"].as_str().unwrap_or_default();
    assert!(note.contains("were quoted"), "{listed:#}");
    let taken = |world: &World| world.truth()["servers"][0]["charged_musd"].as_f64().unwrap() / 1_000.0;
    world.run(&["down", "box", "--wait", "10"]);
    world.settle();
    let charged = usd(&only(&world.ls())["charged_usd"]);
    assert!(charged >= taken(&world), "{charged} USD charged, {} USD taken", taken(&world));
    laws::all_ended(&world, "a price that rose");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_rises_before_the_quote_meets_what_the_caller_named() {
    let world = World::new().await;
    let quoted = quoted_musd(&world);
    let size = SMALL.split('/').nth(1).unwrap();
    world.misbehave(json!({ "fault": { "price_changed": { "size": size, "musd_per_hour": quoted * 2 } } }));
    let most = format!("{}", quoted as f64 / 1_000.0);
    let agent = Agent::start(&world, Era::Modern).await;
    let ask = json!({ "name": "box", "offer": SMALL, "max_usd_per_hour": most });
    let refused = agent.call("create_instance", ask).await;
    assert!(refused.is_error && refused.text.contains("more than the"), "{}", refused.text);
    assert!(world.alive().is_empty());
}

/// An answer to an order that is none of ours: the machine is there, and it is found by its tag.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_answers_an_order_no_machine_is_lost() {
    let answers = [
        ("a redirect", json!({ "status": 307, "done": true, "text": "" })),
        ("a page", json!({ "status": 200, "done": true, "text": "<html>ok</html>", "content_type": "text/html" })),
        ("half a document", json!({ "status": 200, "done": true, "text": "{\"id\": \"65" })),
        ("an id twice", json!({ "status": 200, "done": true, "text": "{\"id\":\"a\",\"id\":\"b\"}" })),
        ("an id with slashes", json!({ "status": 200, "done": true, "text": "{\"id\":\"../user\"}" })),
        ("the id of nobody", json!({ "status": 200, "done": true, "body": { "id": "000000000000000000000000" } })),
        ("an id that is a list", json!({ "status": 200, "done": true, "body": { "id": ["a", "b"] } })),
        ("nesting", json!({ "status": 200, "done": true, "text": "[".repeat(100_000) })),
        (
            "what calls itself compressed",
            json!({ "status": 200, "done": true, "text": "{}", "content_type": "application/gzip" }),
        ),
    ];
    for (what, answer) in answers {
        let world = World::new().await;
        world.misbehave(json!([{ "match": "POST /servers", "fault": { "status": answer } }]));
        let output = world.run(&UP);
        world.behave();
        world.settle();
        assert_eq!(world.alive().len(), 1, "{what}: {}", text(&output));
        laws::hold(&world, what);
        laws::all_ended(&world, what);
    }
}

/// What is asked before an order answers nonsense: nothing is reserved and nobody is asked to make anything.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_answers_a_question_before_the_order_nothing_is_reserved() {
    let big = json!({ "big": { "bytes": 6 << 20 } });
    let answers = [
        ("a redirect", json!("redirect")),
        ("a page", json!({ "html": { "status": 200 } })),
        ("half a document", json!({ "status": { "status": 200, "text": "{\"id\": \"65" } })),
        ("what is too large", big),
        ("nesting", json!({ "status": { "status": 200, "text": "[".repeat(100_000) } })),
        ("a member twice", json!({ "status": { "status": 200, "text": "{\"id\":\"a\",\"id\":\"b\"}" } })),
    ];
    for question in ["GET /user", "GET /hosts-create-options/{host}", "GET /servers"] {
        let world = World::new().await;
        for (what, answer) in &answers {
            world.misbehave(json!([{ "match": question, "times": 0, "fault": answer }]));
            let output = world.run(&UP);
            assert!(!output.status.success(), "{question} answers {what}: {}", text(&output));
            world.behave();
            let listed = world.ls();
            let open = listed["instances"].as_array().unwrap().iter().filter(|i| i["stage"] != "gone").count();
            assert_eq!(open, 0, "{question} answers {what}: {listed:#}");
        }
        assert!(!world.requests().iter().any(|line| line == "POST /servers"), "{question}");
    }
}
