//! Compares files by checksum, both sides at once: for who does not trust times.

use std::collections::BTreeSet;

use cap_std::fs::Dir;
use sha2::{Digest, Sha256};

use super::list::{Kind, List};
use super::upload::gone;
use super::walk::local;
use super::{LIST_MAX, as_path};
use crate::copy::hex;
use crate::error::SshError;
use crate::script::quote;
use crate::{Ssh, Target};

const DOING: &str = "comparing checksums";

/// Stands before each checksum.
const MARK: &str = "bursar-sum ";

/// Prints one checksum for each name that it reads, in their order, each behind a mark that no program prints by itself.
/// A name is bytes: in another locale the pattern would end at those that are no text there.
pub(super) const SUMS: &str = "if command -v openssl >/dev/null 2>&1; then each() { xargs -0 openssl dgst -sha256 -r; }\n\
    elif command -v sha256sum >/dev/null 2>&1; then each() { xargs -0 sha256sum --; }\n\
    elif command -v shasum >/dev/null 2>&1; then each() { xargs -0 shasum -a 256 --; }\n\
    else each() { cat >/dev/null; echo none; }; fi\n\
    sums() { each | LC_ALL=C sed -n 's/^\\\\\\{0,1\\}\\([0-9a-f]\\{64\\}\\) .*/bursar-sum \\1/p;s/^none$/bursar-sum none/p'; }";

impl Ssh {
    /// Returns the files of both lists whose size and checksum are the same.
    pub(super) async fn same_hashes(
        &self,
        at: &Target,
        dir: &Dir,
        here: &List,
        folder: &str,
        there: &List,
    ) -> Result<BTreeSet<Vec<u8>>, SshError> {
        let alike: Vec<Vec<u8>> = here
            .iter()
            .filter(|(path, entry)| is_alike(entry, there.get(*path)))
            .map(|(path, _)| path.clone())
            .collect();
        if alike.is_empty() {
            return Ok(BTreeSet::new());
        }
        let script = format!("{SUMS}\ncd {} && sums", quote(folder));
        let theirs = self.ask_long(at, DOING, &script, names(alike.iter()), LIST_MAX);
        let (own, ours) = (dir.try_clone().map_err(|why| local(b"", &why))?, alike.clone());
        let ours = async { tokio::task::spawn_blocking(move || sums(&own, &ours)).await.map_err(gone)? };
        let (theirs, ours) = tokio::try_join!(theirs, ours)?;
        let theirs = read_sums(&theirs);
        if theirs.len() != alike.len() {
            let why = format!("{} of {} files could be read; call again without `hash`", theirs.len(), alike.len());
            return Err(SshError::Machine { doing: DOING, why });
        }
        let same = alike.into_iter().zip(ours).zip(theirs).filter(|((_, ours), theirs)| ours == theirs);
        Ok(same.map(|((path, _), _)| path).collect())
    }
}

/// Returns names as a machine's `xargs -0` reads them; none of them looks like an option.
pub(super) fn names<'a>(paths: impl Iterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for path in paths {
        bytes.extend_from_slice(b"./");
        bytes.extend_from_slice(path);
        bytes.push(0);
    }
    bytes
}

/// Returns the line that `sums` prints for one file.
pub(super) fn sum_line(sum: &str) -> String {
    format!("{MARK}{sum}\n")
}

/// Returns what `sums` printed, in its order.
pub(super) fn read_sums(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text).lines().filter_map(|line| line.strip_prefix(MARK).map(str::to_owned)).collect()
}

fn is_alike(here: &super::list::Entry, there: Option<&super::list::Entry>) -> bool {
    match (&here.kind, there.map(|entry| &entry.kind)) {
        (Kind::File { size, .. }, Some(Kind::File { size: other, .. })) => size == other,
        _ => false,
    }
}

fn sums(dir: &Dir, paths: &[Vec<u8>]) -> Result<Vec<String>, SshError> {
    let sum = |path: &Vec<u8>| {
        let mut hash = Sha256::new();
        let mut file = dir.open(as_path(path))?;
        std::io::copy(&mut file, &mut hash)?;
        Ok(hex(hash))
    };
    paths.iter().map(|path| sum(path).map_err(|why| local(path, &why))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_of_odd_names_are_told_in_their_order() {
        let root = tempfile::tempdir().unwrap();
        let odd: Vec<Vec<u8>> =
            ["-rf", "it's \"x\"", "back\\slash", "two\nlines"].map(|name| name.as_bytes().to_vec()).into();
        for (at, name) in odd.iter().enumerate() {
            std::fs::write(root.path().join(as_path(name)), at.to_string()).unwrap();
        }
        let mut child = std::process::Command::new("sh")
            .args(["-c", &format!("{SUMS}\nsums")])
            .current_dir(root.path())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &names(odd.iter())).unwrap();
        let theirs = read_sums(&child.wait_with_output().unwrap().stdout);
        let dir = Dir::open_ambient_dir(root.path(), cap_std::ambient_authority()).unwrap();
        assert_eq!(theirs, sums(&dir, &odd).unwrap());
    }
}
