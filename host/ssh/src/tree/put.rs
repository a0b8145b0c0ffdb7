//! Writes the script that a machine runs once all of a folder has arrived: it checks, removes, renames. Its words are ours;
//! names stand in quotes, however odd they are.

use super::list::List;
use super::parent;
use super::plan::Plan;

/// Names on one command line together; Linux takes 128 KiB in one word and 2 MiB in all.
const LINE_MAX: usize = 100_000;

/// What the script is told beside the plan.
pub(super) struct Put<'a> {
    pub(super) from: &'a List,
    pub(super) plan: &'a Plan,
    /// Of the lines that `sums` prints for the files that `names` in the stage names.
    pub(super) sha256: &'a str,
    pub(super) has_files: bool,
    /// Nothing is at the target yet.
    pub(super) fresh: bool,
}

/// Runs in the stage: `$p` is the target, `$s` the stage, `t` holds what arrived.
pub(super) fn script(put: &Put<'_>) -> Vec<u8> {
    let mut text = Script::default();
    if put.has_files {
        text.line(b"(cd t && sums <../names >../sums) || stop 'the checksums could not be made'");
        text.line(b"case $(head -n 1 sums) in *none) h=none;; *) h=$(sum <sums);; esac; h=${h%% *}");
        text.line(
            format!("[ \"$h\" = {0} ] || [ \"$h\" = none ] || {{ echo \"differs $h\"; exit 0; }}", put.sha256)
                .as_bytes(),
        );
    } else {
        text.line(b"h=none-needed");
    }
    if put.fresh {
        text.line(b"[ ! -e \"$p\" ] || stop 'another copy of this folder runs, and was first'");
        text.line(b"mv -f -- \"$s/t\" \"$p\" || stop 'renaming failed'");
    }
    text.line(b"cd \"$p\" || stop 'no folder'");
    text.batch(b"rm -f --", &put.plan.remove, b"|| stop 'removing failed'");
    for folder in &put.plan.remove_dirs {
        // What is not empty holds something that was ignored, and stays.
        text.words(&[b"rmdir --", &quoted(folder), b"2>/dev/null"]);
    }
    if !put.fresh {
        moves(&mut text, put);
    }
    modes(&mut text, put);
    text.line(b"cd / && rm -rf -- \"$s\"");
    text.line(b"echo \"done $h\"");
    text.bytes
}

/// A folder that the target lacks moves as a whole; of the others, what they hold.
fn moves(text: &mut Script, put: &Put<'_>) {
    let plan = put.plan;
    let is_new = |path: &[u8]| plan.make.binary_search_by(|other| other.as_slice().cmp(path)).is_ok();
    let mut by_folder: std::collections::BTreeMap<&[u8], Vec<&[u8]>> = std::collections::BTreeMap::new();
    for path in plan.make.iter().chain(&plan.send) {
        let folder = parent(path);
        if folder.is_empty() || !is_new(folder) {
            by_folder.entry(folder).or_default().push(path);
        }
    }
    for (folder, paths) in by_folder {
        let to = if folder.is_empty() { b"./".to_vec() } else { quoted(&[folder, b"/"].concat()) };
        let mut line = Vec::new();
        for path in paths {
            if line.len() > LINE_MAX {
                text.words(&[b"mv -f --", &line, &to, b"|| stop 'renaming failed'"]);
                line.clear();
            }
            line.extend_from_slice(b" \"$s\"/t/");
            line.extend_from_slice(&quoted(path));
        }
        text.words(&[b"mv -f --", &line, &to, b"|| stop 'renaming failed'"]);
    }
}

/// Permissions of what stayed, and of new folders that their owner may not write into: last, or nothing could move into them.
fn modes(text: &mut Script, put: &Put<'_>) {
    let mut by_mode: std::collections::BTreeMap<u32, Vec<Vec<u8>>> = std::collections::BTreeMap::new();
    let new = put.plan.make.iter().filter_map(|path| put.from.get(path).map(|entry| (path, entry.mode)));
    let closed = new.filter(|(_, mode)| mode & 0o700 != 0o700);
    for (path, mode) in put.plan.modes.iter().map(|(path, mode)| (path, *mode)).chain(closed) {
        by_mode.entry(mode).or_default().push(path.clone());
    }
    for (mode, mut paths) in by_mode {
        paths.reverse();
        text.batch(format!("chmod {mode:o} --").as_bytes(), &paths, b"");
    }
}

#[derive(Default)]
struct Script {
    bytes: Vec<u8>,
}

impl Script {
    fn line(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
    }

    fn words(&mut self, words: &[&[u8]]) {
        self.line(&words.join(&b' '));
    }

    /// One command for many names, as many times as needed.
    fn batch(&mut self, command: &[u8], paths: &[Vec<u8>], then: &[u8]) {
        let mut line = Vec::new();
        for path in paths {
            if line.len() > LINE_MAX {
                self.words(&[command, &line, then]);
                line.clear();
            }
            line.push(b' ');
            line.extend_from_slice(&quoted(path));
        }
        if !line.is_empty() {
            self.words(&[command, &line, then]);
        }
    }
}

/// Returns a path below the target as one word of a shell that is no option, whatever bytes it holds.
fn quoted(path: &[u8]) -> Vec<u8> {
    let mut word = b"'./".to_vec();
    for byte in path {
        match byte {
            b'\'' => word.extend_from_slice(br"'\''"),
            byte => word.push(*byte),
        }
    }
    word.push(b'\'');
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_and_no_option() {
        assert_eq!(quoted(b"-rf /"), b"'./-rf /'");
        assert_eq!(quoted(b"it's $(x)\n"), b"'./it'\\''s $(x)\n'");
    }
}
