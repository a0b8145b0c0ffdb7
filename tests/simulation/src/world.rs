//! The world of one walk: its clocks, its processes, its chance, its story. It is what simulated processes find around them.

use crate::{dice::Dice, laws::Laws, provider::Provider};
use bursar::simulation::{Process, Rooms, Settings, Surroundings};
use bursar_drivers::{Config, DriverError, Drivers};
use bursar_http::{Http, Outbound};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// The ledger of every walk has this id, so that tags are the same for a seed.
pub const LEDGER: &str = "simulation";
pub const BOOTED_MS: u64 = 1_000_000;

pub struct World {
    pub home: PathBuf,
    /// Loaded once for all walks.
    drivers: Drivers,
    began: Instant,
    me: Weak<World>,
    state: Mutex<State>,
    laws: Mutex<Laws>,
    /// Told when the computer has slept.
    slept: Notify,
}

pub struct State {
    pub dice: Dice,
    pub provider: Provider,
    pub crew: Vec<Member>,
    pub story: Vec<String>,
    /// The first law that was broken.
    pub broken: Option<String>,
    /// When it began, by the provider's clock, in milliseconds since 1970.
    began_ms: u64,
    /// How long the computer slept, and how far its time of day is off.
    pub slept_ms: u64,
    pub off_secs: i64,
    /// How often in a hundred a use of the ledger waits, and for how long at most.
    pub slow_store: (u64, u64),
    /// How often in a hundred a keeper cannot be started.
    pub keeper_fails: u64,
    /// Whether this system tells which processes are gone.
    tells_dead: bool,
    names: u64,
    /// How many names were asked for.
    pub asked: u64,
    /// Whether the owner sets the clock or replaces the key in this walk.
    pub sets_clock: bool,
    pub was_off: bool,
    pub replaces_key: bool,
    keeps_story: bool,
}

/// One simulated process, and its rooms once they are open.
#[derive(Clone)]
pub struct Member {
    pub process: Arc<Process>,
    pub rooms: Option<Rooms>,
    pub is_keeper: bool,
    /// Since when it runs without a break, in milliseconds of the walk.
    pub runs_since: u64,
}

impl Member {
    pub fn is_running(&self) -> bool {
        self.rooms.is_some() && !self.process.is_dead() && !self.process.is_stopped()
    }
}

impl World {
    pub fn new(seed: u64, home: &Path, drivers: &Drivers, laws: Laws, keeps_story: bool) -> Arc<World> {
        let mut dice = Dice::new(seed);
        // Minutes before a full hour, often: there what the end costs shows.
        let began_ms = (1_795_161_600 + dice.within(0..7_200)) * 1_000 + dice.within(0..1_000);
        let state = State {
            provider: Provider::new(&mut dice),
            crew: vec![],
            story: vec![],
            broken: None,
            began_ms,
            slept_ms: 0,
            off_secs: 0,
            slow_store: (dice.within(0..30), dice.within(1..600)),
            keeper_fails: if dice.percent(20) { dice.within(0..60) } else { 0 },
            tells_dead: dice.percent(80),
            names: 0,
            asked: 0,
            sets_clock: dice.percent(25),
            was_off: false,
            replaces_key: dice.percent(15),
            keeps_story,
            dice,
        };
        Arc::new_cyclic(|me| World {
            home: home.to_owned(),
            drivers: drivers.clone(),
            began: Instant::now(),
            me: me.clone(),
            state: Mutex::new(state),
            laws: Mutex::new(laws),
            slept: Notify::new(),
        })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn laws(&self) -> MutexGuard<'_, Laws> {
        self.laws.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds of the walk in which the computer was awake.
    pub fn awake_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The provider's time: nobody sets it.
    pub fn true_ms(&self) -> u64 {
        let awake = self.awake_ms();
        let state = self.state();
        state.began_ms + state.slept_ms + awake
    }

    pub fn boot_ms(&self) -> u64 {
        let awake = self.awake_ms();
        BOOTED_MS + self.state().slept_ms + awake
    }

    /// The computer sleeps: processes notice it by their clocks alone.
    pub fn sleeps(&self, secs: u64) {
        self.state().slept_ms += secs * 1_000;
        let now = self.awake_ms();
        for member in &mut self.state().crew {
            member.runs_since = now;
        }
        self.slept.notify_waiters();
    }

    /// Waits so long by the provider's time, which goes on while the computer sleeps.
    pub async fn until(&self, ms: u64) {
        let until = self.true_ms() + ms;
        while let Some(left) = until.checked_sub(self.true_ms()).filter(|left| *left > 0) {
            let slept = self.slept.notified();
            drop(tokio::time::timeout(Duration::from_millis(left), slept).await);
        }
    }

    pub fn tell(&self, what: impl FnOnce() -> String) {
        let at = self.awake_ms();
        if self.state().keeps_story {
            let line = format!("{:>6}.{:03}  {}", at / 1_000, at % 1_000, what());
            self.state().story.push(line);
        }
    }

    /// Notes that a law is broken; the first one counts.
    pub fn broke(&self, law: impl Into<String>) {
        let law = law.into();
        self.tell(|| format!("BROKEN: {law}"));
        self.state().broken.get_or_insert(law);
    }

    /// Begins a process, and opens its rooms.
    pub fn begin(&self, is_keeper: bool) -> Arc<Process> {
        let Some(world) = self.me.upgrade() else { unreachable!("whoever calls holds it") };
        let now = self.awake_ms();
        let name = {
            let mut state = self.state();
            state.names += 1;
            format!("{}-{}", if is_keeper { "keeper" } else { "client" }, state.names)
        };
        let process = Process::new(name.clone(), world.clone());
        self.state().crew.push(Member { process: process.clone(), rooms: None, is_keeper, runs_since: now });
        self.tell(|| format!("{name} begins"));
        let (this, began) = (process.clone(), world.clone());
        process.spawn(async move {
            let pause = began.state().dice.within(5..400);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            began.live(&this, is_keeper).await;
        });
        process
    }

    async fn live(&self, process: &Arc<Process>, is_keeper: bool) {
        let opened = match self.settings() {
            Ok(settings) => Rooms::open(settings, bursar::simulation::DRIVERS).await.map_err(|e| e.to_string()),
            Err(error) => Err(error),
        };
        let rooms = match opened {
            Ok(rooms) => rooms,
            Err(error) => return self.broke(format!("{} cannot open: {error}", process.name)),
        };
        {
            let now = self.awake_ms();
            let mut state = self.state();
            if let Some(member) = state.crew.iter_mut().find(|member| member.process.name == process.name) {
                (member.rooms, member.runs_since) = (Some(rooms.clone()), now);
            }
        }
        if !is_keeper {
            rooms.watch().await;
            return;
        }
        let kept = rooms.keep(false).await;
        self.tell(|| format!("{} leaves: {kept:?}", process.name));
        // A process that returns takes its tasks with it.
        process.kill();
    }

    fn settings(&self) -> Result<Settings, String> {
        let home = self.home.display().to_string();
        let env = [("HOME", home.clone()), ("BURSAR_HOME", home.clone()), ("BURSAR_CONFIG", home + "/bursar.toml")];
        let env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Settings::of(env, &self.home).map_err(|error| error.to_string())
    }
}

impl Surroundings for World {
    fn wall_secs(&self) -> u64 {
        let now = self.true_ms() / 1_000;
        now.saturating_add_signed(self.state().off_secs)
    }

    fn boot_secs(&self) -> u64 {
        self.boot_ms() / 1_000
    }

    fn awake_secs(&self) -> u64 {
        (BOOTED_MS + self.awake_ms()) / 1_000
    }

    fn boot_id(&self) -> String {
        "one-boot".to_owned()
    }

    fn is_dead(&self, worker: &str) -> bool {
        let state = self.state();
        let lives = state.crew.iter().any(|member| member.process.name == worker && !member.process.is_dead());
        state.tells_dead && !lives
    }

    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.state();
        for byte in bytes {
            *byte = state.dice.next().to_le_bytes()[0];
        }
    }

    fn start_keeper(&self) -> Result<(), String> {
        let fails = {
            let mut state = self.state();
            let often = state.keeper_fails;
            state.dice.percent(often)
        };
        if fails {
            return Err("no process can be started".to_owned());
        }
        self.begin(true);
        Ok(())
    }

    fn drivers(&self, config: Config) -> Result<Drivers, DriverError> {
        let Some(world) = self.me.upgrade() else { unreachable!("whoever calls holds it") };
        let answering = move |request| crate::dialect::ask(&world, request);
        self.drivers.beside(config, Http::answering_later(Outbound::default(), Arc::new(answering)))
    }

    fn answers_ssh(&self, instance: &str) -> bool {
        let now = self.true_ms();
        self.state().provider.answers_ssh(&format!("{LEDGER}{instance}"), now)
    }
}
