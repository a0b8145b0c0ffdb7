//! Orders, instances and their ends.

use super::*;

fn order(image: Option<&str>) -> Order {
    Order { offer: "1/vcg-a40-1c-5g-2vram/fra".into(), image: image.map(str::to_owned), ..Order::default() }
}

fn key() -> Key {
    Key { line: KEY_LINE.into(), id: Some("k2".into()) }
}

fn server(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(SERVER.to_owned(), |json, (from, to)| {
        assert!(json.contains(from), "{from}");
        json.replace(from, to)
    })
}

#[test]
fn an_order_is_one_request_and_its_id_is_seen() {
    for answer in [SERVER.to_owned(), r#"{"id":"6a920e74c9c98a4525070001"}"#.to_owned()] {
        let mut door = recorded().reply("create", answer);
        let Ok(Outcome::Made(made)) = door.create(&order(Some("2284")), &key()) else { panic!("not made") };
        assert_eq!(made.handle, Handle::new("6a920e74c9c98a4525070001"));
        assert_eq!(door.made(), Some("6a920e74c9c98a4525070001"));
        assert_eq!(door.sent(), ["POST /servers"]);
    }
}

#[test]
fn an_order_that_was_accepted_unreadably_is_pending_and_found_by_its_tag() {
    for answer in ["null", "", r#"{"server":null}"#, "[]", r#"{"name":"b7f3a0001"}"#] {
        let mut door = recorded().reply("create", answer);
        assert_eq!(door.create(&order(Some("2284")), &key()), Ok(Outcome::Pending(String::new())), "{answer}");
    }
    let foreign = server(&[("b7f3a0001", "mine"), ("25070001", "25070002")]);
    let mut door = recorded().reply("servers", format!("[{foreign},{SERVER}]"));
    let Ok(Outcome::Made(made)) = door.advance(&order(None), "", None) else { panic!("not found") };
    assert_eq!(made.handle.id, "6a920e74c9c98a4525070001");
    assert_eq!(made.state, State::Starting);
    assert_eq!(recorded().reply("servers", "null").advance(&order(None), "", None), Err(Error::Gone));
}

#[test]
fn an_order_that_went_wrong_says_how() {
    let table: Vec<(Reply, Error)> = vec![
        ((400, r#"{"message":"Insufficient funds"}"#).into(), Error::Refused("400: Insufficient funds".into())),
        ((500, r#"{"message":"There was an error"}"#).into(), Error::Failed("500: There was an error".into())),
        (Reply::lost(), Error::MaybeSent("the connection was cut".into())),
        ((401, "no").into(), Error::Unauthorized("401: no".into())),
    ];
    for (reply, expected) in table {
        assert_eq!(recorded().reply("create", reply).create(&order(Some("2284")), &key()), Err(expected));
    }
}

#[test]
fn a_server_says_where_it_stands() {
    let at = r#""ipv4":"203.0.113.19""#;
    type Case<'a> = (&'a [(&'a str, &'a str)], State, Option<&'a str>);
    let table: &[Case] = &[
        (&[], State::Starting, None),
        (&[("launching", "ok")], State::Starting, None),
        (&[(r#""ipv4":"""#, at)], State::Starting, Some("203.0.113.19")),
        (&[("launching", "ok"), (r#""ipv4":"""#, at)], State::Running, Some("203.0.113.19")),
        (&[("launching", "ok"), (r#""ipv4":"""#, r#""ipv4":null"#)], State::Starting, None),
        (&[("launching", "restarting"), (r#""ipv4":"""#, at)], State::Starting, Some("203.0.113.19")),
        (&[("launching", "rebuilding")], State::Starting, None),
        (&[("launching", "stopped"), (r#""ipv4":"""#, at)], State::Paused, Some("203.0.113.19")),
        (
            &[("launching", "error"), (r#""errorText":"""#, r#""errorText":"Out of capacity""#)],
            State::Failed("Out of capacity".into()),
            None,
        ),
        (&[("launching", "error")], State::Failed("BitLaunch gives no reason".into()), None),
        (
            &[("launching", "error"), (r#""errorText":"""#, r#""errorText":null"#)],
            State::Failed("BitLaunch gives no reason".into()),
            None,
        ),
        (&[("launching", "resizing")], State::Other("resizing".into()), None),
        (&[(r#""status":"launching""#, r#""status":null"#)], State::Requested, None),
        (
            &[(r#""created":"2026-11-20T06:00:04.512Z""#, r#""created":null"#), (r#""rate":164"#, r#""rate":"?""#)],
            State::Starting,
            None,
        ),
    ];
    for (changes, state, address) in table {
        for json in [server(changes), format!(r#"{{"server":{}}}"#, server(changes))] {
            let mut door = recorded().reply("server", json);
            let instance = door.get(&Handle::new("6a920e74c9c98a4525070001")).unwrap();
            assert_eq!(&instance.state, state, "{changes:?}");
            let ssh = instance.nodes[0].ssh.as_ref();
            assert_eq!(
                ssh.map(|ssh| (ssh.host.as_str(), ssh.port, ssh.user.as_str())),
                address.map(|host| (host, 22, "root")),
                "{changes:?}"
            );
            assert_eq!(instance.tag.as_deref(), Some("b7f3a0001"));
            assert_eq!(door.sent(), ["GET /servers/6a920e74c9c98a4525070001"]);
        }
    }
}

#[test]
fn what_a_server_costs_is_told_by_it_and_seen_by_the_host() {
    let mut door = recorded().reply("server", format!(r#"{{"server":{SERVER}}}"#));
    let instance = door.get(&Handle::new("6a920e74c9c98a4525070001")).unwrap();
    assert_eq!((instance.per_hour, instance.made_at), (Some(164_000), Some(1_795_154_404)));
    let seen = &door.shown()[0];
    assert_eq!(
        (seen.id.as_deref(), seen.tag.as_deref(), seen.rate),
        (Some("6a920e74c9c98a4525070001"), Some("b7f3a0001"), Some(164_000))
    );
}

#[test]
fn the_list_holds_all_servers_of_the_account() {
    for empty in ["null", "[]"] {
        assert_eq!(recorded().reply("servers", empty).list(), Ok(vec![]), "{empty}");
    }
    let other = server(&[("b7f3a0001", ""), ("25070001", "25070002"), (r#""rate":164"#, r#""rate":null"#)]);
    let mut door = recorded().reply("servers", format!("[{SERVER},{other}]"));
    let list = door.list().unwrap();
    let told: Vec<_> = list.iter().map(|i| (i.handle.id.as_str(), i.tag.as_deref(), i.per_hour)).collect();
    assert_eq!(
        told,
        [("6a920e74c9c98a4525070001", Some("b7f3a0001"), Some(164_000)), ("6a920e74c9c98a4525070002", None, None)]
    );
    let seen: Vec<_> = door.shown().into_iter().map(|row| (row.id, row.tag_missing, row.rate)).collect();
    assert_eq!(seen[0], (Some("6a920e74c9c98a4525070001".into()), false, Some(164_000)));
    assert_eq!(seen[1], (Some("6a920e74c9c98a4525070002".into()), false, None));

    let cut = recorded().reply("servers", r#"[{"name":"no id"}]"#).list();
    assert!(matches!(cut, Err(Error::Failed(_))), "a row that cannot be read hides a machine: {cut:?}");
}

#[test]
fn an_end_may_be_asked_twice() {
    let handle = Handle::new("6a920e74c9c98a4525070001");
    let table: Vec<(Reply, Result<Ending>)> = vec![
        ("null".into(), Ok(Ending::Going(String::new()))),
        ("{}".into(), Ok(Ending::Going(String::new()))),
        ((204, "").into(), Ok(Ending::Going(String::new()))),
        ((404, r#"{"message":"Server not found"}"#).into(), Ok(Ending::Gone)),
        ((500, "").into(), Err(Error::Failed("status 500, without a text".into()))),
        ((429, "").into(), Err(Error::RateLimited(None))),
    ];
    for (reply, expected) in table {
        let mut door = recorded().reply("destroy", reply);
        assert_eq!(door.destroy(&handle), expected);
        assert_eq!(door.sent(), ["DELETE /servers/6a920e74c9c98a4525070001"]);
    }
    assert_eq!(recorded().reply("server", (404, "")).get(&handle), Err(Error::Gone));
}

#[test]
fn a_restart_is_one_request() {
    let handle = Handle::new("6a920e74c9c98a4525070001");
    let mut door = recorded().reply("restart", "null").reply("restart", (404, ""));
    assert_eq!(door.restart(&handle), Ok(()));
    assert_eq!(door.sent(), ["POST /servers/6a920e74c9c98a4525070001/restart"]);
    assert_eq!(door.restart(&handle), Err(Error::Gone));
}
