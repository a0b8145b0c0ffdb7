//! Charging under a moved clock.

use serde_json::json;

use crate::support::place_with;

#[tokio::test]
async fn charges_balance_and_usage_agree() {
    let place = place_with(|options| options.balance_musd = 10_000).await;
    let id = place.create("a").await;
    place.advance(3 * 3600).await;
    let server = place.server(&id);
    // Three hours touch three or four clock hours, depending on the minute this test runs in.
    let charged = server["charged_musd"].as_i64().unwrap();
    assert_eq!(charged, 4 * 164, "a started hour counts whole at both ends");
    let user = place.get("/user").await;
    assert_eq!((&user["balance"], &user["costPerHr"]), (&json!(10_000 - charged), &json!(164)));
    place.delete(&format!("/servers/{id}")).await;
    place.advance(100 * 3600).await;
    assert_eq!(place.server(&id)["charged_musd"], charged);
}

#[tokio::test]
async fn the_usage_of_a_month_names_its_hours() {
    let place = place_with(|_| {}).await;
    let id = place.create("a").await;
    let usage = place.get("/usage?period=latest").await;
    assert_eq!((&usage["totalUsd"], &usage["serverUsage"][0]["hours"]), (&json!(164), &json!(1)));
    assert_eq!(usage["serverUsage"][0]["description"], "vultr-ubuntu-fra-vcg-a40-1c-5g-2vram");
    let month = usage["thisMonth"].as_str().unwrap();
    assert_eq!(place.get(&format!("/usage?period={month}")).await["totalUsd"], 164);
    assert_eq!(place.get("/usage?period=2020-01").await["serverUsage"], json!([]));
    assert_eq!(place.get("/usage?period=2020-01").await["prevMonth"], "2019-12");
    assert_eq!(place.ask("GET", "/usage?period=soon", None).await.unwrap().status, 400);
    place.delete(&format!("/servers/{id}")).await;
}

#[tokio::test]
async fn an_empty_balance_stops_servers_and_48_hours_later_they_are_gone() {
    let place = place_with(|options| options.balance_musd = 500).await;
    let (id, _) = place.machine("a").await;
    // 164 mUSD an hour: the fourth clock hour takes the balance below zero.
    place.advance(3 * 3600).await;
    let server = place.server(&id);
    assert_eq!((&server["alive"], &server["status"]), (&json!(true), &json!("stopped")));
    place.until("the machine is off", |state| state["servers"][0]["ssh"]["up"] == false).await;
    let refused = place.ask("POST", "/servers", Some(&place.order("b"))).await.unwrap();
    assert_eq!(refused.json()["message"], "Insufficient funds");
    place.advance(46 * 3600).await;
    assert_eq!(place.server(&id)["alive"], true);
    place.advance(3 * 3600).await;
    let server = place.server(&id);
    assert_eq!(server["alive"], false);
    assert_eq!(server["charged_musd"], 164 * (3 + 48));
    assert_eq!(place.get("/servers").await, json!([]));
}

#[tokio::test]
async fn money_that_arrives_in_time_saves_them() {
    let place = place_with(|options| options.balance_musd = 100).await;
    let id = place.create("a").await;
    assert_eq!(place.server(&id)["status"], "stopped");
    place.fault(json!({ "fault": "balance", "musd": 50_000 })).await;
    place.post(&format!("/servers/{id}/restart"), &json!({})).await;
    place.until_up(&id).await;
    place.advance(60 * 3600).await;
    assert_eq!(place.server(&id)["alive"], true);
}

#[tokio::test]
async fn a_month_costs_at_most_its_price() {
    let place = place_with(|options| options.balance_musd = 10_000_000).await;
    let id = place.create("a").await;
    place.advance(365 * 24 * 3600).await;
    let charged = place.server(&id)["charged_musd"].as_i64().unwrap();
    assert!(charged <= 13 * 110_000 && charged > 11 * 110_000, "{charged}");
}
