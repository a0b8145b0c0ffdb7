//! Takes the bytes of many files as one stream into a folder beside their places, and moves them there once every checksum
//! fits. Nothing outside the opened folder is touched, whatever the machine said.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, OpenOptions, PermissionsExt as _};
use sha2::{Digest, Sha256};

use super::list::{Kind, List, Time};
use super::plan::Plan;
use super::walk::{self, local};
use super::{as_path, parent, shown};
use crate::copy::{hash_start, hex};
use crate::error::SshError;
use crate::stream::Done;

/// A file that has to come.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) path: Vec<u8>,
    pub(super) size: u64,
    pub(super) mtime: Time,
    pub(super) mode: u32,
    staged: String,
}

impl Wanted {
    pub(super) fn new(path: &[u8], size: u64, mtime: Time, mode: u32) -> Wanted {
        let staged =
            crate::copy::key_of(&[path, &size.to_le_bytes(), &mtime.secs.to_le_bytes(), &mtime.nanos.to_le_bytes()]);
        Wanted { path: path.to_vec(), size, mtime, mode, staged }
    }

    /// Its name in the stage: the same file of the same list, after a break, too.
    fn staged(&self) -> &str {
        &self.staged
    }
}

pub(super) struct Receiver {
    dir: Dir,
    stage: Dir,
    name: String,
    /// Locked as long as this copy runs.
    _lock: File,
    fetch: Vec<Wanted>,
    /// So many bytes of the first of them an earlier attempt received.
    half: u64,
    /// What an earlier attempt received; it is read again and checked with the rest.
    have: Vec<Wanted>,
    writing: Arc<Mutex<Writing>>,
}

impl Receiver {
    pub(super) fn open(dir: &Dir, name: &str, wanted: Vec<Wanted>, done: Done) -> Result<Receiver, SshError> {
        let here = |why: std::io::Error| local(name.as_bytes(), &why);
        let dir = dir.try_clone().map_err(here)?;
        let fresh = match dir.create_dir(name) {
            Err(why) if why.kind() != ErrorKind::AlreadyExists => return Err(here(why)),
            made => made.is_ok(),
        };
        if !dir.symlink_metadata(name).map_err(here)?.is_dir() {
            return Err(SshError::input("local folder", format!("{name} is no folder; remove it")));
        }
        let stage = dir.open_dir(name).map_err(here)?;
        let lock = stage.open_with("lock", OpenOptions::new().write(true).create(true)).map_err(here)?.into_std();
        if lock.try_lock().is_err() {
            let why = "another copy into it runs; wait for it";
            return Err(SshError::input("local folder", why));
        }
        let is_there = |file: &Wanted| {
            if fresh {
                return false;
            }
            // A file gets its time when it is whole.
            let meta = stage.symlink_metadata(file.staged());
            meta.is_ok_and(|meta| meta.is_file() && meta.len() == file.size && walk::time(&meta).fits(file.mtime))
        };
        let (have, mut fetch): (Vec<_>, Vec<_>) = wanted.into_iter().partition(is_there);
        let now = if fresh { None } else { half(&stage, &mut fetch)? };
        let half = now.as_ref().map_or(0, |(_, bytes)| *bytes);
        done.add(usize::try_from(half).unwrap_or(usize::MAX));
        have.iter().for_each(|file| done.add(usize::try_from(file.size).unwrap_or(usize::MAX)));
        let own = stage.try_clone().map_err(here)?;
        let writing = Writing {
            stage: own,
            files: fetch.clone(),
            at: 0,
            now: now.map(|(now, _)| now),
            sums: Vec::new(),
            done,
            failed: None,
        };
        let writing = Arc::new(Mutex::new(writing));
        Ok(Receiver { dir, stage, name: name.to_owned(), _lock: lock, fetch, half, have, writing })
    }

    pub(super) fn has_files(&self) -> bool {
        !self.fetch.is_empty() || !self.have.is_empty()
    }

    pub(super) fn half(&self) -> u64 {
        self.half
    }

    /// The files to fetch, and those that only have to be checked.
    pub(super) fn names(&self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let paths = |files: &[Wanted]| files.iter().map(|file| file.path.clone()).collect();
        (paths(&self.fetch), paths(&self.have))
    }

    pub(super) fn shared(&self) -> Arc<Mutex<Writing>> {
        self.writing.clone()
    }

    /// Checks everything against the machine's checksums, and gives every file its name. Returns whether it could be checked.
    pub(super) fn put(self, theirs: &[String], there: &List, plan: &Plan) -> Result<bool, SshError> {
        let checked = match self.check(theirs) {
            Err(error @ SshError::Damaged { .. }) => {
                // What is wrong must not be taken for a good beginning.
                self.remove_stage().map_err(|why| local(self.name.as_bytes(), &why))?;
                return Err(error);
            }
            other => other?,
        };
        self.remove(plan)?;
        for path in &plan.make {
            self.dir.create_dir(as_path(path)).map_err(|why| local(path, &why))?;
        }
        let mut into = None;
        for file in self.fetch.iter().chain(&self.have) {
            self.name(file, &mut into).map_err(|why| local(&file.path, &why))?;
        }
        for path in &plan.send {
            if let Some(Kind::Link { to }) = there.get(path).map(|entry| &entry.kind) {
                self.link(path, to).map_err(|why| local(path, &why))?;
            }
        }
        self.modes(there, plan)?;
        self.remove_stage().map_err(|why| local(self.name.as_bytes(), &why))?;
        Ok(checked)
    }

    /// Gives a file its name. Files of one folder follow each other, so that folder stays open.
    fn name<'a>(&self, file: &'a Wanted, into: &mut Option<(&'a [u8], Dir)>) -> std::io::Result<()> {
        let folder = parent(&file.path);
        let Some(name) = file.path.get(folder.len() + usize::from(!folder.is_empty())..) else {
            return Err(ErrorKind::InvalidFilename.into());
        };
        let same = into.take().filter(|(open, _)| *open == folder);
        let (_, dir) = into.insert(match same {
            Some(same) => same,
            None if folder.is_empty() => (folder, self.dir.try_clone()?),
            None => (folder, self.dir.open_dir(as_path(folder))?),
        });
        self.stage.rename(file.staged(), dir, as_path(name))
    }

    fn check(&self, theirs: &[String]) -> Result<bool, SshError> {
        let mut ours = {
            let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            writing.finish()?;
            std::mem::take(&mut writing.sums)
        };
        for file in &self.have {
            let mut hash = Sha256::new();
            let mut staged = self.stage.open(file.staged()).map_err(|why| local(&file.path, &why))?;
            std::io::copy(&mut staged, &mut hash).map_err(|why| local(&file.path, &why))?;
            ours.push(hex(hash));
        }
        if theirs.iter().any(|sum| sum == "none") {
            return Ok(false);
        }
        if theirs.len() != ours.len() {
            let why = format!("{} files came, and the machine summed up {}", ours.len(), theirs.len());
            return Err(SshError::Damaged { why });
        }
        let files = self.fetch.iter().chain(&self.have);
        match files.zip(&ours).zip(theirs).find(|((_, ours), theirs)| ours != theirs) {
            Some(((file, _), _)) => {
                Err(SshError::Damaged { why: format!("`{}` changed while it was read", shown(&file.path)) })
            }
            None => Ok(true),
        }
    }

    fn remove(&self, plan: &Plan) -> Result<(), SshError> {
        for path in &plan.remove {
            self.dir.remove_file(as_path(path)).map_err(|why| local(path, &why))?;
        }
        for path in &plan.remove_dirs {
            match self.dir.remove_dir(as_path(path)) {
                // It holds what was ignored, and stays.
                Err(why) if why.kind() == ErrorKind::DirectoryNotEmpty => {}
                other => other.map_err(|why| local(path, &why))?,
            }
        }
        Ok(())
    }

    /// A link is made under another name first, so that one that is there is replaced and never missing.
    fn link(&self, path: &[u8], to: &[u8]) -> std::io::Result<()> {
        drop(self.stage.remove_file("link"));
        self.stage.symlink_contents(as_path(to), "link")?;
        self.stage.rename("link", &self.dir, as_path(path))
    }

    /// Folders last and the deepest first, or nothing could be moved into what its owner may not write.
    fn modes(&self, there: &List, plan: &Plan) -> Result<(), SshError> {
        let made = plan.make.iter().filter_map(|path| Some((path, there.get(path)?.mode)));
        let mut all: Vec<_> = plan.modes.iter().map(|(path, mode)| (path, *mode)).chain(made).collect();
        all.sort();
        for (path, mode) in all.into_iter().rev() {
            let mode = cap_std::fs::Permissions::from_mode(mode);
            self.dir.set_permissions(as_path(path), mode).map_err(|why| local(path, &why))?;
        }
        Ok(())
    }

    fn remove_stage(&self) -> std::io::Result<()> {
        self.dir.remove_dir_all(&self.name)
    }
}

/// Returns the file that an earlier attempt received in part, ready to take the rest, and how much of it is here. It is then
/// the first of all.
fn half(stage: &Dir, fetch: &mut [Wanted]) -> Result<Option<(Now, u64)>, SshError> {
    let begun = |file: &Wanted| {
        let meta = stage.symlink_metadata(file.staged()).ok()?;
        (meta.is_file() && (1..file.size).contains(&meta.len())).then_some(meta.len())
    };
    let Some((at, bytes)) = fetch.iter().enumerate().find_map(|(at, file)| Some((at, begun(file)?))) else {
        return Ok(None);
    };
    fetch[..=at].rotate_right(1);
    let file = &fetch[0];
    let open = stage.open_with(file.staged(), OpenOptions::new().read(true).write(true));
    let mut open = open.map_err(|why| local(&file.path, &why))?.into_std();
    // Reading leaves it where its rest begins.
    let hash = hash_start(&mut open, bytes).map_err(|why| local(&file.path, &why))?;
    Ok(Some((Now { file: open, left: file.size - bytes, hash }, bytes)))
}

/// Gives a whole file its permissions and its time; the time last, as it says that the file is whole.
fn dress(handle: &File, file: &Wanted) -> std::io::Result<()> {
    handle.set_permissions(std::fs::Permissions::from_mode(file.mode))?;
    let since = u64::try_from(file.mtime.secs).map_or(Duration::ZERO, |secs| Duration::new(secs, file.mtime.nanos));
    handle.set_modified(SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH))
}

/// Cuts the stream into files.
pub(super) struct Writing {
    stage: Dir,
    files: Vec<Wanted>,
    at: usize,
    now: Option<Now>,
    sums: Vec<String>,
    done: Done,
    failed: Option<SshError>,
}

struct Now {
    file: File,
    left: u64,
    hash: Sha256,
}

impl Writing {
    /// Returns whether more is wanted.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        if self.failed.is_none()
            && let Err(error) = self.write(bytes)
        {
            self.failed = Some(error);
        }
        self.failed.is_none()
    }

    pub(super) fn failed(&mut self) -> Option<SshError> {
        self.failed.take()
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), SshError> {
        while !bytes.is_empty() {
            let Some(now) = self.next()? else {
                return Err(SshError::Damaged {
                    why: "more bytes came than the list told; a file grew meanwhile".into(),
                });
            };
            let most = usize::try_from(now.left).unwrap_or(usize::MAX).min(bytes.len());
            let (own, rest) = bytes.split_at(most);
            now.hash.update(own);
            now.left -= most as u64;
            now.file.write_all(own).map_err(|why| local(&self.files[self.at].path, &why))?;
            self.done.add(most);
            bytes = rest;
        }
        Ok(())
    }

    /// Returns the file that takes the next byte; those that are full, or empty, are dressed.
    fn next(&mut self) -> Result<Option<&mut Now>, SshError> {
        loop {
            if self.now.as_ref().is_some_and(|now| now.left == 0) {
                self.close()?;
            }
            let Some(file) = self.files.get(self.at) else { return Ok(None) };
            if self.now.is_none() {
                let options = OpenOptions::new().write(true).create(true).truncate(true).clone();
                let open = self.stage.open_with(file.staged(), &options).map_err(|why| local(&file.path, &why))?;
                self.now = Some(Now { file: open.into_std(), left: file.size, hash: Sha256::new() });
            }
            if self.now.as_ref().is_some_and(|now| now.left > 0) {
                return Ok(self.now.as_mut());
            }
        }
    }

    fn close(&mut self) -> Result<(), SshError> {
        let (Some(now), Some(file)) = (self.now.take(), self.files.get(self.at)) else { return Ok(()) };
        self.sums.push(hex(now.hash));
        dress(&now.file, file).map_err(|why| local(&file.path, &why))?;
        self.at += 1;
        Ok(())
    }

    /// Sees that everything came.
    fn finish(&mut self) -> Result<(), SshError> {
        match self.next()? {
            None => Ok(()),
            Some(_) => {
                let path = shown(&self.files[self.at].path);
                Err(SshError::Damaged { why: format!("fewer bytes came than the list told, up to `{path}`") })
            }
        }
    }
}
