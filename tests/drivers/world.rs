//! One imitated provider with the driver that speaks to it, opened as the host opens it.

use crate::specifics::Specifics;
use bursar_core::{
    instance::{Handle, InstanceId, Tag, View},
    offer::{Offer, Order, Wish},
    time::Moment,
};
use bursar_drivers::{At, Config, Created, Driver, Drivers, Outcome};
use bursar_practice::{Options, Practice};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUm bursar";
const LEDGER: &str = "ledger0001";

pub struct World {
    pub driver: Arc<Driver>,
    pub name: &'static str,
    practice: Practice,
    _drivers: Drivers,
    _home: TempDir,
}

impl World {
    pub async fn new(of: &Specifics) -> World {
        World::with_key(of, "practice").await
    }

    pub async fn with_key(of: &Specifics, key: &'static str) -> World {
        let home = TempDir::new().unwrap();
        let mut options = Options::new(home.path().join("practice"));
        (options.pace.launch_ms, options.pace.ssh_ms) = (20, 10);
        options.balance_musd = 2_000_000;
        let practice = bursar_practice::start(options).await.unwrap();
        let config = Config {
            home: home.path().join("state"),
            plugins: None,
            bundled: bundled(),
            practice: Some(format!("http://{}", practice.http_addr())),
            settings: BTreeMap::new(),
            credentials: Arc::new(move |_, _, _| Some(key.to_owned())),
            audit: Arc::new(()),
            key_name: format!("bursar-{LEDGER}"),
        };
        take_compiled(&config.home);
        let drivers = Drivers::open(config).unwrap();
        let driver = drivers.driver(of.name).await.unwrap();
        give_compiled(&home.path().join("state"));
        World { practice, driver, name: of.name, _drivers: drivers, _home: home }
    }

    pub fn at(&self) -> At {
        At { now: Moment(1_795_000_000), tag: Some(Tag::new(LEDGER, &InstanceId("inst000001".into()))) }
    }

    pub fn tag(&self) -> String {
        self.at().tag.unwrap().0
    }

    pub async fn offers(&self) -> Vec<Offer> {
        self.driver.offers(&self.at(), &Wish::default()).await.unwrap()
    }

    /// The cheapest that is in stock, for an hour.
    pub async fn order(&self) -> Order {
        let cheapest = self.offers().await.into_iter().find(|offer| offer.in_stock != Some(false)).unwrap();
        self.order_of(&cheapest.id, cheapest.image).await
    }

    pub async fn order_of(&self, offer: &str, image: Option<String>) -> Order {
        let image = match (image, self.driver.capabilities().images) {
            (None, true) => Some(self.driver.images(&self.at(), offer).await.unwrap()[0].id.clone()),
            (image, _) => image,
        };
        Order { provider: self.name.into(), offer: offer.into(), image, nodes: 1, length_secs: 3_600 }
    }

    pub async fn create(&self) -> Created {
        let order = self.order().await;
        let key_id = self.driver.ensure_key(&self.at(), KEY).await.unwrap();
        self.driver.create(&self.at(), &order, KEY, key_id.as_deref()).await
    }

    /// Creates one and returns its handle, whether its answer named it or a list had to.
    pub async fn made(&self) -> Handle {
        let created = self.create().await;
        if let Ok(Outcome::Made(view)) = created.outcome {
            return view.handle;
        }
        self.found().await
    }

    /// Finds by its tag what was ordered, as the flow does.
    pub async fn found(&self) -> Handle {
        let found = self.driver.advance(&self.at(), &self.order().await, "").await;
        match (&found.outcome, &found.made[..]) {
            (Ok(Outcome::Made(view)), [id]) if *id == view.handle.id => view.handle.clone(),
            _ => panic!("not found: {found:?}"),
        }
    }

    /// Asks about one until it is as wanted.
    pub async fn until(&self, handle: &Handle, is_so: impl Fn(&View) -> bool) -> View {
        for _ in 0..200 {
            let view = self.driver.get(&self.at(), handle).await.unwrap();
            if is_so(&view) {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it did not come to that: {:#}", self.practice.state());
    }

    /// Waits until the provider's own truth has it gone.
    pub async fn until_gone(&self) {
        for _ in 0..200 {
            if self.alive() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it lives: {:#}", self.practice.state());
    }

    /// What this provider's truth says lives, but for what is not ours.
    pub fn alive(&self) -> usize {
        let state = self.practice.state();
        let ours = |row: &&Value| row["provider"] == self.name && row["alive"] == true && row["foreign"] == false;
        state["servers"].as_array().unwrap().iter().filter(ours).count()
    }

    /// Makes the imitation misbehave; several rules in one list.
    pub async fn misbehave(&self, rules: Value) {
        let rules = match rules {
            Value::Array(rules) => rules,
            one => vec![one],
        };
        let named = |mut rule: Value| {
            rule["provider"] = self.name.into();
            rule
        };
        let text = Value::Array(rules.into_iter().map(named).collect()).to_string();
        self.control("POST", "/faults", &text).await;
    }

    pub async fn behave(&self) {
        self.control("DELETE", "/faults", "").await;
    }

    async fn control(&self, method: &str, path: &str, body: &str) {
        let address = self.practice.http_addr();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "{method} /_practice{path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
}

type Files = &'static [(&'static str, &'static [u8])];

/// Every driver of `plugins/`, built from source once for this process.
fn bundled() -> Files {
    static ALL: OnceLock<Vec<(&'static str, &'static [u8])>> = OnceLock::new();
    ALL.get_or_init(|| {
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugins");
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/Cargo.toml");
        build(manifest, &target);
        let mut all = Vec::new();
        for entry in std::fs::read_dir(target.join("wasm32-wasip2/release")).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".wasm") {
                let component: &'static [u8] = std::fs::read(entry.path()).unwrap().leak();
                let name: &'static str = name.leak();
                all.push((name, component));
            }
        }
        all
    })
}

fn build(manifest: &str, target: &Path) {
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    command.args(["build", "--release", "--quiet", "--target", "wasm32-wasip2", "--manifest-path", manifest]);
    command.env("CARGO_TARGET_DIR", target);
    for leak in
        ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET"]
    {
        command.env_remove(leak);
    }
    assert!(command.status().unwrap().success(), "the drivers do not build");
}

/// Compiling a component once for all worlds saves most of the time that these tests take; each process checks what it
/// loads all the same.
fn shared() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("drivers-compiled")
}

fn take_compiled(home: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    let Ok(files) = std::fs::read_dir(shared()) else { return };
    let cache = home.join("cache");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&cache).unwrap();
    for file in files.flatten().filter(|file| file.path().is_file()) {
        std::fs::copy(file.path(), cache.join(file.file_name())).unwrap();
    }
}

fn give_compiled(home: &Path) {
    let Ok(files) = std::fs::read_dir(home.join("cache")) else { return };
    std::fs::create_dir_all(shared()).unwrap();
    for file in files.flatten().filter(|file| file.path().is_file()) {
        let to = shared().join(file.file_name());
        if !to.exists() {
            let fresh = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let beside = fresh.path().join("file");
            std::fs::copy(file.path(), &beside).unwrap();
            std::fs::rename(&beside, &to).unwrap();
        }
    }
}
