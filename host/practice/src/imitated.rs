//! Which providers are imitated, and the one place that knows them all: where each API lies, who may ask it, what it
//! answers, and what time and faults do to its world.

use std::collections::HashMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::clock::ms_from_secs;
use crate::faults::Rule;
use crate::inner::State;
use crate::machines::Wanted;
use crate::reply::{Ask, Reply};
use crate::{aleph, bitlaunch, vast};

/// One imitated provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imitated {
    BitLaunch,
    Vast,
    Aleph,
}

impl Imitated {
    pub const ALL: [Imitated; 3] = [Imitated::BitLaunch, Imitated::Vast, Imitated::Aleph];

    /// Returns its name, which is that of its driver.
    pub fn name(self) -> &'static str {
        match self {
            Imitated::BitLaunch => "bitlaunch",
            Imitated::Vast => "vast",
            Imitated::Aleph => "aleph",
        }
    }

    pub fn named(name: &str) -> Option<Imitated> {
        Imitated::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Returns where its API lies below the practice's address.
    pub(crate) fn base(self) -> &'static str {
        match self {
            Imitated::BitLaunch => bitlaunch::BASE,
            Imitated::Vast => vast::BASE,
            Imitated::Aleph => aleph::BASE,
        }
    }

    /// Returns the variable that holds its key, and the one key that is good, or the file it stands in.
    pub(crate) fn key(self, dir: &Path) -> (&'static str, String) {
        match self {
            Imitated::BitLaunch => ("BITLAUNCH_API_KEY", bitlaunch::TOKEN.to_owned()),
            Imitated::Vast => ("VAST_API_KEY", vast::KEY.to_owned()),
            Imitated::Aleph => ("ALEPH_AGENT_KEY_FILE", dir.join("aleph.key").display().to_string()),
        }
    }

    /// Returns the answer to who may not ask.
    pub(crate) fn refusal(self, authorisation: Option<&str>, ask: &Ask) -> Option<Reply> {
        match self {
            Imitated::BitLaunch => (!bitlaunch::is_authorised(authorisation)).then(|| Reply::empty(401)),
            Imitated::Vast => vast::refusal(authorisation, ask),
            // Reads are open, and what is not is signed.
            Imitated::Aleph => None,
        }
    }

    pub(crate) fn answer(self, state: &mut State, ask: &Ask, now: Timestamp) -> Reply {
        match self {
            Imitated::BitLaunch => bitlaunch::answer(&mut state.world, ask, now),
            Imitated::Vast => vast::answer(&mut state.vast, ask, now),
            Imitated::Aleph => aleph::answer(&mut state.aleph, ask, now),
        }
    }

    /// Answers as if it were done, and does nothing.
    pub(crate) fn pretend(self, state: &State, ask: &Ask, now: Timestamp) -> Reply {
        match self {
            Imitated::BitLaunch => bitlaunch::answer(&mut state.world.clone(), ask, now),
            Imitated::Vast => vast::answer(&mut state.vast.clone(), ask, now),
            Imitated::Aleph => aleph::answer(&mut state.aleph.clone(), ask, now),
        }
    }

    /// Lets a request arrive so many practice seconds later.
    pub(crate) fn land_later(self, state: &mut State, ask: &Ask, secs: f64, now: Timestamp) {
        let at = now + SignedDuration::from_millis(ms_from_secs(secs).unwrap_or(0));
        let landing = match self {
            Imitated::BitLaunch => &mut state.world.landing,
            Imitated::Vast => &mut state.vast.landing,
            Imitated::Aleph => &mut state.aleph.landing,
        };
        landing.push((at, ask.clone()));
    }

    /// Changes its world as a fault says.
    pub(crate) fn change(self, state: &mut State, rule: &Rule, now: Timestamp) {
        match self {
            Imitated::BitLaunch => rule.fault.change(&mut state.world, now),
            Imitated::Vast => state.vast.change(&rule.fault, now),
            Imitated::Aleph => state.aleph.change(&rule.fault, now),
        }
    }

    /// Marks what a request just made as a fault says.
    pub(crate) fn mark(self, state: &mut State, rule: &Rule, ask: &Ask, reply: &Reply, now: Timestamp) {
        let Some(body) = reply.as_json().filter(|_| reply.is_ok()) else { return };
        match self {
            Imitated::BitLaunch => {
                let made = body["id"].as_str().filter(|_| ask.method == "POST");
                if let Some(server) = made.and_then(|id| state.world.find_mut(id)) {
                    rule.fault.mark(server, now);
                }
            }
            Imitated::Vast => {
                if let Some(id) = body["new_contract"].as_u64() {
                    state.vast.mark(&rule.fault, id, now);
                }
            }
            Imitated::Aleph => {
                if let Some(hash) = ask.body["message"]["item_hash"].as_str() {
                    state.aleph.mark(&rule.fault, hash, now);
                }
            }
        }
    }
}

impl State {
    /// Brings every world up to date, and lets requests land whose time has come.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.world.advance(now);
        self.vast.advance(now);
        self.aleph.advance(now);
        let landed = self.world.landed(now).into_iter().map(|ask| (Imitated::BitLaunch, ask));
        let landed = landed.chain(self.vast.landed(now).into_iter().map(|ask| (Imitated::Vast, ask)));
        let landed: Vec<_> =
            landed.chain(self.aleph.landed(now).into_iter().map(|ask| (Imitated::Aleph, ask))).collect();
        for (provider, ask) in landed {
            let reply = provider.answer(self, &ask, now);
            tracing::info!(method = %ask.method, path = %ask.path, status = reply.status, "late request landed");
        }
    }

    /// Returns the machines there should be, of all providers.
    pub(crate) fn wanted(&self, now: Timestamp) -> Vec<Wanted> {
        self.world.wanted(now).into_iter().chain(self.vast.wanted(now)).chain(self.aleph.wanted(now)).collect()
    }

    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.world.next_due(now).into_iter().chain(self.vast.next_due(now)).chain(self.aleph.next_due(now)).min()
    }

    /// Makes a machine go away and come back by itself; it is named by its id, or by what its provider calls it.
    pub(crate) fn reboot(&mut self, id: &str, now: Timestamp) -> bool {
        let by_name = self.world.alive().find(|server| server.name == id).map(|server| server.id.clone());
        self.world.reboot(by_name.as_deref().unwrap_or(id), now)
            || self.vast.reboot(id, now)
            || self.aleph.reboot(id, now)
    }

    /// Writes down which machines answer; one that cannot be started is an error of its server.
    pub(crate) fn note(&mut self, states: HashMap<String, Result<bool, String>>) {
        self.up.clear();
        for (id, answers) in states {
            match answers {
                Ok(up) => drop(self.up.insert(id, up)),
                Err(error) => {
                    tracing::error!(machine = %id, %error, "machine does not start");
                    match self.world.find_mut(&id) {
                        Some(server) => {
                            server.phase = bitlaunch::Phase::Error;
                            server.error_text = format!("practice: {error}");
                        }
                        None => {
                            self.vast.note_failure(&id, &error);
                            self.aleph.note_failure(&id, &error);
                        }
                    }
                }
            }
        }
    }
}
