//! Where a provider's key comes from: the environment, or a file of the state that only the owner reads.

use super::FlowError;
use crate::settings::Settings;
use std::{
    collections::BTreeMap,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Looks keys up when a request needs one; keeps none.
#[derive(Clone)]
pub struct Credentials {
    settings: Arc<Settings>,
    file: PathBuf,
}

/// Where a key was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialPlace {
    /// This variable: the key goes when the client that set it goes.
    Environment(String),
    Stored,
    Missing,
}

type Stored = BTreeMap<String, BTreeMap<String, String>>;

impl Credentials {
    pub fn new(settings: &Settings) -> Credentials {
        Credentials { file: settings.home.join("credentials.toml"), settings: Arc::new(settings.clone()) }
    }

    /// Returns the look-up that the drivers room is given.
    pub fn for_drivers(&self) -> bursar_drivers::Credentials {
        let credentials = self.clone();
        Arc::new(move |driver, name, env| {
            let found = credentials.find(driver, name, env).1;
            found.or_else(|| super::lent::find(&credentials.settings.home, driver, name))
        })
    }

    pub fn place(&self, driver: &str, name: &str, env: &[String]) -> CredentialPlace {
        self.find(driver, name, env).0
    }

    fn find(&self, driver: &str, name: &str, env: &[String]) -> (CredentialPlace, Option<String>) {
        if let Some((variable, value)) = self.settings.env(env) {
            return (CredentialPlace::Environment(variable.to_owned()), Some(value.to_owned()));
        }
        // A real key never goes to an imitation.
        let stored = if self.settings.practice.is_some() { Stored::new() } else { self.stored() };
        match stored.get(driver).and_then(|names| names.get(name)) {
            Some(value) => (CredentialPlace::Stored, Some(value.clone())),
            None => (CredentialPlace::Missing, None),
        }
    }

    fn stored(&self) -> Stored {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        toml::from_str(&text).unwrap_or_else(|_| {
            tracing::error!(file = %self.file.display(), "cannot be read as TOML; run `bursar login` again");
            Stored::new()
        })
    }

    /// Stores a key, readable by the owner only from its first byte, whole or not at all; `None` takes it out. Returns the
    /// file, and the key that stood there before.
    pub fn store(&self, driver: &str, name: &str, value: Option<&str>) -> Result<(PathBuf, Option<String>), FlowError> {
        let mut stored = self.stored();
        let keys = stored.entry(driver.to_owned()).or_default();
        let before = match value {
            Some(value) => keys.insert(name.to_owned(), value.to_owned()),
            None => keys.remove(name),
        };
        let bad = |why: String| {
            let what = format!("the key could not be stored in {}: {why}", self.file.display());
            FlowError::failed(what, "check that the folder is yours and the disk is not full")
        };
        let text = toml::to_string(&stored).map_err(|error| bad(error.to_string()))?;
        write_private(&self.file, text.as_bytes()).map_err(|error| bad(error.to_string()))?;
        Ok((self.file.clone(), before))
    }
}

pub(super) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let fresh = path.with_extension(format!("new-{}-{}", std::process::id(), WRITES.fetch_add(1, Relaxed)));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&fresh, path));
    if written.is_err() {
        drop(std::fs::remove_file(&fresh));
    }
    written
}
