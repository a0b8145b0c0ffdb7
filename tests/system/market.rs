//! Several providers side by side: asked at once, told together, and only those that there is a key for.

use crate::world::World;
use bursar_practice::Machines;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Asks for everything with a GPU and returns who sells some, and who did not answer.
fn market(world: &World) -> (BTreeSet<String>, Vec<String>) {
    let found = world.json(&["offers", "--gpus", "1", "--all"]);
    let offers = found["offers"].as_array().unwrap();
    let price = |offer: &Value| offer["price_usd_per_hour"].as_str().unwrap().parse::<f64>().unwrap();
    let in_stock: Vec<&Value> = offers.iter().filter(|offer| offer["in_stock"] != false).collect();
    assert!(in_stock.is_sorted_by_key(|offer| (price(offer) * 1e6) as i64), "cheapest first, whoever sells it");
    let names =
        |rows: &[Value]| rows.iter().map(|row| row["provider"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    (names(offers).into_iter().collect(), names(found["no_answer"].as_array().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_there_is_a_key_for_are_asked_and_the_others_are_not_missed() {
    assert_eq!(market(&World::new().await), (["bitlaunch".to_owned()].into(), vec![]));
    let names = bursar_practice::providers();
    let world = World::made(Machines::BuiltIn, &names).await;
    let all: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
    assert_eq!(market(&world), (all.clone(), vec![]));

    // One that is broken is named with its reason, and takes nothing from the others.
    world.misbehave(json!({ "match": "* **", "provider": "tensorpool", "times": 0, "fault": "html" }));
    let (sellers, silent) = market(&world);
    assert_eq!((sellers.len(), silent), (all.len() - 1, vec!["tensorpool".to_owned()]));
}
