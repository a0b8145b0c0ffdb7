//! Dropped files that are no driver, or not the one they were: refused by the name of the reason, and the host goes on.

use crate::{
    common::{self, guests, provider::Provider},
    world::guest,
};
use bursar_drivers::{DriverError, Drivers};
use sha2::{Digest, Sha256};
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};
use tempfile::TempDir;

struct Folder {
    provider: Provider,
    home: TempDir,
}

impl Folder {
    async fn new() -> Folder {
        let (provider, home) = (Provider::start().await, TempDir::new().unwrap());
        fs::create_dir(home.path().join("plugins")).unwrap();
        Folder { provider, home }
    }

    fn drop_file(&self, name: &str, bytes: &[u8]) {
        fs::write(self.home.path().join("plugins").join(name), bytes).unwrap();
    }

    fn state(&self) -> PathBuf {
        self.home.path().join("state")
    }

    fn open(&self, bundled: &'static [(&'static str, &'static [u8])]) -> Drivers {
        let mut config = common::config(&self.provider, &self.home);
        (config.plugins, config.bundled) = (Some(self.home.path().join("plugins")), bundled);
        Drivers::open(config).unwrap()
    }

    /// Drops a file, lets it in if it can be, and says why it does not serve.
    async fn refusal(&self, name: &str, bytes: &[u8]) -> String {
        self.drop_file(&format!("{name}.wasm"), bytes);
        let drivers = self.open(&[]);
        if let Err(error) = drivers.allow(name) {
            return error.to_string();
        }
        drivers.driver(name).await.err().map_or_else(|| "it serves".to_owned(), |error| error.to_string())
    }
}

/// Writes other letters of the same number wherever these stand.
fn patched(wasm: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let (from, mut out, mut at) = (from.as_bytes(), wasm.to_vec(), 0);
    while at + from.len() <= out.len() {
        if &out[at..at + from.len()] == from {
            out[at..at + from.len()].copy_from_slice(to.as_bytes());
        }
        at += 1;
    }
    assert_ne!(out, wasm);
    out
}

/// Cases 40 and 60: every version of the interface, and other types under a right name.
#[tokio::test(flavor = "multi_thread")]
async fn what_fits_another_interface_is_refused_by_name() {
    for (what, wasm, expected) in [
        (
            "other types under a right name",
            patched(guest("drives"), "bursar:drives/", "bursar:driver/"),
            "type mismatch",
        ),
        (
            "a later major",
            patched(guest("hostile"), "driver/http@0.1.0", "driver/http@1.0.0"),
            "imports `bursar:driver/http@1.0.0`",
        ),
        (
            "a later minor",
            patched(guest("hostile"), "driver/http@0.1.0", "driver/http@0.2.0"),
            "imports `bursar:driver/http@0.2.0`",
        ),
        (
            "an interface that is not there",
            patched(guest("hostile"), "bursar:driver/signer", "bursar:driver/secret"),
            "imports `bursar:driver/secret@0.1.0`",
        ),
        (
            "a provider of another version",
            patched(guest("hostile"), "driver/provider@0.1.0", "driver/provider@0.3.0"),
            "does not export bursar:driver/provider",
        ),
        ("more memory than there is", guest("hoard").to_vec(), "memory"),
    ] {
        let refusal = Folder::new().await.refusal("hostile", &wasm).await;
        assert!(refusal.contains(expected), "{what}: {refusal}");
    }
}

/// Cases 41 and 42: a file with the name of a driver that is bundled, or of one that serves, displaces neither.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_does_not_become_another_driver_by_its_name() {
    static BUNDLED: std::sync::OnceLock<Vec<(&'static str, &'static [u8])>> = std::sync::OnceLock::new();
    let bundled = BUNDLED.get_or_init(|| vec![("odd.wasm", guests::odd())]);
    let folder = Folder::new().await;
    let before = folder.open(bundled).driver("odd").await.unwrap().sha256().to_owned();
    folder.drop_file("odd.wasm", guest("hostile"));
    let drivers = folder.open(bundled);
    assert_eq!(drivers.driver("odd").await.unwrap().sha256(), before);
    let error = drivers.allow("odd").unwrap_err().to_string();
    assert!(error.contains("calls itself `hostile`"), "{error}");
}

/// Case 41: what the owner let in is what the file said then; one that says something else later does not serve.
#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_describes_itself_anew_does_not_serve() {
    let folder = Folder::new().await;
    folder.drop_file("odd.wasm", guests::odd());
    folder.open(&[]).allow("odd").unwrap();
    assert!(folder.open(&[]).driver("odd").await.is_ok());
    let lock = folder.state().join("drivers.lock");
    let granted = fs::read_to_string(&lock).unwrap();
    fs::write(&lock, granted.replace("https://odd.example/v1", "https://odd.example/v2")).unwrap();
    match folder.open(&[]).driver("odd").await.err() {
        Some(DriverError::Refused { why, .. }) => assert!(why.contains("in another way"), "{why}"),
        other => panic!("{other:?}"),
    }
}

/// Case 42: ten thousand files with something wrong in them.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_damaged_files_leave_the_host_standing() {
    let folder = Folder::new().await;
    let drivers = folder.open(&[]);
    let whole = guests::reach();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).unwrap()
    };
    for n in 0..10_000 {
        let mut bytes = whole.to_vec();
        match n % 3 {
            0 => bytes.truncate(next(whole.len())),
            1 => (0..=next(8)).for_each(|_| bytes[next(whole.len())] = next(256) as u8),
            _ => drop(bytes.drain(next(whole.len() / 2)..whole.len() / 2 + next(whole.len() / 2))),
        }
        // Whatever is left of it, it imports what no driver is given or is no driver at all.
        assert!(drivers.inspect(&bytes).await.is_err(), "{n}");
    }
    for n in 0..30 {
        let mut bytes = guests::odd().to_vec();
        bytes[next(guests::odd().len())] ^= 1 << (n % 8);
        let _ = drivers.inspect(&bytes).await;
    }
    assert!(drivers.inspect(guests::odd()).await.is_ok());
}

/// Case 43: compiled code that is not whole although its sum is right, under another's name, or in a folder that others may
/// write to.
#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_others_wrote_decides_nothing() {
    let folder = Folder::new().await;
    folder.drop_file("odd.wasm", guests::odd());
    folder.open(&[]).allow("odd").unwrap();
    let cache = folder.state().join("cache");
    let entry = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let good = fs::read(&entry).unwrap();
    let summed = |code: &[u8]| [&Sha256::digest(code)[..], code].concat();
    let other_version = patched(&good[32..], "48", "47");
    for bad in [summed(&good[32..good.len() / 2]), summed(b"\x7fELF"), summed(&[]), summed(&other_version)] {
        fs::write(&entry, &bad).unwrap();
        assert!(folder.open(&[]).driver("odd").await.is_ok());
        assert_eq!(fs::read(&entry).unwrap().len(), good.len(), "the entry was not written anew");
    }
    fs::write(&entry, summed(b"not looked at")).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(folder.open(&[]).driver("odd").await.is_ok());
    assert_eq!(fs::read(&entry).unwrap(), summed(b"not looked at"), "nothing is written where others may write");
}

/// Case 52.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_belongs_to_the_account_that_the_host_read() {
    let world = common::World::odd(&[("list", "send servers; row id-1")]).await;
    world.provider.now().servers = vec![("id-1".into(), common::TAG.into())];
    let driver = world.driver().await;
    for account in ["acct-1", "acct-2"] {
        let user = format!(r#"{{"id":"{account}"}}"#);
        world.provider.now().answers.insert("/user".into(), (200, user));
        let listing = driver.list(&common::at()).await.unwrap();
        assert_eq!((listing.identity.as_str(), listing.rows.len()), (account, 1));
    }
}
