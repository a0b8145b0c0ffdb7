//! What the parts of one practice share: the clock, the state behind one lock, and the bells between them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::bitlaunch::World;
use crate::clock::{Clock, rfc3339};
use crate::faults::Faults;
use crate::imitation::Others;
use crate::journal::Journal;

pub(crate) struct Inner {
    pub(crate) clock: Clock,
    /// Rung when something changed that machines or time must follow.
    pub(crate) wake: Notify,
    /// Rung when requests that hang are to be let go.
    pub(crate) release: Notify,
    pub(crate) http: SocketAddr,
    pub(crate) ssh_port: u16,
    pub(crate) dir: PathBuf,
    pub(crate) clock_file: PathBuf,
    /// Whose keys are told.
    providers: Vec<String>,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) others: Others,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    /// Which machines answer SSH.
    pub(crate) up: HashMap<String, bool>,
}

/// Where a practice lives.
pub(crate) struct Place {
    pub(crate) http: SocketAddr,
    pub(crate) ssh_port: u16,
    pub(crate) dir: PathBuf,
    pub(crate) clock_file: PathBuf,
    pub(crate) providers: Vec<String>,
}

impl Inner {
    pub(crate) fn new(clock: Clock, world: World, others: Others, place: Place) -> Self {
        let state = State { world, others, faults: Faults::default(), journal: Journal::default(), up: HashMap::new() };
        let Place { http, ssh_port, dir, clock_file, providers } = place;
        Self {
            clock,
            wake: Notify::new(),
            release: Notify::new(),
            http,
            ssh_port,
            dir,
            clock_file,
            providers,
            state: Mutex::new(state),
        }
    }

    /// Locks the state. Never held over an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the lines that point a bursar process here.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let line = |name: &str, value: String| (name.to_owned(), value);
        let mut lines = vec![
            line("BURSAR_PRACTICE", format!("http://{}", self.http)),
            line("BURSAR_PRACTICE_SSH_PORT", self.ssh_port.to_string()),
            line("BURSAR_PRACTICE_CLOCK", self.clock_file.display().to_string()),
            line("BURSAR_HOME", self.dir.join("home").display().to_string()),
        ];
        if self.providers.iter().any(|name| name == "bitlaunch") {
            lines.push(line("BITLAUNCH_API_KEY", crate::bitlaunch::TOKEN.to_owned()));
        }
        lines.extend(self.state().others.environment(&self.providers, &self.dir));
        lines
    }

    /// Returns the truth: what lives, what it cost, and everything that was asked.
    pub(crate) fn truth(&self) -> Value {
        let now = self.clock.now();
        let mut state = self.state();
        state.world.advance(now);
        state.others.advance(now);
        let State { world, others, faults, journal, up } = &*state;
        let servers = world
            .servers
            .iter()
            .map(|server| {
                json!({
                    "id": server.id,
                    "provider": "bitlaunch",
                    "name": server.name,
                    "alive": server.is_alive(),
                    "foreign": server.foreign,
                    "status": server.status(),
                    "created": rfc3339(server.created),
                    "destroyed_at": server.destroyed_at.map(rfc3339),
                    "host": server.host,
                    "size": server.size,
                    "region": server.region,
                    "image": server.image,
                    "musd_per_hour": server.musd_per_hour(),
                    "charged_musd": server.charged_musd(now),
                    "charged_micros": server.charged_musd(now) * 1000,
                    "ssh": { "address": server.address, "port": self.ssh_port, "up": server.is_reachable(now) && up.get(&server.id) == Some(&true) },
                    "boots": server.boots,
                    "keys": server.keys,
                })
            });
        let servers: Vec<Value> = servers.chain(others.servers(now, self.ssh_port, up)).collect();
        let mut landing = others.landing();
        landing.extend(world.landing.iter().map(|(at, ask)| {
            json!({ "at": rfc3339(*at), "provider": "bitlaunch", "method": ask.method, "path": ask.path, "body": ask.body })
        }));
        let mut truth = json!({
            "now": rfc3339(now),
            "clock_offset_secs": self.clock.offset_secs(),
            "account": {
                "id": world.account.id,
                "balance_musd": world.balance_musd(now),
                "musd_per_hour": world.musd_per_hour(),
                "server_limit": world.account.server_limit,
                "email_confirmed": world.account.email_confirmed,
            },
            "accounts": others.accounts(now),
            "servers": servers,
            "landing": landing,
            "faults": faults.json(),
            "log": journal.json(),
        });
        for (provider, told) in others.truths(now, up) {
            truth[provider] = told;
        }
        truth
    }
}
