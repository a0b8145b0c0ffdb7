//! A provider on loopback over real HTTP: it keeps servers, echoes what it was sent, and misbehaves on demand.

use base64::Engine;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;

/// How the next create ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    Made,
    /// The answer holds no id.
    MadeWithoutId,
    /// 500, and the server is there.
    BrokenAfter,
    /// 422, and nothing is there.
    Refused,
    /// The connection is cut after the request was read; the server is there.
    Cut,
    /// Nothing comes back for longer than the route may wait; the server is there.
    Hang,
}

#[derive(Debug, Clone)]
pub struct Asked {
    /// `POST /odd/v1/servers`
    pub line: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

pub struct State {
    pub asked: Vec<Asked>,
    pub servers: Vec<(String, String)>,
    pub keys: Vec<(String, String)>,
    pub create: Create,
    /// Path → the answer to it instead of ours.
    pub answers: HashMap<String, (u16, String)>,
}

#[derive(Clone)]
pub struct Provider {
    pub state: Arc<Mutex<State>>,
    port: u16,
}

impl Provider {
    pub async fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state =
            State { asked: vec![], servers: vec![], keys: vec![], create: Create::Made, answers: HashMap::new() };
        let provider = Provider { state: Arc::new(Mutex::new(state)), port: listener.local_addr().unwrap().port() };
        let serving = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let provider = serving.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| provider.clone().answer(request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        provider
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn now(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Returns the request lines of one method, in order.
    pub fn lines(&self, method: &str) -> Vec<String> {
        self.now().asked.iter().map(|asked| asked.line.clone()).filter(|line| line.starts_with(method)).collect()
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
        let (parts, body) = request.into_parts();
        let body = String::from_utf8_lossy(&body.collect().await.map_err(|_| Cut)?.to_bytes()).into_owned();
        let headers: HashMap<String, String> =
            parts.headers.iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_owned())).collect();
        let line = format!("{} {}", parts.method, parts.uri);
        self.now().asked.push(Asked { line, headers: headers.clone(), body: body.clone() });
        let path = parts.uri.path().split_once("/v1").map_or(parts.uri.path(), |(_, path)| path).to_owned();
        if let Some((status, text)) = self.now().answers.get(&path).cloned() {
            return Ok(json(status, text));
        }
        match (parts.method.as_str(), path.trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice()) {
            ("GET", ["user"]) => Ok(json(200, r#"{"id":"acct-1"}"#)),
            ("GET", ["echo"]) => Ok(echo(&headers, parts.uri.query().unwrap_or_default())),
            ("GET", ["secret"]) => Ok(json(200, r#"{"hidden":"second-secret","shown":1}"#)),
            ("GET", ["plans", _]) => {
                Ok(json(200, r#"{"plans":[{"id":"small","rate":0.5},{"id":"big","rate":"2.25"}]}"#))
            }
            ("GET", ["keys"]) => Ok(self.keys()),
            ("POST", ["keys"]) => Ok(self.add_key(&body)),
            ("GET", ["servers"]) => Ok(self.servers()),
            ("POST", ["servers"]) => self.create(&body).await,
            ("POST", ["servers", _, "restart"]) => Ok(json(200, "{}")),
            ("DELETE", ["servers", id]) => Ok(self.delete(id)),
            _ => Ok(json(404, "{}")),
        }
    }

    async fn create(&self, body: &str) -> Result<Response<Full<Bytes>>, Cut> {
        let (mode, id) = {
            let mut state = self.now();
            let id = format!("id-{}", state.servers.len() + 1);
            let name =
                body.split(r#""name":""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
            if state.create != Create::Refused {
                state.servers.push((id.clone(), name));
            }
            (state.create, id)
        };
        match mode {
            Create::Made => Ok(json(200, format!(r#"{{"id":"{id}","ip":"127.0.0.1"}}"#))),
            Create::MadeWithoutId => Ok(json(200, "{}")),
            Create::BrokenAfter => Ok(json(500, r#"{"message":"oops"}"#)),
            Create::Refused => Ok(json(422, r#"{"message":"no such size"}"#)),
            Create::Cut => Err(Cut),
            Create::Hang => {
                tokio::time::sleep(Duration::from_secs(20)).await;
                Err(Cut)
            }
        }
    }

    fn servers(&self) -> Response<Full<Bytes>> {
        let rows: Vec<String> = self
            .now()
            .servers
            .iter()
            .map(|(id, name)| format!(r#"{{"id":"{id}","name":"{name}","rate":0.5,"status":"up","ip":"127.0.0.1"}}"#))
            .collect();
        json(200, format!(r#"{{"servers":[{}]}}"#, rows.join(",")))
    }

    fn delete(&self, id: &str) -> Response<Full<Bytes>> {
        let servers = &mut self.now().servers;
        let before = servers.len();
        servers.retain(|(known, _)| known != id);
        json(if servers.len() < before { 200 } else { 404 }, "{}")
    }

    fn keys(&self) -> Response<Full<Bytes>> {
        let rows: Vec<String> =
            self.now().keys.iter().map(|(id, line)| format!(r#"{{"id":"{id}","line":"{line}"}}"#)).collect();
        json(200, format!(r#"{{"keys":[{}]}}"#, rows.join(",")))
    }

    fn add_key(&self, body: &str) -> Response<Full<Bytes>> {
        let line = body.split('"').nth(3).unwrap_or_default().to_owned();
        let keys = &mut self.now().keys;
        keys.push((format!("key-{}", keys.len() + 1), line));
        json(200, "{}")
    }
}

/// Ends the connection without an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut")
    }
}

impl std::error::Error for Cut {}

impl From<Infallible> for Cut {
    fn from(never: Infallible) -> Cut {
        match never {}
    }
}

fn json(status: u16, body: impl Into<String>) -> Response<Full<Bytes>> {
    let response =
        Response::builder().status(status).header("content-type", "application/json").header("set-cookie", "a=b");
    response.body(Full::new(Bytes::from(body.into()))).unwrap()
}

/// Gives everything back that it was sent, the credential too: plain, in base64, and in the escapes of JSON.
fn echo(headers: &HashMap<String, String>, query: &str) -> Response<Full<Bytes>> {
    let key = headers.get("x-api-key").cloned().unwrap_or_default();
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("user:{key}"));
    let escaped: String = key.chars().map(|c| format!("\\u{:04X}", u32::from(c))).collect();
    let body = format!(
        r#"{{"key":"{key}","again":"Bearer {key}","query":"{query}","basic":"{basic}","escaped":"{escaped}"}}"#
    );
    Response::builder().status(200).header("x-echo", key).body(Full::new(Bytes::from(body))).unwrap()
}
