//! Dropped files: what is let in, what waits for the owner, what is refused, and what the cache may not decide.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;
use bursar_drivers::{DriverError, Drivers, Status};
use common::{World, guests, provider::Provider};
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc};
use tempfile::TempDir;

struct Folder {
    provider: Provider,
    home: TempDir,
    plugins: PathBuf,
}

impl Folder {
    async fn new() -> Folder {
        let (provider, home) = (Provider::start().await, TempDir::new().unwrap());
        let plugins = home.path().join("plugins");
        fs::create_dir(&plugins).unwrap();
        Folder { provider, home, plugins }
    }

    fn drop_file(&self, name: &str, bytes: &[u8]) {
        fs::write(self.plugins.join(name), bytes).unwrap();
    }

    fn open(&self) -> Drivers {
        let mut config = common::config(&self.provider, &self.home);
        config.plugins = Some(self.plugins.clone());
        Drivers::open(config).unwrap()
    }
}

/// The same driver with another hash: a custom section at the end.
fn changed(wasm: &[u8]) -> Vec<u8> {
    [wasm, &[0, 6, 4, b'm', b'o', b'r', b'e', b'!']].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_waits_until_it_is_allowed() {
    let folder = Folder::new().await;
    folder.drop_file("odd.wasm", guests::odd());
    let drivers = folder.open();
    assert_eq!(drivers.names(), ["odd"]);
    let error = drivers.driver("odd").await.err().unwrap();
    assert!(matches!(error, DriverError::Pending { .. }), "{error}");
    assert!(error.to_string().contains("bursar driver allow odd"), "{error}");
    assert!(matches!(&drivers.list()[0].status, Status::Pending { serving: false, .. }));

    drivers.allow("odd").unwrap();
    assert_eq!(drivers.driver("odd").await.unwrap().version(), "0.1.0");
    assert_eq!(folder.open().list()[0].status, Status::Serving);
}

/// Case 41.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_file_waits_while_the_old_one_serves() {
    let folder = Folder::new().await;
    folder.drop_file("odd.wasm", guests::odd());
    folder.open().allow("odd").unwrap();
    let old = folder.open().driver("odd").await.unwrap().sha256().to_owned();

    folder.drop_file("odd.wasm", &changed(guests::odd()));
    let drivers = folder.open();
    assert_eq!(drivers.driver("odd").await.unwrap().sha256(), old);
    assert!(matches!(&drivers.list()[0].status, Status::Pending { serving: true, .. }), "{:?}", drivers.list());

    drivers.allow("odd").unwrap();
    assert_ne!(drivers.driver("odd").await.unwrap().sha256(), old);
}

/// Cases 41 and 42.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_never_displaces_one_that_serves() {
    let folder = Folder::new().await;
    folder.drop_file("odd.wasm", guests::odd());
    folder.open().allow("odd").unwrap();
    for bytes in [&guests::odd()[..1_000], b"", b"\0asm\x01\0\0\0", guests::reach()] {
        folder.drop_file("odd.wasm", bytes);
        assert!(folder.open().driver("odd").await.is_ok());
        assert!(folder.open().allow("odd").is_err());
    }
}

/// Case 59.
#[tokio::test(flavor = "multi_thread")]
async fn with_its_file_gone_only_ends_are_left() {
    let folder = Folder::new().await;
    folder.drop_file("odd.wasm", guests::odd());
    folder.open().allow("odd").unwrap();
    fs::remove_file(folder.plugins.join("odd.wasm")).unwrap();
    folder.provider.now().servers = vec![("id-1".into(), common::TAG.into())];

    let driver = folder.open().driver("odd").await.unwrap();
    assert!(driver.account(&common::at()).await.is_err());
    assert_eq!(driver.list(&common::at()).await.unwrap().rows.len(), 1);
    let ended = driver.destroy(&common::at(), &common::handle("id-1")).await;
    assert!(ended.accepted && ended.by_host, "{ended:?}");
    assert!(folder.provider.now().servers.is_empty());
    assert!(matches!(folder.open().list()[0].status, Status::EndsOnly(_)));
}

/// Case 42.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_driver_is_refused_by_its_reason() {
    let folder = Folder::new().await;
    folder.drop_file("reach.wasm", guests::reach());
    folder.drop_file("cut.wasm", &guests::odd()[..5_000]);
    folder.drop_file("other.wasm", guests::odd());
    folder.drop_file("native.cwasm", b"\x7fELF");
    std::os::unix::fs::symlink("other.wasm", folder.plugins.join("link.wasm")).unwrap();
    let drivers = folder.open();
    for (name, expected) in [
        ("reach", "imports `evil:reach/files@0.1.0`"),
        ("cut", "damaged"),
        ("other", "calls itself `odd`"),
        ("native", "native code"),
        ("link", "symlink"),
        ("nobody", "there is no driver `nobody`"),
        ("../odd", "there is no driver"),
    ] {
        let error = drivers.driver(name).await.err().unwrap().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inspecting_tells_what_a_file_asks_for_and_grants_nothing() {
    let folder = Folder::new().await;
    let drivers = folder.open();
    let seen = drivers.inspect(guests::odd()).await.unwrap();
    assert_eq!((seen.name.as_str(), seen.version.as_str()), ("odd", "0.1.0"));
    assert_eq!(seen.capabilities.names(), ["keys", "restart"]);
    assert!(seen.imports.iter().any(|import| import == "bursar:driver/http@0.1.0"), "{:?}", seen.imports);
    assert!(!seen.powers.is_empty() && !seen.wider.is_empty());
    assert!(drivers.names().is_empty());
    assert!(drivers.inspect(guests::reach()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_lock_file_grants_nothing_and_is_not_written_over() {
    let folder = Folder::new().await;
    folder.drop_file("odd.wasm", guests::odd());
    folder.open().allow("odd").unwrap();
    let lock = folder.home.path().join("state/drivers.lock");
    fs::write(&lock, "version = ").unwrap();
    assert!(matches!(folder.open().driver("odd").await, Err(DriverError::Pending { .. })));
    let error = folder.open().allow("odd").err().unwrap().to_string();
    assert!(error.contains("drivers.lock") && error.contains("damaged"), "{error}");
    assert_eq!(fs::read_to_string(&lock).unwrap(), "version = ");
}

/// Case 43.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_cache_is_built_anew() {
    let world = World::odd(&[("account", "send user")]).await;
    world.driver().await;
    let cache = world.home.path().join("state/cache");
    assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
    let entry = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::metadata(&entry).unwrap().permissions().mode() & 0o777, 0o600);
    let good = fs::read(&entry).unwrap();
    let mut altered = good.clone();
    *altered.last_mut().unwrap() ^= 1;
    for bad in [&altered[..], &good[..good.len() / 2], b""] {
        fs::write(&entry, bad).unwrap();
        let (provider, home) = (world.provider.clone(), world.home.clone());
        let again = reopened(&provider, &home);
        assert!(again.driver("odd").await.unwrap().account(&common::at()).await.is_ok());
        assert_eq!(fs::read(&entry).unwrap().len(), good.len(), "the cache entry was not written anew");
    }
}

fn reopened(provider: &Provider, home: &Arc<TempDir>) -> Drivers {
    let mut config = common::config(provider, home);
    config.bundled = guests::bundled();
    config.settings.insert("odd".into(), [("account".to_owned(), "send user".to_owned())].into());
    Drivers::open(config).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_compiles_nothing_and_many_callers_wait_for_one_load() {
    let (provider, home) = (Provider::start().await, Arc::new(TempDir::new().unwrap()));
    let drivers = reopened(&provider, &home);
    assert_eq!(drivers.names(), ["odd"]);
    assert!(!home.path().join("state/cache").exists());
    let (a, b) = tokio::join!(drivers.driver("odd"), drivers.driver("odd"));
    assert!(Arc::ptr_eq(&a.unwrap(), &b.unwrap()));
}
