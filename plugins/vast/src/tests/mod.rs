//! The driver against recorded replies, built from the provider's fact sheet. Every request is held against the manifest.

use bursar_driver::prelude::*;
use bursar_driver::testing::{Recorded, Reply};

use crate::Vast;

const KEY_LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample bursar-b7f3a";
const INSTANCE: &str = include_str!("../../fixtures/instance.json");
const OFFER: &str = include_str!("../../fixtures/offer.json");

fn recorded() -> Recorded<Vast> {
    Recorded::new()
}

fn handle() -> Handle {
    Handle::new("5555")
}

fn key() -> Key {
    Key { line: KEY_LINE.into(), id: Some("7".into()) }
}

fn order(length_secs: u64) -> Order {
    Order { offer: "1001/32".into(), image: Some("nvidia/cuda:12".into()), nodes: 1, length_secs }
}

#[test]
fn what_can_be_spent_is_the_credit_else_the_balance() {
    for (json, balance) in [
        (r#"{"id":640001,"credit":12.5,"balance":0.0}"#, Some(12_500_000)),
        (r#"{"id":640001,"balance":-3.25}"#, Some(-3_250_000)),
        (r#"{"id":640001}"#, None),
    ] {
        let account = recorded().reply("user", json).account().unwrap();
        assert_eq!((account.id.as_deref(), account.balance), (Some("640001"), balance), "{json}");
    }
}

#[test]
fn a_row_of_a_search_is_an_offer_with_its_disk() {
    let offers = recorded().reply("search", OFFER).offers(&Wish::default()).unwrap();
    let offer = &offers[0];
    assert_eq!((offer.id.as_str(), offer.in_stock, offer.interruptible), ("1001/32", Some(true), false));
    assert_eq!(offer.hardware.gpu, Some(Gpu::cards("RTX 4090", 1, Some(24_576))), "24,564 MB are sold as 24 GiB");
    assert_eq!((offer.hardware.vcpus, offer.hardware.disk_gib), (16, 29));
    assert_eq!((offer.site.as_ref().unwrap().id.as_str(), offer.ends), ("SE", Some(1_795_864_000)));
    assert_eq!(offer.image.as_deref(), Some("nvidia/cuda:12.4.1-devel-ubuntu22.04"));
}

#[test]
fn the_price_counts_disk_while_paused_and_the_stated_traffic() {
    // 32 GB at 0.15 USD a month over 672 hours; 20 GB each way at 0.003 and 0.002 USD.
    let price = |setting: &str| {
        recorded().setting("traffic_gb", setting).reply("search", OFFER).offers(&Wish::default()).unwrap()[0].price
    };
    let stated = price("20");
    assert_eq!((stated.per_hour, stated.per_hour_paused, stated.once), (410_000, 7_143, 100_000));
    assert_eq!((stated.per_gb_in, stated.per_gb_out, stated.gb_free), (2_000, 3_000, 0));
    assert_eq!(stated.billing, Billing::SECONDS);
    assert_eq!(price("0").once, 0);
    let bid = OFFER.replace(r#""is_bid":false"#, r#""is_bid":true"#);
    assert!(recorded().reply("search", bid.as_str()).offers(&Wish::default()).unwrap()[0].interruptible);
}

#[test]
fn a_wish_and_the_owners_filters_become_a_search() {
    let call = Call {
        settings: vec![("filters".into(), r#"{"reliability2":{"gte":0.98},"num_gpus":{"lte":2}}"#.into())],
        ..Call::default()
    };
    let wish =
        Wish { gpus_min: 1, vram_mib_min: 24_576, per_hour_max: Some(500_000), disk_gib: 100, ..Wish::default() };
    let query = crate::market::query(&call, &wish).unwrap().unwrap();
    let expected = json!({
        "reliability2": {"gte": 0.98}, "num_gpus": {"gte": 1, "lte": 2}, "gpu_ram": {"gte": 24_064},
        "dph_total": {"lte": 0.5}, "disk_space": {"gte": 108}, "rentable": {"eq": true},
        "order": [["dph_total", "asc"]], "type": "on-demand", "allocated_storage": 108, "limit": 256,
    });
    assert_eq!(query, expected);
    for wrong in ["{", "[]", r#"{"type":"bid"}"#, r#"{"limit":3}"#] {
        let refused = recorded().setting("filters", wrong).offers(&Wish::default());
        assert!(matches!(refused, Err(Error::Refused(_))), "{wrong}: {refused:?}");
    }
}

#[test]
fn a_card_is_asked_for_by_its_whole_name() {
    let names = r#"{"gpu_names":["RTX 4090","RTX 4090D","A100 SXM4"]}"#;
    let wish = |gpu: &str| Wish { gpu: Some(gpu.into()), ..Wish::default() };
    let mut door = recorded().reply("names", names).reply("search", OFFER);
    assert_eq!(door.offers(&wish("rtx_4090")).unwrap().len(), 1);
    assert_eq!(door.sent().len(), 2);
    assert_eq!(door.offers(&wish("H300")), Ok(vec![]));
    assert_eq!(door.sent(), ["GET /v0/gpu_names/unique/"], "a card that nobody has is not searched for");
}

#[test]
fn a_quote_is_asked_anew_and_its_host_sees_the_same_price() {
    let mut door = recorded().reply("ask", OFFER);
    let terms = door.quote(&order(3_600)).unwrap();
    assert_eq!((terms.price.per_hour, door.shown()[0].rate), (410_000, Some(410_000)));
    assert_eq!(door.find("1001/32").unwrap().id, "1001/32");

    let longer = door.quote(&order(900_000)).unwrap_err();
    assert!(matches!(&longer, Error::Refused(why) if why.contains("197 h more")), "{longer:?}");
    let rented = OFFER.replace(r#""rented":false"#, r#""rented":true"#);
    for gone in [r#"{"offers":[]}"#, &rented, &OFFER.replace("1001", "1002")] {
        let none = recorded().reply("ask", gone).quote(&order(3_600));
        assert!(matches!(none, Err(Error::OutOfStock(_))), "{gone}: {none:?}");
    }
}

#[test]
fn an_order_names_its_contract_or_says_why_not() {
    let mut door = recorded().reply("create", r#"{"success":true,"new_contract":5555,"instance_api_key":"x"}"#);
    let Ok(Outcome::Made(made)) = door.create(&order(3_600), &key()) else { panic!("not made") };
    assert_eq!((made.handle.id.as_str(), door.made()), ("5555", Some("5555")));
    assert_eq!(door.sent(), ["PUT /v0/asks/1001/"]);
    let no_ask = r#"{"success":false,"error":"invalid_args","msg":"error 404/3603: no_such_ask Instance type by id 404 is not available.","ask_id":404}"#;
    type Is = fn(&Error) -> bool;
    let table: [(u16, &str, Is); 7] = [
        (404, no_ask, |e| matches!(e, Error::OutOfStock(_))),
        (410, r#"{"success":false,"error":"no_such_ask","msg":"gone"}"#, |e| matches!(e, Error::OutOfStock(_))),
        (200, r#"{"success":false,"error":"x","msg":"soft"}"#, |e| matches!(e, Error::Refused(_))),
        (400, r#"{"success":false,"msg":"Your account lacks credit"}"#, |e| matches!(e, Error::InsufficientFunds(_))),
        (404, r#"{"success":false,"error":"auth_error","msg":"Invalid user key"}"#, |e| {
            matches!(e, Error::Unauthorized(_))
        }),
        (429, "API requests too frequent: endpoint threshold=4.5", |e| *e == Error::RateLimited(None)),
        (502, "<html></html>", |e| matches!(e, Error::Failed(_))),
    ];
    for (status, body, is) in table {
        let error = recorded().reply("create", (status, body)).create(&order(3_600), &key()).unwrap_err();
        assert!(is(&error), "{status} {body}: {error:?}");
    }
}

#[test]
fn an_instance_is_reached_directly_or_through_the_proxy() {
    let proxied = INSTANCE.replace(r#""ports":{"22/tcp":[{"HostIp":"0.0.0.0","HostPort":"40022"}]},"#, "");
    let notebook = proxied.replace("ssh_direc ssh_proxy", "jupyter_proxy ssh_proxy");
    for (json, host, port) in
        [(INSTANCE, "203.0.113.7", 40_022), (&proxied, "ssh5.vast.ai", 15_555), (&notebook, "ssh5.vast.ai", 15_556)]
    {
        let one = recorded().reply("instance", json).get(&handle()).unwrap();
        assert_eq!(one.nodes[0].ssh, Some(Ssh::direct(host, port, "root")));
        assert_eq!((one.per_hour, one.made_at), (Some(410_000), Some(1_795_150_000)));
    }
}

#[test]
fn every_word_for_a_status_has_its_meaning() {
    let with = |status: &str| INSTANCE.replacen(r#""running""#, status, 1);
    let state = |json: &str| recorded().reply("instance", json).get(&handle()).map(|one| one.state);
    for (status, expected) in [
        ("null", State::Requested),
        (r#""created""#, State::Starting),
        (r#""loading""#, State::Starting),
        (r#""rebooting""#, State::Starting),
        (r#""exited""#, State::Paused),
        (r#""stopped""#, State::Paused),
        (r#""frozen""#, State::Paused),
        (r#""offline""#, State::Other("offline".into())),
        (r#""brand new""#, State::Other("brand new".into())),
    ] {
        assert_eq!(state(&with(status)), Ok(expected), "{status}");
    }
    assert_eq!(state(INSTANCE), Ok(State::Running));
    let stopping = INSTANCE.replace(r#""intended_status":"running""#, r#""intended_status":"stopped""#);
    assert_eq!(state(&stopping), Ok(State::Pausing));
    let bad = with(r#""loading""#).replace("success, running", "Error response from daemon: no such");
    assert!(matches!(state(&bad), Ok(State::Failed(why)) if why.starts_with("Error response")));
    assert_eq!(state(r#"{"instances":null}"#), Err(Error::Gone));
    let wrong_key = (404, r#"{"success":false,"msg":"Invalid user key"}"#);
    assert!(matches!(recorded().reply("instance", wrong_key).get(&handle()), Err(Error::Unauthorized(_))));
    let no_words = recorded().reply("instance", (404, "")).get(&handle());
    assert!(matches!(no_words, Err(Error::Failed(_))), "a 404 alone is not gone: {no_words:?}");
}

#[test]
fn lists_and_charges_follow_their_tokens() {
    let row = |id: u32| format!(r#"{{"id":{id},"label":null,"actual_status":null}}"#);
    let page = |ids: &[u32], next: &str| {
        format!(
            r#"{{"success":true,"instances":[{}],"next_token":{next}}}"#,
            ids.iter().map(|id| row(*id)).collect::<Vec<_>>().join(",")
        )
    };
    let mut door = recorded()
        .reply("instances", Reply::from(page(&[3], "null")).when("after", "t1"))
        .reply("instances", page(&[1, 2], r#""t1""#));
    let ids: Vec<String> = door.list().unwrap().into_iter().map(|one| one.handle.id).collect();
    assert_eq!(ids, ["1", "2", "3"]);

    let charges = r#"{"success":true,"next_token":null,"results":[{"start":1795150000,"end":1795153600,"type":"instance","source":"instance-5555","description":"Instance 5555","amount":0.41,"items":[]}]}"#;
    let told = recorded().reply("charges", charges).charges(1_795_000_000).unwrap();
    assert_eq!((told[0].instance.as_deref(), told[0].amount), (Some("5555"), 410_000));
}

#[test]
fn an_end_is_accepted_or_was_before_and_a_wrong_key_is_neither() {
    let destroy = |reply: (u16, &str)| recorded().reply("destroy", reply).destroy(&handle());
    assert!(matches!(destroy((200, r#"{"success":true}"#)), Ok(Ending::Going(_))));
    assert_eq!(destroy((404, r#"{"success":false,"error":"not_found","msg":"no"}"#)), Ok(Ending::Gone));
    assert!(matches!(
        destroy((404, r#"{"success":false,"error":"auth_error","msg":"Invalid user key"}"#)),
        Err(Error::Unauthorized(_))
    ));
    assert!(matches!(destroy((200, r#"{"success":false,"msg":"busy"}"#)), Err(Error::Refused(_))));
}

#[test]
fn pausing_resuming_and_restarting_read_a_failure_in_a_200() {
    let ok = r#"{"success":true,"msg":"done"}"#;
    let mut door = recorded().reply("pause", ok).reply("resume", ok).reply("restart", ok);
    assert_eq!((door.pause(&handle()), door.resume(&handle()), door.restart(&handle())), (Ok(()), Ok(()), Ok(())));
    let no = r#"{"success":false,"error":"not_running","msg":"The instance is not running."}"#;
    assert!(matches!(recorded().reply("restart", no).restart(&handle()), Err(Error::Refused(_))));
}

#[test]
fn a_key_is_known_by_its_body() {
    let kept = r#"[{"id":1,"public_key":"ssh-rsa AAAAB3 x"},{"id":7,"public_key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample"}]"#;
    assert_eq!(recorded().reply("keys", kept).ensure(KEY_LINE), Ok("7".into()));
    let mut added = recorded().reply("keys", "[]").reply("keys", kept).reply("add_key", r#"{"success":true,"key":{}}"#);
    assert_eq!(added.ensure(KEY_LINE), Ok("7".into()));
}

#[test]
fn no_route_moves_money_or_renames() {
    let manifest = <Vast as bursar_driver::Packed>::MANIFEST;
    for word in ["prepay", "transfer", "bid_price", "api-key", "set_user", r#"body = { label"#] {
        assert!(!manifest.lines().any(|line| line.contains("call =") && line.contains(word)), "{word}");
    }
}
