//! What a list proves: rows and completeness are the host's own reading, whatever the driver says.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;
use common::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_what_the_host_read() {
    let row = |id: &str, name: &str| (id.to_owned(), name.to_owned());
    for (script, rows, views, complete) in [
        ("send servers; row id-1; row id-2", 2, 2, true),
        // Forged: the driver shows a row that no answer held, or hides one.
        ("send servers; row id-1; row id-77", 2, 1, true),
        ("send servers", 2, 0, true),
        // It asks nothing, asks something else, or breaks down: the host asks by itself.
        ("", 2, 0, true),
        ("send user; row id-1", 2, 1, true),
        ("trap", 2, 0, true),
        ("refuse no", 2, 0, true),
    ] {
        let world = World::odd(&[("list", script)]).await;
        world.provider.now().servers = vec![row("id-1", common::TAG), row("id-2", "other")];
        let list = world.driver().await.list(&common::at()).await.unwrap();
        assert_eq!(
            (list.rows.len(), list.views.len(), list.complete.is_ok()),
            (rows, views, complete),
            "`{script}`: {list:?}"
        );
        assert_eq!(list.identity, "acct-1");
        assert!(list.views.iter().all(|view| view.tag.as_deref() != Some(common::TAG) || view.handle.id == "id-1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_id_or_tag_member_prove_nothing() {
    for (answer, rows, complete) in [
        (r#"{"servers":[{"id":"a","name":"x"}]}"#, 1, true),
        (r#"{"servers":[{"id":"a","name":null}]}"#, 1, true),
        (r#"{"servers":[{"id":"a"}]}"#, 1, false),
        (r#"{"servers":[{"name":"x"}]}"#, 0, false),
        (r#"{"servers":[{"id":"a","name":"x","status":"dead"}]}"#, 0, true),
        (r#"{"servers":[]}"#, 0, true),
        (r#"{"other":[]}"#, 0, false),
        ("<html>", 0, false),
        (r#"{"servers":[{"id":"a","na"#, 0, false),
    ] {
        let world = World::odd(&[("list", "send servers")]).await;
        world.provider.now().answers.insert("/servers".into(), (200, answer.into()));
        let list = world.driver().await.list(&common::at()).await.unwrap();
        assert_eq!((list.rows.len(), list.complete.is_ok()), (rows, complete), "{answer}: {list:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_the_accounts_identity_is_no_list() {
    let world = World::odd(&[("list", "send servers")]).await;
    world.provider.now().answers.insert("/user".into(), (401, "{}".into()));
    let error = world.driver().await.list(&common::at()).await.unwrap_err().to_string();
    assert!(error.contains("bursar login odd"), "{error}");
}
