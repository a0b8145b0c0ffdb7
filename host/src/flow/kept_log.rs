//! The bytes of one log that are kept: its beginning in one file, its end in another. What lies between is counted. Whoever
//! writes holds the lock of the instance's folder; a kill at any moment leaves bytes that are right.

use super::kept::{size, write_whole};
use bursar_ssh::LogPart;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Of each log the first bytes, and the last: 16 MiB together. What lies between is counted.
pub(super) const HEAD_MAX: u64 = 4 << 20;
pub(super) const TAIL_MAX: u64 = 12 << 20;
/// A tail answer holds as much.
const WINDOW: u64 = 512 << 10;
/// The bytes of a log that are kept: `[0, head)` and `[tail, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Have {
    pub head: u64,
    pub tail: u64,
    pub end: u64,
}

/// Returns which kept bytes answer. Where some are missing it goes on behind them; what `from` tells then says how many.
pub(super) fn which(have: Have, log_bytes: u64, wanted: LogPart) -> (u64, u64) {
    let joined = have.tail <= have.head;
    let end = have.end.max(have.head);
    match wanted {
        LogPart::Tail => {
            let from = end.saturating_sub(WINDOW).max(if joined { 0 } else { have.tail });
            (from, end - from)
        }
        LogPart::From { offset, max } => {
            let offset = offset.min(log_bytes);
            let (from, until) = match offset {
                offset if offset < have.head => (offset, have.head),
                offset if offset < have.tail && have.tail < have.end => (have.tail, have.end),
                offset if offset < end => (offset, end),
                _ => (log_bytes, log_bytes),
            };
            (from, (until - from).min(max.max(16)))
        }
    }
}

/// The end of a log is in a file named after the offset where it begins. Of two, after a kill, the one that reaches further.
fn tail_file(dir: &Path) -> Option<(u64, PathBuf)> {
    let files = fs::read_dir(dir).ok()?.flatten();
    let tails = files.filter_map(|file| {
        let from = file.file_name().to_str()?.strip_prefix("tail-")?.parse().ok()?;
        Some((from, file.path()))
    });
    tails.max_by_key(|(from, path): &(u64, PathBuf)| from + size(path))
}

pub(super) fn have(dir: &Path) -> Have {
    let head = size(&dir.join("head"));
    let (tail, end) = tail_file(dir).map_or((head, head), |(from, path)| (from, from + size(&path)));
    Have { head, tail, end }
}

pub(super) fn read(dir: &Path, from: u64, len: u64) -> io::Result<Vec<u8>> {
    let head = size(&dir.join("head"));
    let mut bytes = Vec::new();
    if from < head {
        part(&dir.join("head"), from, len.min(head - from), &mut bytes)?;
    }
    let got = bytes.len() as u64;
    if let Some((tail, path)) = tail_file(dir).filter(|(tail, _)| got < len && *tail <= from + got) {
        part(&path, from + got - tail, len - got, &mut bytes)?;
    }
    Ok(bytes)
}

fn part(path: &Path, from: u64, len: u64, into: &mut Vec<u8>) -> io::Result<()> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    file.take(len).read_to_end(into)?;
    Ok(())
}

/// Adds the bytes that continue what is kept, first its beginning, then its end.
pub(super) fn add(dir: &Path, mut from: u64, mut bytes: &[u8]) -> io::Result<()> {
    let have = have(dir);
    let rest = |bytes: &'_ [u8], n: u64| usize::try_from(n).map_or(bytes.len(), |n| n.min(bytes.len()));
    if from <= have.head {
        let known = rest(bytes, have.head - from);
        (from, bytes) = (from + known as u64, &bytes[known..]);
        let fits = rest(bytes, HEAD_MAX.saturating_sub(have.head));
        append(&dir.join("head"), &bytes[..fits])?;
        (from, bytes) = (from + fits as u64, &bytes[fits..]);
    }
    let next = from + bytes.len() as u64;
    if bytes.is_empty() || next <= have.end {
        return Ok(());
    }
    match tail_file(dir) {
        Some((tail, path)) if tail <= from && from <= have.end => {
            append(&path, &bytes[rest(bytes, have.end - from)..])?;
            let kept = next - tail;
            if kept > 2 * TAIL_MAX {
                replace_tail(dir, next - TAIL_MAX, &read(dir, next - TAIL_MAX, TAIL_MAX)?)?;
            }
            Ok(())
        }
        _ => replace_tail(dir, from, bytes),
    }
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    OpenOptions::new().create(true).append(true).open(path)?.write_all(bytes)
}

pub(super) fn replace_tail(dir: &Path, from: u64, bytes: &[u8]) -> io::Result<()> {
    let old = tail_file(dir);
    write_whole(&dir.join(format!("tail-{from}")), bytes)?;
    match old {
        Some((before, path)) if before != from => fs::remove_file(path),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte(at: u64) -> u8 {
        (at.wrapping_mul(2_654_435_761) >> 11) as u8
    }

    fn bytes(from: u64, until: u64) -> Vec<u8> {
        (from..until).map(byte).collect()
    }

    /// Reads all that is kept as a reader would, and sees that every byte stands where it was written.
    fn check(dir: &Path, log_bytes: u64) -> (u64, u64) {
        let (mut offset, mut kept, mut gaps) = (0, 0, 0);
        while offset < log_bytes {
            let (from, len) = which(have(dir), log_bytes, LogPart::From { offset, max: 100_000 });
            let got = read(dir, from, len).unwrap();
            assert!(from >= offset && got.len() as u64 == len, "{from} {len}");
            assert!(got == bytes(from, from + len), "{from} {len}");
            (gaps, kept) = (gaps + from - offset, kept + len);
            offset = from + len;
        }
        (kept, gaps)
    }

    #[test]
    fn pieces_in_any_order_are_kept_where_they_belong() {
        type Pieces<'a> = &'a [(u64, u64)];
        let cases: [(Pieces<'_>, u64, u64, u64); 8] = [
            (&[], 0, 0, 0),
            (&[(0, 10), (10, 30)], 30, 30, 0),
            (&[(0, 10), (5, 30), (0, 30), (12, 13)], 30, 30, 0),
            (&[(500, 900)], 900, 400, 500),
            (&[(500, 900), (0, 100)], 900, 500, 400),
            (&[(500, 900), (0, 100), (100, 600)], 900, 900, 0),
            (&[(0, 100), (500, 900), (800, 1_000), (300, 400)], 1_000, 600, 400),
            (&[(0, 100), (500, 900), (2_000, 2_100)], 2_100, 200, 1_900),
        ];
        for (pieces, log_bytes, kept, gaps) in cases {
            let dir = tempfile::tempdir().unwrap();
            for (from, until) in pieces {
                add(dir.path(), *from, &bytes(*from, *until)).unwrap();
            }
            assert_eq!(check(dir.path(), log_bytes), (kept, gaps), "{pieces:?}");
            let (from, len) = which(have(dir.path()), log_bytes, LogPart::Tail);
            assert_eq!(read(dir.path(), from, len).unwrap(), bytes(from, log_bytes), "{pieces:?}");
        }
    }

    #[test]
    fn a_long_log_keeps_its_beginning_and_its_end_in_bounded_room() {
        let dir = tempfile::tempdir().unwrap();
        let all = HEAD_MAX + 3 * TAIL_MAX;
        let piece = 1 << 20;
        for from in (0..all).step_by(piece) {
            add(dir.path(), from, &bytes(from, from + piece as u64)).unwrap();
            assert!(have(dir.path()).end - have(dir.path()).tail <= 2 * TAIL_MAX);
        }
        let (kept, gaps) = check(dir.path(), all);
        assert!(kept >= HEAD_MAX + TAIL_MAX && kept + gaps == all, "{kept} {gaps}");
        assert_eq!(read(dir.path(), 0, 9).unwrap(), bytes(0, 9));
    }

    #[test]
    fn of_two_ends_that_a_kill_left_the_further_one_counts() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("tail-500"), bytes(500, 900)).unwrap();
        fs::write(dir.path().join("tail-700"), bytes(700, 1_000)).unwrap();
        fs::write(dir.path().join("tail-900.new"), b"half").unwrap();
        assert_eq!(have(dir.path()), Have { head: 0, tail: 700, end: 1_000 });
        assert_eq!(check(dir.path(), 1_000), (300, 700));
    }
}
