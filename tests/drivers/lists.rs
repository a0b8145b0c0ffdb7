//! Lists that are long, or lie, and ends that were not accepted.

use crate::{specifics::Specifics, world::World};
use serde_json::{Value, json};

pub async fn a_list_has_all_its_pages(of: &Specifics) {
    let world = World::new(of).await;
    let handle = world.made().await;
    // Ours is the oldest, and so on the last page where the newest come first.
    let foreign = of.page.map_or(3, |page| page + 5);
    let rules: Vec<Value> =
        (0..foreign).map(|n| json!({ "fault": "foreign_server", "name": format!("somebody-{n}") })).collect();
    world.misbehave(rules.into()).await;
    let listing = world.driver.list(&world.at()).await.unwrap();
    assert_eq!(listing.complete, Ok(()));
    assert_eq!(listing.rows.len(), foreign + 1);
    assert!(listing.rows.iter().any(|row| row.id == handle.id && row.tag == Some(world.tag())));
    assert_eq!(world.found().await.id, handle.id, "also when it stands on a later page");
}

pub async fn a_list_cut_short_proves_nothing(of: &Specifics) {
    let world = World::new(of).await;
    world.made().await;
    for fault in [
        json!({ "fault": "list_cut", "how": "id" }),
        json!({ "fault": "list_cut", "how": "name" }),
        json!({ "fault": "list_cut", "how": "json" }),
        json!({ "fault": "status", "status": 200, "body": { "data": {} } }),
        json!({ "fault": "status", "status": 500 }),
        json!({ "fault": "cut_body" }),
    ] {
        let mut rule = fault.clone();
        (rule["match"], rule["times"]) = (json!(of.list), json!(0));
        world.misbehave(rule).await;
        let listed = world.driver.list(&world.at()).await;
        assert!(listed.as_ref().map_or(true, |listing| listing.complete.is_err()), "{fault}: {listed:?}");
        world.behave().await;
    }
}

pub async fn an_end_that_was_not_accepted_ended_nothing(of: &Specifics) {
    let world = World::new(of).await;
    let handle = world.made().await;
    for fault in [
        json!({ "fault": "status", "status": 401 }),
        json!({ "fault": "status", "status": 500 }),
        json!({ "fault": "status", "status": 429 }),
        json!({ "fault": "html" }),
        json!({ "fault": "lost_before" }),
    ] {
        let mut rule = fault.clone();
        // Each of them twice: the host asks again where its driver failed.
        (rule["match"], rule["times"]) = (json!(of.destroy), json!(0));
        world.misbehave(rule).await;
        let ended = world.driver.destroy(&world.at(), &handle).await;
        assert!(!ended.accepted && ended.result.is_err(), "{fault}: {ended:?}");
        assert_eq!(world.alive(), 1);
        world.behave().await;
    }
    // Whether the provider's answer is lost or not, its truth counts.
    world.misbehave(json!({ "match": of.one, "fault": "status", "status": 404, "times": 1 })).await;
    let listing = world.driver.list(&world.at()).await.unwrap();
    assert!(listing.rows.iter().any(|row| row.id == handle.id));
}
