//! The directory that holds the ledger: ours alone, and on a disk where locks work. This module never opens the database.

use crate::error::StoreError;
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

const FILE: &str = "ledger.db";
const EVERYBODY_WRITES: u32 = 0o002;
const OTHERS: u32 = 0o077;

/// The database's file, known again by its place on the disk.
pub(crate) struct LedgerFile {
    pub(crate) home: PathBuf,
    pub(crate) path: PathBuf,
    device: u64,
    inode: u64,
}

/// Makes the directory and the file where they are missing, closes them to others, and refuses disks without good locks.
pub(crate) fn prepare(home: &Path) -> Result<LedgerFile, StoreError> {
    if !home.exists() {
        make_dir(home)?;
    }
    let home = home.canonicalize().map_err(StoreError::io(format!("find {}", home.display())))?;
    refuse_network(&home)?;
    let found = fs::metadata(&home).map_err(StoreError::io(format!("look at {}", home.display())))?;
    if found.mode() & EVERYBODY_WRITES != 0 {
        return Err(StoreError::OpenToAll { home, mode: found.mode() & 0o7777 });
    }
    close_to_others(&home, found.mode(), 0o700)?;

    let path = home.join(FILE);
    make_file(&path)?;
    let found = fs::metadata(&path).map_err(StoreError::io(format!("look at {}", path.display())))?;
    // The files beside it, -wal and -shm, take the mode of this one.
    close_to_others(&path, found.mode(), 0o600)?;
    Ok(LedgerFile { home, path, device: found.dev(), inode: found.ino() })
}

impl LedgerFile {
    /// Refuses when the file was deleted or replaced since: what is written to it now would be lost with this process.
    pub(crate) fn is_still_there(&self) -> Result<(), StoreError> {
        match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (self.device, self.inode) => Ok(()),
            _ => Err(StoreError::damaged(format!(
                "{} was deleted or replaced while bursar used it; start bursar again",
                self.path.display()
            ))),
        }
    }
}

fn make_dir(home: &Path) -> Result<(), StoreError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(home);
    made.map_err(StoreError::io(format!("make {}", home.display())))?;
    // A ledger whose directory a power cut takes away is no ledger.
    match home.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync_dir(parent),
        None => sync_dir(Path::new(".")),
    }
}

/// Makes an empty file, 0600 from its first moment. SQLite writes and syncs the rest.
fn make_file(path: &Path) -> Result<(), StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => sync_dir(path.parent().unwrap_or(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::io(format!("make {}", path.display()))(error)),
    }
}

fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(StoreError::io(format!("sync {}", dir.display())))
}

fn close_to_others(path: &Path, mode: u32, wanted: u32) -> Result<(), StoreError> {
    if mode & OTHERS == 0 {
        return Ok(());
    }
    let closed = fs::set_permissions(path, Permissions::from_mode(wanted));
    closed.map_err(StoreError::io(format!("close {} to others (chmod {wanted:o})", path.display())))
}

#[cfg(target_os = "linux")]
fn refuse_network(home: &Path) -> Result<(), StoreError> {
    let found = rustix::fs::statfs(home).map_err(io::Error::from);
    let found = found.map_err(StoreError::io(format!("see which disk {} is on", home.display())))?;
    // The kernel's magic numbers have 32 bits, however wide the field is.
    match network_disk(found.f_type as u32) {
        Some(kind) => Err(StoreError::NetworkDisk { home: home.to_owned(), kind }),
        None => Ok(()),
    }
}

/// Elsewhere the kind of a disk is not asked.
#[cfg(not(target_os = "linux"))]
fn refuse_network(_home: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// Returns the name of a file system whose locks do not hold between machines, or between processes.
#[cfg(target_os = "linux")]
fn network_disk(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "NFS",
        0x517b => "SMB",
        0xff53_4d42 | 0xfe53_4d42 => "SMB (CIFS)",
        0x0102_1997 => "9p",
        0x6573_5546 => "FUSE",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x00c3_6400 => "Ceph",
        0x0bd0_0bd0 => "Lustre",
        0x7375_7245 => "Coda",
        _ => return None,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn disks_without_good_locks_are_refused_by_name() {
        for (magic, kind) in [
            (0x6969, Some("NFS")),
            (0xff53_4d42, Some("SMB (CIFS)")),
            (0xfe53_4d42, Some("SMB (CIFS)")),
            (0x0102_1997, Some("9p")),
            (0x6573_5546, Some("FUSE")),
            (0xef53, None),      // ext4
            (0x0102_1994, None), // tmpfs
            (0x9123_683e, None), // btrfs
            (0x5846_5342, None), // xfs
            (0x794c_7630, None), // overlayfs
        ] {
            assert_eq!(network_disk(magic), kind, "{magic:#x}");
        }
    }
}
