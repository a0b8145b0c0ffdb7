//! What was seen of an instance's jobs, kept in the state folder, so that it answers when the machine is gone: their last
//! states, and of each log the beginning and the end. This module never talks to a machine and never opens the workspace.

use super::kept_log::{Have, add, have, read, replace_tail, which};
use super::{JobState, JobSummary, LogPart, LogPiece};
use bursar_core::{instance::InstanceId, time::Moment};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// All that is kept of all instances; ended ones give way, the oldest first.
const ROOM_MAX: u64 = 4 << 30;
const VERSION: u32 = 1;

/// The folder of one instance.
#[derive(Debug, Clone)]
pub struct Kept {
    dir: PathBuf,
}

/// A file of a job that was wanted when it ends, and where it is now, or why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// On the machine.
    pub path: String,
    pub local: Option<PathBuf>,
    #[serde(default)]
    pub bytes: u64,
    pub why: Option<String>,
    /// What the machine told of the file, which changes with it.
    #[serde(default)]
    pub stamp: Option<String>,
    /// Whether the job had ended when it was fetched.
    pub at_end: bool,
}

impl Saved {
    pub fn in_words(&self) -> String {
        let Saved { path, local, bytes, why, at_end, .. } = self;
        let early = if *at_end { "" } else { ", as it was while the job ran" };
        match (local, why) {
            (Some(local), why) => {
                let but = why.as_ref().map_or_else(String::new, |why| format!("; {why}"));
                format!("saved {path}: {bytes} bytes in {}{early}{but}", local.display())
            }
            (None, why) => format!("not saved: {path}: {}", why.as_deref().unwrap_or("not known")),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    version: u32,
    run: String,
    started_at: Option<u64>,
    ended_at: Option<u64>,
    log_bytes: u64,
    /// When the machine last told this.
    seen_at: u64,
    /// The paths whose files are wanted, and what became of them.
    #[serde(default)]
    save: Vec<String>,
    #[serde(default)]
    saved: Vec<Saved>,
    state: JobState,
}

impl Kept {
    pub(super) fn new(home: &Path, instance: &InstanceId) -> Kept {
        Kept { dir: home.join("jobs").join(&instance.0) }
    }

    /// Returns whether a job was ever started or seen on the instance.
    pub(super) fn exists(&self) -> bool {
        self.dir.is_dir()
    }

    /// Written before a job is started, so that no end forgets to look. With paths to save, where they go.
    pub(super) fn expect(&self, save_into: Option<&Path>) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        match save_into {
            Some(workspace) => write_whole(&self.dir.join(".save"), workspace.to_string_lossy().as_bytes()),
            None => Ok(()),
        }
    }

    /// Returns the workspace that paths to save go to, where any job has some.
    pub(super) fn save_into(&self) -> Option<PathBuf> {
        fs::read_to_string(self.dir.join(".save")).ok().map(PathBuf::from)
    }

    /// Notes that all was fetched before the end that could be.
    pub(super) fn close(&self, how: &str) -> io::Result<()> {
        write_whole(&self.dir.join(".closed"), how.as_bytes())
    }

    /// Notes until when an instance whose end was asked has its lease, so that saving takes no time beyond it.
    pub(super) fn lease_until(&self, ends: Moment) -> io::Result<()> {
        write_whole(&self.dir.join(".ends"), ends.0.to_string().as_bytes())
    }

    pub(super) fn lease_ends(&self) -> Option<Moment> {
        fs::read_to_string(self.dir.join(".ends")).ok()?.parse().ok().map(Moment)
    }

    /// Removes what was kept longest ago of ended instances, where all of it takes too much room.
    pub(super) fn prune(&self) -> io::Result<()> {
        let Some(all) = self.dir.parent() else { return Ok(()) };
        let mut ended = Vec::new();
        let mut room = 0;
        for entry in fs::read_dir(all)?.flatten() {
            let bytes = room_of(&entry.path());
            room += bytes;
            if let Ok(meta) = fs::metadata(entry.path().join(".closed")) {
                ended.push((meta.modified()?, entry.path(), bytes));
            }
        }
        ended.sort();
        for (_, path, bytes) in ended {
            if room <= ROOM_MAX || path == self.dir {
                break;
            }
            fs::remove_dir_all(&path)?;
            room -= bytes;
        }
        Ok(())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.dir.join(".closed").exists()
    }

    /// Returns the right to fetch for this instance, unless another flow or process has it.
    pub(super) fn try_lock(&self) -> io::Result<Option<File>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.dir.join(".fetching"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Keeps what a piece told: the state, and the bytes that are new.
    pub(super) fn note(&self, piece: &LogPiece, now: Moment) -> io::Result<()> {
        let (dir, _lock) = self.open(&piece.job, now)?;
        add(&dir, piece.from, &piece.bytes)
    }

    /// Puts bytes that were left out before the kept end of a log, which they reach.
    pub(super) fn note_before(&self, job: &JobSummary, from: u64, bytes: &[u8], now: Moment) -> io::Result<()> {
        let (dir, _lock) = self.open(job, now)?;
        let have = have(&dir);
        if from + (bytes.len() as u64) < have.tail || from >= have.tail {
            return Ok(());
        }
        let end = read(&dir, have.tail, have.end - have.tail)?;
        let mut all = bytes[..usize::try_from(have.tail - from).unwrap_or(0)].to_vec();
        all.extend_from_slice(&end);
        replace_tail(&dir, from, &all)
    }

    /// Notes what became of a path that was to be saved.
    pub(super) fn note_saved(&self, job: &JobSummary, saved: Saved, now: Moment) -> io::Result<()> {
        let (dir, _lock) = self.open(job, now)?;
        let Some(mut record) = record(&dir) else { return Ok(()) };
        record.saved.retain(|old| old.path != saved.path);
        record.saved.push(saved);
        write_record(&dir, &record)
    }

    /// Returns what became of the paths that were to be saved.
    pub(super) fn saved(&self, job: &str, run: &str) -> Vec<Saved> {
        let record = record(&self.dir.join(job)).filter(|record| record.run == run);
        record.map_or_else(Vec::new, |record| record.saved)
    }

    /// Returns whether, as far as is known here, files of a job are to come yet.
    pub(super) fn awaits_files(&self) -> bool {
        self.jobs().iter().any(|job| self.awaits_files_of(&job.name))
    }

    /// The same of one job.
    pub(super) fn awaits_files_of(&self, job: &str) -> bool {
        let awaits = |record: &Record| {
            let here = |path: &String| record.saved.iter().any(|saved| saved.path == *path && saved.at_end);
            !record.save.iter().all(here)
        };
        record(&self.dir.join(job)).as_ref().is_some_and(awaits)
    }

    /// Returns which bytes of this very job's log are kept.
    pub(super) fn have(&self, job: &JobSummary) -> Have {
        let dir = self.dir.join(&job.name);
        match record(&dir) {
            Some(record) if record.run == job.run => have(&dir),
            _ => Have { head: 0, tail: 0, end: 0 },
        }
    }

    /// Returns all jobs as they were last seen, in the order of their names.
    pub(super) fn jobs(&self) -> Vec<JobSummary> {
        let Ok(entries) = fs::read_dir(&self.dir) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names.iter().filter_map(|name| Some(record(&self.dir.join(name))?.summary(name))).collect()
    }

    /// Returns a piece of a log as the machine would have given it, as far as it is kept, and when it was last seen.
    pub(super) fn piece(&self, job: &str, wanted: LogPart) -> Option<(LogPiece, Moment)> {
        if !self.jobs().iter().any(|known| known.name == job) {
            return None;
        }
        let dir = self.dir.join(job);
        let record = record(&dir)?;
        let have = have(&dir);
        let (from, len) = which(have, record.log_bytes, wanted);
        let bytes = read(&dir, from, len).ok()?;
        Some((LogPiece { job: record.summary(job), from, bytes }, Moment(record.seen_at)))
    }

    /// Opens a job's folder for writing, with its state brought up to date. An earlier job of that name steps aside.
    fn open(&self, job: &JobSummary, now: Moment) -> io::Result<(PathBuf, File)> {
        fs::create_dir_all(&self.dir)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(self.dir.join(".writing"))?;
        lock.lock()?;
        let dir = self.dir.join(&job.name);
        let mut old = record(&dir);
        if old.as_ref().is_some_and(|old| old.run != job.run) {
            let aside = self.dir.join(format!(".old-{}", job.name));
            if aside.exists() {
                fs::remove_dir_all(&aside)?;
            }
            fs::rename(&dir, &aside)?;
            old = None;
        }
        fs::create_dir_all(&dir)?;
        // What another process learned later stays.
        let late = old.as_ref().is_some_and(|old| !old.state.is_open() && job.state.is_open());
        if !late {
            let log_bytes = old.as_ref().map_or(0, |old| old.log_bytes).max(job.log_bytes);
            let (known, saved) = old.map_or_else(Default::default, |old| (old.save, old.saved));
            let JobSummary { run, state, started_at, ended_at, save, .. } = job.clone();
            let save = if save.is_empty() { known } else { save };
            let seen_at = now.0;
            write_record(
                &dir,
                &Record { version: VERSION, run, state, started_at, ended_at, log_bytes, seen_at, save, saved },
            )?;
        }
        Ok((dir, lock))
    }
}

impl Record {
    fn summary(&self, name: &str) -> JobSummary {
        let Record { run, state, started_at, ended_at, log_bytes, .. } = self.clone();
        JobSummary { name: name.to_owned(), run, state, started_at, ended_at, log_bytes, save: Vec::new() }
    }
}

/// Returns a job of a machine that is gone: what still ran then was lost with it.
pub(super) fn without_machine(mut job: JobSummary) -> JobSummary {
    if job.state.is_open() {
        job.state = JobState::Lost { why: "its machine ended while it ran".to_owned() };
    }
    job
}

fn record(dir: &Path) -> Option<Record> {
    toml::from_str(&fs::read_to_string(dir.join("job.toml")).ok()?).ok()
}

fn write_record(dir: &Path, record: &Record) -> io::Result<()> {
    let text = toml::to_string(record).map_err(io::Error::other)?;
    write_whole(&dir.join("job.toml"), text.as_bytes())
}

/// Writes a file that is there whole or as it was.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    fs::write(&fresh, bytes)?;
    fs::rename(fresh, path)
}

/// Returns how many bytes a folder of an instance holds, the folders of its jobs included.
fn room_of(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let room = |entry: fs::DirEntry| match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
        true => room_of(&entry.path()),
        false => size(&entry.path()),
    };
    entries.map(room).sum()
}

pub(super) fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}
