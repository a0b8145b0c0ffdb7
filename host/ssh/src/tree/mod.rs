//! Whole folders to and from a machine: both sides are listed, only what differs moves, and nothing has its final name before
//! all of it has arrived and its checksum fits. Local folders come opened by the caller; nothing outside of them is touched.

mod compare;
mod download;
mod half;
mod list;
mod plan;
mod put;
mod receive;
mod stage;
mod there;
mod upload;
mod walk;

use crate::clean::clean_line;
use crate::error::SshError;
use crate::script::quote;
use crate::{Ssh, Target};

/// What is copied, and how.
#[derive(Debug, Clone, Default)]
pub struct TreeCopy {
    /// The folder on the machine; `~/` and relative paths begin at the home folder.
    pub remote_path: String,
    /// Lines as in `.gitignore`; they win over the `.gitignore` files of a folder that is sent.
    pub ignore: Vec<String>,
    /// Removes in the target what the source does not have. What is ignored stays.
    pub delete: bool,
    /// Files of the same size are compared by checksum, not by time.
    pub hash: bool,
    /// The most bytes that may arrive here.
    pub max_bytes: Option<u64>,
    /// Seconds since 1970 by the clock that dates files here. Only files that are older than it by some seconds get their
    /// time in whole ones, which costs less: without it, all get all of it.
    pub now: Option<u64>,
}

/// A folder that is now the same on both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeCopied {
    /// The full path on the machine.
    pub remote_path: String,
    /// Files and links that moved, and the bytes in them.
    pub files: u64,
    pub bytes: u64,
    /// Files and links that were the same already.
    pub same: u64,
    /// Files, links and folders that were removed in the target.
    pub deleted: u64,
    /// What cannot be copied, in words: devices, sockets, links that lead out of the folder.
    pub left_out: Vec<String>,
    /// Whether the machine computed the same checksum; false where it has no tool for it.
    pub checked: bool,
}

/// What lies at a path of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub is_folder: bool,
    /// Another one after every change of a file; nothing where the machine cannot tell.
    pub stamp: Option<String>,
}

impl Ssh {
    /// Returns whether a folder lies at a path of the machine.
    pub async fn is_folder(&self, at: &Target, remote_path: &str) -> Result<bool, SshError> {
        Ok(self.look(at, remote_path).await?.is_folder)
    }

    /// Returns what lies at a path of the machine.
    pub async fn look(&self, at: &Target, remote_path: &str) -> Result<Look, SshError> {
        let given = quote(crate::run::checked("remote path", remote_path)?);
        let script = format!(
            "p={given}\n{WHOLE}\n\
             if [ -d \"$p\" ]; then echo folder; elif [ -e \"$p\" ] || [ -L \"$p\" ]; then\n\
             echo file; stat -L -c '%s %i %y' -- \"$p\" 2>/dev/null || stat -L -f '%z %i %Fm' \"$p\" 2>/dev/null || :\n\
             else echo \"there is no $p\" >&2; exit 1; fi"
        );
        let doing = "looking at the path";
        let text = self.ask(at, doing, &script, 30).await?.succeeded(doing)?.text();
        let (kind, stamp) = text.split_once('\n').unwrap_or((&text, ""));
        let stamp = clean_line(stamp.as_bytes(), 100);
        Ok(Look { is_folder: kind == "folder", stamp: Some(stamp).filter(|stamp| !stamp.is_empty()) })
    }
}

/// Sets `p` to the full path.
const WHOLE: &str = "case $p in '~') p=$HOME;; '~/'*) p=$HOME/${p#'~/'};; /*) ;; *) p=$HOME/$p;; esac";

/// Ends where something else than a folder lies at `p`.
const FOLDER: &str = "if [ -e \"$p\" ] && [ ! -d \"$p\" ]; then echo \"$p is no folder\" >&2; exit 1; fi";

/// Ends with what is missing of the programs that are named.
const NEED: &str = "need() { m=; for c; do command -v \"$c\" >/dev/null 2>&1 || m=\"$m $c\"; done; [ -z \"$m\" ] || \
    { echo \"no folder was copied: this machine lacks$m; install them (on Debian: apt-get install -y findutils tar), \
    or copy single files\" >&2; exit 1; }; }";

/// The longest list that is taken from a machine.
const LIST_MAX: usize = 256 << 20;

/// More entries than this are no folder to copy file by file.
const ENTRIES_MAX: usize = 1_000_000;

/// What is on its way lies in folders of such names, on both sides; no list shows them.
const STAGE_START: &str = ".bursar-";
const STAGE_END: &str = ".part";

/// Returns the name of the folder in which a copy waits until it is whole. The same copy finds it again after a break.
fn stage_name(what: &[&[u8]]) -> String {
    format!("{STAGE_START}{}{STAGE_END}", crate::copy::key_of(what))
}

fn is_stage(name: &[u8]) -> bool {
    name.starts_with(STAGE_START.as_bytes()) && name.ends_with(STAGE_END.as_bytes())
}

/// Returns the shell's word for the folder that the caller names.
fn checked_folder(path: &str) -> Result<String, SshError> {
    let path = crate::run::checked("remote path", path)?;
    let bare = path.trim_end_matches('/');
    if path.contains('\n') || bare.is_empty() {
        return Err(SshError::input("remote path", "name a folder below `/`, without line breaks"));
    }
    Ok(quote(bare))
}

/// Returns bytes of a path as a path.
fn as_path(bytes: &[u8]) -> &std::path::Path {
    std::path::Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
}

/// Returns the folder that an entry lies in; empty for the root.
fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(&[], |at| &path[..at])
}

/// Returns a path for messages.
fn shown(path: &[u8]) -> String {
    clean_line(path, 200)
}
