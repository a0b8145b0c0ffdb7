//! One rented thing as the imitations beside BitLaunch's have it: its life in time, its machines, and how lists may lie
//! about it. It knows no provider, no price and no socket; it is told the time.

use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};

use crate::bitlaunch::{Pace, Shadow};
use crate::machines::{Driver, Gpu, Wanted};

/// `reboot` returns before the machine goes away.
const REBOOT_NOTICE_MS: i64 = 200;

#[derive(Clone, Debug)]
pub(crate) struct Rental {
    pub(crate) id: String,
    /// What its renter calls it.
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    /// When it begins to work; never, where nothing stands here.
    pub(crate) ready_at: Option<Timestamp>,
    /// At that moment it fails instead, with these words.
    pub(crate) fails: Option<String>,
    /// When SSH answers.
    pub(crate) ssh_at: Option<Timestamp>,
    /// When an end that was accepted is done.
    pub(crate) ending_until: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) user: &'static str,
    pub(crate) keys: Vec<String>,
    /// The memory of one card, where it has some.
    pub(crate) gpu_gb: Option<u32>,
    pub(crate) machines: Vec<Machine>,
    pub(crate) driver: Driver,
    /// Somebody else's: there is no machine behind it.
    pub(crate) foreign: bool,
    /// Lists do not show it yet.
    pub(crate) hidden: Shadow,
    /// Lists still show it although it is gone.
    pub(crate) lingers: Shadow,
    /// How long its listing goes on after its end.
    pub(crate) lingers_after: Shadow,
    boots: u32,
    reboot_at: Option<Timestamp>,
}

/// One computer of a rental.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    /// Whether the rental's other machines are reached through this one.
    pub(crate) is_jump: bool,
    pub(crate) has_gpu: bool,
}

/// Where a rental stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    Starting,
    Running,
    Failed,
    Ending,
    Ended,
}

impl Rental {
    /// Returns a rental that begins to start now.
    pub(crate) fn new(id: String, name: &str, machines: Vec<Machine>, pace: Pace, now: Timestamp) -> Rental {
        let ready = after(now, pace.launch_ms);
        Rental {
            id,
            name: name.to_owned(),
            created: now,
            ready_at: Some(ready),
            fails: None,
            ssh_at: Some(after(ready, pace.ssh_ms)),
            ending_until: None,
            ended_at: None,
            user: "ubuntu",
            keys: Vec::new(),
            gpu_gb: None,
            machines,
            driver: Driver::Working,
            foreign: false,
            hidden: Shadow::default(),
            lingers: Shadow::default(),
            lingers_after: Shadow::default(),
            boots: 0,
            reboot_at: None,
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.ended_at.is_none()
    }

    pub(crate) fn phase(&self, now: Timestamp) -> Phase {
        match (self.ended_at, self.ending_until, self.ready_at) {
            (Some(_), ..) => Phase::Ended,
            (None, Some(_), _) => Phase::Ending,
            (None, None, Some(at)) if at <= now && self.fails.is_some() => Phase::Failed,
            (None, None, Some(at)) if at <= now => Phase::Running,
            (None, None, _) => Phase::Starting,
        }
    }

    /// Does what time does.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        if self.reboot_at.is_some_and(|at| at <= now) {
            self.reboot_at = None;
            self.boots += 1;
        }
        if let Some(at) = self.ending_until.filter(|at| *at <= now && self.is_alive()) {
            self.end(at);
        }
    }

    /// Accepts an end that takes as long as a start.
    pub(crate) fn begin_end(&mut self, pace: Pace, now: Timestamp) {
        self.ending_until.get_or_insert(after(now, pace.launch_ms));
    }

    pub(crate) fn end(&mut self, at: Timestamp) {
        self.ended_at = Some(at);
        self.lingers = self.lingers_after;
    }

    /// Tells whether a list shows it while it lives, and counts the list.
    pub(crate) fn is_shown(&mut self, now: Timestamp) -> bool {
        if self.is_alive() { !self.hidden.falls(now) } else { self.lingers.falls(now) }
    }

    /// Goes away and comes back by itself, as `reboot` on it does.
    pub(crate) fn reboot(&mut self, pace: Pace, now: Timestamp) {
        let begins = after(now, REBOOT_NOTICE_MS);
        self.reboot_at = Some(begins);
        self.ssh_at = Some(after(begins, pace.reboot_ms));
    }

    pub(crate) fn is_up(&self, now: Timestamp) -> bool {
        let runs = matches!(self.phase(now), Phase::Running | Phase::Ending);
        // Until a reboot begins, the machine is still there.
        runs && (self.reboot_at.is_some() || self.ssh_at.is_some_and(|at| at <= now))
    }

    pub(crate) fn boots(&self) -> u32 {
        self.boots
    }

    /// Returns the machines there should be.
    pub(crate) fn wanted(&self, now: Timestamp) -> Vec<Wanted> {
        let exists = matches!(self.phase(now), Phase::Running | Phase::Ending) && !self.foreign;
        let workers: Vec<Ipv4Addr> = self.machines.iter().filter(|one| !one.is_jump).map(|one| one.address).collect();
        let wanted = |machine: &Machine| Wanted {
            id: machine.id.clone(),
            name: machine.name.clone(),
            address: machine.address,
            up: self.is_up(now),
            boots: self.boots,
            builds: 0,
            keys: self.keys.clone(),
            first_boot: None,
            gpu: self.gpu_gb.filter(|_| machine.has_gpu).map(|gigabytes| Gpu { gigabytes, driver: self.driver }),
            user: self.user,
            leads_to: if machine.is_jump { workers.clone() } else { Vec::new() },
        };
        self.machines.iter().filter(|_| exists).map(wanted).collect()
    }

    /// Returns the next moment at which something happens by itself.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let moments = [self.ready_at, self.ssh_at, self.ending_until, self.reboot_at];
        moments.into_iter().flatten().filter(|at| *at > now && self.is_alive()).min()
    }
}

pub(crate) fn after(at: Timestamp, ms: i64) -> Timestamp {
    at + SignedDuration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rental_starts_runs_and_ends_when_its_time_has_come() {
        let pace = Pace { launch_ms: 1000, ssh_ms: 500, reboot_ms: 100 };
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let at = |ms| after(now, ms);
        let mut rental = Rental::new("r".into(), "tag", Vec::new(), pace, now);
        for (ms, phase, up) in
            [(0, Phase::Starting, false), (1000, Phase::Running, false), (1500, Phase::Running, true)]
        {
            rental.advance(at(ms));
            assert_eq!((rental.phase(at(ms)), rental.is_up(at(ms))), (phase, up), "{ms} ms");
        }
        rental.begin_end(pace, at(2000));
        rental.begin_end(pace, at(2900));
        for (ms, phase) in [(2999, Phase::Ending), (3000, Phase::Ended)] {
            rental.advance(at(ms));
            assert_eq!(rental.phase(at(ms)), phase, "{ms} ms: asked twice, it ends no later");
        }
        assert_eq!(rental.ended_at, Some(at(3000)));
    }
}
