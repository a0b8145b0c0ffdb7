//! One bundled driver, built from source, in the real sandbox, over real HTTP, against its imitation.
#![allow(dead_code, reason = "each test file uses its part")]

use super::guests;
use bursar_core::{
    instance::{Handle, InstanceId, ProviderState, Tag, View},
    time::Moment,
};
use bursar_drivers::{At, Config, Driver, Drivers};
use bursar_practice::{Options, Practice};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;

const LEDGER: &str = "ledger0001";

pub struct World {
    pub practice: Practice,
    pub driver: Arc<Driver>,
    _drivers: Drivers,
    _home: TempDir,
}

impl World {
    pub async fn new(name: &'static str) -> World {
        World::with(name, "practice", &[]).await
    }

    /// With this key, and these settings of the owner's.
    pub async fn with(name: &'static str, key: &'static str, settings: &[(&str, &str)]) -> World {
        let home = TempDir::new().unwrap();
        let practice = bursar_practice::start(Options::new(home.path().join("practice"))).await.unwrap();
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = Config {
            home: home.path().join("state"),
            plugins: None,
            bundled: bundled(name),
            practice: Some(format!("http://{}", practice.http_addr())),
            settings: BTreeMap::from([(name.to_owned(), settings)]),
            credentials: Arc::new(move |_, _, _| Some(key.to_owned())),
            audit: Arc::new(()),
            key_name: format!("bursar-{LEDGER}"),
        };
        let drivers = Drivers::open(config).unwrap();
        let driver = drivers.driver(name).await.unwrap();
        World { practice, driver, _drivers: drivers, _home: home }
    }

    /// A call about the n-th instance of our ledger, by the time that the practice has, too.
    pub fn at(&self, n: u32) -> At {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        At { now: Moment(now), tag: Some(Tag::new(LEDGER, &InstanceId(format!("inst{n:06}")))) }
    }

    /// Asks until it is as wanted, as often as its provider needs.
    pub async fn until(&self, handle: &Handle, wanted: impl Fn(&View) -> bool) -> View {
        for _ in 0..200 {
            let view = self.driver.get(&self.at(1), handle).await.unwrap();
            if wanted(&view) {
                return view;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("it did not come to that: {}", self.practice.state());
    }

    pub async fn until_running(&self, handle: &Handle) -> View {
        self.until(handle, |view| view.state == ProviderState::Running && view.nodes[0].ssh.is_some()).await
    }

    pub async fn fault(&self, json: &str) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let address = self.practice.http_addr();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /_practice/faults HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            json.len()
        );
        stream.write_all(format!("{head}{json}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
}

fn bundled(name: &str) -> &'static [(&'static str, &'static [u8])] {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    guests::build(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/Cargo.toml"), &target);
    let wasm = std::fs::read(target.join(format!("wasm32-wasip2/release/{name}.wasm"))).unwrap();
    let file: &'static str = format!("{name}.wasm").leak();
    vec![(file, &*wasm.leak())].leak()
}
