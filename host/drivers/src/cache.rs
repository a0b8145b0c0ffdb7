//! Compiled drivers on disk. The name of an entry says what was compiled, by which runtime and under which policy; its
//! first 32 bytes are the hash of the rest. Whatever does not fit is ignored and compiled anew: a cache never decides.

use crate::{authority, precompiled};
use sha2::{Digest, Sha256};
use std::{
    fs,
    hash::{Hash, Hasher},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use wasmtime::{Engine, component::Component};

pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(crate) fn new(home: &Path) -> Cache {
        Cache { folder: home.join("cache") }
    }

    /// Returns the component from its compiled form, or compiles it and keeps the result.
    pub(crate) fn component(&self, engine: &Engine, wasm: &[u8], sha256: &str) -> wasmtime::Result<Component> {
        let path = self.folder.join(entry(engine, sha256));
        if let Some(component) = self.load(engine, &path) {
            return Ok(component);
        }
        let component = Component::from_binary(engine, wasm)?;
        match component.serialize().map_err(|e| e.to_string()).and_then(|code| self.keep(&path, &code)) {
            Ok(()) => {}
            Err(why) => tracing::warn!(path = %path.display(), why, "the compiled driver is not kept"),
        }
        Ok(component)
    }

    fn load(&self, engine: &Engine, path: &Path) -> Option<Component> {
        if !is_private(&self.folder) {
            return None;
        }
        let bytes = fs::read(path).ok()?;
        let (sum, code) = bytes.split_at_checked(32)?;
        if Sha256::digest(code)[..] != *sum {
            tracing::warn!(path = %path.display(), "the compiled driver was damaged or altered; it is compiled again");
            return None;
        }
        precompiled::component(engine, code)
    }

    fn keep(&self, path: &Path, code: &[u8]) -> Result<(), String> {
        let io = |e: std::io::Error| e.to_string();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(io)?;
        if !is_private(&self.folder) {
            return Err(format!("others may use {}; make it private with chmod 700", self.folder.display()));
        }
        write_private(path, &[&Sha256::digest(code)[..], code]).map_err(io)
    }
}

/// Writes a file whole or not at all, readable by its owner only.
pub(crate) fn write_private(path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    let temp = path.with_extension(format!("{}.{:x}.tmp", std::process::id(), unique()));
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temp)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        fs::rename(&temp, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&temp)))
}

fn unique() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Nobody else can put a file there. Who can read a folder closed to group and others owns it (or is root).
fn is_private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|at| at.is_dir() && at.permissions().mode() & 0o077 == 0)
}

fn entry(engine: &Engine, sha256: &str) -> String {
    let mut feed = Feed(Sha256::new());
    feed.0.update(sha256);
    engine.precompile_compatibility_hash().hash(&mut feed);
    feed.0.update(authority::POLICY.to_be_bytes());
    hex(&feed.0.finalize())
}

/// Lets everything that can be hashed flow into SHA-256.
struct Feed(Sha256);

impl Hasher for Feed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}
