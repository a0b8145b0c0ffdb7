//! Looking at drivers without trusting them: what a file is, what it asks for, and where each driver stands.

use crate::{
    admission,
    error::DriverError,
    lock::Lock,
    manifest::{Asks, Manifest},
    registry::{Drivers, Inner, wider},
    shelf::{self, Found, Serving},
};
use bursar_core::capability::Capabilities;

/// What a file is and what it asks for. It was compiled and asked to describe itself, with every route shut.
#[derive(Debug, Clone)]
pub struct Inspection {
    pub name: String,
    pub version: String,
    pub sha256: String,
    pub bytes: usize,
    pub imports: Vec<String>,
    pub exports: Vec<String>,
    pub capabilities: Capabilities,
    /// `driver.toml`, word for word.
    pub manifest: String,
    /// Plain sentences: where requests go, what is ordered, what the driver may add, and so on.
    pub powers: Vec<String>,
    /// All that it asks for, as data, and the worst that it could do.
    pub asks: Asks,
    pub standing: Standing,
    /// What is new since the grant; empty where this very file is granted or bundled.
    pub wider: Vec<String>,
}

/// How this very file stands to what the owner let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is inside this binary.
    Bundled,
    /// The owner let in this very file.
    Granted,
    /// The owner let in another file of this name, or this binary holds one.
    Changed,
    /// Nobody let in anything of this name.
    New,
}

/// Where one driver stands.
#[derive(Debug, Clone)]
pub struct Listed {
    pub name: String,
    pub version: Option<String>,
    pub sha256: Option<String>,
    pub bundled: bool,
    pub status: Status,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    Serving,
    /// `serving`: an earlier file goes on meanwhile.
    Pending {
        wider: Vec<String>,
        command: String,
        serving: bool,
    },
    /// Nothing of it is left but the host's own power to end what it made.
    EndsOnly(String),
    Refused(String),
}

impl Drivers {
    /// Says what these bytes are. Nothing is granted by it.
    pub async fn inspect(&self, bytes: &[u8]) -> Result<Inspection, DriverError> {
        let (inner, bytes) = (self.inner.clone(), bytes.to_vec());
        let task = tokio::task::spawn_blocking(move || inner.inspect(bytes));
        task.await.unwrap_or_else(|e| Err(DriverError::Refused { name: "file".into(), why: e.to_string() }))
    }

    /// Returns where every driver stands. May compile what was never seen before.
    pub fn list(&self) -> Vec<Listed> {
        let lock = self.inner.granted();
        shelf::names(&self.inner.config, &lock).into_iter().map(|name| self.inner.listed(&lock, name)).collect()
    }
}

impl Inner {
    fn inspect(&self, bytes: Vec<u8>) -> Result<Inspection, DriverError> {
        let found = Found { sha256: admission::sha256(&bytes), wasm: bytes.into() };
        let admitted = self.admit(None, &found)?;
        let manifest = admitted.manifest;
        let bundled = shelf::look(&self.config, &Lock::default(), &manifest.name).bundled;
        let lock = self.granted();
        let standing = match (lock.get(&manifest.name), &bundled) {
            (Some(granted), _) if granted.sha256 == found.sha256 => Standing::Granted,
            (_, Some(bundled)) if bundled.sha256 == found.sha256 => Standing::Bundled,
            (None, None) => Standing::New,
            _ => Standing::Changed,
        };
        let granted = matches!(standing, Standing::Bundled | Standing::Granted);
        Ok(Inspection {
            wider: if granted { Vec::new() } else { wider(&lock, &manifest) },
            powers: manifest.powers(),
            asks: manifest.asks(),
            standing,
            name: manifest.name,
            version: manifest.version,
            sha256: found.sha256,
            bytes: found.wasm.len(),
            imports: admitted.shape.imports,
            exports: admitted.shape.exports,
            capabilities: admitted.loaded.capabilities(),
            manifest: manifest.text,
        })
    }

    fn listed(&self, lock: &Lock, name: String) -> Listed {
        let none = |status| Listed { name: name.clone(), version: None, sha256: None, bundled: false, status };
        match shelf::look(&self.config, lock, &name).serving() {
            Serving::Unknown => none(Status::Refused("there is no file".into())),
            Serving::Refused(why) => none(Status::Refused(why.to_string())),
            Serving::Ends { granted, why } => {
                let version = Manifest::parse(&granted.manifest).ok().map(|manifest| manifest.version);
                Listed { version, sha256: Some(granted.sha256), ..none(Status::EndsOnly(why)) }
            }
            Serving::Pending(found) => {
                let (version, status) = self.waiting(lock, &name, &found, false);
                Listed { version, sha256: Some(found.sha256), ..none(status) }
            }
            Serving::File { found, bundled, newer } => {
                let (version, mut status) = self.standing(&name, &found);
                if let Some(newer) = newer {
                    status = self.waiting(lock, &name, &newer, status == Status::Serving).1;
                }
                Listed { version, sha256: Some(found.sha256), bundled, ..none(status) }
            }
        }
    }

    fn standing(&self, name: &str, found: &Found) -> (Option<String>, Status) {
        if let Some(driver) = self.loaded(name, &found.sha256) {
            return (Some(driver.version().to_owned()), Status::Serving);
        }
        match self.admit(Some(name), found) {
            Ok(admitted) => (Some(admitted.manifest.version), Status::Serving),
            Err(why) => (None, Status::Refused(why.to_string())),
        }
    }

    fn waiting(&self, lock: &Lock, name: &str, found: &Found, serving: bool) -> (Option<String>, Status) {
        match self.admit(Some(name), found) {
            Ok(admitted) => {
                let (wider, command) = (wider(lock, &admitted.manifest), format!("bursar driver allow {name}"));
                (Some(admitted.manifest.version), Status::Pending { wider, command, serving })
            }
            Err(why) => (None, Status::Refused(why.to_string())),
        }
    }
}
