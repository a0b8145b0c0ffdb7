//! Keys that came from a client's environment alone, lent to the keeper while something is open: it must be able to end
//! what was begun with them. A file that only the owner reads, good for this boot, gone when nothing is open.

use super::{CredentialPlace, FlowError, Rooms, credentials, worker};
use bursar_drivers::Driver;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

#[derive(Debug, Default, Serialize, Deserialize)]
struct Lent {
    boot: String,
    #[serde(default)]
    keys: BTreeMap<String, BTreeMap<String, String>>,
}

fn file(home: &Path) -> PathBuf {
    home.join("lent.toml")
}

fn read(home: &Path) -> Lent {
    let text = std::fs::read_to_string(file(home)).unwrap_or_default();
    let lent: Lent = toml::from_str(&text).unwrap_or_default();
    // What another boot was lent is not used: its owner stored nothing.
    if lent.boot == worker::boot() { lent } else { Lent { boot: worker::boot(), ..Lent::default() } }
}

/// Held as long as the file lives.
fn locked(home: &Path) -> std::io::Result<std::fs::File> {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(home.join("lent.lock"))?;
    file.lock()?;
    Ok(file)
}

/// Returns a key that was lent.
pub(super) fn find(home: &Path, driver: &str, name: &str) -> Option<String> {
    read(home).keys.get(driver)?.get(name).cloned()
}

/// Forgets every key that was lent.
pub(super) fn forget(home: &Path) {
    if let Err(error) = std::fs::remove_file(file(home))
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "keys that were lent to the keeper could not be removed");
    }
}

impl Rooms {
    /// A client that comes with a newer key lends it for what is open.
    pub(super) async fn lend_for_open(&self) -> Result<(), FlowError> {
        let open = self.store.open_instances().await?;
        let providers: std::collections::BTreeSet<String> = open.into_iter().map(|open| open.provider).collect();
        for provider in providers {
            self.lend(&*self.driver(&provider).await?)?;
        }
        Ok(())
    }

    /// Lends the keeper the keys of a driver that stand in this process's environment. Returns the variables.
    pub(super) fn lend(&self, driver: &Driver) -> Result<Vec<String>, FlowError> {
        let home = &self.settings.home;
        let bad = |why: String| {
            let what = format!("the keeper could not be lent the key of {}: {why}", driver.name());
            FlowError::failed(what, "nothing was reserved; see that the state's folder is yours and has room")
        };
        // Read and written under one lock: two that lend at once must not forget each other's keys.
        let _lock = locked(home).map_err(|error| bad(error.to_string()))?;
        let (mut lent, mut variables) = (read(home), vec![]);
        let mut is_new = false;
        for (name, env) in driver.manifest().secrets() {
            let CredentialPlace::Environment(variable) = self.credentials.place(driver.name(), name, env) else {
                continue;
            };
            let Some((_, value)) = self.settings.env(env) else { continue };
            let keys = lent.keys.entry(driver.name().to_owned()).or_default();
            is_new |= keys.insert(name.clone(), value.to_owned()).as_deref() != Some(value);
            variables.push(variable);
        }
        if is_new {
            let text = toml::to_string(&lent).map_err(|error| bad(error.to_string()))?;
            credentials::write_private(&file(home), text.as_bytes()).map_err(|error| bad(error.to_string()))?;
        }
        Ok(variables)
    }
}
