//! The unseen keeper's log: a file of the state, readable by its owner only. Two files of 1 MiB are kept.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

const BYTES_MAX: u64 = 1 << 20;

#[derive(Clone)]
pub(super) struct KeeperLog(Arc<Mutex<Inner>>);

struct Inner {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
}

impl KeeperLog {
    pub(super) fn new(path: PathBuf) -> KeeperLog {
        let bytes = std::fs::metadata(&path).map_or(0, |found| found.len());
        KeeperLog(Arc::new(Mutex::new(Inner { path, file: None, bytes })))
    }
}

impl Inner {
    fn open(&mut self) -> io::Result<&mut File> {
        if self.bytes > BYTES_MAX {
            self.file = None;
            std::fs::rename(&self.path, self.path.with_extension("log.1"))?;
            self.bytes = 0;
        }
        if self.file.is_none() {
            self.file = Some(OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?);
        }
        self.file.as_mut().ok_or_else(|| io::Error::other("the log is not open"))
    }
}

impl Write for KeeperLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = inner.open()?.write(bytes)?;
        inner.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_is_put_aside_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keeper.log");
        let mut log = KeeperLog::new(path.clone());
        for _ in 0..3 {
            log.write_all(&vec![b'x'; BYTES_MAX as usize]).unwrap();
            log.write_all(b"more\n").unwrap();
        }
        let sizes = [path.clone(), path.with_extension("log.1")].map(|path| path.metadata().unwrap().len());
        assert!(sizes.iter().all(|size| *size <= 2 * BYTES_MAX), "{sizes:?}");
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
