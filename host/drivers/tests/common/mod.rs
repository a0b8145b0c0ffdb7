//! The world of these tests: a provider on loopback that keeps what it was asked, the guests built from source, and
//! drivers opened as the host opens them. One topic, one file; every file goes through `World`.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod guests;
pub mod imitated;
pub mod provider;

use bursar_core::{
    instance::{Handle, Tag},
    offer::{Order, Wish},
    time::Moment,
};
use bursar_drivers::{At, Config, Driver, Drivers};
use provider::Provider;
use std::{collections::BTreeMap, fs, os::unix::fs::DirBuilderExt, path::Path, sync::Arc, sync::OnceLock};
use tempfile::TempDir;

pub const TOKEN: &str = "s3cret-t0ken-9f2c";
pub const TAG: &str = "ledger0001inst000001";
pub const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUm bursar";

/// The first world of this process, whose compiled driver the later ones begin with.
static SEED: OnceLock<Arc<TempDir>> = OnceLock::new();

pub struct World {
    pub provider: Provider,
    pub drivers: Drivers,
    pub home: Arc<TempDir>,
}

impl World {
    /// The odd driver, bundled, with a script per function.
    pub async fn odd(scripts: &[(&str, &str)]) -> World {
        World::with(scripts, |_| {}).await
    }

    pub async fn with(scripts: &[(&str, &str)], change: impl FnOnce(&mut Config)) -> World {
        let (provider, home) = (Provider::start().await, Arc::new(TempDir::new().unwrap()));
        let mut config = config(&provider, &home);
        config.bundled = guests::bundled();
        config.settings.insert("odd".into(), scripts.iter().map(|(f, s)| ((*f).into(), (*s).into())).collect());
        change(&mut config);
        seed(&config.home);
        World { provider, drivers: Drivers::open(config).unwrap(), home }
    }

    pub async fn driver(&self) -> Arc<Driver> {
        let driver = self.drivers.driver("odd").await.unwrap();
        SEED.get_or_init(|| self.home.clone());
        driver
    }

    /// Runs one function and says in words how it ended: what a driver was told comes back through `echo`.
    pub async fn said(&self, function: &str) -> String {
        let driver = self.driver().await;
        match function {
            "account" => text(driver.account(&at()).await),
            "offers" => text(driver.offers(&at(), &Wish::default()).await),
            "quote" => text(driver.quote(&at(), &order()).await),
            "ensure" => text(driver.ensure_key(&at(), KEY).await),
            "create" => text(driver.create(&at(), &order(), KEY, None).await.outcome),
            "advance" => text(driver.advance(&at(), &order(), "").await.outcome),
            "get" => text(driver.get(&at(), &handle("id-1")).await),
            "list" => text(driver.list(&at()).await),
            "destroy" => text(driver.destroy(&at(), &handle("id-1")).await.result),
            "restart" => text(driver.restart(&at(), &handle("id-1")).await),
            other => panic!("no function {other}"),
        }
    }
}

/// One case: a script for a function, and a part of how it must end.
pub async fn check(function: &str, script: &str, expected: &str) -> World {
    let world = World::odd(&[(function, script)]).await;
    let said = world.said(function).await;
    assert!(said.contains(expected), "{function}: `{script}` ended with\n  {said}\nnot with\n  {expected}");
    assert!(!said.contains(TOKEN), "{function}: `{script}` shows the credential: {said}");
    world
}

pub fn config(provider: &Provider, home: &TempDir) -> Config {
    Config {
        home: home.path().join("state"),
        plugins: None,
        bundled: &[],
        practice: Some(provider.url()),
        settings: BTreeMap::new(),
        credentials: Arc::new(|_, _, _| Some(TOKEN.to_owned())),
        audit: Arc::new(()),
        key_name: "bursar-ledger0001".into(),
    }
}

pub fn at() -> At {
    At { now: Moment(1_790_000_000), tag: Some(Tag(TAG.into())) }
}

pub fn order() -> Order {
    Order {
        provider: "odd".into(),
        offer: "small/eu".into(),
        image: Some("plain".into()),
        nodes: 1,
        length_secs: 7_200,
    }
}

pub fn handle(id: &str) -> Handle {
    Handle { id: id.into(), memo: String::new() }
}

fn seed(home: &Path) {
    let Some(first) = SEED.get() else { return };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(home.join("cache")).unwrap();
    for entry in fs::read_dir(first.path().join("state/cache")).unwrap().flatten() {
        fs::copy(entry.path(), home.join("cache").join(entry.file_name())).unwrap();
    }
}

fn text<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => format!("ok {value:?}"),
        Err(error) => format!("error {error}"),
    }
}
