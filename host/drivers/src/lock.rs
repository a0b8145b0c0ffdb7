//! `drivers.lock`: which file of each dropped driver the owner let in, and the manifest as he let it in. The files
//! themselves are kept beside it, so that a replaced one goes on serving until the owner has looked at the new one.

use crate::cache::write_private;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

const VERSION: u32 = 1;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lock {
    version: u32,
    #[serde(default)]
    drivers: BTreeMap<String, Granted>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Granted {
    pub(crate) sha256: String,
    /// Word for word.
    pub(crate) manifest: String,
}

impl Lock {
    /// Reads the file. One that cannot be read grants nothing, and is never written over.
    pub(crate) fn read(home: &Path) -> Result<Lock, String> {
        let text = match fs::read_to_string(path(home)) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Lock { version: VERSION, ..Lock::default() });
            }
            Err(e) => return Err(e.to_string()),
        };
        let lock: Lock = toml::from_str(&text).map_err(|e| format!("it is damaged: {}", e.message()))?;
        match lock.version {
            VERSION => Ok(lock),
            other => Err(format!("it has version {other}; this bursar reads version {VERSION}, update it")),
        }
    }

    pub(crate) fn get(&self, driver: &str) -> Option<&Granted> {
        self.drivers.get(driver)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.drivers.keys()
    }

    /// Keeps the file and writes the grant.
    pub(crate) fn grant(&mut self, home: &Path, driver: &str, granted: Granted, wasm: &[u8]) -> Result<(), String> {
        let kept = kept(home, driver, &granted.sha256);
        let folder = home.join("granted");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|e| e.to_string())?;
        write_private(&kept, &[wasm]).map_err(|e| e.to_string())?;
        self.drivers.insert(driver.to_owned(), granted);
        let text = toml::to_string(self).map_err(|e| e.to_string())?;
        write_private(&path(home), &[text.as_bytes()]).map_err(|e| e.to_string())
    }
}

fn path(home: &Path) -> PathBuf {
    home.join("drivers.lock")
}

/// Returns where a granted file is kept.
pub(crate) fn kept(home: &Path, driver: &str, sha256: &str) -> PathBuf {
    home.join("granted").join(format!("{driver}-{}.wasm", sha256.get(..16).unwrap_or(sha256)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_found_again_and_a_damaged_file_grants_nothing() {
        let home = tempfile::tempdir().unwrap();
        let mut lock = Lock::read(home.path()).unwrap();
        assert!(lock.get("acme").is_none());
        let granted = Granted { sha256: "ab".repeat(32), manifest: "name = \"acme\"\n".into() };
        lock.grant(home.path(), "acme", granted.clone(), b"wasm").unwrap();

        assert_eq!(Lock::read(home.path()).unwrap().get("acme"), Some(&granted));
        assert_eq!(fs::read(kept(home.path(), "acme", &granted.sha256)).unwrap(), b"wasm");

        fs::write(path(home.path()), "version = 1\n[drivers.acme]\nsha256 = 3").unwrap();
        assert!(Lock::read(home.path()).is_err());
        fs::write(path(home.path()), "version = 9").unwrap();
        assert!(Lock::read(home.path()).unwrap_err().contains("version 9"));
    }
}
