//! A folder from a machine. Names, kinds and sizes come from its list, which is checked first; the stream holds nothing but
//! the files' bytes, one after the other, so there is no archive whose names could lead anywhere.

use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::Dir;

use super::compare::{SUMS, names, read_sums};
use super::list::{self, Entry, Kind, List, stays_inside};
use super::plan::{self, Plan, Rules};
use super::receive::{Receiver, Wanted};
use super::upload::{gone, left_out};
use super::walk::{self, Ignored, local};
use super::{TreeCopied, TreeCopy, shown};
use crate::clean::{clean, clean_line};
use crate::error::SshError;
use crate::exec::Input;
use crate::gather::Gather;
use crate::script::quote;
use crate::stream::{Done, Progress, follow};
use crate::{Ssh, Target};

const DOING: &str = "fetching a folder";

/// Sends the files whose names make up the first `$n` bytes of the input, the one named by the first `$f` of them without its
/// first `$k` bytes, and the checksums of all of them on the other
/// stream meanwhile, so that checking costs no second pass. Small files leave together, not one packet each.
const SEND: &str = "t=$(mktemp) || exit 1\ntrap 'rm -f \"$t\" \"$t.n\" \"$t.s\" \"$t.e\"' EXIT\n\
    cat >\"$t\"; head -c \"$n\" \"$t\" >\"$t.n\"\nsums <\"$t\" >\"$t.s\" 2>/dev/null &\n\
    all() { xargs -0 cat -- <\"$t.n\"; }\n\
    [ \"$f\" -eq 0 ] || all() { head -c \"$f\" \"$t.n\" | xargs -0 tail -c \"+$((k + 1))\" -- && tail -c \"+$((f + 1))\" \"$t.n\" | xargs -0 cat --; }\n\
    if [ \"$n\" -gt 0 ]; then { all || : >\"$t.e\"; } | dd ibs=65536 obs=65536 2>/dev/null; fi\n\
    [ ! -e \"$t.e\" ] || exit 1\nwait\ncat \"$t.s\" >&2";

impl Ssh {
    /// Makes `into` like a folder on the machine. What arrived before a break is not fetched again.
    pub async fn download_tree(
        &self,
        at: &Target,
        into: &Dir,
        ask: &TreeCopy,
        progress: Progress<'_>,
    ) -> Result<TreeCopied, SshError> {
        let ignored = Ignored::new(&ask.ignore)?;
        let (own, delete) = (into.try_clone().map_err(|why| local(b"", &why))?, ask.delete);
        let here = async { tokio::task::spawn_blocking(move || listed(&own, delete)).await.map_err(gone)? };
        let ((here, of_the_owner), (path, mut there)) = tokio::try_join!(here, self.remote_list(at, ask))?;
        let all = there.clone();
        there.retain(|path, entry| !ignored.covers(path, entry.is_dir()));
        let mut left_out = left_out(&there);
        left_out.extend(without_links_out(&mut there));
        let keep = |path: &[u8], is_dir: bool| {
            ignored.covers(path, is_dir)
                || of_the_owner.covers(path, is_dir)
                || (all.contains_key(path) && !there.contains_key(path))
        };
        let same_hash = match ask.hash {
            true => Some(self.same_hashes(at, into, &here, &path, &there).await?),
            false => None,
        };
        let rules = Rules { delete: ask.delete, keep: &keep, same_hash: same_hash.as_ref() };
        let plan = plan::plan(&there, &here, &rules)?;
        if let Some(max) = ask.max_bytes.filter(|max| plan.bytes > *max) {
            return Err(SshError::TooLarge { bytes: plan.bytes, max });
        }
        let mut copied = TreeCopied {
            remote_path: clean(path.as_bytes()),
            files: plan.send.len() as u64,
            bytes: plan.bytes,
            same: plan.same,
            deleted: (plan.remove.len() + plan.remove_dirs.len()) as u64,
            left_out,
            checked: true,
        };
        if plan != (Plan { same: plan.same, ..Plan::default() }) {
            copied.checked = self.fetch_tree(at, into, &path, there, plan, progress).await?;
        }
        Ok(copied)
    }

    async fn remote_list(&self, at: &Target, ask: &TreeCopy) -> Result<(String, List), SshError> {
        let given = super::checked_folder(&ask.remote_path)?;
        let script = format!(
            "{}\n{}\nneed find xargs\np={given}\n{}\n{}\n[ -d \"$p\" ] || {{ echo \"no folder $p\" >&2; exit 1; }}\n\
             p=$(cd \"$p\" && pwd -P) || exit 1\nprintf '%s\\0' \"$p\"\n(list \"$p\")",
            list::SCRIPT,
            super::NEED,
            super::WHOLE,
            super::FOLDER,
        );
        let text = self.ask_long(at, "listing the folder", &script, Vec::new(), super::LIST_MAX).await?;
        let mut words = text.splitn(2, |byte| *byte == 0);
        let path =
            words.next().and_then(|path| String::from_utf8(path.to_vec()).ok()).filter(|path| path.starts_with('/'));
        match (path, words.next()) {
            (Some(path), Some(rest)) => Ok((path, list::read(rest)?)),
            _ => {
                let why = format!("it answered `{}`", clean_line(&text, 200));
                Err(SshError::Machine { doing: "listing the folder", why })
            }
        }
    }

    async fn fetch_tree(
        &self,
        at: &Target,
        into: &Dir,
        folder: &str,
        there: List,
        plan: Plan,
        progress: Progress<'_>,
    ) -> Result<bool, SshError> {
        let stage = super::stage_name(&[folder.as_bytes(), at.instance.as_bytes()]);
        let own = into.try_clone().map_err(|why| local(b"", &why))?;
        let wanted = wanted(&there, &plan);
        let done = Done::of(plan.bytes);
        let counted = done.clone();
        let receiver = tokio::task::spawn_blocking(move || Receiver::open(&own, &stage, wanted, counted));
        let receiver = receiver.await.map_err(gone)??;
        let mut theirs = Vec::new();
        if receiver.has_files() {
            let (fetch, have) = receiver.names();
            // Of a file that came in part, the rest comes first.
            let half = receiver.half();
            let half_name = if half > 0 { names(fetch.iter().take(1)).len() } else { 0 };
            let script = format!(
                "{SUMS}\ncd {} || exit 1\nn={} f={half_name} k={half}\n{SEND}",
                quote(folder),
                names(fetch.iter()).len()
            );
            let input = names(fetch.iter().chain(&have));
            theirs = self.receive(at, &receiver.shared(), &script, input, &done, progress).await?;
        }
        let put = tokio::task::spawn_blocking(move || receiver.put(&theirs, &there, &plan));
        put.await.map_err(gone)?
    }

    /// Lets the bytes of the files run into the receiver, and returns the machine's checksums of them.
    async fn receive(
        &self,
        at: &Target,
        receiver: &Arc<Mutex<super::receive::Writing>>,
        script: &str,
        input: Vec<u8>,
        done: &Done,
        progress: Progress<'_>,
    ) -> Result<Vec<String>, SshError> {
        let writing = receiver.clone();
        // A packet is small and the page cache takes it at once; a thread of its own would cost more than it saves.
        let sink = move |bytes: &[u8]| writing.lock().unwrap_or_else(PoisonError::into_inner).take(bytes);
        let stderr = Gather::exact(super::LIST_MAX);
        let mut running = self.begin(at, script, Input::Whole(input), Gather::through(Box::new(sink)), stderr).await?;
        let ended = follow(&mut running, at, DOING, done, progress).await;
        if let Some(error) = receiver.lock().unwrap_or_else(PoisonError::into_inner).failed() {
            return Err(error);
        }
        ended?;
        let (exit, stderr) = running.into_stderr();
        let sums = read_sums(&stderr);
        match exit {
            Some(0) => Ok(sums),
            code => {
                let code = code.map_or("no exit code".to_owned(), |code| format!("exit code {code}"));
                let why = if stderr.is_empty() { code } else { clean_line(&stderr, 600) };
                Err(SshError::Machine { doing: DOING, why })
            }
        }
    }
}

/// Returns what is here and, where something may be removed, what the `.gitignore` files here name: that was never sent, so
/// the machine's lacking it is no reason to remove it.
fn listed(dir: &Dir, delete: bool) -> Result<(List, Ignored), SshError> {
    // What the machine made may match such patterns; it is what a download is for.
    let mut list = walk::walk(dir, &mut Ignored::new(&[])?, false)?;
    walk::read_links(dir, &mut list)?;
    let mut of_the_owner = Ignored::new(&[])?;
    if delete {
        walk::walk(dir, &mut of_the_owner, true)?;
    }
    Ok((list, of_the_owner))
}

/// Takes the links out that lead out of the folder, and says so.
fn without_links_out(list: &mut List) -> Vec<String> {
    let mut told = Vec::new();
    list.retain(|path, entry| match &entry.kind {
        Kind::Link { to } if !stays_inside(path, to) => {
            told.push(format!("{} is a link that leads out of the folder, to {}", shown(path), shown(to)));
            false
        }
        _ => true,
    });
    told
}

fn wanted(there: &List, plan: &Plan) -> Vec<Wanted> {
    let file = |path: &Vec<u8>| match there.get(path)? {
        Entry { kind: Kind::File { size, mtime }, mode } => Some(Wanted::new(path, *size, *mtime, *mode)),
        _ => None,
    };
    plan.send.iter().filter_map(file).collect()
}
