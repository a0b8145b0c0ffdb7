//! HTTP: reads requests, hands them to the imitated provider or to the control, sends answers or cuts connections.
//! It decides nothing else.

use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::clock::http_date;
use crate::inner::Inner;
use crate::reply::{Ask, Reply, Sent};
use crate::{bitlaunch, control, provider};

const BODY_MAX: usize = 16 << 20;

/// Serves until it is aborted, which also ends all connections.
pub(crate) async fn run(listener: TcpListener, inner: Arc<Inner>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let inner = Arc::clone(&inner);
                connections.spawn(async move {
                    let service = service_fn(|request| handle(Arc::clone(&inner), request));
                    let mut http = hyper::server::conn::http1::Builder::new();
                    http.auto_date_header(false).timer(TokioTimer::new());
                    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
                        tracing::debug!(%error, "connection ended");
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// An error makes hyper cut the connection, which is what some faults want.
async fn handle(inner: Arc<Inner>, request: Request<Incoming>) -> std::io::Result<Response<Sent>> {
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let ask = read(request).await?;
    let reply = if let Some(path) = below(&path, bitlaunch::BASE) {
        let authorisation = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let denied = (!bitlaunch::is_authorised(authorisation)).then(|| Reply::empty(401));
        provider::serve(&inner, "bitlaunch", Ask { path, ..ask }, denied).await
    } else if let Some((provider, path)) = other(&inner, &path) {
        let ask = Ask { path, ..ask };
        let denied = inner.state().others.of(provider).and_then(|one| one.denied(&ask, &headers));
        provider::serve(&inner, provider, ask, denied).await
    } else if let Some(path) = below(&path, control::BASE) {
        Some(control::answer(&inner, &Ask { path, ..ask }))
    } else {
        Some(Reply::message(404, format!("practice serves {} and {}", bitlaunch::BASE, control::BASE)))
    };
    let reply = reply.ok_or_else(|| std::io::Error::other("cut on purpose"))?;
    response(&inner, &reply)
}

/// Returns the other imitation that a path is of, and the path inside its API.
fn other(inner: &Inner, path: &str) -> Option<(&'static str, String)> {
    inner.state().others.find(path)
}

async fn read(request: Request<Incoming>) -> std::io::Result<Ask> {
    let (head, body) = request.into_parts();
    let bytes = Limited::new(body, BODY_MAX).collect().await.map_err(std::io::Error::other)?.to_bytes();
    let header = |name: &hyper::header::HeaderName| {
        let value = head.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    Ok(Ask {
        headers: head.headers.keys().filter_map(header).collect(),
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    })
}

fn below(path: &str, base: &str) -> Option<String> {
    let rest = path.strip_prefix(base)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
}

fn response(inner: &Inner, reply: &Reply) -> std::io::Result<Response<Sent>> {
    let (mime, bytes) = reply.bytes();
    let mut response = Response::builder().status(reply.status).header(DATE, http_date(inner.clock.now()));
    let own_type = reply.headers.iter().any(|(name, _)| *name == "content-type");
    if let Some(mime) = mime.filter(|_| !own_type) {
        response = response.header(CONTENT_TYPE, mime);
    }
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response.body(Sent::new(bytes, reply.cut)).map_err(std::io::Error::other)
}
