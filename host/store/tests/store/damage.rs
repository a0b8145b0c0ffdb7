//! Tampering is refused by the database itself; damage stops spending and is told, and what is readable is read.

use crate::help::*;
use bursar_core::{
    instance::{Instance, Stage},
    ledger::Kind,
};
use bursar_store::{ReserveError, Store, StoreError};
use sqlx::Executor;
use std::{
    fs::OpenOptions,
    io::{Seek, SeekFrom, Write},
};

async fn with_three() -> (tempfile::TempDir, Store) {
    let (dir, store) = new_store().await;
    for which in ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"] {
        store.reserve(&instance(which, which, 5), NOW, &me(), allow).await.unwrap();
    }
    let end = |i: &mut Instance| {
        i.stage = Stage::Gone;
        (vec![movement(Kind::Charge, 2), movement(Kind::Release, 3)], ())
    };
    store.change(&id("cccccccccc"), NOW, end).await.unwrap();
    (dir, store)
}

async fn may_not_spend(store: &Store) -> String {
    match store.reserve(&instance("zzzzzzzzzz", "new", 1), NOW, &me(), allow).await {
        Err(ReserveError::Store(StoreError::Damaged { what })) => what,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_database_itself_keeps_the_ledger_append_only() {
    let (dir, store) = with_three().await;
    store
        .change(&id("aaaaaaaaaa"), NOW, |i| {
            i.handle = Some(bursar_core::instance::Handle { id: "m-1".into(), memo: String::new() });
            (vec![], ())
        })
        .await
        .unwrap();
    store.set_limits(&bursar_core::limits::Limits::default(), NOW).await.unwrap();
    let mut bare = bare(dir.path()).await;
    for (sql, wanted) in [
        ("UPDATE entries SET amount = 0 WHERE seq = 1", "never changed"),
        ("DELETE FROM entries WHERE seq = 5", "never deleted"),
        ("DELETE FROM instances", "never deleted"),
        ("UPDATE instances SET principal = 'bob'", "keeps its id"),
        ("UPDATE instances SET tag = 'x' WHERE id = 'aaaaaaaaaa'", "keeps its id"),
        ("UPDATE instances SET is_open = 0 WHERE id = 'aaaaaaaaaa'", "CHECK constraint"),
        ("UPDATE instances SET held = -1 WHERE id = 'aaaaaaaaaa'", "CHECK constraint"),
        ("UPDATE ledger SET practice = 0", "keeps its id"),
        ("DELETE FROM ledger", "keeps its id"),
        ("INSERT INTO ledger VALUES (2, 'aaaaaaaaaa', 0, 0)", "CHECK constraint"),
        ("UPDATE limits SET doc = '{}'", "never changed"),
        ("DELETE FROM limits", "never deleted"),
        ("DELETE FROM handles", "for ever"),
        ("UPDATE handles SET instance = 'bbbbbbbbbb'", "for ever"),
        (
            "INSERT INTO entries (seq, at, instance, kind, amount, reason, held, charged) VALUES (6, 2000000000, 'nobody', 'hold', 1, '{}', 11, 2)",
            "FOREIGN KEY",
        ),
        (
            "INSERT INTO entries (seq, at, instance, kind, amount, reason, held, charged) VALUES (7, 2000000000, 'aaaaaaaaaa', 'hold', 1, '{}', 11, 2)",
            "must follow",
        ),
        (
            "INSERT INTO entries (seq, at, instance, kind, amount, reason, held, charged) VALUES (5, 2000000000, 'aaaaaaaaaa', 'hold', 1, '{}', 11, 2)",
            "must follow",
        ),
        (
            "REPLACE INTO entries (seq, at, instance, kind, amount, reason, held, charged) VALUES (5, 2000000000, 'aaaaaaaaaa', 'hold', 1, '{}', 11, 2)",
            "must follow",
        ),
        (
            "INSERT INTO entries (seq, at, instance, kind, amount, reason, held, charged) VALUES (6, 1, 'aaaaaaaaaa', 'hold', 1, '{}', 11, 2)",
            "must follow",
        ),
        (
            "INSERT INTO entries (seq, at, instance, kind, amount, reason, held, charged) VALUES (6, 2000000000, 'aaaaaaaaaa', 'hold', 1, '{}', 10, 2)",
            "must follow",
        ),
        (
            "INSERT INTO entries (seq, at, instance, kind, amount, reason, held, charged) VALUES (6, 2000000000, 'aaaaaaaaaa', 'charge', 1, '{}', 9, 2)",
            "must follow",
        ),
    ] {
        let error = bare.execute(sql).await.expect_err(sql).to_string();
        assert!(error.contains(wanted), "{sql}: {error}");
    }
    assert_whole(&store).await;
}

#[tokio::test]
async fn what_does_not_add_up_is_told_and_stops_spending() {
    for (sql, told, stops) in [
        ("UPDATE instances SET held = 4 WHERE id = 'aaaaaaaaaa'", "aaaaaaaaaa has 0.000004 USD held", true),
        ("UPDATE instances SET charged = 9 WHERE id = 'cccccccccc'", "cccccccccc has", false),
        (
            "DROP TRIGGER entries_follow; INSERT INTO entries (seq, at, instance, kind, amount, reason, held, charged) VALUES (6, 2000000000, 'aaaaaaaaaa', 'hold', 7, '{\"reason\":\"gone\"}', 10, 2)",
            "entry 6 says",
            false,
        ),
        ("DROP TRIGGER entries_are_kept; DELETE FROM entries WHERE seq = 5", "cccccccccc has", true),
        ("DROP TRIGGER entries_are_kept; DELETE FROM entries WHERE seq = 2", "entries 2 to 2 are missing", false),
        ("DROP TRIGGER entries_stay; UPDATE entries SET at = 1 WHERE seq = 3", "entry 3 is older", false),
        ("UPDATE instances SET per_hour = 1 WHERE id = 'bbbbbbbbbb'", "bbbbbbbbbb says other things", false),
        ("UPDATE instances SET doc = '{}' WHERE id = 'bbbbbbbbbb'", "bbbbbbbbbb: ", true),
    ] {
        let (dir, store) = with_three().await;
        bare(dir.path()).await.execute(sqlx::raw_sql(sql)).await.unwrap();
        let problems = store.check().await.unwrap().problems;
        assert!(problems.iter().any(|problem| problem.contains(told)), "{sql}: {problems:#?}");
        if stops {
            may_not_spend(&store).await;
        }
        assert!(!store.open_instances().await.unwrap().is_empty(), "{sql}");
    }
}

#[tokio::test]
async fn one_unreadable_instance_does_not_hide_the_others() {
    let (dir, store) = with_three().await;
    let sql = "UPDATE instances SET doc = '{}' WHERE id = 'aaaaaaaaaa'";
    bare(dir.path()).await.execute(sql).await.unwrap();
    let open: Vec<String> = store.open_instances().await.unwrap().into_iter().map(|i| i.id.0).collect();
    assert_eq!(open, ["bbbbbbbbbb"]);
    assert!(matches!(store.instance(&id("aaaaaaaaaa")).await, Err(StoreError::Damaged { .. })));
    assert_eq!(store.standing().await.unwrap().open.len(), 2, "it still counts");
}

#[tokio::test]
async fn a_page_of_garbage_stops_spending_and_leaves_the_rest_readable() {
    let (dir, store) = with_three().await;
    drop(store);
    let mut bare = bare(dir.path()).await;
    bare.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    let page: i64 = sqlx::query_scalar("SELECT rootpage FROM sqlite_schema WHERE name = 'entries'")
        .fetch_one(&mut bare)
        .await
        .unwrap();
    drop(bare);
    let mut file = OpenOptions::new().write(true).open(dir.path().join("ledger.db")).unwrap();
    file.seek(SeekFrom::Start((page as u64 - 1) * 4_096)).unwrap();
    file.write_all(&[0xa5; 4_096]).unwrap();
    drop(file);

    let store = open(dir.path()).await;
    may_not_spend(&store).await;
    assert_eq!(store.open_instances().await.unwrap().len(), 2);
    let health = store.check().await.unwrap();
    assert!(health.problems.iter().any(|problem| problem.contains("malformed")), "{:#?}", health.problems);
}
