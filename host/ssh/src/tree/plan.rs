//! What has to be done so that a target is like its source. Pure: two lists in, one plan out.

use std::collections::BTreeSet;

use super::list::{Entry, Kind, List};
use super::{parent, shown};
use crate::error::SshError;

/// Paths, in the order of the list, unless said otherwise.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Files and links whose content moves.
    pub(super) send: Vec<Vec<u8>>,
    /// Folders that the target lacks; a parent stands before its children.
    pub(super) make: Vec<Vec<u8>>,
    /// Entries that stay and get other permissions.
    pub(super) modes: Vec<(Vec<u8>, u32)>,
    /// Files and links in the target that go.
    pub(super) remove: Vec<Vec<u8>>,
    /// Folders that go if they are empty then; children stand before their parents.
    pub(super) remove_dirs: Vec<Vec<u8>>,
    /// Files and links that are the same already.
    pub(super) same: u64,
    /// The sum of the sizes of `send`.
    pub(super) bytes: u64,
}

/// What decides beyond the two lists.
pub(super) struct Rules<'a> {
    pub(super) delete: bool,
    /// Whether an entry of the target stays although the source lacks it.
    pub(super) keep: &'a (dyn Fn(&[u8], bool) -> bool + Sync),
    /// Files of the same size whose checksums were compared and are the same; without, the time decides.
    pub(super) same_hash: Option<&'a BTreeSet<Vec<u8>>>,
}

pub(super) fn plan(from: &List, to: &List, rules: &Rules<'_>) -> Result<Plan, SshError> {
    let mut plan = Plan::default();
    for (path, entry) in from {
        compare(&mut plan, path, entry, to.get(path), rules)?;
    }
    if rules.delete {
        let gone = to.iter().rev().filter(|(path, entry)| !from.contains_key(*path) && !is_kept(path, entry, rules));
        for (path, entry) in gone {
            let list = if entry.is_dir() { &mut plan.remove_dirs } else { &mut plan.remove };
            list.push(path.clone());
        }
    }
    plan.remove_dirs.sort_by(|one, other| other.cmp(one));
    Ok(plan)
}

fn compare(
    plan: &mut Plan,
    path: &[u8],
    entry: &Entry,
    there: Option<&Entry>,
    rules: &Rules<'_>,
) -> Result<(), SshError> {
    match (&entry.kind, there) {
        (Kind::Other, _) => return Ok(()),
        (Kind::Dir, Some(old)) if old.is_dir() => return other_mode(plan, path, entry, old),
        (Kind::Dir, old) => {
            plan.remove.extend(old.map(|_| path.to_vec()));
            plan.make.push(path.to_vec());
            return Ok(());
        }
        (_, Some(old)) if old.is_dir() => {
            if !rules.delete {
                let why = format!(
                    "`{}` is a folder in the target and none in the source; remove it, or ask with `delete`",
                    shown(path)
                );
                return Err(SshError::input("folder", why));
            }
            plan.remove_dirs.push(path.to_vec());
        }
        (_, Some(old)) if is_same(path, &entry.kind, &old.kind, rules) => {
            plan.same += 1;
            return if matches!(entry.kind, Kind::File { .. }) { other_mode(plan, path, entry, old) } else { Ok(()) };
        }
        _ => {}
    }
    plan.bytes += entry.size();
    plan.send.push(path.to_vec());
    Ok(())
}

fn other_mode(plan: &mut Plan, path: &[u8], entry: &Entry, old: &Entry) -> Result<(), SshError> {
    if entry.mode != old.mode {
        plan.modes.push((path.to_vec(), entry.mode));
    }
    Ok(())
}

fn is_same(path: &[u8], new: &Kind, old: &Kind, rules: &Rules<'_>) -> bool {
    match (new, old, rules.same_hash) {
        (Kind::File { size, .. }, Kind::File { size: old, .. }, Some(hashes)) => size == old && hashes.contains(path),
        _ => new.fits(old),
    }
}

fn is_kept(path: &[u8], entry: &Entry, rules: &Rules<'_>) -> bool {
    let mut above = parent(path);
    if (rules.keep)(path, entry.is_dir()) {
        return true;
    }
    while !above.is_empty() {
        if (rules.keep)(above, true) {
            return true;
        }
        above = parent(above);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::list::Time;
    use super::*;

    /// Source, target, with `delete`, and the plan in words.
    type Case<'a> = (&'a [(&'a str, Entry)], &'a [(&'a str, Entry)], bool, &'a str);

    fn file(size: u64, secs: i64) -> Entry {
        Entry { kind: Kind::File { size, mtime: Time { secs, nanos: 0 } }, mode: 0o644 }
    }

    fn dir() -> Entry {
        Entry { kind: Kind::Dir, mode: 0o755 }
    }

    fn link(to: &str) -> Entry {
        Entry { kind: Kind::Link { to: to.into() }, mode: 0o777 }
    }

    fn list(entries: &[(&str, Entry)]) -> List {
        entries.iter().map(|(path, entry)| (path.as_bytes().to_vec(), entry.clone())).collect()
    }

    /// Returns the plan as words: what moves, what is made, what goes.
    fn words(from: &[(&str, Entry)], to: &[(&str, Entry)], delete: bool) -> String {
        let keep = |path: &[u8], _: bool| path == b"kept";
        let plan = match plan(&list(from), &list(to), &Rules { delete, keep: &keep, same_hash: None }) {
            Ok(plan) => plan,
            Err(error) => return error.to_string(),
        };
        let join = |paths: &[Vec<u8>]| {
            paths.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect::<Vec<_>>().join(",")
        };
        format!("{}|{}|{}|{}", join(&plan.send), join(&plan.make), join(&plan.remove), join(&plan.remove_dirs))
    }

    #[test]
    fn a_plan_moves_what_differs_and_removes_only_on_request() {
        let (one, two) = (file(1, 1), file(1, 2));
        #[rustfmt::skip]
        let cases: [Case<'_>; 11] = [
            (&[("a", one.clone())], &[], false, "a|||"),
            (&[("a", one.clone())], &[("a", one.clone())], false, "|||"),
            (&[("a", one.clone())], &[("a", two.clone())], false, "a|||"),
            (&[("d", dir()), ("d/a", one.clone())], &[], false, "d/a|d||"),
            (&[], &[("old", one.clone())], false, "|||"),
            (&[], &[("old", dir()), ("old/a", one.clone()), ("old/d", dir())], true, "||old/a|old/d,old"),
            (&[], &[("kept", dir()), ("kept/a", one.clone())], true, "|||"),
            (&[("l", link("x"))], &[("l", link("y"))], false, "l|||"),
            (&[("d", dir())], &[("d", link("/etc"))], false, "|d|d|"),
            (&[("f", one.clone())], &[("f", dir())], true, "f|||f"),
            (&[("s", Entry { kind: Kind::Other, mode: 0 })], &[], false, "|||"),
        ];
        for (from, to, delete, expected) in cases {
            assert_eq!(words(from, to, delete), expected, "{from:?} -> {to:?}");
        }
        assert!(words(&[("f", one)], &[("f", dir())], false).contains("`delete`"));
    }
}
