//! The host keys of our instances, pinned at first contact, in a file the system's `ssh` reads too. Names in it are instance
//! ids, not addresses: addresses are used again by other machines. This module never talks to a machine.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use russh::keys::PublicKey;

use crate::error::SshError;
use crate::key::{temporary, write_private};

pub(crate) struct Pins {
    file: PathBuf,
    lock: PathBuf,
}

impl Pins {
    pub(crate) fn new(dir: &Path) -> Pins {
        Pins { file: dir.join("known_hosts"), lock: dir.join("known_hosts.lock") }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the key pinned for `instance`. A line of it that cannot be read is an error, not a new first contact.
    pub(crate) fn find(&self, instance: &str) -> Result<Option<PublicKey>, SshError> {
        let text = self.read()?;
        let Some(line) = text.lines().find(|line| names(line, instance)) else {
            return Ok(None);
        };
        let key = line.split_once(' ').map_or("", |(_, key)| key);
        PublicKey::from_openssh(key)
            .map(Some)
            .map_err(|why| SshError::state(&self.file, format!("the line of {instance}: {why}")))
    }

    /// Pins `key` where nothing is pinned yet, and returns what is pinned now: another process may have been first.
    pub(crate) fn pin(&self, instance: &str, key: &PublicKey) -> Result<PublicKey, SshError> {
        let _locked = self.lock()?;
        if let Some(pinned) = self.find(instance)? {
            return Ok(pinned);
        }
        let mut bare = key.clone();
        bare.set_comment("");
        let line = bare.to_openssh().map_err(|why| SshError::state(&self.file, why))?;
        let mut text = self.read()?;
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        self.replace(&format!("{text}{instance} {}\n", line.trim()))?;
        Ok(bare)
    }

    pub(crate) fn forget(&self, instance: &str) -> Result<(), SshError> {
        let _locked = self.lock()?;
        let text = self.read()?;
        if !text.lines().any(|line| names(line, instance)) {
            return Ok(());
        }
        let kept: String = text.lines().filter(|line| !names(line, instance)).map(|line| format!("{line}\n")).collect();
        self.replace(&kept)
    }

    fn read(&self) -> Result<String, SshError> {
        match fs::read_to_string(&self.file) {
            Err(why) if why.kind() == ErrorKind::NotFound => Ok(String::new()),
            read => read.map_err(|why| SshError::state(&self.file, why)),
        }
    }

    fn replace(&self, text: &str) -> Result<(), SshError> {
        let new = temporary(&self.file);
        write_private(&new, text.as_bytes())?;
        fs::rename(&new, &self.file).map_err(|why| SshError::state(&self.file, why))
    }

    /// Held while the file is read and replaced; the system lets go of it when the process dies.
    fn lock(&self) -> Result<File, SshError> {
        let open = || {
            let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.lock)?;
            file.lock()?;
            Ok(file)
        };
        open().map_err(|why: std::io::Error| SshError::state(&self.lock, why))
    }
}

fn names(line: &str, instance: &str) -> bool {
    line.split_once(' ').is_some_and(|(name, _)| name == instance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use russh::keys::{Algorithm, PrivateKey};

    fn key() -> PublicKey {
        PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap().public_key().clone()
    }

    #[test]
    fn the_first_pin_stays_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let pins = Pins::new(dir.path());
        let (first, second) = (key(), key());
        assert_eq!(pins.find("i1").unwrap(), None);
        assert_eq!(pins.pin("i1", &first).unwrap().key_data(), first.key_data());
        assert_eq!(pins.pin("i1", &second).unwrap().key_data(), first.key_data());
        pins.pin("i11", &second).unwrap();
        pins.forget("i1").unwrap();
        assert_eq!(pins.find("i1").unwrap(), None);
        assert_eq!(pins.find("i11").unwrap().unwrap().key_data(), second.key_data());
    }

    #[test]
    fn pins_of_many_processes_at_once_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for n in 0..16 {
                let dir = dir.path();
                scope.spawn(move || Pins::new(dir).pin(&format!("i{n}"), &key()).unwrap());
            }
        });
        assert_eq!(fs::read_to_string(dir.path().join("known_hosts")).unwrap().lines().count(), 16);
    }

    #[test]
    fn a_damaged_line_is_no_first_contact() {
        let dir = tempfile::tempdir().unwrap();
        let pins = Pins::new(dir.path());
        fs::write(pins.file(), "i1 ssh-ed25519 garbage\n").unwrap();
        assert!(pins.find("i1").is_err());
        assert!(pins.pin("i1", &key()).is_err());
    }
}
