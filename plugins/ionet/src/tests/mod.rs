//! The driver against recorded replies, built from the provider's fact sheet. Every request is held against the manifest.

use bursar_driver::prelude::*;
use bursar_driver::testing::{Recorded, Reply};

use crate::IoNet;

const ID: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";

fn recorded() -> Recorded<IoNet> {
    Recorded::new()
}

fn order(hours: u64) -> Order {
    let offer = "12/2/US".into();
    Order { offer, image: Some("general".into()), length_secs: hours * 3600, ..Order::default() }
}

fn row(id: &str, name: &str, status: &str) -> String {
    format!(r#"{{"id":"{id}","status":"{status}","name":{name},"compute_minutes_remaining":15}}"#)
}

fn list(rows: &[String], total: usize) -> String {
    format!(r#"{{"data":{{"deployments":[{}],"total":{total},"statuses":[]}}}}"#, rows.join(","))
}

#[test]
fn a_row_of_hardware_is_an_offer_with_its_fees() {
    let mut door = recorded().reply("hardware", Reply::file("fixtures/hardware.json"));
    let offers = door.offers(&Wish::default()).unwrap();
    let told: Vec<_> = offers.iter().map(|o| (o.id.as_str(), o.price.per_hour, o.in_stock)).collect();
    // 0.6 and 39.92 USD/h for all cards, and 2.25 %.
    assert_eq!(told, [("12/2/US", 613_500, Some(true)), ("B200_sxm6x8/8/US", 40_818_200, Some(false))]);
    let gpu = offers[0].hardware.gpu.as_ref().unwrap();
    assert_eq!((gpu.model.as_str(), gpu.count, gpu.vram_mib), ("RTX 4090", 2, Some(24_576)));
    assert_eq!(offers[0].hardware.memory_mib, 128_000);
    let billing = offers[0].price.billing;
    assert!(billing.prepaid && billing.refunds && billing.minimum_secs == 3600);
    assert_eq!(door.sent(), ["GET /hardware"]);

    let sites = recorded().reply("hardware", Reply::file("fixtures/hardware.json")).sites().unwrap();
    assert_eq!(sites.len(), 1, "one place is named once");
}

#[test]
fn a_list_of_hardware_may_come_without_its_wrapping() {
    let bare = r#"{"hardware":[{"deploy_id":12,"name":"L4","num_cards":1,"price":"0.5","location":"US"}]}"#;
    assert_eq!(recorded().reply("hardware", bare).offers(&Wish::default()).unwrap()[0].price.per_hour, 511_250);
}

#[test]
fn a_quote_is_the_whole_block() {
    let mut door = recorded().reply("price", Reply::file("fixtures/price.json"));
    let terms = door.quote(&order(3)).unwrap();
    assert_eq!(terms.price.per_hour, 613_500);
    let sent = &door.sent()[0];
    assert!(sent.starts_with("GET /price?") && sent.contains("duration_hours=3"), "{sent}");

    let none = r#"{"data":{"available_replica_count":[],"total_cost_usdc":1.8}}"#;
    assert!(matches!(recorded().reply("price", none).quote(&order(3)), Err(Error::OutOfStock(_))));
    let two = Order { nodes: 2, ..order(3) };
    assert!(matches!(recorded().quote(&two), Err(Error::Unsupported(_))));
}

#[test]
fn an_order_is_pending_until_a_list_shows_its_name() {
    let key = Key { line: "ssh-ed25519 AAAA x".into(), id: None };
    for answer in ["", "{}", r#"{"deployment_id":"x"}"#] {
        let mut door = recorded().reply("create", answer);
        assert_eq!(door.create(&order(1), &key), Ok(Outcome::Pending(String::new())), "{answer}");
        assert_eq!(door.sent(), ["POST /deploy"]);
    }
    let rows = [row("other", "null", "running"), row(ID, "\"b7f3a0001\"", "deployment requested")];
    let mut door = recorded().reply("deployments", list(&rows, 2));
    let Ok(Outcome::Made(made)) = door.advance(&order(1), "", None) else { panic!("not found") };
    assert_eq!((made.handle.id.as_str(), made.state), (ID, State::Starting));
    let mut none = recorded().reply("deployments", list(&rows[..1], 1));
    assert_eq!(none.advance(&order(1), "", None), Err(Error::Gone));
}

#[test]
fn an_order_that_went_wrong_says_how() {
    let key = Key { line: "ssh-ed25519 AAAA x".into(), id: None };
    let strange = r#"{"detail":[{"loc":["body","hardware_id"],"msg":"Field required","type":"missing"}]}"#;
    let table: Vec<(Reply, Error)> = vec![
        (
            (402, r#"{"detail":"Insufficient IO Credits"}"#).into(),
            Error::InsufficientFunds("402: Insufficient IO Credits".into()),
        ),
        ((422, strange).into(), Error::Refused("422: Field required".into())),
        ((500, "").into(), Error::Failed("status 500, without a text".into())),
        (Reply::lost(), Error::MaybeSent("the connection was cut".into())),
    ];
    for (reply, expected) in table {
        assert_eq!(recorded().reply("create", reply).create(&order(1), &key), Err(expected));
    }
}

#[test]
fn a_machine_that_runs_answers_ssh() {
    let mut door = recorded()
        .reply("deployment", Reply::file("fixtures/deployment.json"))
        .reply("vms", Reply::file("fixtures/vms.json"));
    let shown = door.get(&Handle::new(ID)).unwrap();
    assert_eq!((shown.state, shown.spent), (State::Running, Some(310_000)));
    assert_eq!(shown.paid_until, Some(1_795_154_400 + 900));
    assert_eq!(shown.nodes[0].ssh, Some(Ssh::direct("203.0.113.5", 22022, "ubuntu")));
    assert_eq!(door.sent(), [format!("GET /deployment/{ID}"), format!("GET /deployment/{ID}/vms?page=1&page_size=20")]);
}

#[test]
fn a_text_that_is_no_address_is_no_address() {
    let evil = r#"{"data":{"workers":[{"vm_id":"v-1","ssh_access":"ssh -o ProxyCommand=evil ubuntu@203.0.113.5"}]}}"#;
    let mut door = recorded().reply("deployment", Reply::file("fixtures/deployment.json")).reply("vms", evil);
    let shown = door.get(&Handle::new(ID)).unwrap();
    assert_eq!((shown.state, shown.nodes[0].ssh.clone()), (State::Starting, None));
    assert!(shown.note.unwrap().contains("not understood"));
}

#[test]
fn statuses_are_words_with_blanks_in_any_case() {
    for (word, state) in [
        ("Deployment Requested", State::Starting),
        ("deploying", State::Starting),
        ("termination requested", State::Stopping),
        ("completed", State::Gone),
        ("destroyed", State::Gone),
        ("terminated", State::Gone),
        ("unpaid", State::Other("unpaid".into())),
        ("hibernating", State::Other("hibernating".into())),
    ] {
        let mut door = recorded().reply("deployment", format!(r#"{{"data":{}}}"#, row(ID, "\"x\"", word)));
        assert_eq!(door.get(&Handle::new(ID)).unwrap().state, state, "{word}");
    }
    assert_eq!(recorded().reply("deployment", (404, "{}")).get(&Handle::new(ID)), Err(Error::Gone));
}

#[test]
fn a_list_goes_on_until_its_total_was_seen() {
    let page = |ids: &[&str]| list(&ids.iter().map(|id| row(id, "\"x\"", "running")).collect::<Vec<_>>(), 3);
    let mut door = recorded()
        .reply("deployments", Reply::new(200, page(&["a", "b"])).when("page", 0))
        .reply("deployments", Reply::new(200, page(&["c"])).when("page", 1));
    let ids: Vec<String> = door.list().unwrap().into_iter().map(|one| one.handle.id).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(recorded().reply("deployments", list(&[], 0)).list(), Ok(vec![]));

    let no_id = r#"{"data":{"deployments":[{"name":"x"}],"total":1}}"#;
    assert!(matches!(recorded().reply("deployments", no_id).list(), Err(Error::Failed(_))));
}

#[test]
fn an_extension_is_one_request_and_then_a_look() {
    let mut door = recorded()
        .reply("extend", "{}")
        .reply("deployment", Reply::file("fixtures/deployment.json"))
        .reply("vms", Reply::file("fixtures/vms.json"));
    assert_eq!(door.extend(&Handle::new(ID), 7200).unwrap().spent, Some(310_000));
    assert_eq!(door.sent()[0], format!("POST /deployment/{ID}/extend"));
    let refused = recorded().reply("extend", (402, r#"{"detail":"no"}"#)).extend(&Handle::new(ID), 3600);
    assert_eq!(refused, Err(Error::InsufficientFunds("402: no".into())));
}

#[test]
fn an_end_may_be_asked_twice() {
    for (reply, expected) in [
        (Reply::new(200, "{}"), Ok(Ending::Going(String::new()))),
        (Reply::new(200, ""), Ok(Ending::Going(String::new()))),
        (Reply::new(404, r#"{"detail":"Deployment not found"}"#), Ok(Ending::Gone)),
        (Reply::new(401, ""), Err(Error::Unauthorized("status 401, without a text".into()))),
    ] {
        assert_eq!(recorded().reply("destroy", reply).destroy(&Handle::new(ID)), expected);
    }
}
