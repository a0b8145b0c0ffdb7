//! The list of what was started and not yet ended, so that it can be ended even when the practice is dropped or
//! was killed. It starts nothing.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Home, reap};

/// Shared by the practice, which empties it when dropped, and the fleet, which fills it.
#[derive(Clone, Default)]
pub(crate) struct Roster {
    entries: Arc<Mutex<HashMap<String, Entry>>>,
}

#[derive(Clone, Default)]
struct Entry {
    dirs: Vec<PathBuf>,
    /// Processes that cannot be found by their environment.
    roots: Vec<i32>,
}

impl Roster {
    pub(crate) fn add(&self, home: &Home) {
        self.lock().insert(home.id.clone(), Entry { dirs: home.dirs(), roots: Vec::new() });
    }

    pub(crate) fn add_root(&self, id: &str, pid: i32) {
        self.lock().entry(id.to_owned()).or_default().roots.push(pid);
    }

    pub(crate) fn remove_root(&self, id: &str, pid: i32) {
        self.lock().entry(id.to_owned()).or_default().roots.retain(|root| *root != pid);
    }

    pub(crate) fn roots(&self, id: &str) -> Vec<i32> {
        self.lock().get(id).map(|entry| entry.roots.clone()).unwrap_or_default()
    }

    pub(crate) fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Ends everything that is left: processes and directories. Blocking.
    pub(crate) fn end_all(&self) {
        let entries: Vec<(String, Entry)> = self.lock().drain().collect();
        for (id, entry) in entries {
            reap::reap(&id, &entry.roots);
            for dir in entry.dirs {
                let _ = std::fs::remove_dir_all(dir);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends what an earlier practice in the same directory left behind when it was killed. Blocking.
pub(crate) fn end_left_behind(base: &Path) {
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        let Ok(id) = entry.file_name().into_string() else { continue };
        reap::reap(&id, &reap::daemons_under(&entry.path()));
        let _ = std::fs::remove_dir_all(Home::short_dir(&id));
        let _ = std::fs::remove_dir_all(entry.path());
    }
}
