//! Reading back: names, order, limits and notes.

use crate::help::*;
use bursar_core::{
    instance::{Instance, Stage},
    ledger::Kind,
    limits::Limits,
};
use bursar_store::Store;

async fn end(store: &Store, which: &str, held: i64) {
    let gone = |i: &mut Instance| {
        i.stage = Stage::Gone;
        (vec![movement(Kind::Release, held)], ())
    };
    store.change(&id(which), NOW, gone).await.unwrap();
}

#[tokio::test]
async fn a_name_finds_the_open_one_first_then_an_id_then_the_last_closed() {
    let (_dir, store) = new_store().await;
    for (which, name, ends) in [
        ("aaaaaaaaaa", "train", true),
        ("bbbbbbbbbb", "train", true),
        ("cccccccccc", "eval", false),
        ("dddddddddd", "eeeeeeeeee", true),
        ("eeeeeeeeee", "serve", false),
        ("ffffffffff", "cccccccccc", false),
    ] {
        store.reserve(&instance(which, name, 5), NOW, &me(), allow).await.unwrap();
        if ends {
            end(&store, which, 5).await;
        }
    }
    for (principal, asked, found) in [
        ("local", "train", Some("bbbbbbbbbb")),
        ("local", "aaaaaaaaaa", Some("aaaaaaaaaa")),
        ("local", "eval", Some("cccccccccc")),
        ("local", "eeeeeeeeee", Some("eeeeeeeeee")),
        ("local", "cccccccccc", Some("ffffffffff")),
        ("local", "nobody", None),
        ("bob", "train", None),
        ("bob", "aaaaaaaaaa", None),
    ] {
        let got = store.find(principal, asked).await.unwrap().map(|i| i.id.0);
        assert_eq!(got.as_deref(), found, "{principal} {asked}");
    }
    let ids = |list: Vec<Instance>| list.into_iter().map(|i| i.id.0[..1].to_owned()).collect::<String>();
    assert_eq!(ids(store.open_instances().await.unwrap()), "cef");
    assert_eq!(ids(store.recent_instances(3).await.unwrap()), "fed");
}

#[tokio::test]
async fn entries_come_newest_first_of_one_or_of_all() {
    let (_dir, store) = new_store().await;
    for which in ["aaaaaaaaaa", "bbbbbbbbbb"] {
        store.reserve(&instance(which, which, 5), NOW, &me(), allow).await.unwrap();
    }
    end(&store, "aaaaaaaaaa", 5).await;
    let seqs = |entries: Vec<bursar_core::ledger::Entry>| entries.into_iter().map(|e| e.seq).collect::<Vec<_>>();
    assert_eq!(seqs(store.entries(None, 10).await.unwrap()), [3, 2, 1]);
    assert_eq!(seqs(store.entries(None, 2).await.unwrap()), [3, 2]);
    assert_eq!(seqs(store.entries(Some(&id("aaaaaaaaaa")), 10).await.unwrap()), [3, 1]);
}

#[tokio::test]
async fn limits_are_shared_and_their_history_is_kept() {
    let (dir, store) = new_store().await;
    assert_eq!(store.limits().await.unwrap(), None);
    let wider = Limits { max_instances: 5, ..Limits::default() };
    for limits in [&Limits::default(), &Limits::default(), &wider] {
        store.set_limits(limits, NOW).await.unwrap();
    }
    assert_eq!(open(dir.path()).await.limits().await.unwrap(), Some(wider));
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM limits").fetch_one(&mut bare(dir.path()).await).await.unwrap();
    assert_eq!(kept, 2, "the same limits again are no change");
}

#[tokio::test]
async fn a_note_holds_its_last_value() {
    let (_dir, store) = new_store().await;
    assert_eq!(store.note("balance/acme").await.unwrap(), None);
    store.set_note("balance/acme", "12.50").await.unwrap();
    store.set_note("balance/acme", "11.00").await.unwrap();
    assert_eq!(store.note("balance/acme").await.unwrap().as_deref(), Some("11.00"));
}
