//! Who acts on an instance: one process at a time. A process that died frees its instances at once.

use crate::simulation;
use std::sync::Arc;

/// A process, told apart from a later one with the same number by when it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker(Arc<str>);

/// How long a claim lasts without being renewed.
pub const CLAIM_SECS: u64 = 30;

impl Worker {
    pub fn this_process() -> Worker {
        if let Some(process) = simulation::process() {
            return Worker(process.name.as_str().into());
        }
        let pid = std::process::id();
        Worker(format!("{pid}@{}@{}", began(pid).unwrap_or_default(), boot()).into())
    }

    pub fn row(&self) -> bursar_store::Worker {
        bursar_store::Worker(self.0.to_string())
    }

    /// Returns whether a claim's process is known to be gone. Where that cannot be known, its time runs out instead.
    pub fn is_dead(row: &bursar_store::Worker) -> bool {
        if let Some(around) = simulation::around() {
            return around.is_dead(&row.0);
        }
        let mut parts = row.0.split('@');
        let (Some(pid), Some(start), Some(its_boot)) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        let here = boot();
        if here.is_empty() || start.is_empty() || its_boot.is_empty() {
            return false;
        }
        its_boot != here || pid.parse().ok().and_then(began).as_deref() != Some(start)
    }
}

/// Returns when a process began, in the kernel's own ticks; nothing where the system does not tell, or it is gone.
fn began(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold blanks; the 20th field after it is the start time, the first the state.
    let after_name = stat.rsplit_once(')')?.1;
    // One that has ended, and whose parent has not looked yet, does nothing any more.
    let ended = after_name.trim_start().starts_with(['Z', 'X']);
    if ended {
        return None;
    }
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

/// Returns this boot's id; empty where the system has none.
pub(super) fn boot() -> String {
    if let Some(around) = simulation::around() {
        return around.boot_id();
    }
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_is_not_dead_and_another_with_its_number_is_not_it() {
        let me = Worker::this_process().row();
        assert!(!Worker::is_dead(&me));
        if boot().is_empty() {
            return;
        }
        let [pid, start, here] = me.0.split('@').collect::<Vec<_>>()[..] else { panic!("{me:?}") };
        for (row, dead) in [
            (format!("{pid}@1{start}@{here}"), true),
            (format!("{pid}@{start}@another-boot"), true),
            (format!("4194999@{start}@{here}"), true),
            ("unreadable".to_owned(), false),
        ] {
            assert_eq!(Worker::is_dead(&bursar_store::Worker(row.clone())), dead, "{row}");
        }
    }
}
