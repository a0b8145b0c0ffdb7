//! What must hold after anything that happened: no live machine without a hold, no hold without a reason, no limit passed.

use crate::world::World;
use serde_json::Value;

/// Checks the laws against the provider's own truth and the owner's ledger.
pub fn hold(world: &World, story: &str) {
    let listed = world.ls();
    let instances = listed["instances"].as_array().unwrap();
    let open = |instance: &&Value| instance["stage"] != "gone";
    let alive = world.alive();
    for server in alive.iter().filter(|server| server["name"] != "foreign") {
        let tag = server["name"].as_str().unwrap();
        let held = instances.iter().filter(open).any(|i| tag.ends_with(i["id"].as_str().unwrap()));
        assert!(held, "{story}: machine {tag} lives without a hold\n{listed:#}");
    }
    for instance in instances {
        let held: f64 = instance["held_usd"].as_str().unwrap().parse().unwrap();
        let is_open = open(&instance);
        assert_eq!(held > 0.0, is_open, "{story}: a hold without a reason, or none with one\n{instance:#}");
    }
    let spending = world.json(&["spending"]);
    let (held, charged) = (amount(&spending, "held_usd"), amount(&spending, "charged_usd"));
    let most: f64 = amount(&spending, "max_total_spending_usd");
    assert!(held + charged <= most, "{story}: {held} + {charged} is above {most}");
    assert!(alive.len() <= 2, "{story}: {} machines live at a limit of 2", alive.len());
}

/// After every lease is over and everything is settled: nothing lives, nothing is held, and what was charged covers what
/// the provider took.
pub fn all_ended(world: &World, story: &str) {
    for _ in 0..6 {
        world.pass(6 * 3_600);
        world.settle();
        world.pass(5);
        world.settle();
        if world.alive().is_empty() && amount(&world.json(&["spending"]), "held_usd") == 0.0 {
            break;
        }
    }
    let alive = world.alive();
    assert!(alive.is_empty(), "{story}: still alive: {alive:?}\n{:#}", world.ls());
    let spending = world.json(&["spending"]);
    assert_eq!(amount(&spending, "held_usd"), 0.0, "{story}: still held\n{:#}", world.ls());
    let truth = world.truth();
    // Whole thousandths: a sum of fractions may be a hair more than its parts.
    let taken: i64 = truth["servers"].as_array().unwrap().iter().map(|s| s["charged_musd"].as_i64().unwrap()).sum();
    let charged = amount(&spending, "charged_usd");
    let covered = charged * 1e3 + 1e-6 >= taken as f64;
    assert!(covered, "{story}: the provider took {taken} thousandths of a USD, the ledger knows of {charged} USD");
}

fn amount(value: &Value, name: &str) -> f64 {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value:#}")).parse().unwrap()
}
