//! A folder to a machine: one call lists what is there, one stream brings what differs into a folder beside it, and a script
//! at the stream's end checks it and gives every file its name.

use std::io::{Read, Write};
use std::time::Duration;

use cap_std::fs::Dir;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::compare::{self, SUMS};
use super::list::{self, Entry, Kind, List, Time};
use super::plan::{self, Plan, Rules};
use super::put::{self, Put};
use super::stage::{BUSY, BUSY_STAGE, unpack};
use super::there::There;
use super::walk::{self, Ignored, local};
use super::{TreeCopied, TreeCopy, as_path, shown};
use crate::clean::{clean, clean_line};
use crate::copy::{SUM, hex};
use crate::error::SshError;
use crate::exec::Running;
use crate::gather::Gather;
use crate::script::quote;
use crate::stream::{Done, Pieces, Progress, follow};
use crate::{Ssh, Target};

const DOING: &str = "sending a folder";

/// Ends where what one works in would be emptied.
const SPARE: &str = "q=$(cd \"$p\" 2>/dev/null && pwd -P) && case $(cd \"$HOME\" && pwd -P)/ in \"${q%/}\"/*) \
    echo \"it would empty $q, the home folder or what holds it; name a folder in it, or ask without delete\" >&2; exit 1;; esac";

/// So often a copy makes way for another one that began at the same moment.
const TRIES: u32 = 10;

/// Sets `p`, and `s`, the folder beside it or in it where what arrives waits.
fn find(given: &str, ask: &TreeCopy) -> String {
    let name = super::stage_name(&[ask.remote_path.as_bytes()]);
    let spare = if ask.delete { SPARE } else { "" };
    format!(
        "{}\nneed tar find xargs\np={given}\n{}\n{}\n{spare}\nif [ -d \"$p\" ]; then p=$(cd \"$p\" && pwd -P) || exit 1; s=$p/{name}; e=yes; \
         else s=${{p%/*}}/{name}; e=no; fi",
        super::NEED,
        super::WHOLE,
        super::FOLDER
    )
}

impl Ssh {
    /// Makes a folder on the machine like `from`. What was sent before a break is not sent again. Another copy to the same
    /// place is waited for.
    pub async fn upload_tree(
        &self,
        at: &Target,
        from: &Dir,
        ask: &TreeCopy,
        progress: Progress<'_>,
    ) -> Result<TreeCopied, SshError> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            match self.upload_now(at, from, ask, &mut *progress).await {
                // The list waits until the other one has ended.
                Err(SshError::Machine { why, .. }) if why.contains(BUSY) && tries > 0 => tracing::debug!(why),
                done => return done,
            }
        }
    }

    async fn upload_now(
        &self,
        at: &Target,
        from: &Dir,
        ask: &TreeCopy,
        progress: Progress<'_>,
    ) -> Result<TreeCopied, SshError> {
        let ignored = Ignored::new(&ask.ignore)?;
        let own = from.try_clone().map_err(|why| local(b"", &why))?;
        let here = async { tokio::task::spawn_blocking(move || listed(&own, ignored)).await.map_err(gone)? };
        // What unpacks is started meanwhile, and waits for a word: over a long way that saves two ways there and back.
        let (here, mut there, stream) = tokio::try_join!(here, self.remote_lists(at, ask), self.stream(at, ask))?;
        let (ignored, here) = here;
        let keep = |path: &[u8], is_dir: bool| ignored.covers(path, is_dir);
        let rules = |same_hash| Rules { delete: ask.delete, keep: &keep, same_hash };
        let same_hash = match ask.hash {
            true => Some(self.same_hashes(at, from, &here, &there.path, &there.list).await?),
            false => None,
        };
        let plan = plan::plan(&here, &there.list, &rules(same_hash.as_ref()))?;
        let mut copied = TreeCopied {
            remote_path: clean(there.path.as_bytes()),
            files: plan.send.len() as u64,
            bytes: plan.bytes,
            same: plan.same,
            deleted: (plan.remove.len() + plan.remove_dirs.len()) as u64,
            left_out: left_out(&here),
            checked: true,
        };
        let nothing = Plan { same: plan.same, ..Plan::default() };
        if there.exists && plan == nothing {
            return Ok(copied);
        }
        if there.resumes(&here) {
            self.finish_halves(at, from, &here, &mut there, progress).await?;
        }
        copied.checked = self.send_tree(at, from, here, &there, (plan, ask.now), stream, progress).await?;
        Ok(copied)
    }

    /// Lists the target, and what waits beside it.
    async fn remote_lists(&self, at: &Target, ask: &TreeCopy) -> Result<There, SshError> {
        let given = super::checked_folder(&ask.remote_path)?;
        let script = format!(
            "{}\n{BUSY_STAGE}\n{}\n\
             x=no; case $(tar --version 2>/dev/null) in *'GNU tar'*|*bsdtar*) x=yes;; esac\n\
             if [ -d \"$s\" ]; then (cd \"$s\" && while busy; do sleep 0.2 2>/dev/null || sleep 1; done); [ ! -d \"$p\" ] || e=yes; fi\n\
             printf '%s\\0%s\\0%s\\0%s\\0' \"$p\" \"$s\" $e $x\n\
             if [ $e = yes ]; then (list \"$p\") || exit 1; fi\nprintf '=\\0\\0'\n\
             if [ -d \"$s/t\" ]; then (list \"$s/t\") || exit 1; fi",
            list::SCRIPT,
            find(&given, ask),
        );
        let text = self.ask_long(at, "listing the folder", &script, Vec::new(), super::LIST_MAX).await?;
        There::read(&text).unwrap_or_else(|| {
            let why = format!("it answered `{}`", clean_line(&text, 200));
            Err(SshError::Machine { doing: "listing the folder", why })
        })
    }

    async fn stream(&self, at: &Target, ask: &TreeCopy) -> Result<Stream, SshError> {
        let given = super::checked_folder(&ask.remote_path)?;
        let script = format!("{}\n{SUM}\n{SUMS}\n{}", find(&given, ask), unpack());
        let (pieces, input) = Pieces::new();
        let running = self.begin(at, &script, input, Gather::exact(4 * 1024), Gather::folding(8 * 1024)).await?;
        Ok(Stream { open: Some((running, pieces)) })
    }

    #[expect(clippy::too_many_arguments, reason = "each is one thing, and a struct of them would be used once")]
    async fn send_tree(
        &self,
        at: &Target,
        from: &Dir,
        here: List,
        there: &There,
        (plan, now): (Plan, Option<u64>),
        mut stream: Stream,
        progress: Progress<'_>,
    ) -> Result<bool, SshError> {
        let resumes = there.resumes(&here);
        let staged = if resumes { there.staged.clone() } else { List::new() };
        let word: &[u8] = if resumes { b"go\n" } else { b"anew\n" };
        let Some((mut running, mut pieces)) = stream.open.take() else { return Ok(false) };
        let done = Done::of(plan.bytes);
        let own = from.try_clone().map_err(|why| local(b"", &why))?;
        let (fresh_since, date) = (there.fresh_since(now), now.unwrap_or_else(|| newest(&here)));
        let packing =
            Packing { dir: own, here, staged, plan, fresh: !there.exists, fresh_since, date, done: done.clone() };
        let packed = tokio::task::spawn_blocking(move || {
            pieces.write_all(word)?;
            packing.pack(pieces)
        });
        let ended = follow(&mut running, at, DOING, &done, progress).await;
        let pid = running.pid.unwrap_or(0);
        let answer = ended.and_then(|()| told(running));
        // A file that could not be read explains best why the machine got no whole stream.
        match (packed.await.map_err(gone)?, answer) {
            (Err(PackError::Read(error)), _) => Err(error),
            (_, Ok(sum)) => Ok(sum != "none"),
            (_, Err(error)) => {
                // After a break what arrived is a good beginning; after anything else it only fills the disk.
                if !error.may_pass() {
                    // Another copy of the same folder may have ended this one, and goes on with the stage.
                    let stage = quote(&there.stage);
                    let remove =
                        format!("case $(cat {stage}/pid 2>/dev/null) in ''|{pid}|'{pid} '*) rm -rf -- {stage};; esac");
                    self.ask(at, "removing half a copy", &remove, 60).await.ok();
                }
                Err(error)
            }
        }
    }
}

/// What unpacks on the machine. Not needed, it hears the end of its input, and ends.
struct Stream {
    open: Option<(Running, Pieces)>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        let (Some((mut running, pieces)), Ok(runtime)) = (self.open.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        drop(pieces);
        runtime.spawn(async move { running.until(Instant::now() + Duration::from_secs(10)).await });
    }
}

fn listed(dir: &Dir, mut ignored: Ignored) -> Result<(Ignored, List), SshError> {
    let mut list = walk::walk(dir, &mut ignored, true)?;
    walk::read_links(dir, &mut list)?;
    Ok((ignored, list))
}

/// Returns the machine's checksum, or why there is none.
fn told(running: Running) -> Result<String, SshError> {
    let text = running.answer(DOING)?.succeeded(DOING)?.text();
    match text.trim_end().split_once(' ') {
        Some(("done", sum)) => Ok(sum.to_owned()),
        Some(("differs", sum)) => Err(SshError::Damaged {
            why: format!("the files have sha256 {} on the machine", clean_line(sum.as_bytes(), 64)),
        }),
        _ => {
            Err(SshError::Machine { doing: DOING, why: format!("it answered `{}`", clean_line(text.as_bytes(), 200)) })
        }
    }
}

/// Returns the time of the file that was changed last.
fn newest(list: &List) -> u64 {
    let times = list.values().filter_map(|entry| match entry.kind {
        Kind::File { mtime, .. } => u64::try_from(mtime.secs).ok(),
        _ => None,
    });
    times.max().unwrap_or(0)
}

pub(super) fn left_out(list: &List) -> Vec<String> {
    let odd = list.iter().filter(|(_, entry)| entry.kind == Kind::Other);
    odd.map(|(path, _)| format!("{} is no file, folder or link", shown(path))).collect()
}

pub(super) fn gone(why: tokio::task::JoinError) -> SshError {
    SshError::input("local folder", why.to_string())
}

/// Reads what is to be sent and writes it as a tar stream, the script last.
struct Packing {
    dir: Dir,
    here: List,
    staged: List,
    plan: Plan,
    fresh: bool,
    /// Files that were changed later than this may still be changed within the second of their time.
    fresh_since: i64,
    /// Of folders and links.
    date: u64,
    done: Done,
}

enum PackError {
    Read(SshError),
    /// Nobody reads the stream any more.
    Unread,
}

impl From<std::io::Error> for PackError {
    fn from(why: std::io::Error) -> PackError {
        at(b"", &why)
    }
}

/// What a failure while a file is sent means: its stream breaks only on the other side.
fn at(path: &[u8], why: &std::io::Error) -> PackError {
    match why.kind() {
        std::io::ErrorKind::BrokenPipe => PackError::Unread,
        CHANGED => {
            let why = format!("`{}` became shorter while it was read", shown(path));
            PackError::Read(SshError::input("local folder", why))
        }
        _ => PackError::Read(local(path, why)),
    }
}

impl Packing {
    fn pack(&self, pieces: Pieces) -> Result<(), PackError> {
        let mut tar = tar::Builder::new(pieces);
        let (mut sums, mut names) = (Sha256::new(), Vec::new());
        for path in &self.plan.make {
            let mode = self.here.get(path).map_or(0o755, |entry| entry.mode);
            let mut head = header(tar::EntryType::Directory, mode | 0o700, 0);
            head.set_mtime(self.date);
            tar.append_data(&mut head, in_stage(path), std::io::empty())?;
        }
        for path in &self.plan.send {
            let Some(entry) = self.here.get(path) else { continue };
            match &entry.kind {
                Kind::File { size, mtime } => {
                    names.extend(compare::names([path].into_iter()));
                    sums.update(compare::sum_line(&self.file(&mut tar, path, entry, (*size, *mtime))?));
                }
                Kind::Link { to } => {
                    let mut head = header(tar::EntryType::Symlink, 0o777, 0);
                    head.set_mtime(self.date);
                    tar.append_link(&mut head, in_stage(path), as_path(to))?;
                }
                Kind::Dir | Kind::Other => {}
            }
        }
        let sha256 = hex(sums);
        let has_files = !names.is_empty();
        let put = Put { from: &self.here, plan: &self.plan, sha256: &sha256, has_files, fresh: self.fresh };
        for (name, bytes) in [("names", names), ("put", put::script(&put))] {
            tar.append_data(&mut header(tar::EntryType::Regular, 0o600, bytes.len() as u64), name, &bytes[..])?;
        }
        Ok(tar.into_inner()?.flush()?)
    }

    /// Sends one file, or reads again what was sent before a break, and returns its checksum.
    fn file(
        &self,
        tar: &mut tar::Builder<Pieces>,
        path: &[u8],
        entry: &Entry,
        (size, mtime): (u64, Time),
    ) -> Result<String, PackError> {
        let mut hash = Sha256::new();
        let mut file = self.open(path, size, &mut hash)?;
        let staged = self.staged.get(path);
        if staged.is_some_and(|staged| staged.kind.fits(&entry.kind) && staged.mode == entry.mode) {
            std::io::copy(&mut file, &mut std::io::sink()).map_err(|why| at(path, &why))?;
        } else {
            let mut head = header(tar::EntryType::Regular, entry.mode, size);
            head.set_mtime(u64::try_from(mtime.secs).unwrap_or(0));
            self.exact_time(tar, mtime)?;
            tar.append_data(&mut head, in_stage(path), &mut file).map_err(|why| at(path, &why))?;
        }
        Ok(hex(hash))
    }

    /// A fresh file gets all of its time, so that the next copy sees whether it was changed again.
    fn exact_time(&self, tar: &mut tar::Builder<Pieces>, mtime: Time) -> Result<(), PackError> {
        let Time { secs, nanos } = mtime;
        if nanos == 0 || secs < 0 || secs < self.fresh_since {
            return Ok(());
        }
        let text = format!("{secs}.{nanos:09}");
        Ok(tar.append_pax_extensions([("mtime", text.as_bytes())])?)
    }

    fn open<'a>(&self, path: &'a [u8], size: u64, hash: &'a mut Sha256) -> Result<Exact<'a>, PackError> {
        let file = self.dir.open(as_path(path)).map_err(|why| at(path, &why))?;
        Ok(Exact { file: file.into_std(), left: size, hash, done: self.done.clone() })
    }
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

fn in_stage(path: &[u8]) -> std::path::PathBuf {
    std::path::Path::new("t").join(as_path(path))
}

const CHANGED: std::io::ErrorKind = std::io::ErrorKind::UnexpectedEof;

/// Reads exactly as many bytes as were listed, sums and counts them.
struct Exact<'a> {
    file: std::fs::File,
    left: u64,
    hash: &'a mut Sha256,
    done: Done,
}

impl Read for Exact<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let got = self.file.read(&mut buffer[..most])?;
        if got == 0 {
            return Err(CHANGED.into());
        }
        self.left -= got as u64;
        self.hash.update(&buffer[..got]);
        self.done.add(got);
        Ok(got)
    }
}
