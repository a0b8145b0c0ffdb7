//! A large file of a folder that a broken connection left in part on the machine: the rest is sent on behind it. What waits
//! there is only gone on with where its checksum says that it is how this very file begins.

use std::io::{Read, Seek, SeekFrom, Write};

use cap_std::fs::Dir;

use super::as_path;
use super::compare::{SUMS, names, read_sums};
use super::list::{Entry, Kind, List, Time};
use super::stage::BUSY_STAGE;
use super::there::There;
use super::upload::gone;
use super::walk::local;
use crate::copy::{hash_start, hex};
use crate::error::SshError;
use crate::gather::Gather;
use crate::script::quote;
use crate::stream::{Done, Pieces, Progress, follow};
use crate::{Ssh, Target};

const DOING: &str = "sending the rest of a file";
/// Less is sent again sooner than it is looked at.
const HALF_MIN: u64 = 1 << 20;
const CHUNK: usize = 256 * 1024;

/// What of a file lies there, and the file as it is here.
struct Half<'a> {
    path: &'a [u8],
    there: u64,
    here: &'a Entry,
    size: u64,
    mtime: Time,
}

impl Ssh {
    /// Completes the files that wait in the stage in part, and notes in its list which are whole now.
    pub(super) async fn finish_halves(
        &self,
        at: &Target,
        from: &Dir,
        here: &List,
        there: &mut There,
        progress: Progress<'_>,
    ) -> Result<(), SshError> {
        let mut whole = Vec::new();
        for half in there.staged.iter().filter_map(|(path, entry)| half(path, entry, here)) {
            if self.finish_half(at, from, &there.stage, &half, progress).await? {
                whole.push((half.path.to_vec(), half.here.clone()));
            }
        }
        there.staged.extend(whole);
        Ok(())
    }

    /// Returns whether the file is whole there now.
    async fn finish_half(
        &self,
        at: &Target,
        from: &Dir,
        stage: &str,
        half: &Half<'_>,
        progress: Progress<'_>,
    ) -> Result<bool, SshError> {
        let name = half.path.to_vec();
        let script = format!("{SUMS}\ncd {}/t && sums", quote(stage));
        let theirs = self.ask_long(at, DOING, &script, names([&name].into_iter()), 4096);
        let dir = from.try_clone().map_err(|why| local(half.path, &why))?;
        let (begin, path) = (half.there, name.clone());
        let ours = async {
            let read = move || {
                let mut file = dir.open(as_path(&path))?.into_std();
                hash_start(&mut file, begin).map(|hash| (file, hex(hash)))
            };
            tokio::task::spawn_blocking(read).await.map_err(gone)?.map_err(|why| local(half.path, &why))
        };
        let (theirs, (file, ours)) = tokio::try_join!(theirs, ours)?;
        if read_sums(&theirs) != [ours] {
            return Ok(false);
        }
        let script = format!(
            "{BUSY_STAGE}\n{}\ncd {} && ! busy && cd t && [ \"$(($(wc -c <\"$p\")))\" = {begin} ] && cat >>\"$p\" && chmod {:o} \"$p\" && touch -m -d @{} \"$p\"",
            word(&name),
            quote(stage),
            half.here.mode,
            half.mtime.secs,
        );
        let (pieces, input) = Pieces::new();
        let done = Done::of(half.size - begin);
        let counted = done.clone();
        let mut running = self.begin(at, &script, input, Gather::exact(1024), Gather::folding(8 * 1024)).await?;
        let rest = half.size - begin;
        let reading = tokio::task::spawn_blocking(move || pass(file, begin, rest, pieces, &counted));
        let mut told = |done, _| progress(begin + done, half.size);
        let ended = follow(&mut running, at, DOING, &done, &mut told).await.map(|()| running.exit);
        // Whoever reads the file waits for it: over a broken connection it takes no more.
        drop(running);
        let read = reading.await.map_err(gone)?;
        // What went wrong otherwise is found when the whole folder is checked.
        Ok(ended? == Some(0) && read.is_ok())
    }
}

fn half<'a>(path: &'a [u8], staged: &Entry, here: &'a List) -> Option<Half<'a>> {
    let entry = here.get(path)?;
    match (&staged.kind, &entry.kind) {
        (Kind::File { size: there, .. }, Kind::File { size, mtime }) if (HALF_MIN..*size).contains(there) => {
            Some(Half { path, there: *there, here: entry, size: *size, mtime: *mtime })
        }
        _ => None,
    }
}

fn pass(mut file: std::fs::File, begin: u64, rest: u64, mut pieces: Pieces, done: &Done) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(begin))?;
    let (mut rest, mut buffer) = (file.take(rest), vec![0; CHUNK]);
    loop {
        let got = rest.read(&mut buffer)?;
        if got == 0 {
            return pieces.flush();
        }
        pieces.write_all(&buffer[..got])?;
        done.add(got);
    }
}

/// Sets `p` to a path, whatever bytes it has. A shell drops line ends behind what it is told, so another sign stands there.
fn word(path: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    let text: String = path
        .iter()
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("\\0{byte:03o}") })
        .collect();
    format!("p=$(printf %b './{text}.'); p=${{p%.}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reaches_the_shell_byte_by_byte() {
        for name in [&b"plain/a.b"[..], b"-rf", b"it's $(x) \\ %b\n", b"caf\xe9\xff"] {
            for shell in ["sh", "bash"] {
                let script = format!("{}\nprintf %s \"$p\"", word(name));
                let output = std::process::Command::new(shell).args(["-c", &script]).env("LC_ALL", "C.UTF-8").output();
                assert_eq!(output.unwrap().stdout, [b"./", name].concat(), "{shell}");
            }
        }
    }
}
