//! Opening: whose file, which mode, which version.

use crate::help::*;
use bursar_core::instance::Stage;
use bursar_store::{ReserveError, Store, StoreError};
use sqlx::Executor;
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn directory_and_files_are_the_owner_s_alone() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("a/b");
    let store = open(&home).await;
    store.reserve(&instance("aaaaaaaaaa", "one", 5), NOW, &me(), allow).await.unwrap();
    assert_eq!(mode(&home), 0o700);
    let files: Vec<_> = fs::read_dir(&home).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn what_stands_open_is_closed_and_what_everybody_may_write_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).await);
    let file = dir.path().join("ledger.db");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    drop(open(dir.path()).await);
    assert_eq!((mode(dir.path()), mode(&file)), (0o700, 0o600));

    fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).unwrap();
    let refused = Store::open(dir.path(), true, NOW).await.err().unwrap();
    assert!(matches!(refused, StoreError::OpenToAll { mode: 0o1777, .. }), "{refused:?}");
}

#[tokio::test]
async fn a_ledger_keeps_its_id() {
    let (dir, store) = new_store().await;
    let again = open(dir.path()).await;
    assert_eq!(store.ledger_id(), again.ledger_id());
    assert_eq!(store.ledger_id().len(), 10);
    let (_other, other) = new_store().await;
    assert_ne!(store.ledger_id(), other.ledger_id());
}

#[tokio::test]
async fn practice_money_and_real_money_never_share_a_ledger() {
    for practice in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path(), practice, NOW).await.unwrap());
        let refused = Store::open(dir.path(), !practice, NOW).await.err().unwrap();
        assert!(
            matches!(&refused, StoreError::OtherMode { ledger_is_practice, .. } if *ledger_is_practice == practice)
        );
        assert!(refused.to_string().contains("BURSAR_HOME"), "{refused}");
        Store::open(dir.path(), practice, NOW).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_that_open_a_new_ledger_at_once_get_the_same_one() {
    for _ in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let home = dir.path().join("home");
                tokio::spawn(async move { open(&home).await.ledger_id().to_owned() })
            })
            .collect();
        let mut ids = Vec::new();
        for task in tasks {
            ids.push(task.await.unwrap());
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
    }
}

#[tokio::test]
async fn an_older_bursar_reads_and_ends_on_a_newer_schema_but_does_not_spend() {
    let (dir, store) = new_store().await;
    store.reserve(&instance("aaaaaaaaaa", "one", 5), NOW, &me(), allow).await.unwrap();
    let newer = "ALTER TABLE instances ADD COLUMN colour TEXT;
                 UPDATE instances SET doc = json_set(doc, '$.colour', 'red');
                 PRAGMA user_version = 99;";
    bare(dir.path()).await.execute(sqlx::raw_sql(newer)).await.unwrap();

    // One that was open before the schema grew, and one that opens it now.
    for store in [store, open(dir.path()).await] {
        let refused = store.reserve(&instance("bbbbbbbbbb", "two", 5), NOW, &me(), allow).await.unwrap_err();
        let newer = matches!(&refused, ReserveError::Store(StoreError::Newer { found: 99, known: 3 }));
        assert!(newer, "{refused:?}");
        let refused = store.set_limits(&bursar_core::limits::Limits::default(), NOW).await;
        assert!(matches!(refused, Err(StoreError::Newer { .. })));

        assert_eq!(store.open_instances().await.unwrap().len(), 1);
        store
            .change(&id("aaaaaaaaaa"), NOW, |i| {
                i.stage = Stage::Stopping;
                (vec![], ())
            })
            .await
            .unwrap();
    }
    let doc: String =
        sqlx::query_scalar("SELECT doc FROM instances").fetch_one(&mut bare(dir.path()).await).await.unwrap();
    assert!(doc.contains("\"colour\":\"red\"") && doc.contains("stopping"), "{doc}");
}

#[tokio::test]
async fn a_file_that_bursar_did_not_write_is_left_alone() {
    for (what, content) in
        [("text", "not a database, but long enough to be read as one ".repeat(50)), ("sql", String::new())]
    {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        let file = dir.path().join("ledger.db");
        fs::write(&file, &content).unwrap();
        if content.is_empty() {
            bare(dir.path()).await.execute("CREATE TABLE other (a)").await.unwrap();
        }
        let before = fs::read(&file).unwrap();
        let refused = Store::open(dir.path(), true, NOW).await.err().unwrap();
        assert!(matches!(refused, StoreError::Damaged { .. }), "{what}: {refused:?}");
        assert_eq!(fs::read(&file).unwrap(), before, "{what}");
    }
}

#[tokio::test]
async fn a_ledger_that_was_deleted_under_our_feet_holds_nothing_more() {
    let (dir, store) = new_store().await;
    store.reserve(&instance("aaaaaaaaaa", "one", 5), NOW, &me(), allow).await.unwrap();
    for file in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        fs::remove_file(dir.path().join(file)).unwrap();
    }
    let refused = store.reserve(&instance("bbbbbbbbbb", "two", 5), NOW, &me(), allow).await.unwrap_err();
    assert!(refused.to_string().contains("deleted or replaced"), "{refused}");
    drop(open(dir.path()).await);
    let refused = store.reserve(&instance("bbbbbbbbbb", "two", 5), NOW, &me(), allow).await.unwrap_err();
    assert!(refused.to_string().contains("deleted or replaced"), "{refused}");
}
