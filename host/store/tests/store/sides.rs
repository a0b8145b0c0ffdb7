//! What a decision is told besides: what was charged on one account since its balance was asked, and what one session has.

use crate::help::*;
use bursar_core::{
    bounds::Lookback, decide::AccountView, instance::Instance, instance::Stage, ledger::Kind, money::Usd,
};
use bursar_store::{Longer, Store, Worker};

async fn charge(store: &Store, which: &str, amount: i64) {
    let gone = |i: &mut Instance| {
        i.stage = Stage::Gone;
        (vec![movement(Kind::Charge, amount), movement(Kind::Release, 50 - amount)], ())
    };
    store.change(&id(which), NOW, gone).await.unwrap();
}

#[tokio::test]
async fn only_what_was_charged_on_this_account_after_its_balance_was_asked_is_missing_from_it() {
    let (_dir, store) = new_store().await;
    for (which, account) in [("aaaaaaaaaa", "one"), ("bbbbbbbbbb", "one"), ("cccccccccc", "two")] {
        let new = Instance { account: account.to_owned(), ..instance(which, which, 50) };
        store.reserve(&new, NOW, &me(), allow).await.unwrap();
    }
    charge(&store, "aaaaaaaaaa", 7).await;
    let position = store.position().await.unwrap();
    charge(&store, "bbbbbbbbbb", 20).await;
    charge(&store, "cccccccccc", 3).await;
    let taken = async |identity: &str, position: i64| {
        let account =
            AccountView { provider: "acme".into(), identity: identity.into(), position, ..AccountView::default() };
        let lookback = Lookback::default().on(&account);
        store.standing_within(&lookback, NOW).await.unwrap().taken_since
    };
    assert_eq!(taken("one", position).await, Some(Usd(20)));
    assert_eq!(taken("two", position).await, Some(Usd(3)));
    assert_eq!(taken("one", 0).await, Some(Usd(27)));
    assert_eq!(taken("one", store.position().await.unwrap()).await, Some(Usd::ZERO));
    assert_eq!(store.standing().await.unwrap().taken_since, None, "nobody asked");
}

#[tokio::test]
async fn a_session_has_what_its_process_reserved_whatever_became_of_it_and_whoever_acts_now() {
    let (_dir, store) = new_store().await;
    let (mine, other) = (Worker("mine".into()), Worker("other".into()));
    for (which, by) in [("aaaaaaaaaa", &mine), ("bbbbbbbbbb", &mine), ("cccccccccc", &other)] {
        store.reserve(&instance(which, which, 50), NOW, by, allow).await.unwrap();
    }
    charge(&store, "aaaaaaaaaa", 7).await;
    assert!(store.claim(&id("bbbbbbbbbb"), &other, NOW.after(60), 30, |_| false).await.unwrap());
    let lookback = |session: &str| Lookback::default().by(session);
    let session = async |name: &str| store.standing_within(&lookback(name), NOW).await.unwrap().session;
    assert_eq!(session("mine").await, Some(Usd(57)));
    assert_eq!((session("other").await, session("nobody").await), (Some(Usd(50)), Some(Usd::ZERO)));
    let mut seen = vec![];
    for name in ["mine", "other"] {
        let decide = |standing: &bursar_core::ledger::Standing, i: &Instance, _: bursar_core::ledger::Totals| {
            seen.push(standing.session);
            Ok(Longer { ends: i.lease.ends, hold: i.lease.hold, extending: None })
        };
        store.extend(&id("bbbbbbbbbb"), NOW, &lookback(name), decide).await.unwrap();
    }
    assert_eq!(seen, [Some(Usd(7)), Some(Usd(50))], "decided as if it were not there, in its own session only");
}
