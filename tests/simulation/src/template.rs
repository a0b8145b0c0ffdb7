//! What all walks begin with: a ledger with its limits, keys, and the drivers, loaded once.

use crate::{provider::TOKENS, world::LEDGER};
use anyhow::{Context, Result};
use bursar::simulation::{DRIVERS, Rooms, Settings};
use bursar_core::time::Moment;
use bursar_drivers::{Config, Drivers};
use bursar_http::{Http, Outbound, SendError};
use bursar_store::Store;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub struct Template {
    home: TempDir,
    pub drivers: Drivers,
}

impl Template {
    /// Makes it. Takes a moment: the driver is compiled.
    pub fn make() -> Result<Template> {
        let home = tempfile::Builder::new().prefix("bursar-simulation-").tempdir_in(memory())?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(fill(home.path()))?;
        let drivers = runtime.block_on(drivers(home.path()))?;
        drop(runtime);
        // The last connection takes the log into the file as it closes.
        let began = Instant::now();
        while home.path().join("ledger.db-wal").exists() {
            anyhow::ensure!(began.elapsed() < Duration::from_secs(10), "the ledger's log stays");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Template { home, drivers })
    }

    /// Returns a home of its own for one walk.
    pub fn copy(&self) -> Result<TempDir> {
        let home = tempfile::Builder::new().prefix("bursar-walk-").tempdir_in(memory())?;
        let from = self.home.path();
        fs::DirBuilder::new().mode(0o700).create(home.path().join("ssh"))?;
        for file in ["ledger.db", "credentials.toml", "bursar.toml"] {
            fs::copy(from.join(file), home.path().join(file)).with_context(|| format!("{file} is not copied"))?;
        }
        for file in fs::read_dir(from.join("ssh"))? {
            let file = file?;
            fs::copy(file.path(), home.path().join("ssh").join(file.file_name()))?;
        }
        Ok(home)
    }
}

/// A disk in memory, where there is one.
fn memory() -> PathBuf {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() }
}

async fn fill(home: &Path) -> Result<()> {
    write_key(home, TOKENS[0])?;
    fs::write(home.join("bursar.toml"), "[drivers.bitlaunch]\nhosts = \"1\"\n")?;
    let at = Moment(1_795_000_000);
    drop(Store::found(home, false, at, LEDGER).await?);
    let text = home.display().to_string();
    let env = [
        ("HOME", text.as_str()),
        ("BURSAR_HOME", &text),
        ("BURSAR_CONFIG", &format!("{text}/bursar.toml")),
        ("BURSAR_MAX_TOTAL_SPENDING", "0.90"),
        ("BURSAR_MAX_INSTANCES", "3"),
    ];
    let env = env.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let rooms = Rooms::open(Settings::of(env, home)?, DRIVERS).await?;
    rooms.ssh.public_key()?;
    Ok(())
}

async fn drivers(home: &Path) -> Result<Drivers> {
    let nobody = |_| Err(SendError::NotSent("nobody answers".to_owned()));
    let config = Config {
        home: home.to_owned(),
        plugins: None,
        bundled: DRIVERS,
        practice: None,
        settings: BTreeMap::from([("bitlaunch".to_owned(), BTreeMap::from([("hosts".to_owned(), "1".to_owned())]))]),
        credentials: Arc::new(|_, _, _| None),
        audit: Arc::new(()),
        key_name: "simulation".to_owned(),
    };
    let drivers = Drivers::open_with(config, Http::answering(Outbound::default(), Arc::new(nobody)))?;
    drivers.driver("bitlaunch").await?;
    Ok(drivers)
}

/// Stores a key as `bursar login` does: whole, under the name of the old one.
pub fn write_key(home: &Path, token: &str) -> Result<()> {
    let fresh = home.join("credentials.new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    std::io::Write::write_all(&mut options.open(&fresh)?, format!("[bitlaunch]\ntoken = \"{token}\"\n").as_bytes())?;
    Ok(fs::rename(fresh, home.join("credentials.toml"))?)
}
