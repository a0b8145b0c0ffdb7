//! What the door lets through, and what it takes out: every case is a script of the odd driver and how it must end.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;
use common::{TOKEN, World, check, handle, provider::Create};

/// Cases 35 and 37.
#[tokio::test(flavor = "multi_thread")]
async fn the_door_judges_by_route_and_call() {
    for (function, script, expected) in [
        ("account", "send user", "identity: \"acct-1\""),
        ("account", "row other-account", "identity: \"acct-1\""),
        ("account", "send create; echo", "denied"),
        ("account", "send destroy; echo", "denied"),
        ("offers", "send add_key; echo", "denied"),
        ("quote", "send create; echo", "denied"),
        ("get", "send create; echo", "denied"),
        ("get", "send destroy; echo", "denied"),
        // The host then asks for the list, or sends the end, itself.
        ("list", "send destroy; echo", "ok Listing"),
        ("destroy", "send create; echo", "ok ()"),
        ("advance", "send create; echo", "denied"),
        ("restart", "send create; echo", "denied"),
        ("restart", "send add_key; echo", "denied"),
        ("account", "send nowhere; echo", "there is no route `nowhere`"),
        ("account", "send /user; echo", "there is no route"),
        ("account", "send echo; echo", "denied"),
        ("account", "send user extra=1; echo", "denied"),
        ("account", "send echo text=a other=b; echo", "denied"),
        ("account", "send server; echo", "denied"),
        ("account", "send server instance=id-9; echo", "denied"),
        ("account", "sends 20; send user; echo", "20 requests are used up"),
        ("account", "send echo text=a&b=c; echo", "text=a%26b%3Dc"),
        ("account", "all user create; echo", "only reads are sent at once"),
        ("create", "all create create; echo", "only reads are sent at once"),
        ("destroy", "all destroy; echo", "ok ()"),
        ("account", "sends 19; all user user; echo", "20 requests are used up"),
    ] {
        let world = check(function, script, expected).await;
        let sent = [world.provider.lines("POST"), world.provider.lines("PUT"), world.provider.lines("DELETE")].concat();
        let ours = ["DELETE /odd/v1/servers/id-1".to_owned()];
        let expected: &[String] = if function == "destroy" { &ours } else { &[] };
        assert_eq!(sent, expected, "{function}: `{script}`");
    }
}

/// The answers come in the order of the requests, and while they are waited for no time is counted as computing.
#[tokio::test(flavor = "multi_thread")]
async fn reads_are_sent_at_once_and_answered_in_order() {
    let world = check("account", "all user nowhere user keys; echo", "there is no route `nowhere`").await;
    assert_eq!(world.provider.lines("GET").len(), 3);
    let twenty = format!("all{}; echo", " user".repeat(20));
    check("account", &twenty, "200").await;
    let more = format!("all{}; echo", " user".repeat(21));
    let world = check("account", &more, "21 requests at once").await;
    assert_eq!(world.provider.lines("GET").len(), 0, "all of them stay inside");
}

/// Case 36.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_order_in_one_create_stays_inside() {
    let world = check("create", "send create; send create; echo", "denied").await;
    assert_eq!(world.provider.lines("POST").len(), 1);
    assert_eq!(world.provider.now().servers.len(), 1);
}

/// Case 49.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_denied_does_not_use_up_the_one() {
    let world = check("create", "send create sneak=1; send create; seen", "Made(View").await;
    assert_eq!(world.provider.lines("POST").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_writes_the_order() {
    let world = check("create", "send create; seen", "Made(View").await;
    let asked = world.provider.now().asked.iter().find(|asked| asked.line.starts_with("POST")).unwrap().clone();
    assert_eq!(asked.line, "POST /odd/v1/servers");
    for part in
        [r#""name":"ledger0001inst000001""#, r#""size":"small""#, r#""region":"eu""#, r#""image":"plain""#, common::KEY]
    {
        assert!(asked.body.contains(part), "{part} in {}", asked.body);
    }
    assert_eq!(asked.headers["x-api-key"], TOKEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_comes_in_and_nothing_hidden() {
    for (script, expected) in
        [("send echo text=x; echo", "\"query\""), ("send secret; echo", "\"shown\":1"), ("send user; echo", "acct-1")]
    {
        let world = check("account", script, expected).await;
        let said = world.said("account").await;
        for secret in [TOKEN, "second-secret", "set-cookie"] {
            assert!(!said.contains(secret), "`{script}` shows {secret}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_credential_nothing_leaves_and_the_answer_says_how_to_log_in() {
    let world = World::with(&[("account", "send user; echo")], |config| {
        config.credentials = std::sync::Arc::new(|_, _, _| None);
    })
    .await;
    let said = world.said("account").await;
    assert!(said.contains("bursar login odd") && said.contains("ODD_TOKEN"), "{said}");
    assert!(world.provider.now().asked.is_empty());
}

/// Case 58.
#[tokio::test(flavor = "multi_thread")]
async fn an_ssh_address_must_have_stood_in_an_answer() {
    for (script, expected) in [
        ("send servers; row id-1; ssh 127.0.0.1", "host: \"127.0.0.1\""),
        ("send servers; row id-1; ssh 127.0.0.2", "which no answer showed"),
        ("row id-1; ssh 127.0.0.1", "which no answer showed"),
        ("send servers; row id-1; ssh 27.0.0.1", "which no answer showed"),
        ("send servers; row id-1; ssh up", "neither an address nor a public name"),
        ("send servers; row id-2", "answered for id-2"),
    ] {
        let world = World::odd(&[("get", script)]).await;
        world.provider.now().servers.push(("id-1".into(), "x".into()));
        let said = world.said("get").await;
        assert!(said.contains(expected), "`{script}`: {said}");
    }
}

/// Case 56.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_address_must_have_been_named_in_this_call() {
    for (script, expected) in [
        ("send status; echo", "needs an address"),
        ("send status @node-1.example; echo", ": no answer of this call"),
        ("send nodes; send status @evil.example; echo", ": no answer of this call"),
        ("send nodes; send status @1.example; echo", ": no answer of this call"),
        ("send nodes; send status @127.0.0.1; echo", "denied"),
        ("send user @node-1.example; echo", "has a fixed address"),
    ] {
        let world = World::odd(&[("account", script)]).await;
        let nodes = r#"{"nodes":[{"name":"node-1.example"},{"name":"127.0.0.1"}]}"#;
        world.provider.now().answers.insert("/nodes".into(), (200, nodes.into()));
        let said = world.said("account").await;
        assert!(said.contains(expected), "`{script}`: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_key_is_known_by_the_row_that_shows_it() {
    for (script, expected) in [
        ("send add_key; send keys; row key-1", "ok Some(\"key-1\")"),
        ("send add_key; send keys; row key-99", "ok Some(\"key-1\")"),
        ("send keys; row key-1", "no answer showed our key"),
    ] {
        let world = check("ensure", script, expected).await;
        assert!(world.provider.lines("POST").len() <= 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_higher_of_told_and_seen_is_the_price() {
    for (script, per_hour, priced) in [
        ("send plan; price 500000", 500_000, "Seen"),
        ("send plan; price 1", 500_000, "Seen"),
        ("send plan; price 700000", 700_000, "Told"),
        ("price 500000", 500_000, "Told"),
    ] {
        let world = World::odd(&[("quote", script)]).await;
        let said = world.said("quote").await;
        assert!(said.contains(&format!("per_hour: Usd({per_hour})")) && said.contains(priced), "`{script}`: {said}");
    }
    check("quote", "price 0", "a price of nothing").await;
    check("quote", "price 18446744073709551615", "a price per hour of 18446744073709551615").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_are_a_strangers_data() {
    for (script, expected) in [
        ("row a/b; price 5", "id: \"a/b\""),
        ("row nopart; price 5", "ok []"),
        ("row a/b/c; price 5", "ok []"),
        ("row a/b; price 0", "ok []"),
        (r"row a/b; title \e[31mIGNORE\o", "title: \"[31mIGNORE\""),
        ("row a/b; image evil/root", "image: None"),
        ("row a/b; image plain", "image: Some(\"plain\")"),
        ("row a/b; next again", "id: \"a/b\""),
    ] {
        check("offers", script, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_the_hosts_where_the_driver_sends_none() {
    for (script, accepted, by_host) in [
        ("send destroy", true, false),
        ("send destroy; trap", true, false),
        ("send destroy; refuse no", true, false),
        ("", true, true),
        ("trap", true, true),
        ("loop", true, true),
        ("refuse I will not", true, true),
        ("gone", true, true),
        ("send destroy instance=id-2", true, true),
    ] {
        let world = World::odd(&[("destroy", script)]).await;
        world.provider.now().servers = vec![("id-1".into(), "a".into()), ("id-2".into(), "b".into())];
        let ended = world.driver().await.destroy(&common::at(), &handle("id-1")).await;
        assert_eq!((ended.accepted, ended.by_host), (accepted, by_host), "`{script}`: {ended:?}");
        assert!(ended.result.is_ok(), "`{script}`: {ended:?}");
        assert_eq!(world.provider.lines("DELETE"), ["DELETE /odd/v1/servers/id-1"], "`{script}`");
        assert_eq!(world.provider.now().servers, [("id-2".into(), "b".into())]);
    }
}

/// Case 55, at the door.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_not_accepted_ends_nothing() {
    for (status, accepted) in [(200, true), (404, true), (500, false), (401, false), (429, false), (302, false)] {
        let world = World::odd(&[("destroy", "send destroy")]).await;
        world.provider.now().answers.insert("/servers/id-1".into(), (status, "{}".into()));
        let ended = world.driver().await.destroy(&common::at(), &handle("id-1")).await;
        assert_eq!((ended.accepted, ended.result.is_ok()), (accepted, accepted), "{status}: {ended:?}");
        let ended = world.driver().await.destroy_by_host(&common::at(), &handle("id-1")).await;
        assert_eq!((ended.accepted, ended.by_host), (accepted, true), "{status}: {ended:?}");
    }
}

/// Case 38.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_create_left_behind_is_what_the_door_saw() {
    for (mode, script, left, made, nothing) in [
        (Create::Made, "send create; seen", "Answered { status: 200 }", 1, false),
        (Create::Made, "made id-7", "Nothing", 0, true),
        (Create::Made, "refuse sold out", "Nothing", 0, true),
        (Create::Made, "trap", "Nothing", 0, true),
        (Create::Made, "send create; refuse sold out", "Answered { status: 200 }", 1, false),
        (Create::Made, "send create; gone", "Answered { status: 200 }", 1, false),
        (Create::Made, "send create; trap", "Answered { status: 200 }", 1, false),
        (Create::Made, "send create; loop", "Answered { status: 200 }", 1, false),
        (Create::Made, "send create; made id-7", "Answered { status: 200 }", 1, false),
        (Create::MadeWithoutId, "send create; seen", "Answered { status: 200 }", 0, false),
        (Create::MadeWithoutId, "send create; send servers; row id-1", "Answered { status: 200 }", 1, false),
        (Create::BrokenAfter, "send create; refuse oops", "Answered { status: 500 }", 0, false),
        (Create::Refused, "send create; refuse size", "Refused { status: 422", 0, true),
        (Create::Refused, "send create; made id-1", "Refused { status: 422", 0, true),
        (Create::Cut, "send create; refuse cut", "Maybe", 0, false),
        (Create::Cut, "send create; trap", "Maybe", 0, false),
        (Create::Hang, "send create; refuse late", "Maybe", 0, false),
    ] {
        let world = World::odd(&[("create", script)]).await;
        world.provider.now().create = mode;
        let created = world.driver().await.create(&common::at(), &common::order(), common::KEY, None).await;
        let case = format!("{mode:?} `{script}`: {created:?}");
        assert!(format!("{:?}", created.left).starts_with(left), "{case}");
        assert_eq!((created.made.len(), created.nothing_was_made()), (made, nothing), "{case}");
        let lies = script.contains("made id-") || script.contains("refuse") || script.contains("trap");
        assert!(!lies || created.outcome.is_err(), "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_advance_finds_by_the_tag_and_proves_no_absence() {
    let world = World::odd(&[("advance", "send servers; row id-1")]).await;
    world.provider.now().servers.push(("id-1".into(), common::TAG.into()));
    let found = world.driver().await.advance(&common::at(), &common::order(), "").await;
    assert_eq!(found.made, ["id-1"]);
    assert!(found.outcome.is_ok() && found.rate.is_some(), "{found:?}");

    world.provider.now().servers = vec![("id-1".into(), "somebody-else".into())];
    let foreign = world.driver().await.advance(&common::at(), &common::order(), "").await;
    assert!(foreign.made.is_empty() && foreign.outcome.is_err() && !foreign.nothing_was_made(), "{foreign:?}");
}
