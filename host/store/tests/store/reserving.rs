//! Reserving: the hold is written with the decision, once.

use crate::help::*;
use bursar_core::{
    instance::Stage,
    ledger::{Kind, OpenLease, Reason, Standing, Totals},
    money::Usd,
    time::Moment,
    window::Paid,
};
use bursar_store::{Broken, ReserveError, StoreError};

#[tokio::test]
async fn a_reservation_is_an_instance_and_its_hold() {
    let (_dir, store) = new_store().await;
    let new = instance("aaaaaaaaaa", "train", 500);
    let entry = store.reserve(&new, NOW, &me(), allow).await.unwrap();

    assert_eq!((entry.seq, entry.at, entry.kind, entry.amount), (1, NOW, Kind::Hold, Usd(500)));
    assert_eq!(entry.reason, Reason::Reserved);
    assert_eq!(entry.totals, Totals { held: Usd(500), charged: Usd::ZERO });
    assert_eq!(store.instance(&new.id).await.unwrap(), Some(new.clone()));
    assert_eq!(store.held(&new.id).await.unwrap(), entry.totals);
    assert_eq!(store.entries(None, 10).await.unwrap(), [entry]);
    assert_whole(&store).await;
}

#[tokio::test]
async fn deciding_sees_what_is_held_at_that_moment() {
    let (_dir, store) = new_store().await;
    store.reserve(&instance("aaaaaaaaaa", "one", 500), NOW, &me(), allow).await.unwrap();
    let mut seen = Standing::default();
    let look = |standing: &Standing| {
        seen = standing.clone();
        Ok(())
    };
    store.reserve(&instance("bbbbbbbbbb", "two", 70), NOW, &me(), look).await.unwrap();
    let open = OpenLease {
        instance: id("aaaaaaaaaa"),
        name: "one".to_owned(),
        provider: "acme".to_owned(),
        account: "one".to_owned(),
        principal: "local".to_owned(),
        per_hour: Usd(100),
        held: Usd(500),
        // Its minimum of an hour is never given back.
        paid: Paid { from: NOW, until: NOW.after(3_600 + 120), at_once: Usd(100) },
    };
    let totals = Totals { held: Usd(500), charged: Usd::ZERO };
    assert_eq!(seen, Standing { at: NOW, totals, open: vec![open], ..Standing::default() });
}

#[tokio::test]
async fn a_refusal_leaves_nothing() {
    let (_dir, store) = new_store().await;
    let refused = store.reserve(&instance("aaaaaaaaaa", "train", 500), NOW, &me(), at_most(0)).await.unwrap_err();
    let ReserveError::Refused(refusal) = &refused else { panic!("{refused:?}") };
    assert_eq!(refusal.over[0].would_be, "0 are open");
    assert_eq!(store.standing().await.unwrap(), Standing::default());
    assert_eq!(store.recent_instances(10).await.unwrap(), []);
}

#[tokio::test]
async fn a_name_belongs_to_one_open_instance_of_a_principal() {
    let (_dir, store) = new_store().await;
    let first = instance("aaaaaaaaaa", "train", 500);
    store.reserve(&first, NOW, &me(), allow).await.unwrap();

    let never = |_: &Standing| panic!("a taken name is not decided");
    let taken = store.reserve(&instance("bbbbbbbbbb", "train", 1), NOW, &me(), never).await.unwrap_err();
    assert!(matches!(&taken, ReserveError::NameTaken(open) if **open == first), "{taken:?}");

    let others = bursar_core::instance::Instance { principal: "bob".to_owned(), ..instance("cccccccccc", "train", 1) };
    store.reserve(&others, NOW, &me(), allow).await.unwrap();

    let end = |gone: &mut bursar_core::instance::Instance| {
        gone.stage = Stage::Gone;
        (vec![movement(Kind::Release, 500)], ())
    };
    store.change(&first.id, NOW, end).await.unwrap();
    store.reserve(&instance("bbbbbbbbbb", "train", 1), NOW, &me(), allow).await.unwrap();
    assert_whole(&store).await;
}

#[tokio::test]
async fn what_cannot_be_a_reservation_is_refused_and_leaves_nothing() {
    let (_dir, store) = new_store().await;
    store.reserve(&instance("aaaaaaaaaa", "one", 500), NOW, &me(), allow).await.unwrap();
    let mut gone = instance("bbbbbbbbbb", "two", 1);
    gone.stage = Stage::Gone;
    for (new, wanted) in [
        (instance("aaaaaaaaaa", "two", 1), "its id or its tag was used before"),
        (gone, "it would begin as gone"),
        (instance("bbbbbbbbbb", "two", i64::MAX), "more than can be counted"),
        (instance("bbbbbbbbbb", "two", -1), "cannot leave a hold of"),
    ] {
        let error = store.reserve(&new, NOW, &me(), allow).await.unwrap_err();
        let text = format!("{error} {:?}", std::error::Error::source(&error).map(ToString::to_string));
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert_eq!(store.entries(None, 10).await.unwrap().len(), 1);
    assert_whole(&store).await;
}

#[tokio::test]
async fn a_caller_that_goes_away_while_deciding_leaves_the_ledger_free() {
    let (_dir, store) = new_store().await;
    let new = instance("aaaaaaaaaa", "one", 500);
    for steps in 0..40 {
        // Dropped after so many turns: before, in and after the transaction.
        let mut reserving = Box::pin(store.reserve(&new, NOW, me_static(), allow));
        for _ in 0..steps {
            let turn = tokio::time::timeout(std::time::Duration::from_micros(200), &mut reserving).await;
            if turn.is_ok() {
                break;
            }
        }
        drop(reserving);
        assert_whole(&store).await;
    }
    let found = store.standing().await.unwrap().open.len();
    assert!(found <= 1, "{found}");
    store.reserve(&instance("bbbbbbbbbb", "two", 1), NOW, &me(), allow).await.unwrap();
}

#[tokio::test]
async fn ledger_time_never_runs_backwards() {
    let (_dir, store) = new_store().await;
    for (name, now, at) in [("one", 100, 100), ("two", 50, 100), ("three", 0, 100), ("four", 101, 101)] {
        let new = instance(&format!("{name:a<10}"), name, 1);
        let entry = store.reserve(&new, Moment(now), &me(), allow).await.unwrap();
        assert_eq!(entry.at, Moment(at), "{name}");
    }
}

#[tokio::test]
async fn a_panic_while_deciding_leaves_the_ledger_free() {
    let (_dir, store) = new_store().await;
    let task = store.clone();
    let panicked = tokio::spawn(async move {
        task.reserve(&instance("aaaaaaaaaa", "one", 500), NOW, &me(), |_| panic!("a fault of the caller")).await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    store.reserve(&instance("bbbbbbbbbb", "two", 1), NOW, &me(), allow).await.unwrap();
    assert_eq!(store.standing().await.unwrap().open.len(), 1);
}

#[tokio::test]
async fn what_can_no_longer_be_counted_is_no_fault_of_the_sums() {
    let (_dir, store) = new_store().await;
    store.reserve(&instance("aaaaaaaaaa", "one", i64::MAX), NOW, &me(), allow).await.unwrap();
    let error = store.reserve(&instance("bbbbbbbbbb", "two", 1), NOW, &me(), allow).await.unwrap_err();
    let broken = Broken::TooMuch { amount: Usd(1) };
    assert!(matches!(&error, ReserveError::Store(StoreError::Broken { broken: b, .. }) if *b == broken), "{error:?}");
    assert_whole(&store).await;
}

fn me_static() -> &'static bursar_store::Worker {
    static ME: std::sync::LazyLock<bursar_store::Worker> = std::sync::LazyLock::new(me);
    &ME
}
