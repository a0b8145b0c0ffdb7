//! Lists a folder of this computer, without what is to be ignored. Links are told, never followed.

use std::os::unix::ffi::{OsStrExt, OsStringExt};

use cap_std::fs::{Dir, DirEntry, Metadata, MetadataExt, PermissionsExt as _};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::list::{Entry, Kind, List, Time, too_many};
use super::{ENTRIES_MAX, as_path, is_stage, parent};
use crate::error::SshError;

/// Longer files of patterns are no files of patterns.
const PATTERNS_MAX: u64 = 1 << 20;

/// What is ignored: the caller's lines first, then the `.gitignore` files, the deepest first.
pub(super) struct Ignored {
    asked: Gitignore,
    /// With the folder that each belongs to.
    found: Vec<(Vec<u8>, Gitignore)>,
}

impl Ignored {
    pub(super) fn new(lines: &[String]) -> Result<Ignored, SshError> {
        let mut builder = GitignoreBuilder::new("");
        for line in lines {
            builder.add_line(None, line).map_err(|why| SshError::input("ignore", format!("`{line}`: {why}")))?;
        }
        let asked = builder.build().map_err(|why| SshError::input("ignore", why.to_string()))?;
        Ok(Ignored { asked, found: Vec::new() })
    }

    /// Whether this very path is ignored; what lies above it is the caller's to ask.
    pub(super) fn is(&self, path: &[u8], is_dir: bool) -> bool {
        match self.asked.matched(as_path(path), is_dir) {
            Match::Ignore(_) => return true,
            Match::Whitelist(_) => return false,
            Match::None => {}
        }
        for (folder, patterns) in self.found.iter().rev() {
            let Some(below) = below(folder, path) else { continue };
            match patterns.matched(as_path(below), is_dir) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }

    /// Whether this path, or a folder that it lies in, is ignored.
    pub(super) fn covers(&self, path: &[u8], is_dir: bool) -> bool {
        let above = parent(path);
        self.is(path, is_dir) || (!above.is_empty() && self.covers(above, true))
    }

    fn take(&mut self, folder: &[u8], text: &str) {
        let mut builder = GitignoreBuilder::new("");
        for line in text.lines() {
            // As git does: a line that says nothing is passed over.
            let _ = builder.add_line(None, line);
        }
        if let Ok(patterns) = builder.build() {
            self.found.push((folder.to_vec(), patterns));
        }
    }
}

/// Returns `path` as seen from `folder`, where it lies below.
fn below<'a>(folder: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    match folder.is_empty() {
        true => Some(path),
        false => path.strip_prefix(folder)?.strip_prefix(b"/"),
    }
}

/// Lists what lies in `dir`. With `gitignore`, its files of that name add to what is ignored.
pub(super) fn walk(dir: &Dir, ignored: &mut Ignored, gitignore: bool) -> Result<List, SshError> {
    let mut list = List::new();
    // Folders still to be read, by their path; a stack, so that depth is no matter.
    let mut folders = vec![(Vec::new(), dir.try_clone().map_err(|why| local(b"", &why))?)];
    while let Some((folder, dir)) = folders.pop() {
        if gitignore {
            read_patterns(&dir, &folder, ignored);
        }
        for entry in dir.entries().map_err(|why| local(&folder, &why))? {
            let entry = entry.map_err(|why| local(&folder, &why))?;
            let path = joined(&folder, entry.file_name().as_bytes());
            if folder.is_empty() && is_stage(&path) {
                continue;
            }
            let told = read(&entry, &path)?;
            if ignored.is(&path, told.is_dir()) {
                continue;
            }
            if told.is_dir() {
                folders.push((path.clone(), entry.open_dir().map_err(|why| local(&path, &why))?));
            }
            list.insert(path, told);
            if list.len() > ENTRIES_MAX {
                return Err(too_many());
            }
        }
    }
    Ok(list)
}

fn read(entry: &DirEntry, path: &[u8]) -> Result<Entry, SshError> {
    let meta = entry.metadata().map_err(|why| local(path, &why))?;
    let kind = match meta.file_type() {
        kind if kind.is_dir() => Kind::Dir,
        kind if kind.is_file() => Kind::File { size: meta.len(), mtime: time(&meta) },
        kind if kind.is_symlink() => Kind::Link { to: Vec::new() },
        _ => Kind::Other,
    };
    Ok(Entry { kind, mode: mode(&meta) })
}

pub(super) fn time(meta: &Metadata) -> Time {
    Time { secs: meta.mtime(), nanos: u32::try_from(meta.mtime_nsec()).unwrap_or(0) }
}

fn mode(meta: &Metadata) -> u32 {
    meta.permissions().mode() & 0o777
}

/// Fills in what the links of a list name.
pub(super) fn read_links(dir: &Dir, list: &mut List) -> Result<(), SshError> {
    for (path, entry) in list.iter_mut() {
        if let Kind::Link { to } = &mut entry.kind {
            let target = dir.read_link_contents(as_path(path)).map_err(|why| local(path, &why))?;
            *to = target.into_os_string().into_vec();
        }
    }
    Ok(())
}

fn read_patterns(dir: &Dir, folder: &[u8], ignored: &mut Ignored) {
    let small = dir.symlink_metadata(".gitignore").is_ok_and(|meta| meta.is_file() && meta.len() <= PATTERNS_MAX);
    if small && let Ok(bytes) = dir.read(".gitignore") {
        ignored.take(folder, &String::from_utf8_lossy(&bytes));
    }
}

fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match folder.is_empty() {
        true => name.to_vec(),
        false => [folder, b"/", name].concat(),
    }
}

/// A failure at a path of this computer.
pub(super) fn local(path: &[u8], why: &std::io::Error) -> SshError {
    SshError::input("local folder", format!("`{}`: {why}", super::shown(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;
    use std::fs;

    /// Files and their content, patterns, and what is listed.
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a str);

    fn listed(files: &[(&str, &str)], ignore: &[&str]) -> String {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let lines: Vec<String> = ignore.iter().map(|line| line.to_string()).collect();
        let dir = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
        let list = walk(&dir, &mut Ignored::new(&lines).unwrap(), true).unwrap();
        list.keys().map(|path| String::from_utf8_lossy(path).into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn patterns_mean_what_they_mean_to_git() {
        #[rustfmt::skip]
        let cases: [Case<'_>; 8] = [
            (&[("a", ""), ("d/b", "")], &[], "a d d/b"),
            (&[("a.pyc", ""), ("d/b.pyc", ""), ("d/c", "")], &["*.pyc"], "d d/c"),
            (&[("build/x", ""), ("d/build/y", "")], &["/build/"], "d d/build d/build/y"),
            (&[("a.log", ""), ("b.log", "")], &["*.log", "!b.log"], "b.log"),
            (&[(".gitignore", "*.pt\n"), ("m.pt", ""), ("m.py", "")], &[], ".gitignore m.py"),
            (&[(".gitignore", "*.pt\n"), ("m.pt", ""), ("n.pt", "")], &["!m.pt"], ".gitignore m.pt"),
            (&[("d/.gitignore", "/x\n"), ("d/x", ""), ("x", ""), ("d/e/x", "")], &[], "d d/.gitignore d/e d/e/x x"),
            (&[(".gitignore", "*.log\n"), ("d/.gitignore", "!k.log\n"), ("d/k.log", ""), ("k.log", "")], &[], ".gitignore d d/.gitignore d/k.log"),
        ];
        for (files, ignore, expected) in cases {
            assert_eq!(listed(files, ignore), expected, "{files:?} {ignore:?}");
        }
    }
}
