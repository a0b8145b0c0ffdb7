//! One HTTP request to a port of the machine's own loopback, for servers that must not be open to the world. Method, sizes
//! and time are bounded; an answer that streams on is cut, and what was cut is said. Redirections are told, not followed.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};

use crate::clean::clean_line;
use crate::error::SshError;
use crate::gather::Gather;
use crate::{Ssh, Target};

const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
const BODY_MAX: usize = 1 << 20;
const PATH_MAX: usize = 8 << 10;
const HEADERS_MAX: usize = 32;
/// What is read of an answer, whatever is kept of it.
const READ_MAX: u64 = 16 << 20;
/// Headers of an answer that are told.
const TOLD_MAX: usize = 20;
/// These belong to the connection, which is ours.
const OURS: [&str; 7] = ["host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer"];

/// What is asked.
#[derive(Debug, Clone)]
pub struct HttpAsk {
    pub port: u16,
    pub method: String,
    /// Begins with `/`; may have a query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// For all of it, the answer's body included.
    pub timeout: Duration,
    /// The most bytes kept of the answer's body: head and tail stay, the middle is left out and counted.
    pub max_output: usize,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// Cleaned for readers.
    pub body: String,
    /// What came of the body, whatever was left out of the text.
    pub body_bytes: u64,
    pub cut: Option<HttpCut>,
}

/// Why an answer's body is not all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpCut {
    /// The time was up while it was coming.
    Time,
    /// It is larger than we read.
    Size,
    /// The server ended it in the middle.
    Broken,
}

impl Ssh {
    /// Sends one request and reads its answer, as far as time and size allow.
    pub async fn request(&self, at: &Target, ask: &HttpAsk) -> Result<HttpAnswer, SshError> {
        let request = request(ask)?;
        let deadline = Instant::now() + ask.timeout;
        let slow = || SshError::TooSlow {
            address: at.address(),
            doing: "answering an HTTP request",
            secs: ask.timeout.as_secs(),
        };
        let no_http = |why: hyper::Error| no_http(at, ask.port, &why);
        let stream = timeout_at(deadline, self.port(at, ask.port)).await.map_err(|_| slow())??;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(no_http)?;
        // It ends with the sender, the answer or this function, whatever comes first.
        let connection = Ended(tokio::spawn(connection));
        let answer = timeout_at(deadline, sender.send_request(request)).await.map_err(|_| slow())?.map_err(no_http)?;
        let read = read(answer, deadline, ask.max_output).await;
        drop(connection);
        Ok(read)
    }
}

/// Ends a task with its owner.
struct Ended<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Ended<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn read(answer: Response<Incoming>, deadline: Instant, max: usize) -> HttpAnswer {
    let status = answer.status().as_u16();
    let headers = answer.headers().iter().take(TOLD_MAX);
    let headers = headers.map(|(name, value)| (name.to_string(), clean_line(value.as_bytes(), 200))).collect();
    let mut body = answer.into_body();
    let mut text = Gather::exact(max);
    let cut = loop {
        match timeout_at(deadline, body.frame()).await {
            Err(_) => break Some(HttpCut::Time),
            Ok(None) => break None,
            Ok(Some(Err(_))) => break Some(HttpCut::Broken),
            Ok(Some(Ok(frame))) => text.push(frame.data_ref().unwrap_or(&Bytes::new())),
        }
        if text.total() >= READ_MAX {
            break Some(HttpCut::Size);
        }
    };
    HttpAnswer { status, headers, body_bytes: text.total(), body: text.into_text(), cut }
}

fn request(ask: &HttpAsk) -> Result<Request<Full<Bytes>>, SshError> {
    let bad = |what, why: String| Err(SshError::input(what, why));
    let method = METHODS.iter().find(|method| method.as_str().eq_ignore_ascii_case(&ask.method));
    let Some(method) = method else {
        let known: Vec<&str> = METHODS.iter().map(Method::as_str).collect();
        return bad("method", format!("it is one of {}", known.join(", ")));
    };
    if ask.body.len() > BODY_MAX {
        return bad(
            "body",
            format!("{} bytes, at most {BODY_MAX}; upload it and use curl on the machine", ask.body.len()),
        );
    }
    // Its form decides what is asked, not the server's guess: no other host, no second line.
    let Some(path) = ask.path.parse::<Uri>().ok().filter(|uri| {
        ask.path.starts_with('/') && !ask.path.starts_with("//") && ask.path.len() <= PATH_MAX && uri.host().is_none()
    }) else {
        return bad("path", format!("it begins with one `/`, is plain ASCII, and has at most {PATH_MAX} bytes"));
    };
    if ask.headers.len() > HEADERS_MAX {
        return bad("headers", format!("{} of them, at most {HEADERS_MAX}", ask.headers.len()));
    }
    let mut request = Request::new(Full::new(Bytes::from(ask.body.clone())));
    *request.method_mut() = method.clone();
    *request.uri_mut() = path;
    let headers = request.headers_mut();
    headers.insert("host", HeaderValue::try_from(format!("localhost:{}", ask.port)).expect("a word and a number"));
    headers.insert("connection", HeaderValue::from_static("close"));
    for (name, value) in &ask.headers {
        match (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            (Ok(name), Ok(value)) if !OURS.contains(&name.as_str()) => headers.append(name, value),
            (Ok(name), Ok(_)) => return bad("headers", format!("`{name}` is set by us")),
            _ => return bad("headers", format!("`{}` cannot be sent", clean_line(name.as_bytes(), 60))),
        };
    }
    Ok(request)
}

fn no_http(at: &Target, port: u16, why: &hyper::Error) -> SshError {
    SshError::NoPort { address: at.address(), port, why: format!("it does not speak HTTP/1.1 there: {why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> HttpAsk {
        HttpAsk {
            port: 8000,
            method: "get".into(),
            path: "/v1/models?a=b".into(),
            headers: vec![("x-a".into(), "b".into())],
            body: vec![],
            timeout: Duration::from_secs(1),
            max_output: 100,
        }
    }

    #[test]
    fn what_is_asked_has_one_meaning() {
        let fine = request(&ask()).unwrap();
        assert_eq!((fine.method().as_str(), fine.uri().to_string().as_str()), ("GET", "/v1/models?a=b"));
        assert_eq!(fine.headers()["host"], "localhost:8000");
        let header = |name: &str, value: &str| HttpAsk { headers: vec![(name.into(), value.into())], ..ask() };
        for (odd, word) in [
            (HttpAsk { method: "CONNECT".into(), ..ask() }, "method"),
            (HttpAsk { path: "http://elsewhere/".into(), ..ask() }, "path"),
            (HttpAsk { path: "//elsewhere/".into(), ..ask() }, "path"),
            (HttpAsk { path: "/a b".into(), ..ask() }, "path"),
            (HttpAsk { path: "/a\r\nx: y".into(), ..ask() }, "path"),
            (HttpAsk { path: String::new(), ..ask() }, "path"),
            (header("host", "elsewhere"), "set by us"),
            (header("Transfer-Encoding", "chunked"), "set by us"),
            (header("x", "a\r\ny: z"), "cannot be sent"),
            (header("a b", "c"), "cannot be sent"),
            (HttpAsk { headers: vec![("a".into(), "b".into()); 33], ..ask() }, "headers"),
            (HttpAsk { body: vec![0; BODY_MAX + 1], ..ask() }, "body"),
        ] {
            let why = request(&odd).unwrap_err().to_string();
            assert!(why.contains(word), "{odd:?}: {why}");
        }
    }
}
