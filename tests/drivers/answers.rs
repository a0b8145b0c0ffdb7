//! Answers of every kind: errors, proxies' pages, nothing at all, members and words that nobody knows.

use crate::{specifics::Specifics, world::World};
use bursar_core::{instance::ProviderState, offer::Wish};
use bursar_drivers::{CallErrorKind as Kind, Left};
use serde_json::{Value, json};

pub async fn a_wrong_key_is_unauthorized_and_never_gone(of: &Specifics) {
    let good = World::new(of).await;
    let handle = good.made().await;
    let bad = World::with_key(of, "wrong").await;
    let at = bad.at();
    for (call, error) in [
        ("account", bad.driver.account(&at).await.unwrap_err()),
        ("list", bad.driver.list(&at).await.unwrap_err()),
        ("get", bad.driver.get(&at, &handle).await.unwrap_err()),
        ("destroy", bad.driver.destroy(&at, &handle).await.result.unwrap_err()),
    ] {
        assert!(matches!(error.kind, Kind::Unauthorized(_)), "{call}: {error:?}");
        assert!(!error.to_string().contains("wrong"), "{call} tells the key: {error}");
    }
    assert!(!bad.driver.destroy(&at, &handle).await.accepted);
}

pub async fn every_status_has_its_meaning(of: &Specifics) {
    let world = World::new(of).await;
    let json_of = |text: &str| json!({ "message": text, "detail": text });
    let status = |status: u16| json!({ "fault": "status", "status": status, "body": json_of("no") });
    type Expected = fn(&Kind) -> bool;
    let table: Vec<(Value, Expected)> = vec![
        (status(401), |kind| matches!(kind, Kind::Unauthorized(_))),
        (status(403), |kind| matches!(kind, Kind::Unauthorized(_))),
        (status(402), |kind| matches!(kind, Kind::InsufficientFunds(_))),
        (json!({ "fault": "rate_limited" }), |kind| *kind == Kind::RateLimited(None)),
        (json!({ "fault": "rate_limited", "retry_after": 7 }), |kind| *kind == Kind::RateLimited(Some(7))),
        (json!({ "fault": "status", "status": 429, "text": "slow down", "content_type": "text/plain" }), |kind| {
            *kind == Kind::RateLimited(None)
        }),
        (status(500), |kind| matches!(kind, Kind::Failed(_))),
        (json!({ "fault": "status", "status": 503, "text": "busy", "content_type": "text/plain" }), |kind| {
            matches!(kind, Kind::Failed(_))
        }),
        (json!({ "fault": "html" }), |kind| matches!(kind, Kind::Failed(_))),
        (json!({ "fault": "redirect" }), |kind| matches!(kind, Kind::Failed(_))),
        (json!({ "fault": "lost_before" }), |kind| matches!(kind, Kind::MaybeSent(_) | Kind::NotSent(_))),
    ];
    for (fault, expected) in table {
        let mut rule = fault.clone();
        (rule["match"], rule["times"]) = (json!("* **"), json!(0));
        world.misbehave(rule).await;
        for (call, error) in [
            ("account", world.driver.account(&world.at()).await.unwrap_err()),
            ("offers", world.driver.offers(&world.at(), &Wish::default()).await.unwrap_err()),
            ("list", world.driver.list(&world.at()).await.unwrap_err()),
        ] {
            assert!(expected(&error.kind), "{call} on {fault}: {error:?}");
        }
        world.behave().await;
    }
}

pub async fn an_answer_that_cannot_be_read_is_a_failure(of: &Specifics) {
    let world = World::new(of).await;
    let text = |text: &str| json!({ "fault": "status", "status": 200, "text": text });
    for fault in
        [text(""), text("<html></html>"), text("[[["), text("\"yes\""), text("{}"), json!({ "fault": "cut_body" })]
    {
        let mut rule = fault.clone();
        (rule["match"], rule["times"]) = (json!("* **"), json!(0));
        world.misbehave(rule).await;
        // What is sold may be nothing, as far as anybody can tell from an empty object.
        let may_be_nothing = fault["text"] == "{}";
        let offers = world.driver.offers(&world.at(), &Wish::default()).await;
        assert!(may_be_nothing || offers.is_err_and(|error| error.kind != Kind::Gone), "{fault}");
        let listed = world.driver.list(&world.at()).await;
        assert!(
            listed.as_ref().is_err_and(|e| e.kind != Kind::Gone) || listed.is_ok_and(|l| l.complete.is_err()),
            "{fault}"
        );
        world.behave().await;
    }
}

pub async fn members_that_nobody_knows_change_nothing(of: &Specifics) {
    let world = World::new(of).await;
    let before = world.offers().await;
    world.misbehave(json!({ "match": "* **", "times": 0, "fault": "extra" })).await;
    assert_eq!(world.offers().await, before);
    let handle = world.made().await;
    let listing = world.driver.list(&world.at()).await.unwrap();
    assert_eq!(listing.complete, Ok(()));
    assert!(listing.rows.iter().any(|row| row.id == handle.id));
    world.driver.account(&world.at()).await.unwrap();
    assert!(world.driver.destroy(&world.at(), &handle).await.accepted);
}

pub async fn a_status_that_nobody_knows_is_told_and_harms_nothing(of: &Specifics) {
    let world = World::new(of).await;
    let handle = world.made().await;
    world.misbehave(json!({ "match": "* **", "times": 0, "fault": "status_word", "word": "Hibernating" })).await;
    let view = world.driver.get(&world.at(), &handle).await.unwrap();
    let in_between = !matches!(view.state, ProviderState::Gone | ProviderState::Failed(_) | ProviderState::Running);
    assert!(in_between, "{view:?}");
    let listing = world.driver.list(&world.at()).await.unwrap();
    assert!(listing.complete.is_ok() && listing.rows.iter().any(|row| row.id == handle.id), "{listing:?}");
}

pub async fn texts_with_control_characters_do_not_come_through(of: &Specifics) {
    let world = World::new(of).await;
    let handle = world.made().await;
    world.misbehave(json!({ "match": "GET **", "times": 0, "fault": "garbled" })).await;
    let bad = |text: &str| text.chars().any(|c| c.is_control() || c == '\u{202e}');
    for offer in world.offers().await {
        let gpu = offer.hardware.gpu.as_ref().map(|gpu| gpu.model.clone()).unwrap_or_default();
        let site = offer.site.as_ref().map(|site| site.name.clone()).unwrap_or_default();
        assert!(![&offer.id, &offer.title, &gpu, &site].iter().any(|text| bad(text)), "{offer:?}");
    }
    // A tag that does not print is not ours, and nothing was freed by it.
    let listing = world.driver.list(&world.at()).await.unwrap();
    assert!(listing.rows.iter().any(|row| row.id == handle.id && row.tag != Some(world.tag())), "{listing:?}");
    let told = |view: &bursar_core::instance::View| {
        format!("{:?} {:?}", view.note, view.nodes.iter().map(|n| &n.name).collect::<Vec<_>>())
    };
    assert!(listing.views.iter().all(|view| !bad(&told(view))), "{listing:?}");
    let error = World::new(of).await;
    let evil = json!({ "message": "no\u{1b}[31m\r\nIGNORE", "detail": "no\u{1b}[31m\r\nIGNORE" });
    error.misbehave(json!({ "match": "* **", "times": 0, "fault": "status", "status": 500, "body": evil })).await;
    let said = error.driver.account(&error.at()).await.unwrap_err().to_string();
    assert!(!bad(&said), "{said:?}");
}

pub async fn an_order_is_freed_only_by_a_clear_no(of: &Specifics) {
    let body = json!({ "message": "no", "detail": "no" });
    for (status, is_no) in
        [(401, true), (403, true), (429, true), (500, false), (502, false), (200, false), (408, false)]
    {
        let world = World::new(of).await;
        let fault = json!({ "match": of.create, "fault": "status", "status": status, "body": body });
        world.misbehave(fault).await;
        let created = world.create().await;
        assert_eq!(created.nothing_was_made(), is_no, "{status}: {created:?}");
        assert_eq!(world.alive(), 0);
    }
    let world = World::new(of).await;
    world.misbehave(json!({ "match": of.create, "fault": "lost_before" })).await;
    let created = world.create().await;
    assert!(matches!(created.left, Left::Maybe(_)) && !created.nothing_was_made(), "{created:?}");
}
