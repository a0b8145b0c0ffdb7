//! The trail's chain: whole as it is written, and broken by whatever is done to it behind our back.

use crate::help::*;
use bursar_core::time::Moment;
use bursar_store::{AuditLine, Store};
use sqlx::{ConnectOptions, Executor, sqlite::SqliteConnectOptions};

fn line(n: u64) -> AuditLine {
    let text = |text: &str| Some(text.to_owned());
    AuditLine {
        at: Moment(n),
        driver: "acme".into(),
        call: "create".into(),
        route: "decide".into(),
        effect: None,
        tag: None,
        provider_id: None,
        what: "allowed".into(),
        status: None,
        cause: None,
        asked: text("a small one"),
        why: text(&format!("line {n}")),
        way: None,
        who: text("owner"),
    }
}

async fn written(lines: u64) -> (tempfile::TempDir, Store) {
    let (dir, store) = new_store().await;
    for n in 0..lines {
        store.append_audit(&[line(n)]).await.unwrap();
    }
    (dir, store)
}

#[tokio::test]
async fn what_was_written_is_whole_and_its_last_hash_is_found_again() {
    let (_dir, store) = written(3).await;
    let before = store.verify_audit(None).await.unwrap();
    assert_eq!((before.lines, before.without_hash, &before.broken), (3, 0, &None));
    store.append_audit(&[line(7), line(8)]).await.unwrap();
    let after = store.verify_audit(Some(&before.head)).await.unwrap();
    assert_eq!((after.lines, after.found_at, &after.broken), (5, Some(3), &None));
    assert_ne!(after.head, before.head);
}

#[tokio::test]
async fn whatever_is_done_behind_our_back_breaks_it() {
    for (what, sql, at) in [
        ("a word is changed", "UPDATE audit SET why = 'other' WHERE seq = 2", 2),
        ("who asked is changed", "UPDATE audit SET who = NULL WHERE seq = 3", 3),
        ("a line is taken out", "DELETE FROM audit WHERE seq = 2", 3),
        (
            "a line is put in",
            "UPDATE audit SET seq = 5 WHERE seq = 4;
             INSERT INTO audit (seq, at, driver, call, route, what) VALUES (4, 1, 'x', 'x', 'x', 'left')",
            5,
        ),
        ("a hash is taken away and its line changed", "UPDATE audit SET hash = NULL, why = 'x' WHERE seq = 2", 3),
    ] {
        let (dir, store) = written(4).await;
        drop(store);
        let mut bare = SqliteConnectOptions::new().filename(dir.path().join("ledger.db")).connect().await.unwrap();
        bare.execute("DROP TRIGGER audit_stays; DROP TRIGGER audit_is_kept").await.unwrap();
        bare.execute(sql).await.unwrap();
        drop(bare);
        let health = open(dir.path()).await.verify_audit(None).await.unwrap();
        assert_eq!(health.broken.map(|(seq, _)| seq), Some(at), "{what}");
    }
}

#[tokio::test]
async fn lines_of_an_older_program_are_held_by_the_next_one() {
    let (dir, store) = written(1).await;
    drop(store);
    let mut bare = SqliteConnectOptions::new().filename(dir.path().join("ledger.db")).connect().await.unwrap();
    let older = "INSERT INTO audit (at, driver, call, route, what) VALUES (5, 'acme', 'create', 'create', 'left')";
    bare.execute(older).await.unwrap();
    let store = open(dir.path()).await;
    store.append_audit(&[line(9)]).await.unwrap();
    let health = store.verify_audit(None).await.unwrap();
    assert_eq!((health.lines, health.without_hash, health.broken), (3, 1, None));
    bare.execute("DROP TRIGGER audit_stays; UPDATE audit SET what = 'answered' WHERE seq = 2").await.unwrap();
    assert_eq!(store.verify_audit(None).await.unwrap().broken.map(|(seq, _)| seq), Some(3));
}
