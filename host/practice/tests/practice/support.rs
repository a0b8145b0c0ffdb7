//! A practice in a directory of its own, an HTTP client that notices cut connections, and SSH through `ssh`.

use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use bursar_practice::{Machines, Options, Pace, Practice};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

pub(crate) struct Place {
    pub(crate) practice: Practice,
    pub(crate) dir: TempDir,
    /// The id of the registered key.
    key: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }
}

/// Boots at once: nothing in the tests waits for show.
pub(crate) fn options(dir: &TempDir) -> Options {
    Options { pace: Pace { launch_ms: 20, ssh_ms: 10, reboot_ms: 100 }, ..Options::new(dir.path()) }
}

pub(crate) async fn place() -> Place {
    place_with(|_| {}).await
}

pub(crate) async fn place_with(change: impl FnOnce(&mut Options)) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(&dir);
    change(&mut options);
    let practice = bursar_practice::start(options).await.unwrap();
    let mut place = Place { practice, dir, key: String::new() };
    let line = place.make_key().await;
    let key = place.post("/ssh-keys", &json!({ "name": "test", "content": line })).await;
    place.key = key["id"].as_str().unwrap().to_owned();
    place
}

pub(crate) async fn openssh_place() -> Place {
    place_with(|options| options.machines = Machines::OpenSsh).await
}

impl Place {
    pub(crate) fn order(&self, name: &str) -> Value {
        json!({ "server": {
            "name": name, "hostID": 1, "hostImageID": "2284", "sizeID": "vcg-a40-1c-5g-2vram", "regionID": "fra",
            "sshKeys": [self.key],
        } })
    }

    /// Creates a server; panics unless it is made.
    pub(crate) async fn create(&self, name: &str) -> String {
        let made = self.post("/servers", &self.order(name)).await;
        made["id"].as_str().unwrap_or_else(|| panic!("not made: {made}")).to_owned()
    }

    /// Creates a server and waits until SSH answers. Returns its id and address.
    pub(crate) async fn machine(&self, name: &str) -> (String, String) {
        let id = self.create(name).await;
        self.until_up(&id).await;
        let shown = self.get(&format!("/servers/{id}")).await;
        (id, shown["server"]["ipv4"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn until_up(&self, id: &str) {
        self.until("SSH answers", |state| server(state, id)["ssh"]["up"] == true).await;
    }

    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        let start = Instant::now();
        while !is_so(&self.practice.state()) {
            assert!(start.elapsed() < Duration::from_secs(10), "not within 10 s: {what}\n{}", self.practice.state());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn server(&self, id: &str) -> Value {
        server(&self.practice.state(), id)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ok("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        self.ok("POST", path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Value {
        self.ok("DELETE", path, None).await
    }

    async fn ok(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let answer = self.ask(method, path, body).await.unwrap();
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
        answer.json()
    }

    /// Asks the imitated provider. An error is a cut connection.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, hyper::Error> {
        self.ask_as("Bearer practice", method, &format!("/bitlaunch/api{path}"), body).await
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let body = Some(&body).filter(|body| !body.is_null());
        let answer = self.ask_as("", method, &format!("/_practice{path}"), body).await.unwrap();
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
        answer.json()
    }

    pub(crate) async fn fault(&self, rule: Value) {
        self.control("POST", "/faults", rule).await;
    }

    pub(crate) async fn advance(&self, secs: i64) {
        self.control("POST", "/clock", json!({ "advance_secs": secs })).await;
    }

    pub(crate) async fn ask_as(
        &self,
        authorisation: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, hyper::Error> {
        let stream = TcpStream::connect(self.practice.http_addr()).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(path).header("host", "practice");
        if !authorisation.is_empty() {
            request = request.header("authorization", authorisation);
        }
        let (head, body) = sender.send_request(request.body(Full::new(bytes)).unwrap()).await?.into_parts();
        let bytes = body.collect().await?.to_bytes();
        driver.abort();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, text })
    }

    async fn make_key(&self) -> String {
        let path = self.key_path();
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).status().await;
        assert!(made.unwrap().success());
        std::fs::read_to_string(path.with_extension("pub")).unwrap()
    }

    pub(crate) fn key_path(&self) -> PathBuf {
        self.dir.path().join("id")
    }

    /// Returns the options every OpenSSH client needs here.
    pub(crate) fn ssh_options(&self) -> Vec<String> {
        let port = self.practice.ssh_port();
        let options = format!(
            "-o Port={port} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
             -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=5"
        );
        let words = options.split_whitespace().map(str::to_owned);
        words.chain(["-i".into(), self.key_path().display().to_string()]).collect()
    }

    pub(crate) fn ssh(&self, address: &str) -> Command {
        let mut command = Command::new("ssh");
        command.args(self.ssh_options()).arg(format!("root@{address}")).kill_on_drop(true);
        command
    }

    /// Runs a command on a machine and returns what came of it.
    pub(crate) async fn on(&self, address: &str, command: &str) -> Output {
        self.ssh(address).arg(command).output().await.unwrap()
    }

    /// Runs a command that must succeed and returns its output.
    pub(crate) async fn run(&self, address: &str, command: &str) -> String {
        let output = self.on(address, command).await;
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

pub(crate) fn server(state: &Value, id: &str) -> Value {
    let servers = state["servers"].as_array().unwrap();
    servers.iter().find(|server| server["id"] == id).cloned().unwrap_or(Value::Null)
}

/// Returns how many processes carry a machine's mark.
pub(crate) fn processes_of(id: &str) -> usize {
    let mark = format!("BURSAR_PRACTICE_MACHINE={id}");
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let is_ours = |environment: Vec<u8>| environment.split(|&byte| byte == 0).any(|line| line == mark.as_bytes());
    entries
        .filter_map(|entry| std::fs::read(entry.path().join("environ")).ok())
        .filter(|text| is_ours(text.clone()))
        .count()
}
