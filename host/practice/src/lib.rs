//! Imitations of the providers' real APIs on loopback, with machines that answer SSH, so that the whole loop can be
//! walked, tested and shown for nothing. The README beside this crate is the reference. It uses no other part of
//! Bursar, and nothing in it can reach a real provider.

mod aleph;
mod bitlaunch;
mod clock;
mod control;
mod error;
mod faults;
mod ids;
mod imitation;
mod inner;
mod ionet;
mod journal;
mod loopback;
mod machines;
mod provider;
mod rental;
mod reply;
mod serve;
mod tensorpool;
mod tick;
mod vast;

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use bitlaunch::Pace;
pub use error::PracticeError;
pub use machines::Machines;

use bitlaunch::World;
use clock::Clock;
use imitation::{Beginning, Others};
use inner::{Inner, Place};
use loopback::Loopback;
use machines::{Fleet, Roster};

/// How a practice is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where HTTP is served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where machines live. One practice at a time uses a directory.
    pub dir: PathBuf,
    pub machines: Machines,
    /// Where the clock's offset is written; `clock` in the directory if not given.
    pub clock_file: Option<PathBuf>,
    pub pace: Pace,
    /// The account's first balance, in thousandths of a US dollar.
    pub balance_musd: i64,
    /// How many servers the account may have at once.
    pub server_limit: usize,
    /// Use 127.0.0.1 and one machine at a time, as on computers where 127.77.0.0/16 cannot be bound.
    pub single_address: bool,
    /// The providers whose keys `env` tells. All are served.
    pub providers: Vec<String>,
}

impl Options {
    /// Returns the usual options for a directory: a free port, built-in machines, boots in about a second.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            dir: dir.into(),
            machines: Machines::BuiltIn,
            clock_file: None,
            pace: Pace { launch_ms: 500, ssh_ms: 300, reboot_ms: 1000 },
            balance_musd: 200_000,
            server_limit: 10,
            single_address: false,
            providers: vec!["bitlaunch".to_owned()],
        }
    }
}

/// The names of all providers that are imitated, as `Options::providers` takes them.
pub fn providers() -> Vec<&'static str> {
    imitation::names()
}

/// A running practice. Dropping it ends everything it started; `stop` does so without blocking the thread.
pub struct Practice {
    inner: Arc<Inner>,
    loopback: Loopback,
    roster: Roster,
    stop: watch::Sender<bool>,
    http: JoinHandle<()>,
    tick: Option<JoinHandle<()>>,
    // Unlocked when the practice is gone.
    _lock: File,
}

/// Starts a practice.
pub async fn start(options: Options) -> Result<Practice, PracticeError> {
    if options.machines == Machines::OpenSsh {
        machines::check_openssh().map_err(PracticeError::Machines)?;
    }
    let (dir, lock) = take_directory(&options.dir)?;
    let base = dir.join("machines");
    machines::clear_left_behind(&base).await;
    let clock_file = options.clock_file.clone().unwrap_or_else(|| dir.join("clock"));
    let clock = Clock::open(Some(clock_file.clone()))
        .map_err(|source| PracticeError::Directory { dir: dir.clone(), source })?;

    let listen = |source| PracticeError::Listen { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
    let http = listener.local_addr().map_err(listen)?;
    let loopback = Loopback::reserve(options.single_address).map_err(|source| PracticeError::Loopback { source })?;

    let mut world = World::new(clock.now(), options.pace, options.balance_musd, options.server_limit);
    world.single_address = loopback.single_address();
    aleph::World::write_key(&dir).map_err(|source| PracticeError::Directory { dir: dir.clone(), source })?;
    let others = Others::new(&Beginning {
        pace: options.pace,
        balance_musd: options.balance_musd,
        single_address: loopback.single_address(),
        ssh_port: loopback.port(),
        url: format!("http://{}", local(http)),
        now: clock.now(),
    });
    let providers = options.providers.clone();
    let place = Place { http, ssh_port: loopback.port(), dir, clock_file, providers };
    let inner = Arc::new(Inner::new(clock, world, others, place));

    let roster = Roster::default();
    let fleet = Fleet::new(options.machines, base, loopback.port(), local(http), roster.clone());
    let (stop, stopped) = watch::channel(false);
    let tick = Some(tokio::spawn(tick::run(Arc::clone(&inner), fleet, stopped)));
    let http = tokio::spawn(serve::run(listener, Arc::clone(&inner)));
    Ok(Practice { inner, loopback, roster, stop, http, tick, _lock: lock })
}

impl Practice {
    pub fn http_addr(&self) -> SocketAddr {
        self.inner.http
    }

    /// Returns the port on which every machine answers SSH, each on its own address.
    pub fn ssh_port(&self) -> u16 {
        self.inner.ssh_port
    }

    /// Returns the lines of `bursar practice --env`.
    pub fn env(&self) -> Vec<(String, String)> {
        self.inner.environment()
    }

    /// Tells, where it is so, that only one machine can live at a time, and why.
    pub fn notice(&self) -> Option<String> {
        self.loopback.notice()
    }

    /// Returns what `GET /_practice/state` answers.
    pub fn state(&self) -> Value {
        self.inner.truth()
    }

    /// Returns when the practice has stopped serving, which it does not do by itself.
    pub async fn wait(&mut self) {
        let _ = (&mut self.http).await;
    }

    /// Stops serving and ends every machine.
    pub async fn stop(mut self) {
        self.http.abort();
        self.stop.send_replace(true);
        if let Some(tick) = self.tick.take() {
            let _ = tick.await;
        }
    }
}

impl Drop for Practice {
    fn drop(&mut self) {
        self.http.abort();
        if let Some(tick) = self.tick.take() {
            tick.abort();
            self.roster.end_all();
        }
    }
}

fn take_directory(dir: &Path) -> Result<(PathBuf, File), PracticeError> {
    let failed = |source| PracticeError::Directory { dir: dir.to_path_buf(), source };
    std::fs::create_dir_all(dir.join("machines")).map_err(failed)?;
    let dir = dir.canonicalize().map_err(failed)?;
    let lock = File::create(dir.join("lock")).map_err(failed)?;
    lock.try_lock().map_err(|_| PracticeError::InUse { dir: dir.clone() })?;
    Ok((dir, lock))
}

/// Returns the address under which machines reach us.
fn local(http: SocketAddr) -> SocketAddr {
    if http.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], http.port())) } else { http }
}
