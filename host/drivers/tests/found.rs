//! What the fuzz targets found in the host, each as the smallest case of it.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;
use bursar_drivers::Left;
use common::{TOKEN, World, at, handle, order, provider::Create};

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_uses_up_its_requests_does_not_keep_the_host_from_ending() {
    let script = vec!["send user"; 25].join(";");
    let world = World::odd(&[("destroy", &script)]).await;
    world.provider.now().servers.push(("id-1".into(), "x".into()));
    let ended = world.driver().await.destroy(&at(), &handle("id-1")).await;
    assert!(ended.accepted && ended.by_host, "{ended:?}");
    assert_eq!(world.provider.lines("DELETE"), ["DELETE /odd/v1/servers/id-1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_quotes_the_credential_does_not_show_it() {
    let escaped: String = TOKEN.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    for quoted in [TOKEN.to_owned(), escaped] {
        let world = World::odd(&[("create", "send create;made id-1")]).await;
        let body = format!(r#"{{"message":"bad key {quoted}, and \u001b[2J\u202e"}}"#);
        world.provider.now().create = Create::Refused;
        world.provider.now().answers.insert("/servers".into(), (422, body));
        let created = world.driver().await.create(&at(), &order(), common::KEY, None).await;
        let Left::Refused { text, .. } = &created.left else { panic!("{created:?}") };
        assert!(text.contains("bad key [hidden]"), "{text}");
        let all = format!("{created:?}");
        assert!(!all.contains(TOKEN) && !all.contains("u{1b}") && !all.contains("u{202e}"), "{all}");
    }
}
