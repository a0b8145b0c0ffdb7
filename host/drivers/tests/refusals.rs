//! Every refusal at the door: what the driver is told, what the trail hears and what is counted.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;
use bursar_drivers::{Audit, Cause, Counters, DoorEvent, What};
use common::{TAG, TOKEN, World, provider::Create};
use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

/// Keeps the trail in memory.
#[derive(Default)]
struct Trail {
    events: Mutex<Vec<DoorEvent>>,
    kept: Mutex<usize>,
}

impl Audit for Trail {
    fn note(&self, event: DoorEvent) {
        self.events.lock().unwrap().push(event);
    }

    fn kept(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        *self.kept.lock().unwrap() = self.events.lock().unwrap().len();
        Box::pin(std::future::ready(()))
    }
}

struct Told {
    said: String,
    events: Vec<DoorEvent>,
    counters: Counters,
}

async fn told(function: &str, script: &str, create: Create, token: Option<&'static str>) -> Told {
    let trail = Arc::new(Trail::default());
    let given = trail.clone();
    let world = World::with(&[(function, script)], move |config| {
        config.audit = given;
        config.credentials = Arc::new(move |_, _, _| token.map(str::to_owned));
    })
    .await;
    world.provider.now().create = create;
    let said = world.said(function).await;
    let events = trail.events.lock().unwrap().clone();
    assert_eq!(*trail.kept.lock().unwrap(), events.len(), "`{script}`: the call returned before its trail was kept");
    Told { said, events, counters: world.driver().await.counters() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_what_was_asked_why_not_and_the_line_that_would_grant_it() {
    for (function, script, cause, asked, why, grant) in [
        (
            "account",
            "send steal; echo",
            Cause::NoRoute,
            "route `steal`",
            "there is no route `steal` in the manifest",
            "add this line to allow it: [routes] steal = { call = \"GET /...\" }",
        ),
        (
            "account",
            "send create; echo",
            Cause::Closed,
            "route `create` (POST /servers)",
            "it is a spend and opens in `create`, not in `account`",
            "no line of a manifest allows this",
        ),
        (
            "restart",
            "send add_key; echo",
            Cause::Closed,
            "route `add_key` (POST /keys)",
            "it is a change and opens in `keys`, not in `restart`",
            "this line in [routes.add_key] would allow it: in = [\"keys\", \"restart\"]",
        ),
        (
            "account",
            "send user extra=1; echo",
            Cause::Value,
            "route `user` (GET /user)",
            "the route does not leave `extra` to the driver",
            "where it stands in [routes.user], write \"{extra}\" to allow it",
        ),
        (
            "create",
            "send create; send create; echo",
            Cause::SecondSpend,
            "route `create` (POST /servers)",
            "it costs, and this call has sent its one request that costs",
            "no line of a manifest allows this",
        ),
        (
            "account",
            "send user @evil.example; echo",
            Cause::Address,
            "route `user` (GET /user)",
            "`user` has a fixed address; name none",
            "[endpoints.api] open = true, with `named_by`, would allow addresses",
        ),
        (
            "account",
            "send nodes; send status @evil.example; echo",
            Cause::Address,
            "route `status` (GET /status)",
            "no answer of this call that `node` is named by showed `evil.example`",
            "named_by = [\"nodes /nodes/*/name\", \"ROUTE /PLACE\"]",
        ),
    ] {
        let told = told(function, script, Create::Made, Some(TOKEN)).await;
        let refusals: Vec<&DoorEvent> =
            told.events.iter().filter(|event| matches!(event.what, What::Refused { .. })).collect();
        let [DoorEvent { what: What::Refused { cause: c, asked: a, why: w, grant: g }, call, driver, .. }] =
            refusals.as_slice()
        else {
            panic!("`{script}`: {:?}", told.events)
        };
        assert_eq!((c, driver.as_str(), *call), (&cause, "odd", function), "`{script}`");
        assert!(a == asked && w.starts_with(why) && g.ends_with(grant), "`{script}`: {a}: {w}; {g}");
        for part in [asked, why, grant] {
            assert!(told.said.contains(part), "`{script}`: the driver does not hear `{part}`: {}", told.said);
        }
        assert!(told.said.contains("denied: "), "{}", told.said);
        assert_eq!(told.counters.refusals.get(cause.name()), Some(&1), "`{script}`: {:?}", told.counters);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_up_and_what_has_no_credential_is_not_sent_and_in_the_trail() {
    for (script, token, cause, way) in [
        ("sends 20; send user; echo", Some(TOKEN), Cause::Requests, "no line of a manifest allows this"),
        ("send user; echo", None, Cause::Credential, "`bursar login odd` stores it"),
    ] {
        let told = told("account", script, Create::Made, token).await;
        let [DoorEvent { what: What::Refused { cause: seen, grant, .. }, .. }] = told.events.as_slice() else {
            panic!("`{script}`: {:?}", told.events)
        };
        assert_eq!((*seen, grant.as_str()), (cause, way), "`{script}`");
        assert_eq!(told.counters.refusals.get(cause.name()), Some(&1), "`{script}`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_and_an_end_stand_in_the_trail_and_reads_are_only_counted() {
    for (function, script, create, expected) in [
        ("account", "send user; send user", Create::Made, ""),
        ("create", "send create; seen", Create::Made, "left spend, answered spend 200"),
        ("create", "send create; refuse x", Create::Refused, "left spend, answered spend 422"),
        ("create", "send create; refuse x", Create::Cut, "left spend, maybe_sent spend"),
        ("create", "send create; trap", Create::Made, "left spend, answered spend 200"),
        ("create", "refuse x", Create::Made, ""),
        ("destroy", "send destroy", Create::Made, "answered release 404"),
        ("restart", "send restart", Create::Made, "answered change 200"),
    ] {
        let told = told(function, script, create, Some(TOKEN)).await;
        let line = |event: &DoorEvent| {
            assert_eq!(event.tag.as_deref(), Some(TAG), "{event:?}");
            assert_eq!(event.provider_id.is_some(), function != "create", "{event:?}");
            let status = if let What::Answered { status } = event.what { format!(" {status}") } else { String::new() };
            format!("{} {}{status}", event.what.name(), event.effect.unwrap_or("-"))
        };
        let lines: Vec<String> = told.events.iter().map(line).collect();
        assert_eq!(lines.join(", "), expected, "{function}: `{script}`");
        let Counters { calls, requests, answers, maybe_sent, traps, .. } = told.counters;
        assert_eq!((calls, requests), (1, answers + maybe_sent), "{function}: `{script}`");
        assert_eq!(traps, u64::from(script.contains("trap")), "`{script}`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_pleads_fills_no_trail() {
    let told = told("account", "plead", Create::Made, Some(TOKEN)).await;
    assert!(told.said.contains("more than 250 ms"), "{}", told.said);
    assert_eq!(told.events.len(), 5, "{:?}", told.events.len());
    assert!(told.counters.refusals["requests"] > 5 && told.counters.traps == 1, "{:?}", told.counters);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_credential_and_nothing_invisible_is_in_the_trail() {
    let route = format!("send x\u{202e}{TOKEN}{}; echo", "y".repeat(2_000));
    let value = format!("send plan text={TOKEN}; send server ={TOKEN}; send echo text=a {TOKEN}=b; echo");
    for script in [route.as_str(), value.as_str()] {
        // The door learns what to take out when it attaches it.
        let told = told("account", &format!("send user; {script}"), Create::Made, Some(TOKEN)).await;
        assert!(!told.events.is_empty());
        let all = format!("{:?}", told.events);
        assert!(!all.contains(TOKEN) && !all.contains('\u{202e}') && all.len() < 5_000, "{all}");
        assert!(!told.said.contains(TOKEN), "{}", told.said);
    }
}
