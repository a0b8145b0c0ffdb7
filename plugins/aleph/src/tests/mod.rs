//! The driver against recorded replies: samples of the network's own server code, and rows as its nodes are listed.

use bursar_driver::prelude::*;
use bursar_driver::testing::{Recorded, Reply};

use crate::Aleph;

const AGENT: &str = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A";
const HASH: &str = "4bcaa1df0703aa455e832edafbace25e9f84589369e6a496fda88042c349bf3f";
const NODE: &str = "d02cc93b18e23f62556cc574fa3696b350cae36e760c43186cbb866c6677c628";

fn recorded() -> Recorded<Aleph> {
    Recorded::new().signer("agent", AGENT).setting("payer", AGENT)
}

fn sample(pointer: &str) -> String {
    let text = std::fs::read_to_string("fixtures/vectors.json").unwrap();
    text.parse::<Value>().unwrap().pointer(pointer).unwrap().to_string()
}

fn tables() -> Value {
    let kind = |credit: &str, memory: u64, disk: u64, tiers: Value| json!({"price": {"compute_unit": {"credit": credit}}, "compute_unit": {"vcpus": 1, "memory_mib": memory, "disk_mib": disk}, "tiers": tiers});
    let plain = kind(
        "14250",
        2_048,
        20_480,
        json!([{"id": "tier-1", "compute_units": 1}, {"id": "tier-2", "compute_units": 4}]),
    );
    let gpu = kind("43125", 6_144, 61_440, json!([{"compute_units": 6, "model": "RTX 4090", "vram": 24_576}]));
    json!({"data": {
        "pricing": {"instance": plain, "instance_gpu_standard": gpu},
        "settings": {"compatible_gpus": [{"model": "RTX 4090", "device_id": "10de:2684"}]},
    }})
}

fn nodes() -> Value {
    let card = json!({"vendor": "NVIDIA", "device_name": "AD102", "device_class": "0300", "device_id": "10de:2684"});
    let node = |hash: &str, terms: &str| json!({"hash": hash, "name": "n", "address": "https://crn.example.org/", "qemu_support": true, "terms_and_conditions": terms, "compatible_available_gpus": [card, card]});
    json!({"crns": [node(NODE, ""), node("ab", "abab"), {"hash": 5}]})
}

#[test]
fn offers_are_tiers_on_any_node_and_free_cards_of_nodes_without_terms() {
    let mut door = recorded().reply("tables", tables().to_string()).reply("nodes", nodes().to_string());
    let offers = door.offers(&Wish::default()).unwrap();
    let told: Vec<_> = offers.iter().map(|offer| (offer.id.as_str(), offer.price.per_hour)).collect();
    let card = format!("6/36864/368640/10de:2684/{NODE}");
    assert_eq!(told, [("1/2048/20480/-/-", 14_250), ("4/8192/81920/-/-", 57_000), (card.as_str(), 258_750)]);
    assert_eq!(offers[2].hardware.gpu, Some(Gpu::cards("RTX 4090", 1, Some(24_576))));
    assert_eq!(offers[0].price.billing, Billing::SECONDS.with_balance_for(86_400));
}

#[test]
fn a_quote_is_what_the_network_estimates_to_the_last_place() {
    for (name, offer, per_hour) in [
        ("instance_direct_pinned", "1/2048/20480/-/-".to_owned(), 14_250),
        ("instance_delegated_pinned", "4/8192/81920/-/-".to_owned(), 57_000),
        ("instance_delegated_unpinned", "1/2048/20480/-/-".to_owned(), 14_434),
        ("instance_gpu_pinned", format!("6/36864/368640/10de:2684/{NODE}"), 258_750),
    ] {
        let told = sample(&format!("/ccn_server_samples/price_estimates/{name}/response"));
        let mut door = recorded().reply("estimate", told).reply("nodes", nodes().to_string());
        let order = Order { offer, image: Some("a".into()), ..Order::default() };
        assert_eq!(door.quote(&order).unwrap().price.per_hour, per_hour, "{name}");
    }
    let order = Order { offer: "6/36864/368640/10de:9999/x".into(), image: Some("a".into()), ..Order::default() };
    let none = recorded().reply("nodes", nodes().to_string()).quote(&order);
    assert!(matches!(none, Err(Error::OutOfStock(_))), "{none:?}");
    for bad in ["", "x", "-1.0", "1.0000000000000000001", "1e3"] {
        assert!(crate::market::per_hour(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_account_is_its_payer_with_its_credits_and_its_burn() {
    let costs = r#"{"summary":{"total_cost_credit":"3.958333333333333333","resource_count":1}}"#;
    let mut door = recorded().reply("balance", sample("/ccn_server_samples/balance")).reply("costs", costs);
    let account = door.account().unwrap();
    assert_eq!((account.id.as_deref(), account.balance), (Some(AGENT), Some(1_000_000_000)));
    assert!(account.burn_per_hour.is_some_and(|burn| (14_250..=14_251).contains(&burn)));
}

#[test]
fn a_message_tells_what_became_of_an_order() {
    let state = |told: String| {
        let mut door = recorded().reply("message", told).reply("vm", (404, ""));
        door.get(&Handle::new(HASH)).map(|one| one.state)
    };
    assert_eq!(state(sample("/ccn_server_samples/message_status_short")), Ok(State::Starting));
    let rejected = state(sample("/ccn_server_samples/message_status_rejected_credit"));
    assert!(matches!(&rejected, Ok(State::Failed(why)) if why.contains("24 h")), "{rejected:?}");
    for (status, expected) in [("pending", Ok(State::Requested)), ("forgotten", Err(Error::Gone))] {
        assert_eq!(state(json!({"status": status}).to_string()), expected, "{status}");
    }
    assert!(matches!(
        state(json!({"status": "removed", "reason": "credit_insufficient"}).to_string()),
        Ok(State::Failed(_))
    ));
}

#[test]
fn a_machine_is_where_the_scheduler_says_and_nothing_is_remembered() {
    let vm = json!({"allocated_node": NODE, "status": "dispatched"}).to_string();
    let node = json!({"node_hash": NODE, "address": "https://crn.example.org"}).to_string();
    let network = json!({"host_ipv4": "203.0.113.7", "mapped_ports": {"22": {"host": 24_001, "tcp": true}}});
    let shown = |network: Value| json!({HASH: {"networking": network, "running": true}}).to_string();
    let mut door = recorded()
        .reply("message", sample("/ccn_server_samples/message_with_status_processed"))
        .reply("vm", vm)
        .reply("node", node)
        .reply("executions", shown(json!({})))
        .reply("executions", shown(network));
    assert_eq!(door.get(&Handle::new(HASH)).unwrap().state, State::Starting, "no network yet");
    let one = door.get(&Handle::new(HASH)).unwrap();
    assert_eq!(
        (one.state, one.nodes[0].ssh.clone()),
        (State::Running, Some(Ssh::direct("203.0.113.7", 24_001, "root")))
    );
    assert_eq!((one.handle.memo.as_str(), one.tag.as_deref()), (AGENT, Some("agent-vm")));
}

#[test]
fn what_another_key_ordered_is_not_ended_with_this_one() {
    let handle = Handle { id: HASH.into(), memo: "0x1563915e194D8CfBA1943570603F7606A3115508".into() };
    let mut door = recorded();
    assert!(matches!(door.destroy(&handle), Err(Error::Unauthorized(_))));
    assert!(door.sent().is_empty());
    let said = json!({"publication_status": {"status": "success", "failed": []}, "message_status": "processed"});
    let mut door = recorded().reply("message", Reply::lost()).reply("destroy", said.to_string());
    let ours = Handle { id: HASH.into(), memo: AGENT.into() };
    assert!(matches!(door.destroy(&ours), Ok(Ending::Going(_))), "an end does not hang on the node");
}
