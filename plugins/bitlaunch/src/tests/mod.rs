//! The driver against recorded replies, built from the provider's fact sheet. Every request is held against the manifest.

mod catalogue;
mod history;
mod instances;

use bursar_driver::prelude::*;
use bursar_driver::testing::{Recorded, Reply};

use crate::BitLaunch;

type BitLaunchRecorded = Recorded<BitLaunch>;

const SERVER: &str = include_str!("../../fixtures/server.json");
const KEY_LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample bursar-b7f3a";

fn recorded() -> BitLaunchRecorded {
    Recorded::new()
}

/// A recording with the catalogues of the hosts that are searched by default.
fn stocked() -> BitLaunchRecorded {
    recorded()
        .reply("options", Reply::file("fixtures/options-1.json").when("host", 1))
        .reply("options", Reply::file("fixtures/options-4.json").when("host", 4))
}

#[test]
fn the_account_is_told_in_millionths() {
    let mut door = recorded().reply("user", Reply::file("fixtures/user.json"));
    let account = door.account().unwrap();
    assert_eq!(account.id.as_deref(), Some("64f1c0ffee64f1c0ffee0001"));
    assert_eq!((account.balance, account.burn_per_hour), (Some(19_532_000), Some(164_000)));
    assert_eq!((account.instances_max, account.blocked), (Some(5), None));
    assert_eq!(door.sent(), ["GET /user"]);
}

#[test]
fn an_account_that_cannot_create_says_why() {
    let table = [
        (r#"{"id":"a","balance":-250,"costPerHr":0,"emailConfirmed":true,"used":0,"limit":5}"#, None),
        (
            r#"{"id":"a","balance":0,"costPerHr":0,"emailConfirmed":false,"used":0,"limit":5}"#,
            Some("the account's e-mail address is not confirmed"),
        ),
        (
            r#"{"id":"a","balance":0,"costPerHr":0,"emailConfirmed":true,"used":5,"limit":5}"#,
            Some("5 of 5 servers are in use"),
        ),
        (r#"{"id":"a","balance":0,"costPerHr":0,"limit":5}"#, None),
        (r#"{"id":"a","balance":0,"costPerHr":0,"brandNew":{}}"#, None),
    ];
    for (json, blocked) in table {
        assert_eq!(recorded().reply("user", json).account().unwrap().blocked.as_deref(), blocked, "{json}");
    }
}

#[test]
fn what_goes_wrong_keeps_its_meaning() {
    let table: Vec<(Reply, Error)> = vec![
        ((401, "").into(), Error::Unauthorized("status 401, without a text".into())),
        ((429, r#"{"message":"Too many requests"}"#).into(), Error::RateLimited(None)),
        (Reply::new(429, "slow down").retry_after(12), Error::RateLimited(Some(12))),
        ((500, r#"{"message":"There was an error"}"#).into(), Error::Failed("500: There was an error".into())),
        ((502, "<html></html>").into(), Error::Failed("502: a page of HTML, not an answer of the interface".into())),
        ((404, "").into(), Error::Failed("the provider does not know this address (404)".into())),
        ((302, "").into(), Error::Failed("status 302, without a text".into())),
        (Reply::lost(), Error::MaybeSent("the connection was cut".into())),
        (Reply::unsent(), Error::NotSent("no connection".into())),
    ];
    for (reply, expected) in table {
        assert_eq!(recorded().reply("user", reply).account(), Err(expected));
    }
    for unreadable in ["", "null", "[]", r#"{"id":"a"}"#, r#"{"id":"a","balance":"much","costPerHr":0}"#] {
        let answer = recorded().reply("user", unreadable).account();
        assert!(matches!(answer, Err(Error::Failed(_))), "{unreadable}: {answer:?}");
    }
}

#[test]
fn a_key_is_known_by_its_body_and_added_once() {
    let kept = r#"{"keys":[{"id":"k1","content":"ssh-rsa AAAAB3 x"},{"id":"k2","content":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample"}]}"#;
    let mut door = recorded().reply("keys", kept);
    assert_eq!(door.ensure(KEY_LINE), Ok("k2".into()), "the comment was dropped");
    assert_eq!(door.sent(), ["GET /ssh-keys"]);
    assert_eq!(door.shown()[1].id.as_deref(), Some("k2"));
    assert_eq!(door.shown()[1].key.as_deref(), Some("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample"));

    for none in [
        r#"{"keys":null}"#,
        r#"{"keys":[]}"#,
        r#"{}"#,
        r#"{"keys":[{"id":"k0","content":null},{"id":"k1","content":"ssh-ed25519"}]}"#,
    ] {
        let mut door = recorded().reply("keys", none).reply("keys", kept).reply("add_key", r#"{"id":"k2","name":"x"}"#);
        assert_eq!(door.ensure(KEY_LINE), Ok("k2".into()), "{none}");
        assert_eq!(door.sent(), ["GET /ssh-keys", "POST /ssh-keys", "GET /ssh-keys"]);
    }
}

#[test]
fn a_key_that_exists_already_is_listed_and_used() {
    let none = r#"{"keys":[]}"#;
    let there = format!(r#"{{"keys":[{{"id":"k9","content":"{KEY_LINE}"}}]}}"#);
    let exists = (400, r#"{"message":"key already exists"}"#);
    let mut raced = recorded().reply("keys", none).reply("keys", there).reply("add_key", exists);
    assert_eq!(raced.ensure(KEY_LINE), Ok("k9".into()));

    let mut refused = recorded().reply("keys", none).reply("add_key", exists);
    assert_eq!(refused.ensure(KEY_LINE), Err(Error::Refused("400: key already exists".into())));

    let mut swallowed = recorded().reply("keys", none).reply("add_key", "null");
    assert!(matches!(swallowed.ensure(KEY_LINE), Err(Error::Failed(_))));
}

#[test]
fn no_route_puts_money_in() {
    let manifest = <BitLaunch as bursar_driver::Packed>::MANIFEST;
    let calls = manifest.lines().filter(|line| line.contains("call ="));
    let touching: Vec<&str> = calls.filter(|line| line.contains("/transactions")).collect();
    assert_eq!(touching.len(), 1);
    assert!(touching[0].contains("\"GET /transactions\""), "{touching:?}");
}
