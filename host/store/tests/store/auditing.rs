//! The trail of the door: added to, read, never changed.

use crate::help::*;
use bursar_core::time::Moment;
use bursar_store::AuditLine;
use sqlx::Executor;

fn line(driver: &str, what: &str, cause: Option<&str>, at: u64) -> AuditLine {
    AuditLine {
        at: Moment(at),
        driver: driver.into(),
        call: "create".into(),
        route: "create".into(),
        effect: Some("spend".into()),
        tag: Some("ledger0000inst".into()),
        provider_id: None,
        what: what.into(),
        status: (what == "answered").then_some(200),
        cause: cause.map(str::to_owned),
        asked: None,
        why: Some("it \"says\" 'no'; DROP TABLE audit".into()),
        way: None,
        who: None,
    }
}

#[tokio::test]
async fn lines_come_back_as_they_were_written_newest_first() {
    let (dir, store) = new_store().await;
    let lines = [line("acme", "left", None, 10), line("acme", "answered", None, 11)];
    store.append_audit(&lines).await.unwrap();
    store.append_audit(&[line("acme", "refused", Some("closed"), 12)]).await.unwrap();
    drop(store);
    let store = open(dir.path()).await;
    let read = store.audit(2).await.unwrap();
    assert_eq!(read, [line("acme", "refused", Some("closed"), 12), line("acme", "answered", None, 11)]);
    assert_whole(&store).await;
}

#[tokio::test]
async fn counts_are_by_driver_by_what_and_by_cause() {
    let (_dir, store) = new_store().await;
    let old = line("acme", "refused", Some("closed"), 10);
    let new = [line("acme", "refused", Some("closed"), 20), line("zeta", "refused", Some("value"), 21)];
    store.append_audit(&[old]).await.unwrap();
    store.append_audit(&new).await.unwrap();
    let counts = |since| {
        let store = store.clone();
        async move {
            let all = store.audit_counts(Moment(since)).await.unwrap();
            all.into_iter().map(|c| (c.driver, c.cause.unwrap(), c.count, c.last.0)).collect::<Vec<_>>()
        }
    };
    let row = |driver: &str, cause: &str, count, last| (driver.to_owned(), cause.to_owned(), count, last);
    assert_eq!(counts(0).await, [row("acme", "closed", 2, 20), row("zeta", "value", 1, 21)]);
    assert_eq!(counts(21).await, [row("zeta", "value", 1, 21)]);
}

#[tokio::test]
async fn a_line_is_never_changed_or_deleted() {
    let (dir, store) = new_store().await;
    store.append_audit(&[line("acme", "left", None, 10)]).await.unwrap();
    let mut bare = bare(dir.path()).await;
    for sql in ["UPDATE audit SET driver = 'x'", "DELETE FROM audit"] {
        let refused = bare.execute(sql).await.unwrap_err().to_string();
        assert!(refused.contains("never"), "{refused}");
    }
}

#[tokio::test]
async fn a_ledger_of_the_first_version_gets_a_trail_and_keeps_what_it_holds() {
    let (dir, store) = new_store().await;
    store.reserve(&instance("aaaaaaaaaa", "one", 5), NOW, &me(), allow).await.unwrap();
    let older = "DROP TRIGGER charges_are_summed; DROP VIEW charge_points; DROP VIEW charges; DROP TABLE spent; DROP TABLE charged;
                  DROP INDEX orders; ALTER TABLE entries DROP COLUMN paid_from; ALTER TABLE entries DROP COLUMN paid_until;
                  ALTER TABLE entries DROP COLUMN paid_at_once; DROP TABLE audit; DROP TABLE keeper; DROP TABLE boot_ends;
                  DROP TABLE freezes; DROP TABLE marks; DROP TABLE complaints; DROP INDEX sessions; DROP INDEX ended_instances;
                  DROP INDEX open_by_account; ALTER TABLE instances DROP COLUMN session; PRAGMA user_version = 1;";
    bare(dir.path()).await.execute(sqlx::raw_sql(older)).await.unwrap();
    drop(store);
    let store = open(dir.path()).await;
    store.append_audit(&[line("acme", "left", None, 10)]).await.unwrap();
    assert_eq!((store.audit(9).await.unwrap().len(), store.open_instances().await.unwrap().len()), (1, 1));
    assert_whole(&store).await;
}
