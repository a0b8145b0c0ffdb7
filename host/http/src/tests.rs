//! Real sockets on loopback: what goes out, what comes back, and what is known when it does not.

use super::*;
use crate::{
    dial::{Dialler, Wire},
    resolve::Table,
};
use server::{Server, reply};
use std::net::IpAddr;

mod failures;
mod reach;
mod server;

pub(crate) fn loopback() -> Outbound {
    Outbound { loopback: true, connect_timeout: Duration::from_secs(2) }
}

pub(crate) fn base(server: &Server) -> Base {
    Base::parse(&format!("http://127.0.0.1:{}/api", server.port()), &loopback()).unwrap()
}

pub(crate) fn get(base: Base) -> Outgoing {
    Outgoing {
        base,
        method: Method::GET,
        target: "/servers?page=1".to_owned(),
        headers: Vec::new(),
        body: None,
        fresh: false,
        deadline: Instant::now() + Duration::from_secs(5),
        response_max: 1_000,
    }
}

#[tokio::test]
async fn a_read_reaches_the_server_and_its_answer_comes_back() {
    let server = Server::answering(reply(
        "200 OK",
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Ratelimit: 5\r\nSet-Cookie: a=b\r\n",
        "{}",
    ))
    .await;
    let answer = Http::new(loopback()).send(get(base(&server))).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice(), answer.date), (200, b"{}".as_slice(), Some(784_111_777)));
    assert!(answer.headers.contains(&("x-ratelimit".to_owned(), "5".to_owned())));
    assert!(!answer.headers.iter().any(|(name, _)| name == "set-cookie"));
    let request = server.requests().remove(0);
    let head = request.to_ascii_lowercase();
    assert!(request.starts_with("GET /api/servers?page=1 HTTP/1.1\r\n"), "{request}");
    for line in [
        format!("host: 127.0.0.1:{}", server.port()).as_str(),
        "accept-encoding: identity",
        "accept: application/json",
        "user-agent: bursar/",
    ] {
        assert!(head.contains(line), "{line} in {request}");
    }
}

#[tokio::test]
async fn a_body_goes_out_whole_and_its_absence_is_said() {
    let server = Server::answering(reply("200 OK", "", "{}")).await;
    let http = Http::new(loopback());
    for (body, says) in [(Some(b"{\"a\":1}".to_vec()), "content-length: 7"), (None, "content-length: 0")] {
        let post = Outgoing { method: Method::POST, body, fresh: true, ..get(base(&server)) };
        http.send(post).await.unwrap();
        let request = server.requests().pop().unwrap();
        assert!(request.to_ascii_lowercase().contains(says), "{request}");
    }
    assert!(server.requests()[0].ends_with("\r\n\r\n{\"a\":1}"));
}

#[tokio::test]
async fn a_connection_is_used_again_for_reads_and_never_for_what_is_fresh() {
    let server = Server::answering(reply("200 OK", "", "{}")).await;
    let http = Http::new(loopback());
    let fresh = || Outgoing { fresh: true, ..get(base(&server)) };
    for (request, connections) in
        [(get(base(&server)), 1), (get(base(&server)), 1), (fresh(), 2), (fresh(), 3), (get(base(&server)), 3)]
    {
        http.send(request).await.unwrap();
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn a_server_that_closes_is_not_kept() {
    let server = Server::answering(reply("200 OK", "Connection: close\r\n", "{}")).await;
    let http = Http::new(loopback());
    for connections in [1, 2] {
        http.send(get(base(&server))).await.unwrap();
        assert_eq!(server.connections(), connections);
    }
}

/// Cases 19 to 21.
#[tokio::test]
async fn a_redirect_is_the_answer_and_nothing_follows() {
    for to in ["http://127.0.0.1:1/", "https://evil.example/", "/elsewhere"] {
        let server = Server::answering(reply("302 Found", &format!("Location: {to}\r\n"), "")).await;
        let answer = Http::new(loopback()).send(get(base(&server))).await.unwrap();
        assert_eq!(answer.status, 302);
        assert!(answer.headers.contains(&("location".to_owned(), to.to_owned())));
        assert_eq!(server.requests().len(), 1);
    }
}

/// Case 22: the first test again, in a process that has proxies in its environment.
#[test]
fn proxies_in_the_environment_are_ignored() {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tests::a_read_reaches_the_server_and_its_answer_comes_back"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        command.env(name, "http://127.0.0.1:9");
    }
    let output = command.env_remove("NO_PROXY").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}
