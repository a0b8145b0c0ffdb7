//! The real vast.ai driver, built from source, in the real sandbox, over real HTTP, against its imitation.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;
use bursar_core::{
    instance::{Handle, ProviderState},
    money::Usd,
    offer::{Order, Priced, Wish},
    time::Moment,
};
use bursar_drivers::{CallErrorKind, Created, Left, Outcome};
use common::imitated::World;

async fn order(world: &World, ask: u64) -> Order {
    let offer = format!("{ask}/32");
    let found = world.driver.find_offer(&world.at(1), &offer).await.unwrap().unwrap();
    Order { provider: "vast".into(), offer, image: found.image, nodes: 1, length_secs: 3_600 }
}

async fn create(world: &World, order: &Order) -> Created {
    let key_id = world.driver.ensure_key(&world.at(1), common::KEY).await.unwrap();
    world.driver.create(&world.at(1), order, common::KEY, key_id.as_deref()).await
}

async fn made(world: &World, ask: u64) -> Handle {
    let created = create(world, &order(world, ask).await).await;
    let Ok(Outcome::Made(view)) = created.outcome else { panic!("{created:?}") };
    view.handle
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_loop_goes_through_the_door() {
    let world = World::new("vast").await;
    let (driver, at) = (&world.driver, world.at(1));
    assert_eq!(driver.capabilities().names(), ["keys", "lookup", "restart", "pause", "charges"]);
    let account = driver.account(&at).await.unwrap();
    assert_eq!((account.identity.as_str(), account.balance), ("640001", Some(Usd::dollars(200))));

    let order = order(&world, 1003).await;
    let terms = driver.quote(&at, &order).await.unwrap();
    assert_eq!(terms.priced, Priced::Seen);
    let key_id = driver.ensure_key(&at, common::KEY).await.unwrap();
    assert_eq!(driver.ensure_key(&at, common::KEY).await.unwrap(), key_id);
    let created = driver.create(&at, &order, common::KEY, key_id.as_deref()).await;
    assert_eq!(created.left, Left::Answered { status: 200 });
    let Ok(Outcome::Made(view)) = &created.outcome else { panic!("{created:?}") };
    assert_eq!(created.made, std::slice::from_ref(&view.handle.id));

    let listing = driver.list(&at).await.unwrap();
    assert_eq!((listing.complete, listing.identity), (Ok(()), account.identity));
    assert_eq!(listing.rows[0].tag.as_ref(), at.tag.as_ref().map(|tag| &tag.0));
    let shown = world.until_running(&view.handle).await;
    assert_eq!(shown.per_hour, Some(terms.price.per_hour));
    assert!(!format!("{shown:?}").contains("jupyter-token"), "{shown:?}");

    driver.restart(&at, &view.handle).await.unwrap();
    world.until_running(&view.handle).await;
    let charges = driver.charges(&at, Moment(0)).await.unwrap();
    assert_eq!(charges[0].instance.as_ref(), Some(&view.handle.id));

    let ended = driver.destroy(&at, &view.handle).await;
    assert!(ended.accepted && !ended.by_host && ended.result.is_ok(), "{ended:?}");
    assert!(driver.destroy_by_host(&at, &view.handle).await.accepted, "an end asked twice has happened");
    let listing = driver.list(&at).await.unwrap();
    assert!(listing.complete.is_ok() && listing.rows.is_empty(), "{listing:?}");
    let gone = driver.get(&at, &view.handle).await.unwrap_err();
    assert_eq!(gone.kind, CallErrorKind::Gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_open_ports_is_reached_through_the_proxy() {
    let world = World::with("vast", "practice", &[("filters", "{}")]).await;
    let handle = made(&world, 1005).await;
    let ssh = world.until_running(&handle).await.nodes[0].ssh.clone().unwrap();
    assert_eq!((ssh.port, ssh.user.as_str()), (world.practice.ssh_port(), "root"));
    let instance = &world.practice.state()["vast"]["instances"][0];
    assert_eq!(instance["ssh"]["address"], ssh.host);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_one_costs_its_disk_and_a_resume_is_one_request_that_costs() {
    let world = World::new("vast").await;
    let (driver, at) = (&world.driver, world.at(1));
    let handle = made(&world, 1001).await;
    world.until_running(&handle).await;
    let burn = || world.practice.state()["vast"]["instances"][0]["musd_per_hour"].as_f64().unwrap();
    let running = burn();
    driver.pause(&at, &handle).await.unwrap();
    let view = driver.get(&at, &handle).await.unwrap();
    assert_eq!(view.state, ProviderState::Paused);
    assert!(0.0 < burn() && burn() < running / 10.0, "{} of {running}", burn());

    let soft = r#"{"match":"PUT /v0/instances/{id}","fault":{"status":{"status":200,"body":{"success":false,"msg":"no GPU"}}}}"#;
    world.fault(soft).await;
    let refused = driver.resume(&at, &handle).await;
    assert!(matches!(&refused.left, Left::Refused { text, .. } if text.contains("no GPU")), "{refused:?}");
    world.fault(r#"{"match":"PUT /v0/instances/{id}","fault":"lost_after"}"#).await;
    let lost = driver.resume(&at, &handle).await;
    assert!(matches!(lost.left, Left::Maybe(_)) && lost.result.is_err(), "{lost:?}");
    let resumed = driver.resume(&at, &handle).await;
    assert!(matches!(resumed.left, Left::Answered { status: 200 }) && resumed.result.is_ok(), "{resumed:?}");
    world.until_running(&handle).await;
    assert_eq!(burn(), running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_answers_404_and_is_unauthorized_never_gone() {
    let world = World::with("vast", "another-key-of-somebody", &[]).await;
    let (driver, at, handle) = (&world.driver, world.at(1), common::handle("5556"));
    let account = driver.account(&at).await.unwrap_err();
    assert!(
        account.to_string().contains("bursar login vast") && !account.to_string().contains("another-key"),
        "{account}"
    );
    let get = driver.get(&at, &handle).await.unwrap_err();
    assert!(matches!(get.kind, CallErrorKind::Unauthorized(_)), "{get:?}");
    assert!(driver.list(&at).await.is_err());
    for ended in [driver.destroy(&at, &handle).await, driver.destroy_by_host(&at, &handle).await] {
        assert!(!ended.accepted && ended.result.is_err(), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_made_nothing_and_what_was_lost_is_found_by_its_tag() {
    for (fault, nothing) in [
        (r#"{"status":{"status":410,"body":{"success":false,"error":"no_such_ask","msg":"gone"}}}"#, true),
        (r#"{"status":{"status":200,"body":{"success":false,"msg":"soft"}}}"#, true),
        (r#"{"status":{"status":429,"text":"API requests too frequent: endpoint threshold=4.5"}}"#, true),
        (r#"{"status":{"status":404,"body":{"success":false,"error":"auth_error","msg":"Invalid user key"}}}"#, true),
        (r#""500_after""#, false),
        (r#""lost_after""#, false),
        (r#"{"html":{"status":502}}"#, false),
    ] {
        let world = World::new("vast").await;
        let order = order(&world, 1002).await;
        world.fault(&format!(r#"{{"match":"PUT /v0/asks/{{id}}","provider":"vast","fault":{fault}}}"#)).await;
        let created = create(&world, &order).await;
        assert_eq!((created.nothing_was_made(), created.made.len()), (nothing, 0), "{fault}: {created:?}");
        let lives = world.practice.state()["vast"]["instances"].as_array().unwrap().len();
        let found = world.driver.advance(&world.at(1), &order, "").await;
        assert_eq!(found.made.len(), lives, "{fault}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_walked_to_its_end_and_one_cut_short_proves_nothing() {
    let world = World::new("vast").await;
    for n in 0..30 {
        world.fault(&format!(r#"{{"provider":"vast","fault":{{"foreign_server":{{"name":"other-{n}"}}}}}}"#)).await;
    }
    let listing = world.driver.list(&world.at(1)).await.unwrap();
    assert_eq!((listing.rows.len(), listing.complete), (30, Ok(())));
    world.fault(r#"{"match":"GET /v1/instances","times":0,"fault":{"list_cut":{"how":"id"}}}"#).await;
    let cut = world.driver.list(&world.at(1)).await;
    assert!(cut.as_ref().is_err() || cut.as_ref().is_ok_and(|list| list.complete.is_err()), "{cut:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_or_dearer_is_seen_before_the_order() {
    let world = World::new("vast").await;
    let (driver, at, order) = (&world.driver, world.at(1), order(&world, 1002).await);
    let before = driver.quote(&at, &order).await.unwrap().price.per_hour;
    world.fault(r#"{"provider":"vast","fault":{"price_changed":{"size":"1002","musd_per_hour":900}}}"#).await;
    let now = driver.quote(&at, &order).await.unwrap().price.per_hour;
    assert!(now > before && now > Usd(900_000), "{before} {now}");
    world.fault(r#"{"provider":"vast","fault":{"sold_out":{"size":"1002"}}}"#).await;
    let error = driver.quote(&at, &order).await.unwrap_err();
    assert!(matches!(error.kind, CallErrorKind::OutOfStock(_)), "{error:?}");
    let wish = Wish { gpu: Some("3090".into()), ..Wish::default() };
    assert_eq!(driver.offers(&at, &wish).await.unwrap(), vec![]);
}
