//! The owner's key pair on our side: made once, readable by its owner from the first byte, or imported. It never leaves this room.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, HashAlg, PrivateKey};

use crate::error::SshError;

const COMMENT: &str = "bursar";

/// The key this process logs in with, read or made when it is first needed.
pub(crate) struct OwnKey {
    path: PathBuf,
    imported: bool,
    loaded: Mutex<Option<Arc<PrivateKey>>>,
}

impl OwnKey {
    pub(crate) fn new(dir: &Path, imported: Option<PathBuf>) -> OwnKey {
        let (path, imported) = match imported {
            Some(path) => (path, true),
            None => (dir.join("id_ed25519"), false),
        };
        OwnKey { path, imported, loaded: Mutex::new(None) }
    }

    /// A further key of ours, in a file of its own.
    pub(crate) fn at(path: PathBuf) -> OwnKey {
        OwnKey { path, imported: false, loaded: Mutex::new(None) }
    }

    /// Whether the owner named it in place of ours.
    pub(crate) fn is_imported(&self) -> bool {
        self.imported
    }

    /// The file of the private key, for the system's `ssh`.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn get(&self) -> Result<Arc<PrivateKey>, SshError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*loaded {
            return Ok(key.clone());
        }
        if !self.imported {
            make_if_missing(&self.path)?;
        }
        let key = Arc::new(self.read()?);
        *loaded = Some(key.clone());
        Ok(key)
    }

    pub(crate) fn public_line(&self) -> Result<String, SshError> {
        let mut public = self.get()?.public_key().clone();
        public.set_comment(COMMENT);
        public.to_openssh().map_err(|why| SshError::state(&self.path, why))
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.get().map(|key| key.fingerprint(HashAlg::Sha256).to_string()).unwrap_or_default()
    }

    fn read(&self) -> Result<PrivateKey, SshError> {
        let text = fs::read_to_string(&self.path).map_err(|why| SshError::state(&self.path, why))?;
        if !self.imported {
            keep_private(&self.path)?;
        }
        let key = russh::keys::decode_secret_key(&text, None).map_err(|why| {
            SshError::state(&self.path, format!("not an SSH private key without a passphrase ({why})"))
        })?;
        if key.is_encrypted() {
            return Err(SshError::state(&self.path, "the key has a passphrase; name one without"));
        }
        Ok(key)
    }
}

/// Makes `dir` and its parents, for its owner only.
pub(crate) fn make_private_dir(dir: &Path) -> Result<(), SshError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|why| SshError::state(dir, why))
}

/// Writes a new file that nobody else can read at any moment.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), SshError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|why| SshError::state(path, why))
}

/// Returns a name beside `path` that no other process or thread uses.
pub(crate) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", random_hex()));
    path.with_file_name(name)
}

/// Returns 16 hexadecimal digits of the system's randomness.
pub(crate) fn random_hex() -> String {
    use russh::keys::signature::rand_core::Rng;
    format!("{:016x}", russh::keys::key::safe_rng().next_u64())
}

/// Links a finished key into place: where several processes start at once, the first one wins and all use its key.
fn make_if_missing(path: &Path) -> Result<(), SshError> {
    if path.exists() {
        return Ok(());
    }
    let mut key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519)
        .map_err(|why| SshError::state(path, why))?;
    key.set_comment(COMMENT);
    let text = key.to_openssh(LineEnding::LF).map_err(|why| SshError::state(path, why))?;
    let temporary = temporary(path);
    write_private(&temporary, text.as_bytes())?;
    let linked = fs::hard_link(&temporary, path);
    let _ = fs::remove_file(&temporary);
    match linked {
        Err(why) if why.kind() != ErrorKind::AlreadyExists => Err(SshError::state(path, why)),
        _ => Ok(()),
    }
}

/// A key file that others can read is narrowed: the system's `ssh` would refuse it.
fn keep_private(path: &Path) -> Result<(), SshError> {
    let mode = fs::metadata(path).map_err(|why| SshError::state(path, why))?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), mode = format!("{:o}", mode & 0o777), "the key could be read by others; narrowed to 0600");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(|why| SshError::state(path, why))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_can_read_it() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("ssh");
        make_private_dir(&dir).unwrap();
        let line = OwnKey::new(&dir, None).public_line().unwrap();
        assert!(line.starts_with("ssh-ed25519 AAAA") && line.ends_with(" bursar"), "{line}");
        assert_eq!(OwnKey::new(&dir, None).public_line().unwrap(), line);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir), mode(&dir.join("id_ed25519"))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn starting_at_once_ends_with_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let start = std::sync::Barrier::new(8);
        let lines: Vec<String> = std::thread::scope(|scope| {
            let make = || {
                start.wait();
                OwnKey::new(dir.path(), None).public_line().unwrap()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(lines.iter().all(|line| *line == lines[0]), "{lines:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_imported_key_needs_no_pub_file() {
        let dir = tempfile::tempdir().unwrap();
        let ours = OwnKey::new(dir.path(), None);
        let line = ours.public_line().unwrap();
        let elsewhere = dir.path().join("mine");
        fs::copy(ours.path(), &elsewhere).unwrap();
        let imported = OwnKey::new(&dir.path().join("none"), Some(elsewhere));
        assert_eq!(imported.public_line().unwrap(), line);
    }

    #[test]
    fn a_missing_imported_key_is_an_error_and_no_new_key() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("nothing");
        let error = OwnKey::new(dir.path(), Some(missing.clone())).public_line().unwrap_err();
        assert!(matches!(error, SshError::State { .. }), "{error}");
        assert!(!missing.exists());
    }

    #[test]
    fn a_key_that_others_can_read_is_narrowed() {
        let dir = tempfile::tempdir().unwrap();
        OwnKey::new(dir.path(), None).get().unwrap();
        let path = dir.path().join("id_ed25519");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        OwnKey::new(dir.path(), None).get().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
