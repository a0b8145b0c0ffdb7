//! Corrections: entries of their own that charge what an account told, and take it back; and what the owner was told.

use crate::help::*;
use bursar_core::{
    bounds::Lookback,
    instance::{Instance, InstanceId, Stage},
    ledger::{Kind, Movement, Reason, Totals},
    money::Usd,
    reconcile::Mark,
    scope::Scope,
    settle,
    time::Moment,
    window::{Look as Back, Window, fullest},
};
use bursar_store::{Complaint, Look, Store};
use sqlx::Executor;

fn mark(position: i64) -> Mark {
    let balance = Some(Usd(1_000));
    let (taken, paid_in) = (None, None);
    Mark { at: NOW, position, balance, taken, paid_in, since: NOW, alone: true, corrected: Usd::ZERO }
}

fn look(position: i64, corrections: &[(&str, i64)], complaint: Option<bool>) -> Look {
    let told = |stops| Complaint {
        at: NOW,
        provider: "acme".into(),
        account: "one".into(),
        stops,
        text: format!("stops: {stops}"),
    };
    Look {
        mark: mark(position),
        corrections: corrections.iter().map(|(which, by)| (id(which), Usd(*by))).collect(),
        why: "took more".into(),
        complaint: complaint.map(told),
    }
}

async fn spent(store: &Store, at: Moment) -> i64 {
    let window = Window { minutes: 60, usd: Usd::ZERO };
    let back = Back { scope: Scope::Provider("acme".into()), cell_secs: window.cell_secs(), back_secs: window.secs() };
    let lookback = Lookback { looks: vec![back], creates: 1, ..Lookback::default() };
    let standing = store.standing_within(&lookback, at).await.unwrap();
    fullest(window, &standing.past[0], &[], at).0.0
}

async fn totals(store: &Store) -> (Totals, Usd) {
    (store.standing().await.unwrap().totals, store.charged(&Scope::Principal("local".into())).await.unwrap())
}

#[tokio::test]
async fn a_correction_counts_when_it_is_learned_and_leaves_holds_alone() {
    let (_dir, store) = new_store().await;
    for which in ["aaaaaaaaaa", "bbbbbbbbbb"] {
        store.reserve(&instance(which, which, 500), NOW, &me(), allow).await.unwrap();
    }
    assert!(store.set_mark("acme", "one", None, &mark(2)).await.unwrap());
    let later = NOW.after(5_000);
    let found = look(4, &[("aaaaaaaaaa", 30), ("bbbbbbbbbb", 12)], None);
    assert!(store.write_look("acme", "one", &mark(2), &found, later).await.unwrap());
    let expected = Totals { held: Usd(1_000), charged: Usd(42) };
    assert_eq!(totals(&store).await, (expected, Usd(42)));
    assert_eq!(store.held(&id("aaaaaaaaaa")).await.unwrap(), Totals { held: Usd(500), charged: Usd(30) });
    assert_eq!((spent(&store, later).await, spent(&store, later.after(3_590)).await), (42, 42));
    assert_eq!(spent(&store, later.after(4_000)).await, 0, "it leaves the window an hour later");
    let newest = &store.entries(None, 1).await.unwrap()[0];
    assert_eq!((newest.kind, newest.amount, newest.at), (Kind::Correction, Usd(12), later));
    assert_eq!(newest.reason, Reason::Told("took more".into()));
    assert_whole(&store).await;
}

#[tokio::test]
async fn what_comes_back_lowers_totals_and_no_window_and_never_below_what_was_corrected() {
    let (_dir, store) = new_store().await;
    store.reserve(&instance("aaaaaaaaaa", "one", 500), NOW, &me(), allow).await.unwrap();
    store.set_mark("acme", "one", None, &mark(1)).await.unwrap();
    store.write_look("acme", "one", &mark(1), &look(2, &[("aaaaaaaaaa", 30)], None), NOW).await.unwrap();
    assert_eq!(spent(&store, NOW).await, 30);
    store.write_look("acme", "one", &mark(2), &look(3, &[("aaaaaaaaaa", -20)], None), NOW).await.unwrap();
    assert_eq!(totals(&store).await, (Totals { held: Usd(500), charged: Usd(10) }, Usd(10)));
    assert_eq!(spent(&store, NOW).await, 30, "it is not spent twice within a window");
    let followed = store.standing_within(&Lookback::default(), NOW).await.unwrap().charged_by;
    assert_eq!(followed["provider.acme"], Usd(10), "whoever follows what is charged sees what came back");
    let more = store.write_look("acme", "one", &mark(3), &look(4, &[("aaaaaaaaaa", -11)], None), NOW).await;
    assert!(more.is_err());
    assert_eq!(totals(&store).await.0.charged, Usd(10), "all of a look is written, or nothing");
    assert_whole(&store).await;
}

#[tokio::test]
async fn what_was_corrected_is_not_taken_for_a_part_of_the_bill() {
    let (_dir, store) = new_store().await;
    store.reserve(&instance("aaaaaaaaaa", "one", 500), NOW, &me(), allow).await.unwrap();
    store.set_mark("acme", "one", None, &mark(1)).await.unwrap();
    store.write_look("acme", "one", &mark(1), &look(2, &[("aaaaaaaaaa", 30)], None), NOW).await.unwrap();
    let held = store.held(&id("aaaaaaaaaa")).await.unwrap();
    let end = |i: &mut Instance| {
        i.stage = Stage::Gone;
        // Two begun hours of 100.
        (settle::gone(i, held, NOW.after(4_000)), ())
    };
    store.change(&id("aaaaaaaaaa"), NOW.after(4_000), end).await.unwrap();
    assert_eq!(store.held(&id("aaaaaaaaaa")).await.unwrap(), Totals { held: Usd::ZERO, charged: Usd(230) });
    assert_whole(&store).await;
}

#[tokio::test]
async fn of_two_that_look_at_once_one_is_written() {
    let (_dir, store) = new_store().await;
    store.reserve(&instance("aaaaaaaaaa", "one", 500), NOW, &me(), allow).await.unwrap();
    assert!(!store.may_look("acme", "one", NOW, 60).await.unwrap(), "nothing is noted yet");
    store.set_mark("acme", "one", None, &mark(1)).await.unwrap();
    assert!(!store.set_mark("acme", "one", None, &mark(7)).await.unwrap(), "noted by another one meanwhile");
    let mine =
        [store.may_look("acme", "one", NOW, 60).await.unwrap(), store.may_look("acme", "one", NOW, 60).await.unwrap()];
    assert_eq!(mine, [true, false]);
    assert!(store.may_look("acme", "one", NOW.after(60), 60).await.unwrap(), "who died is passed over");
    let found = look(2, &[("aaaaaaaaaa", 30)], Some(true));
    assert!(store.write_look("acme", "one", &mark(1), &found, NOW).await.unwrap());
    assert!(!store.write_look("acme", "one", &mark(1), &found, NOW).await.unwrap());
    assert_eq!((totals(&store).await.1, store.complaints().await.unwrap().len()), (Usd(30), 1));
}

#[tokio::test]
async fn a_complaint_stands_until_the_owner_has_looked() {
    let (dir, store) = new_store().await;
    store.set_mark("acme", "one", None, &mark(1)).await.unwrap();
    store.write_look("acme", "one", &mark(1), &look(2, &[], Some(true)), NOW).await.unwrap();
    store.write_look("acme", "one", &mark(2), &look(3, &[], Some(false)), NOW).await.unwrap();
    let stops = |all: Vec<Complaint>| all.into_iter().map(|one| one.stops).collect::<Vec<_>>();
    assert_eq!(stops(store.complaints().await.unwrap()), [false, true], "a warning lifts nothing");
    store.owner_looked("acme", "two", "another account", NOW).await.unwrap();
    assert_eq!(store.complaints().await.unwrap().len(), 2);
    store.owner_looked("acme", "one", "looked", NOW).await.unwrap();
    assert_eq!((store.complaints().await.unwrap(), store.mark("acme", "one").await.unwrap()), (vec![], None));
    let mut bare = bare(dir.path()).await;
    for sql in ["UPDATE complaints SET what = 'looked'", "DELETE FROM complaints"] {
        let refused = bare.execute(sql).await.unwrap_err().to_string();
        assert!(refused.contains("never"), "{refused}");
    }
}

#[tokio::test]
async fn rows_are_those_that_may_have_cost_since() {
    let (_dir, store) = new_store().await;
    let ids = async |position| {
        let (rows, ran) = store.rows_since("acme", "one", position).await.unwrap();
        assert_eq!(ran, rows.iter().any(|(i, _)| i.stage.is_open()) || rows.len() > 1);
        rows.into_iter().map(|(i, _)| i.id.0[..1].to_owned()).collect::<String>()
    };
    assert_eq!(ids(0).await, "");
    let gone = |i: &mut Instance| {
        i.stage = Stage::Gone;
        (vec![Movement { kind: Kind::Release, amount: Usd(5), reason: Reason::Gone }], ())
    };
    for which in ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"] {
        store.reserve(&instance(which, which, 5), NOW, &me(), allow).await.unwrap();
    }
    store.change(&id("aaaaaaaaaa"), NOW, gone).await.unwrap();
    let position = store.position().await.unwrap();
    store.change(&id("bbbbbbbbbb"), NOW, gone).await.unwrap();
    assert_eq!((ids(0).await.as_str(), ids(position).await.as_str()), ("abc", "bc"));
    store.change(&InstanceId("cccccccccc".into()), NOW, gone).await.unwrap();
    let position = store.position().await.unwrap();
    assert_eq!(ids(position).await, "c", "where nothing ran, the newest answers for it");
}
