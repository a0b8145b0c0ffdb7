//! What a folder holds, path by path, and how a machine tells it. Nothing a machine tells is taken before it is checked here.

use std::collections::BTreeMap;

use super::{ENTRIES_MAX, is_stage, parent, shown};
use crate::error::SshError;

/// Lists one folder on the machine.
pub(super) const SCRIPT: &str = include_str!("list.sh");

/// Paths below a folder, joined by `/`. A folder stands before what it holds.
pub(super) type List = BTreeMap<Vec<u8>, Entry>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// The nine bits that owner, group and others have.
    pub(super) mode: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Dir,
    File {
        size: u64,
        mtime: Time,
    },
    Link {
        to: Vec<u8>,
    },
    /// A device, a socket, a pipe: never copied.
    Other,
}

/// When a file was changed last, as finely as its side keeps and tells it: without parts of a second they are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) secs: i64,
    pub(super) nanos: u32,
}

impl Time {
    /// Returns whether both may be the same moment, told by whoever keeps less of it. Two edits within a second differ where
    /// both sides keep parts of one.
    pub(super) fn fits(self, other: Time) -> bool {
        let step = self.step().max(other.step());
        self.secs == other.secs && self.nanos / step == other.nanos / step
    }

    /// The coarsest clock, in nanoseconds, that could have written this.
    fn step(self) -> u32 {
        (0..=9).map(|digits| 10_u32.pow(digits)).take_while(|step| self.nanos.is_multiple_of(*step)).last().unwrap_or(1)
    }

    /// Reads `SECS.PARTS`, as `find` prints it.
    fn read(text: &str) -> Option<Time> {
        let (secs, parts) = text.split_once('.').unwrap_or((text, ""));
        let parts = parts.get(..9).unwrap_or(parts);
        let nanos = format!("{parts:0<9}").parse().ok()?;
        Some(Time { secs: secs.parse().ok()?, nanos })
    }
}

impl Kind {
    /// Returns whether two entries hold the same, as far as a list can tell.
    pub(super) fn fits(&self, other: &Kind) -> bool {
        match (self, other) {
            (Kind::File { size, mtime }, Kind::File { size: others, mtime: time }) => {
                size == others && mtime.fits(*time)
            }
            _ => self == other,
        }
    }
}

impl Entry {
    pub(super) fn is_dir(&self) -> bool {
        self.kind == Kind::Dir
    }

    pub(super) fn size(&self) -> u64 {
        match self.kind {
            Kind::File { size, .. } => size,
            _ => 0,
        }
    }
}

/// Reads what `list.sh` prints: fields and path, a zero byte, the link's target, a zero byte.
pub(super) fn read(text: &[u8]) -> Result<List, SshError> {
    let mut list = List::new();
    let mut words = text.split(|byte| *byte == 0);
    while let Some(word) = words.next() {
        if word.is_empty() {
            continue;
        }
        let target = words.next().ok_or_else(|| odd(word))?;
        let (path, entry) = entry(word, target).ok_or_else(|| odd(word))?;
        if path.first() != Some(&b'/') && is_stage(path.split(|byte| *byte == b'/').next().unwrap_or_default()) {
            continue;
        }
        if !is_plain(path) || list.insert(path.to_vec(), entry).is_some() {
            return Err(odd(path));
        }
        if list.len() > ENTRIES_MAX {
            return Err(too_many());
        }
    }
    let stray = list.keys().find(|path| !parent(path).is_empty() && !list.get(parent(path)).is_some_and(Entry::is_dir));
    match stray {
        Some(path) => Err(odd(path)),
        None => Ok(list),
    }
}

pub(super) fn too_many() -> SshError {
    let why = format!("it holds more than {ENTRIES_MAX} files; leave some out with `ignore`, or pack it");
    SshError::input("folder", why)
}

fn entry<'a>(word: &'a [u8], target: &[u8]) -> Option<(&'a [u8], Entry)> {
    let mut fields = word.splitn(5, |byte| *byte == b' ');
    let mut text = || fields.next().and_then(|field| std::str::from_utf8(field).ok());
    let (kind, size, mtime, mode) = (text()?, text()?, text()?, text()?);
    let path = fields.next()?;
    let mode = u32::from_str_radix(mode, 8).ok()? & 0o777;
    let kind = match kind {
        "d" => Kind::Dir,
        "f" => Kind::File { size: size.parse().ok()?, mtime: Time::read(mtime)? },
        "l" if !target.is_empty() => Kind::Link { to: target.to_vec() },
        _ => Kind::Other,
    };
    Some((path, Entry { kind, mode }))
}

/// Returns whether a path stays below its folder, whatever it is joined to.
fn is_plain(path: &[u8]) -> bool {
    path.len() <= 4096 && path.split(|byte| *byte == b'/').all(|part| !part.is_empty() && part != b"." && part != b"..")
}

/// Returns whether a link's target stays below the folder, seen from where the link lies.
pub(super) fn stays_inside(link: &[u8], to: &[u8]) -> bool {
    if to.first() == Some(&b'/') {
        return false;
    }
    let mut depth = link.iter().filter(|byte| **byte == b'/').count();
    for part in to.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if depth == 0 => return false,
            b".." => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

fn odd(path: &[u8]) -> SshError {
    SshError::Machine {
        doing: "listing the folder",
        why: format!("it told an entry that cannot be: `{}`", shown(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_or_refused_as_a_whole() {
        let cases: [(&[u8], bool); 14] = [
            (b"f 5 1700000000.123 644 a\0\0d 0 1 755 b\0\0f 1 1 600 b/c\0\0", true),
            (b"l 3 1 777 l\0to/there\0", true),
            (b"", true),
            (b"f 5 1 644 with space\nand line\0\0", true),
            (b"f 5 1 644 ../a\0\0", false),
            (b"f 5 1 644 /etc/passwd\0\0", false),
            (b"f 5 1 644 a/../../b\0\0", false),
            (b"f 5 1 644 a//b\0\0", false),
            (b"f 5 1 644 \0\0", false),
            (b"f 5 1 644 no/parent\0\0", false),
            (b"l 5 1 777 l\0..\0f 5 1 644 l/below\0\0", false),
            (b"f -5 1 644 a\0\0", false),
            (b"f 5 1 644 a\0\0f 5 1 644 a\0\0", false),
            (b"welcome!\0\0", false),
        ];
        for (text, taken) in cases {
            assert_eq!(read(text).is_ok(), taken, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn times_are_compared_as_finely_as_both_sides_keep_them() {
        for (one, other, same) in [
            ("5", "5", true),
            ("5", "6", false),
            ("5.1234567890", "5.123456789", true),
            ("5.1234567890", "5.1234567891", true),
            ("5.123456789", "5.123456788", false),
            ("5.123456789", "5.0000000000", true),
            ("5.123456789", "5", true),
            ("5.123456789", "5.1234567", true),
            ("5.123456789", "5.1234566", false),
            ("5.5", "5.6", false),
            ("-5.5", "-5.5", true),
        ] {
            let (one, other) = (Time::read(one).unwrap(), Time::read(other).unwrap());
            assert_eq!((one.fits(other), other.fits(one)), (same, same), "{one:?} {other:?}");
        }
        assert!([".5", "5.x", "x", ""].iter().all(|text| Time::read(text).is_none()));
    }

    #[test]
    fn what_waits_to_be_whole_is_not_listed() {
        let list = read(b"d 0 1 700 .bursar-0123.part\0\0f 1 1 644 .bursar-0123.part/t\0\0f 1 1 644 a\0\0").unwrap();
        assert_eq!(list.keys().collect::<Vec<_>>(), [b"a"]);
    }

    #[test]
    fn a_link_leads_inside_or_out() {
        for (link, to, inside) in [
            ("l", "a", true),
            ("l", "..", false),
            ("a/l", "..", true),
            ("a/l", "../../x", false),
            ("a/l", "../b/../c", true),
            ("l", "/etc/passwd", false),
            ("l", "a/../../x", false),
            ("l", "./a/./b", true),
        ] {
            assert_eq!(stays_inside(link.as_bytes(), to.as_bytes()), inside, "{link} -> {to}");
        }
    }
}
