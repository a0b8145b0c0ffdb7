//! One HTTP request to a port of the machine, against servers that answer well, for ever, or not at all.

use std::time::Duration;

use bursar_ssh::{HttpAnswer, HttpAsk, HttpCut, SshError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::machine::Machine;

fn ask(port: u16) -> HttpAsk {
    HttpAsk {
        port,
        method: "GET".into(),
        path: "/v1/models".into(),
        headers: vec![],
        body: vec![],
        timeout: Duration::from_secs(20),
        max_output: 2_000,
    }
}

/// Serves each connection with `serve`, on a port of loopback, which is the machine's own here.
async fn server<F: Future<Output = ()> + Send + 'static>(serve: fn(TcpStream) -> F) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// Reads one request to the end of its body.
async fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut piece = vec![0; 65_536];
    loop {
        let some = stream.read(&mut piece).await.unwrap();
        text.push_str(&String::from_utf8_lossy(&piece[..some]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if some == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

async fn tells_the_request(mut stream: TcpStream) {
    let text = request(&mut stream).await;
    let head = format!("HTTP/1.1 201 Created\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n", text.len());
    let _ = stream.write_all((head + &text).as_bytes()).await;
}

async fn streams_for_ever(mut stream: TcpStream) {
    request(&mut stream).await;
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await;
    for n in 0.. {
        if stream.write_all(format!("data: token {n}\n\n").as_bytes()).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn sends_without_end(mut stream: TcpStream) {
    request(&mut stream).await;
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nfirst ").await;
    while stream.write_all(&[b'x'; 65_536]).await.is_ok() {}
}

async fn breaks_off(mut stream: TcpStream) {
    request(&mut stream).await;
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it").await;
}

async fn speaks_something_else(mut stream: TcpStream) {
    let _ = stream.write_all(b"+OK POP3 ready\r\n").await;
}

async fn says_nothing(mut stream: TcpStream) {
    request(&mut stream).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_request_arrives_as_it_was_asked_and_its_answer_comes_back() {
    let machine = Machine::start();
    let port = server(tells_the_request).await;
    let post = HttpAsk {
        method: "post".into(),
        path: "/v1/completions?x=1".into(),
        headers: vec![("Content-Type".into(), "application/json".into())],
        body: b"{\"prompt\":\"hi\"}".to_vec(),
        ..ask(port)
    };
    let HttpAnswer { status, headers, body, cut, .. } = machine.ssh.request(&machine.at(), &post).await.unwrap();
    assert_eq!((status, cut), (201, None));
    assert!(headers.contains(&("content-type".into(), "text/plain".into())), "{headers:?}");
    assert!(body.starts_with("POST /v1/completions?x=1 HTTP/1.1\n"), "{body}");
    assert!(body.contains(&format!("host: localhost:{port}\n")) && body.contains("content-type: application/json\n"));
    assert!(body.ends_with("{\"prompt\":\"hi\"}"), "{body}");
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_cut_and_that_is_said() {
    let machine = Machine::start();
    let stream = HttpAsk { timeout: Duration::from_secs(2), ..ask(server(streams_for_ever).await) };
    let answer = machine.ssh.request(&machine.at(), &stream).await.unwrap();
    assert_eq!(answer.cut, Some(HttpCut::Time));
    assert!(answer.body.starts_with("data: token 0\n\ndata: token 1\n"), "{}", answer.body);
    let answer = machine.ssh.request(&machine.at(), &ask(server(sends_without_end).await)).await.unwrap();
    assert_eq!(answer.cut, Some(HttpCut::Size));
    assert!(answer.body.len() < 2_100 && answer.body.starts_with("first xxx"), "{}", answer.body.len());
    assert!(answer.body.contains("bytes left out") && answer.body_bytes >= 16 << 20, "{}", answer.body_bytes);
    let answer = machine.ssh.request(&machine.at(), &ask(server(breaks_off).await)).await.unwrap();
    assert_eq!((answer.cut, answer.body.as_str()), (Some(HttpCut::Broken), "half of it"));
}

#[tokio::test]
async fn what_is_no_http_server_is_said() {
    let machine = Machine::start();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for port in [nobody, server(speaks_something_else).await] {
        let error = machine.ssh.request(&machine.at(), &ask(port)).await.unwrap_err();
        assert!(matches!(error, SshError::NoPort { .. }), "{error}");
        assert!(!error.hint().is_empty());
    }
    let silent = HttpAsk { timeout: Duration::from_secs(1), ..ask(server(says_nothing).await) };
    let error = machine.ssh.request(&machine.at(), &silent).await.unwrap_err();
    assert!(matches!(error, SshError::TooSlow { .. }), "{error}");
}
