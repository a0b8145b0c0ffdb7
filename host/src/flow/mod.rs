//! The order of steps. A flow takes values from one room to the next; the rooms never meet. It never sees JSON, sockets,
//! wasm types or SQL.

mod audit;
mod backstops;
mod bills;
mod check_keeper;
mod claims;
mod copies;
mod create_instance;
mod credentials;
mod driver_files;
mod end_unclaimed;
mod error;
mod extend_block;
mod extend_instance;
mod find_offers;
mod instances;
mod jobs;
mod keep;
mod keeper;
mod kept;
mod kept_log;
mod last_word;
mod lent;
mod links;
mod make_ready;
mod observe;
mod overruns;
mod owner;
mod panic;
mod pause_instance;
mod price_order;
mod reconcile;
mod recover;
mod remote;
mod said;
mod save_files;
mod self_end;
mod spending;
mod stop_instance;
mod watch;
mod worker;
mod workspace;

pub use audit::DoorCounts;
pub use copies::{CopyDone, Place};
pub use create_instance::{CreateInstance, Created, Wanted, check_name};
pub use credentials::{CredentialPlace, Credentials};
pub use error::FlowError;
pub use extend_instance::Extended;
pub use find_offers::{AccountState, Found, NoAnswer, ProviderState};
pub use instances::{Foreign, InstanceState, ListAsk, Listed};
pub use jobs::JobSeen;
pub use keeper::Reach;
pub use kept::Saved;
pub use make_ready::Progress;
pub use owner::Check;
pub use panic::Panicked;
pub use recover::Recovered;
pub use remote::Source;
pub use spending::{Fit, Spending};
pub use stop_instance::{END_NOT_ACCEPTED, Stopped};
pub use watch::Round;
pub use worker::Worker;
pub use workspace::Workspace;
// What the rooms below give and take, for the rooms above, which never name those rooms.
pub use crate::settings::{BadSetting, Settings};
pub use bursar_drivers::{
    Inspection, Listed as ListedDriver, Standing, Status as DriverStatus,
    manifest::{RouteAsk, SettingAsk},
};
pub use bursar_ssh::{
    Env, FollowFrom, HttpAsk, HttpCut, Job, JobRead, JobSpec, JobState, JobSummary, LogPart, LogPiece, LogText, Ran,
    Run, Sink, Streams, TreeCopy, bound, clean, clean_line,
};
pub use bursar_store::AuditLine;

use crate::clock::Clock;
use bursar_core::{
    ledger::Refusal,
    limits::{LimitKey, Limits},
};
use bursar_drivers::{At, Driver, Drivers};
use bursar_ssh::Ssh;
use bursar_store::Store;
use std::{collections::BTreeMap, sync::Arc};

/// The name under which the local user's instances stand in the ledger, whether he asked for them or his agent did.
pub const LOCAL_PRINCIPAL: &str = "owner";
/// Who asks through MCP, as the audit calls him.
const AGENT: &str = "agent";

/// Everything a flow may use. Cheap to clone: a flow that spends runs in a task of its own and keeps it.
#[derive(Clone)]
pub struct Rooms {
    pub settings: Arc<Settings>,
    pub clock: Clock,
    pub store: Store,
    pub drivers: Arc<Drivers>,
    pub ssh: Ssh,
    pub credentials: Credentials,
    pub worker: Worker,
    /// Who asks, for the audit: the owner in his terminal, or his agent.
    caller: &'static str,
    /// File name and content of each driver inside the binary.
    bundled: &'static [(&'static str, &'static [u8])],
    busy: claims::Busy,
    /// Held while this process starts a keeper.
    keeper_starts: Arc<tokio::sync::Mutex<()>>,
}

impl Rooms {
    /// Opens the ledger and gets everything else ready to be opened when it is needed.
    pub async fn open(
        settings: Settings,
        bundled: &'static [(&'static str, &'static [u8])],
    ) -> Result<Rooms, FlowError> {
        let clock = Rooms::clock_of(&settings);
        let store = Store::open(&settings.home, settings.practice.is_some(), clock.now()).await?;
        let credentials = Credentials::new(&settings);
        let config = bursar_drivers::Config {
            home: settings.home.clone(),
            plugins: settings.plugins.is_dir().then(|| settings.plugins.clone()),
            bundled,
            practice: settings.practice.as_ref().map(|practice| practice.url.clone()),
            settings: settings.drivers.clone(),
            credentials: credentials.for_drivers(),
            audit: Arc::new(audit::Trail::begin(store.clone(), clock.clone())),
            key_name: format!("bursar-{}", store.ledger_id()),
        };
        let drivers = match crate::simulation::around() {
            Some(around) => around.drivers(config)?,
            None => Drivers::open(config)?,
        };
        let ssh = Ssh::open(&settings.home.join("ssh"), settings.ssh_key.as_deref())?;
        let rooms = Rooms {
            settings: Arc::new(settings),
            clock,
            store,
            drivers: Arc::new(drivers),
            ssh,
            credentials,
            worker: Worker::this_process(),
            caller: LOCAL_PRINCIPAL,
            bundled,
            busy: claims::Busy::default(),
            keeper_starts: Arc::default(),
        };
        rooms.first_limits().await?;
        Ok(rooms)
    }

    /// Returns the same rooms for calls of the owner's agent.
    pub fn for_agent(self) -> Rooms {
        Rooms { caller: AGENT, ..self }
    }

    fn clock_of(settings: &Settings) -> Clock {
        match &settings.practice {
            Some(practice) => Clock::practice(practice.clock_file.clone()),
            None => Clock::system(),
        }
    }

    /// Loads the drivers in the background, so that the first question need not wait.
    pub fn warm(&self) {
        self.drivers.warm();
    }

    /// Returns the limits in force for this process.
    pub async fn limits(&self) -> Result<Limits, FlowError> {
        let stored = self.store.limits().await?.unwrap_or_default();
        Ok(self.settings.narrowed(&self.settings.with_file(stored)?)?.0)
    }

    /// Returns what the ledger holds, whatever this process is narrowed to, and where each limit is narrowed.
    pub async fn limits_and_places(&self) -> Result<(Limits, BTreeMap<LimitKey, String>), FlowError> {
        let stored = self.store.limits().await?.unwrap_or_default();
        let places = self.settings.places(&stored)?;
        Ok((stored, places))
    }

    /// Says of each limit that refused where it is narrowed, so that the owner changes the right one.
    async fn with_places(&self, mut refusal: Refusal) -> Result<Refusal, FlowError> {
        let (_, mut places) = self.limits_and_places().await?;
        for over in &mut refusal.over {
            over.narrowed_by = match over.scope.is_all() {
                true => places.remove(&over.limit),
                false => self.settings.file_place(&over.name()),
            };
        }
        Ok(refusal)
    }

    /// Stores the limits of a ledger that has none, so that all processes on it use the same.
    async fn first_limits(&self) -> Result<(), FlowError> {
        if self.store.limits().await?.is_none() {
            self.store.set_limits(&self.settings.first_limits()?, self.clock.now()).await?;
        }
        Ok(())
    }

    async fn driver(&self, provider: &str) -> Result<Arc<Driver>, FlowError> {
        Ok(self.drivers.driver(provider).await?)
    }

    /// The moment of a call that is about no instance.
    fn at(&self) -> At {
        At { now: self.clock.now(), tag: None }
    }
}
