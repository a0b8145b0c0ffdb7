//! What is known when there is no answer: denied, not sent, or maybe sent. Money hangs on the difference.

use super::{server::Act, *};

/// Sends one request and says how it failed.
async fn failure(act: Act, change: impl Fn(&mut Outgoing)) -> String {
    let server = Server::acting(vec![act]).await;
    let mut outgoing = get(base(&server));
    change(&mut outgoing);
    let shown = match Http::new(loopback()).send(outgoing).await {
        Ok(answer) => format!("answer {}", answer.status),
        Err(error) => error.to_string(),
    };
    let reached = !server.requests().is_empty();
    assert_eq!(reached, !shown.starts_with("denied") && !shown.starts_with("not sent"), "{shown}");
    shown
}

fn say(text: &str) -> Act {
    Act::Say(text.as_bytes().to_vec())
}

#[tokio::test]
async fn an_answer_that_cannot_be_relied_on_is_maybe_sent() {
    let large = reply("200 OK", "", &"x".repeat(1_001));
    let endless = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        format!("100\r\n{}\r\n", "x".repeat(256)).repeat(5)
    );
    for (act, expected) in [
        // case 30
        (say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab"), "maybe sent: "),
        (say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab"), "maybe sent: "),
        (say("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nab"), "maybe sent: "),
        (
            say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
            "maybe sent: ",
        ),
        // cases 31 and 32
        (Act::Say(large), "maybe sent: the answer is larger than 1000 bytes"),
        (say(&endless), "maybe sent: the answer is larger than 1000 bytes"),
        (
            say("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab"),
            "maybe sent: the answer is compressed",
        ),
        (say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{}"), "maybe sent: "),
        (say("no HTTP at all\r\n\r\n"), "maybe sent: "),
        (say(&format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000))), "maybe sent: "),
        // case 38
        (Act::Close, "maybe sent: "),
    ] {
        let shown = failure(act, |outgoing| outgoing.deadline = Instant::now() + Duration::from_millis(800)).await;
        assert!(shown.starts_with(expected), "{expected}: {shown}");
    }
}

/// Case 33.
#[tokio::test]
async fn an_answer_that_comes_too_slowly_is_maybe_sent() {
    let slow = Duration::from_millis(100);
    for act in [
        Act::Silence,
        Act::Drip(reply("200 OK", "", "{}"), slow),
        Act::Drip(reply("200 OK", "", &"x".repeat(500)), slow / 20),
    ] {
        let shown = failure(act, |outgoing| outgoing.deadline = Instant::now() + Duration::from_millis(700)).await;
        assert!(shown.starts_with("maybe sent: no ") && shown.ends_with("in time"), "{shown}");
    }
}

/// Cases 23 to 29.
#[tokio::test]
async fn a_request_that_could_mean_something_else_is_denied() {
    for target in [
        "servers",
        "//evil/",
        "/a/../b",
        "/%2e%2e/b",
        "http://evil/",
        "/\\evil",
        "/a b",
        "/a#b",
        "/a\r\nX: y",
        "",
        "/./b",
        "/é",
    ] {
        let shown = failure(Act::Silence, |outgoing| outgoing.target = target.to_owned()).await;
        assert!(shown.starts_with("denied: "), "{target}: {shown}");
    }
    for name in [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "expect",
        "upgrade",
        "proxy-authorization",
        "keep-alive",
        "accept-encoding",
    ] {
        let header = (HeaderName::from_static(name), HeaderValue::from_static("x"));
        let shown = failure(Act::Silence, |outgoing| outgoing.headers = vec![header.clone()]).await;
        assert_eq!(shown, format!("denied: the header `{name}` is not for a request to set"));
    }
    let twice = (HeaderName::from_static("authorization"), HeaderValue::from_static("x"));
    let shown = failure(Act::Silence, |outgoing| outgoing.headers = vec![twice.clone(), twice.clone()]).await;
    assert_eq!(shown, "denied: the header `authorization` stands twice");
}

#[tokio::test]
async fn what_fails_before_the_first_byte_is_not_sent() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let nobody = Base::parse(&format!("http://127.0.0.1:{port}"), &loopback()).unwrap();
    let refused = Http::new(loopback()).send(get(nobody)).await;
    assert!(matches!(refused, Err(SendError::NotSent(_))), "{refused:?}");
    let late = failure(Act::Silence, |outgoing| outgoing.deadline = Instant::now()).await;
    assert!(late.starts_with("not sent: "), "{late}");
}

#[tokio::test]
async fn a_dead_idle_connection_is_replaced_once_for_a_get_and_never_for_a_post() {
    let ok = || Act::Say(reply("200 OK", "", "{}"));
    for (method, acts, expected, requests) in [
        (Method::GET, vec![ok(), Act::Close, ok()], "answer 200", 3),
        (Method::GET, vec![ok(), Act::Close, Act::Close], "maybe sent", 3),
        (Method::POST, vec![ok(), Act::Close, ok()], "maybe sent", 2),
    ] {
        let server = Server::acting(acts).await;
        let http = Http::new(loopback());
        http.send(get(base(&server))).await.unwrap();
        let second = http.send(Outgoing { method, ..get(base(&server)) }).await;
        let shown = second.map_or_else(|error| error.to_string(), |answer| format!("answer {}", answer.status));
        assert!(shown.starts_with(expected), "{shown}");
        assert_eq!(server.requests().len(), requests);
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_not_used() {
    let server =
        Server::acting(vec![Act::SayThenClose(reply("200 OK", "", "{}")), Act::Say(reply("201 Created", "", "{}"))])
            .await;
    let http = Http::new(loopback());
    http.send(get(base(&server))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let post = Outgoing { method: Method::POST, body: Some(b"{}".to_vec()), ..get(base(&server)) };
    assert_eq!(http.send(post).await.unwrap().status, 201);
    assert_eq!((server.connections(), server.requests().len()), (2, 2));
}
