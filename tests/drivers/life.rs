//! From the offer to the end: what is sold, made, found, and gone.

use crate::{specifics::Specifics, world::World};
use bursar_core::{instance::ProviderState, money::Usd, offer::Priced};
use bursar_drivers::{CallErrorKind, Outcome};
use serde_json::json;
use std::collections::HashSet;

pub async fn offers_have_sane_prices(of: &Specifics) {
    let world = World::new(of).await;
    let offers = world.offers().await;
    assert!(offers.len() >= 5, "{} sells {} things", of.name, offers.len());
    let ids: HashSet<&str> = offers.iter().map(|offer| offer.id.as_str()).collect();
    assert_eq!(ids.len(), offers.len(), "an id is one offer");
    for offer in &offers {
        assert!(offer.price.per_hour > Usd(1_000) && offer.price.per_hour < Usd::dollars(500), "{offer:?}");
        assert!(!offer.title.trim().is_empty() && offer.nodes_min >= 1, "{offer:?}");
    }
    assert!(offers.is_sorted_by_key(|offer| offer.price.per_hour), "cheapest first");
    // What an order costs is what its offer told, or less; and the host read it itself.
    let order = world.order().await;
    let told = offers.iter().find(|offer| offer.id == order.offer).unwrap().price.per_hour;
    let terms = world.driver.quote(&world.at(), &order).await.unwrap();
    assert_eq!(terms.priced, Priced::Seen);
    assert!(terms.price.per_hour <= told && terms.price.per_hour > Usd::ZERO, "{terms:?}, the offer told {told}");
}

pub async fn what_was_created_is_found_by_its_tag(of: &Specifics) {
    let world = World::new(of).await;
    let created = world.create().await;
    let named = matches!(&created.outcome, Ok(Outcome::Made(view)) if created.made == [view.handle.id.clone()]);
    assert_eq!(named, of.names_what_it_made, "{created:?}");
    assert!(!created.nothing_was_made() && created.outcome.is_ok(), "{created:?}");
    let handle = world.found().await;
    let listing = world.driver.list(&world.at()).await.unwrap();
    assert_eq!(listing.complete, Ok(()));
    let ours: Vec<&str> =
        listing.rows.iter().filter(|row| row.tag == Some(world.tag())).map(|row| row.id.as_str()).collect();
    assert_eq!(ours, [handle.id]);
    assert_eq!(listing.identity, world.driver.account(&world.at()).await.unwrap().identity);
}

pub async fn a_create_whose_answer_was_lost_is_found_again(of: &Specifics) {
    for fault in ["lost_after", "500_after", "cut_body", "html"] {
        let world = World::new(of).await;
        // A page of a proxy says nothing of what became of the order.
        let fault = if fault == "html" {
            json!({ "match": of.create, "fault": "status", "status": 502, "text": "<html>", "done": true })
        } else {
            json!({ "match": of.create, "fault": fault })
        };
        world.misbehave(fault.clone()).await;
        let created = world.create().await;
        assert!(!created.nothing_was_made(), "{fault}: {created:?}");
        world.found().await;
        assert_eq!(world.alive(), 1, "{fault}: it is not ordered twice");
    }
}

pub async fn an_end_may_be_asked_twice(of: &Specifics) {
    let world = World::new(of).await;
    let handle = world.made().await;
    for time in ["first", "again", "once more, when it is gone"] {
        let ended = world.driver.destroy(&world.at(), &handle).await;
        assert!(ended.accepted && ended.result.is_ok() && !ended.by_host, "{time}: {ended:?}");
        if time == "again" {
            world.until_gone().await;
        }
    }
    let by_host = world.driver.destroy_by_host(&world.at(), &handle).await;
    assert!(by_host.accepted && by_host.by_host, "{by_host:?}");
}

pub async fn what_is_gone_is_gone_and_no_error(of: &Specifics) {
    let world = World::new(of).await;
    let handle = world.made().await;
    assert!(world.driver.destroy(&world.at(), &handle).await.accepted);
    world.until_gone().await;
    match world.driver.get(&world.at(), &handle).await {
        Ok(view) => assert_eq!(view.state, ProviderState::Gone, "{view:?}"),
        Err(error) => assert_eq!(error.kind, CallErrorKind::Gone),
    }
    let listing = world.driver.list(&world.at()).await.unwrap();
    assert_eq!(listing.complete, Ok(()));
    assert!(listing.rows.iter().all(|row| row.id != handle.id), "{listing:?}");
}

pub async fn a_machine_tells_where_it_answers(of: &Specifics) {
    let world = World::new(of).await;
    let handle = world.made().await;
    let view = world.until(&handle, |view| view.nodes.first().is_some_and(|node| node.ssh.is_some())).await;
    assert_eq!(view.tag, Some(world.tag()).filter(|_| view.tag.is_some()), "the host read our tag or none");
    let ssh = view.nodes[0].ssh.as_ref().unwrap();
    assert!(ssh.host.starts_with("127.77.") && ssh.port == 22, "{ssh:?}");
    assert_eq!(view.state, ProviderState::Running);
}

pub async fn what_is_sold_out_is_told_so(of: &Specifics) {
    let world = World::new(of).await;
    let Some((size, offer)) = of.sold_out else {
        // It sells what it has not: the order is not taken, and nothing is made.
        let order = world.order().await;
        world.misbehave(json!({ "fault": "sold_out", "size": order.offer })).await;
        let created = world.driver.create(&world.at(), &order, crate::world::KEY, None).await;
        assert!(created.made.is_empty() && created.outcome.is_err() && world.alive() == 0, "{created:?}");
        return;
    };
    let order = world.order_of(offer, world.offers().await.into_iter().find(|o| o.id == offer).unwrap().image).await;
    world.misbehave(json!({ "fault": "sold_out", "size": size })).await;
    let error = world.driver.quote(&world.at(), &order).await.unwrap_err();
    assert!(matches!(error.kind, CallErrorKind::OutOfStock(_)), "{error:?}");
    let now = world.offers().await.into_iter().find(|o| o.id == offer);
    assert!(now.is_none_or(|offer| offer.in_stock == Some(false)), "it is not shown as in stock");
}
