//! One imitated data centre with one owner's computer beside it: a ledger of its own, commands, and the truth over HTTP.

use bursar_practice::{Machines, Options, Practice};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

/// The cheapest GPU offer and the cheapest machine without one.
pub const GPU: &str = "bitlaunch:1/vcg-a40-1c-5g-2vram/fra";
pub const SMALL: &str = "bitlaunch:4/nibble-1024/lon1";

pub struct World {
    // Dropped before the folder it lives in.
    _practice: Practice,
    dir: tempfile::TempDir,
    url: String,
    env: BTreeMap<String, String>,
}

impl World {
    pub async fn new() -> World {
        World::with(Machines::BuiltIn).await
    }

    pub async fn with(machines: Machines) -> World {
        World::made(machines, &["bitlaunch"]).await
    }

    /// With the key of this imitated provider and no other.
    pub async fn of(provider: &str) -> World {
        World::made(Machines::BuiltIn, &[provider]).await
    }

    /// With keys for these providers.
    pub async fn made(machines: Machines, providers: &[&str]) -> World {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::new(dir.path().join("practice"));
        options.machines = machines;
        options.providers = providers.iter().map(|name| (*name).to_owned()).collect();
        (options.pace.launch_ms, options.pace.ssh_ms) = (100, 50);
        let practice = bursar_practice::start(options).await.unwrap();
        let url = format!("http://{}", practice.http_addr());
        let mut env: BTreeMap<String, String> = practice.env().into_iter().collect();
        let keep =
            ["PATH", "LANG", "TMPDIR"].iter().filter_map(|name| Some((name.to_string(), std::env::var(name).ok()?)));
        env.extend(keep);
        let own = |name: &str| dir.path().join(name).display().to_string();
        env.insert("HOME".into(), own("user"));
        env.insert("BURSAR_WORKSPACE".into(), own("work"));
        for folder in ["user", "work"] {
            std::fs::create_dir_all(own(folder)).unwrap();
        }
        let world = World { _practice: practice, dir, url, env };
        world.take_compiled_drivers();
        world
    }

    /// Compiling the drivers once for all worlds saves most of the time that these tests take. Every process still
    /// checks what it loads.
    fn take_compiled_drivers(&self) {
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-drivers");
        let cache = self.home().join("cache");
        if let Ok(files) = std::fs::read_dir(&shared) {
            std::fs::create_dir_all(&cache).unwrap();
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(self.home(), std::fs::Permissions::from_mode(0o700)).unwrap();
            std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o700)).unwrap();
            for file in files.flatten() {
                std::fs::copy(file.path(), cache.join(file.file_name())).unwrap();
            }
        }
    }

    fn give_compiled_drivers(&self) {
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-drivers");
        std::fs::create_dir_all(&shared).unwrap();
        let Ok(files) = std::fs::read_dir(self.home().join("cache")) else { return };
        // Whole or not at all, as other tests read here; drivers that changed since have other names.
        let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for file in files.flatten().filter(|file| file.path().is_file() && !shared.join(file.file_name()).exists()) {
            let copy = fresh.path().join(file.file_name());
            std::fs::copy(file.path(), &copy).unwrap();
            std::fs::rename(copy, shared.join(file.file_name())).unwrap();
        }
    }

    pub fn home(&self) -> PathBuf {
        PathBuf::from(&self.env["BURSAR_HOME"])
    }

    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub fn set_env(&mut self, name: &str, value: &str) {
        self.env.insert(name.into(), value.into());
    }

    /// The binary with this owner's environment and nothing else.
    pub fn bursar(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
        command.args(args).env_clear().envs(&self.env).current_dir(self.work()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.bursar(args).output().unwrap()
    }

    /// Runs a command that must succeed, and returns what it prints as JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        let all: Vec<&str> = ["--json"].iter().chain(args).copied().collect();
        let output = self.run(&all);
        assert!(output.status.success(), "{args:?}: {}", text(&output));
        self.give_compiled_drivers();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", text(&output)))
    }

    /// A restart: any command settles what was left behind. Where something is still open it says so with its exit code.
    pub fn settle(&self) {
        let output = self.run(&["settle"]);
        let known = [Some(0), Some(5)].contains(&output.status.code());
        assert!(known, "settle: {}", text(&output));
    }

    /// Everything in the ledger, open and ended.
    pub fn ls(&self) -> Value {
        let output = self.run(&["--json", "ls", "--all"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("ls: {error}: {}", text(&output)))
    }

    /// What is really there, whatever anybody believes.
    pub fn truth(&self) -> Value {
        ureq::get(format!("{}/_practice/state", self.url)).call().unwrap().body_mut().read_json().unwrap()
    }

    /// The servers that live and cost.
    pub fn alive(&self) -> Vec<Value> {
        let truth = self.truth();
        truth["servers"].as_array().unwrap().iter().filter(|server| server["alive"] == true).cloned().collect()
    }

    /// Requests so far as `METHOD /path`, in order.
    pub fn requests(&self) -> Vec<String> {
        let truth = self.truth();
        let log = truth["log"].as_array().unwrap();
        log.iter()
            .map(|line| format!("{} {}", line["method"].as_str().unwrap(), line["path"].as_str().unwrap()))
            .collect()
    }

    /// Asks the imitated provider itself, as its owner.
    pub fn ask(&self, path: &str) -> Value {
        let url = format!("{}/bitlaunch/api/{path}", self.url);
        ureq::get(url).header("authorization", "Bearer practice").call().unwrap().body_mut().read_json().unwrap()
    }

    /// Changes something at an imitated provider itself, as its owner.
    pub fn patch(&self, provider: &str, path: &str, body: Value) {
        let url = format!("{}/{provider}/{path}", self.url);
        ureq::patch(url).header("authorization", "Bearer practice").send_json(body).unwrap();
    }

    /// Ends something at the imitated provider itself, behind our back.
    pub fn delete(&self, path: &str) {
        let url = format!("{}/bitlaunch/api/{path}", self.url);
        ureq::delete(url).header("authorization", "Bearer practice").call().unwrap();
    }

    pub fn misbehave(&self, faults: Value) {
        ureq::post(format!("{}/_practice/faults", self.url)).send_json(faults).unwrap();
    }

    pub fn behave(&self) {
        ureq::delete(format!("{}/_practice/faults", self.url)).call().unwrap();
    }

    /// Sets the time of day of both sides back.
    pub fn set_back(&self, secs: i64) {
        ureq::post(format!("{}/_practice/clock", self.url)).send_json(json!({ "advance_secs": -secs })).unwrap();
    }

    /// Moves the time of both sides.
    pub fn pass(&self, secs: u64) {
        ureq::post(format!("{}/_practice/clock", self.url)).send_json(json!({ "advance_secs": secs })).unwrap();
    }
}

/// Everything a process printed, for messages.
pub fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Waits until something holds, and fails where it never does.
pub fn wait_for(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < limit, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
