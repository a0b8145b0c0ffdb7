//! What copies of single files share: the words for what is sent and what arrived, names, checksums. Local files come opened
//! by the caller; this room opens no local path.

use sha2::{Digest, Sha256};

use crate::error::SshError;
use crate::run::checked;
use crate::script::quote;

/// What is sent, and where to.
#[derive(Debug)]
pub struct Upload {
    pub content: Content,
    /// `~/` and relative paths begin at the home folder. Missing parent folders are made.
    pub remote_path: String,
    /// Its name where `remote_path` is a folder, or ends as one does.
    pub name: Option<String>,
    /// Permissions like 0o755. Without, an existing file keeps its own, and a new one has those of the file that is sent.
    pub mode: Option<u32>,
}

/// The bytes to send.
#[derive(Debug)]
pub enum Content {
    Bytes(Vec<u8>),
    /// A file that the caller opened, from where it stands.
    File(std::fs::File),
}

/// A copy that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub bytes: u64,
    /// Of what was sent or kept here, in hexadecimal.
    pub sha256: String,
    /// Whether the machine computed the same checksum; false where it has no tool for it.
    pub checked: bool,
    /// The full path on the machine.
    pub remote_path: String,
}

/// Sets `p` to the full path, and where it is a link, to what the link names.
pub(crate) const RESOLVE: &str = "case $p in '~/'*) p=$HOME/${p#'~/'};; /*) ;; *) p=$HOME/$p;; esac\n\
    [ -L \"$p\" ] && p=$(readlink -f -- \"$p\")\n\
    if [ -d \"$p\" ]; then echo \"$p is a folder; name a file\" >&2; exit 1; fi";

/// Sums its input up. OpenSSL uses the processor's own instructions and is several times faster than coreutils.
pub(crate) const SUM: &str = "if command -v openssl >/dev/null 2>&1; then sum() { openssl dgst -sha256 -r; }\n\
    elif command -v sha256sum >/dev/null 2>&1; then sum() { sha256sum; }\n\
    elif command -v shasum >/dev/null 2>&1; then sum() { shasum -a 256; }\nelse sum() { cat >/dev/null; echo none; }; fi";

/// Returns a short name for a thing: the same for the same words, and for no others.
pub(crate) fn key_of(words: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for word in words {
        hash.update((word.len() as u64).to_le_bytes());
        hash.update(word);
    }
    let mut key = hex(hash);
    key.truncate(16);
    key
}

pub(crate) fn hex(hash: Sha256) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('?');
    hash.finalize().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Sums up the first `bytes` of a file, from where it stands.
pub(crate) fn hash_start(file: &mut std::fs::File, bytes: u64) -> std::io::Result<Sha256> {
    use std::io::Read;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut from = file.take(bytes);
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(hash),
            got => hash.update(&buffer[..got]),
        }
    }
}

/// The same for what is sent, which gets the name `$b`, where one is given, in a folder.
pub(crate) fn find(given: &str, name: Option<&str>) -> Result<String, SshError> {
    let Some(name) = name else { return Ok(format!("p={}\n{RESOLVE}\n{MAKE}", checked_path(given)?)) };
    if name.contains(['/', '\0', '\n']) || matches!(name, "" | "." | "..") {
        return Err(SshError::input("local file", "its name cannot be given to another one"));
    }
    let given = checked("remote path", given)?;
    if given.contains('\n') {
        return Err(SshError::input("remote path", "name it without line breaks"));
    }
    Ok(format!(
        "p={} b={}\ncase $p in '~') p='~/';; esac\ncase $p in '~/'*) p=$HOME/${{p#'~/'}};; /*) ;; *) p=$HOME/$p;; esac\n\
         case $p in */) p=$p$b;; *) [ -d \"$p\" ] && p=$p/$b;; esac\n{RESOLVE}\n{MAKE}",
        quote(given),
        quote(name)
    ))
}

/// Makes the folder that `p` lies in.
const MAKE: &str = "case $p in */*) mkdir -p -- \"${p%/*}/\" || exit 1;; esac";

pub(crate) fn checked_path(path: &str) -> Result<String, SshError> {
    let path = checked("remote path", path)?;
    if path.contains('\n') || path.ends_with('/') || path == "~" {
        return Err(SshError::input("remote path", "name a file, not a folder, without line breaks"));
    }
    Ok(quote(path))
}

pub(crate) fn local(why: std::io::Error) -> SshError {
    SshError::input("local file", why.to_string())
}
