//! The keeper: one process that outlives every client, ends what is due, and leaves when nothing is open. Its beat is in
//! the ledger before a request that costs leaves. What it does is `watch`; this module says who does it, and starts it.

use super::{
    FlowError, Rooms,
    watch::Watch,
    worker::{self, Worker},
};
use crate::clock::Clock;
use bursar_store::{Keeper, Store};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::Instant;

/// A keeper that has not beaten for so long is passed over.
const FRESH_SECS: u64 = 30;
const BEAT: Duration = Duration::from_secs(5);
/// A keeper whose rounds hang for so long beats no more: then another takes over.
const ROUND_MAX_SECS: u64 = 120;
/// A create waits so long for a keeper that begins.
const BEGINS_BY: Duration = Duration::from_secs(20);
/// It stays a while when nothing is open: the next create finds it.
const IDLE_SECS: u64 = 60;
/// It goes on by what it knows while the ledger cannot be read, and looks for it this long after everything is due.
const LOST_SECS: u64 = 600;

/// What a keeper of this computer can do when everything else has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// It lives on when its client goes.
    Outlives,
    /// It ends with this surrounding, whatever it does.
    EndsWith(&'static str),
}

impl Reach {
    /// Looks where this process runs.
    pub fn here() -> Reach {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let first = std::fs::read_to_string("/proc/1/cgroup").unwrap_or_default();
        let in_container = ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists())
            || ["docker", "kubepods", "lxc", "containerd"].iter().any(|word| first.contains(word))
            || is_set("container")
            || is_set("KUBERNETES_SERVICE_HOST");
        match (in_container, is_set("CI")) {
            (true, _) => Reach::EndsWith("this container"),
            (false, true) => Reach::EndsWith("this CI job"),
            (false, false) => Reach::Outlives,
        }
    }

    /// Says what that means for the ends of instances.
    pub fn in_words(&self) -> String {
        match self {
            Reach::Outlives => {
                "the keeper ends it then, also when this client is gone; not while this computer is off".to_owned()
            }
            Reach::EndsWith(what) => {
                format!("the keeper ends it then, but it cannot outlive {what}: destroy it before that ends")
            }
        }
    }
}

impl Rooms {
    /// Returns whether a keeper lives that can be relied on.
    pub async fn keeper(&self) -> Result<Option<Keeper>, FlowError> {
        Ok(self.store.keeper().await?.filter(|keeper| !passed_over(keeper)))
    }

    /// Makes sure that a keeper beats, before anything is spent.
    pub async fn ensure_keeper(&self) -> Result<(), FlowError> {
        let began = Instant::now();
        // One start at a time in this process; whoever waited finds it begun.
        let _starting = self.keeper_starts.lock().await;
        let mut started = false;
        loop {
            match self.keeper().await? {
                Some(keeper) if is_newer(&version(), &keeper.version) => {
                    self.store.ask_keeper_to_go(&version()).await?;
                    // It hands over within a beat; the lease is safe with either.
                    return Ok(());
                }
                Some(_) => return Ok(()),
                None if !started => {
                    start(self).map_err(|why| no_keeper(&why))?;
                    started = true;
                }
                None => {}
            }
            if began.elapsed() > BEGINS_BY {
                return Err(no_keeper(&format!("its first beat did not come within {} s", BEGINS_BY.as_secs())));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Starts a keeper where something is open and none lives.
    pub async fn replace_keeper(&self) -> Result<(), FlowError> {
        if self.store.open_instances().await?.is_empty() {
            return Ok(());
        }
        if self.keeper().await?.is_none() {
            // Without a key it could end nothing; that is told where the end is asked.
            self.lend_for_open()
                .await
                .inspect_err(|error| tracing::warn!(%error, "no key was lent to the keeper"))
                .ok();
        }
        self.ensure_keeper().await
    }

    /// Is the keeper until nothing is open, another one takes over, or `stays` says never to leave by itself.
    pub async fn keep(self, stays: bool) -> Result<bool, FlowError> {
        let me = self.worker.row();
        if !self.store.become_keeper(&me, Clock::awake_secs(), &version(), passed_over).await? {
            return Ok(false);
        }
        tracing::info!(worker = me.0, version = version(), "keeps");
        let rounded = Arc::new(AtomicU64::new(Clock::awake_secs()));
        let mut beats = crate::task::spawn(beat(self.clone(), rounded.clone()));
        let (mut watch, mut idle_since) = (Watch::default(), Clock::awake_secs());
        loop {
            let open = watch.round(&self, false).await;
            rounded.store(Clock::awake_secs(), Relaxed);
            if self.is_pointless() {
                break;
            }
            match open {
                Ok(0) => {}
                // What is lost cannot be counted: it stays.
                Ok(_) | Err(_) => idle_since = Clock::awake_secs(),
            }
            let idle = Clock::awake_secs().saturating_sub(idle_since);
            if idle >= IDLE_SECS && !stays && self.store.keeper_leaves(&me, false).await.unwrap_or(false) {
                super::lent::forget(&self.settings.home);
                tracing::info!("nothing is open: the keeper leaves");
                break;
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep(super::watch::ROUND) => {}
                why = &mut beats => {
                    tracing::info!(why = why.unwrap_or("its beat broke down"), "no longer the keeper");
                    watch.finish().await;
                    return Ok(true);
                }
            }
        }
        beats.abort();
        watch.finish().await;
        Ok(true)
    }

    /// A practice that was taken away has no machines to end, and a test leaves no process behind.
    fn is_pointless(&self) -> bool {
        self.settings.practice.as_ref().is_some_and(|practice| !practice.clock_file.exists())
    }
}

/// Beats until another keeps, or a newer program asked for it. A ledger that cannot be reached ends no keeper.
async fn beat(rooms: Rooms, rounded: Arc<AtomicU64>) -> &'static str {
    let me = rooms.worker.row();
    let mut lost_since = None;
    loop {
        let now = Clock::awake_secs();
        if now.saturating_sub(rounded.load(Relaxed)) < ROUND_MAX_SECS {
            match rooms.store.keeper_beats(&me, now).await {
                Ok(None) => return "another one keeps",
                Ok(Some(keeper)) if keeper.wanted.as_deref().is_some_and(|wanted| is_newer(wanted, &version())) => {
                    if rooms.store.keeper_leaves(&me, true).await.is_ok() {
                        return "a newer bursar takes over";
                    }
                }
                Ok(Some(_)) => lost_since = None,
                Err(error) => {
                    let since = *lost_since.get_or_insert(now);
                    let secs = now.saturating_sub(since);
                    if secs == 0 || secs >= LOST_SECS {
                        tracing::error!(%error, secs, "the keeper cannot reach the ledger; what it knows to be due is still ended");
                    }
                }
            }
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// Returns whether a keeper lives that can be relied on.
pub(super) async fn beats(store: &Store) -> Result<bool, bursar_store::StoreError> {
    Ok(store.keeper().await?.is_some_and(|keeper| !passed_over(&keeper)))
}

/// Whoever has ended, belongs to another boot, or has not beaten for a while.
fn passed_over(keeper: &Keeper) -> bool {
    Worker::is_dead(&keeper.worker) || Clock::awake_secs().saturating_sub(keeper.beat) > FRESH_SECS
}

/// What this program knows: the ledger's schema first, then its own version.
fn version() -> String {
    format!("{}.{}", Store::schema_known(), env!("CARGO_PKG_VERSION"))
}

fn is_newer(one: &str, other: &str) -> bool {
    let parts = |text: &str| text.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u64>>();
    parts(one) > parts(other)
}

fn no_keeper(why: &str) -> FlowError {
    let hint = "nothing was reserved and nobody was asked; run `bursar watch` in a terminal and look at what it says, or see \
                keeper.log in the state's folder (`bursar doctor` names it)";
    FlowError::refused(format!("no keeper could be started, and without one nothing is rented: {why}"), hint)
}

/// Variables that the keeper is given: where things are, and no key.
const TAKES: [&str; 12] = [
    "HOME",
    "PATH",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "BITLAUNCH_SSH_KEY_PATH",
];

/// Starts a keeper that has nothing of this process: its own session (which it makes itself), no streams, `/` as folder.
fn start(rooms: &Rooms) -> Result<(), String> {
    if let Some(around) = crate::simulation::around() {
        return around.start_keeper();
    }
    let settings = &rooms.settings;
    // An update takes this program's file away while it runs; what runs can still be started.
    let program = std::env::current_exe().ok().filter(|file| file.exists()).unwrap_or_else(|| "/proc/self/exe".into());
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    let mut command = tokio::process::Command::new(program);
    command.args(["watch", "--keeper"]).current_dir("/").env_clear();
    for (name, value) in std::env::vars_os() {
        let known = name.to_str().is_some_and(|name| TAKES.contains(&name) || name.starts_with("BURSAR_"));
        if known {
            command.env(name, value);
        }
    }
    command.env("BURSAR_HOME", absolute(&settings.home)).env("BURSAR_WORKSPACE", absolute(&settings.workspace));
    // The demo's practice stands in its settings only, not in this process's variables.
    if let Some(practice) = &settings.practice {
        command.env("BURSAR_PRACTICE", &practice.url).env("BURSAR_PRACTICE_SSH_PORT", practice.ssh_port.to_string());
        command.env("BURSAR_PRACTICE_CLOCK", absolute(&practice.clock_file));
    }
    if settings.file.exists() {
        command.env("BURSAR_CONFIG", absolute(&settings.file));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Dropped, it lives on; the runtime looks after what is left of one that ended.
    command.spawn().map(drop).map_err(|error| format!("it could not be started: {error}"))
}

/// Returns the moment of a lease's end by the clock of this boot, from its end by the wall clock.
pub(super) fn boot_end(left_secs: u64) -> (String, u64) {
    (worker::boot(), Clock::boot_secs().saturating_add(left_secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_program_is_told_by_its_numbers() {
        for (one, other, newer) in [
            ("3.0.1.0", "3.0.1.0", false),
            ("4.0.1.0", "3.9.9.9", true),
            ("3.0.10.0", "3.0.9.0", true),
            ("3.0.1.0", "4.0.1.0", false),
        ] {
            assert_eq!(is_newer(one, other), newer, "{one} {other}");
        }
    }

    #[test]
    fn a_keeper_that_beats_is_kept_and_a_silent_or_dead_one_is_passed_over() {
        let me = Worker::this_process().row();
        let keeper = |worker: &bursar_store::Worker, ago: u64| Keeper {
            worker: worker.clone(),
            beat: Clock::awake_secs().saturating_sub(ago),
            version: version(),
            wanted: None,
        };
        assert!(!passed_over(&keeper(&me, 1)));
        assert!(passed_over(&keeper(&me, FRESH_SECS + 5)) || Clock::awake_secs() <= FRESH_SECS);
        let dead = bursar_store::Worker(me.0.replacen('@', "@1", 1));
        assert!(passed_over(&keeper(&dead, 1)) || worker::boot().is_empty());
    }
}
