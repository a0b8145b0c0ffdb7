//! One instance of the imitated vast.ai: the words it goes through, what it has cost, and how it is shown.

use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::market::Ask;
use super::{secs, usd};
use crate::bitlaunch::Shadow;
use crate::machines::Driver;

#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) id: u64,
    /// The machine behind it: another name, for ids of contracts are not unique in the world.
    pub(crate) machine: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) ask: Ask,
    pub(crate) label: Option<String>,
    pub(crate) image: String,
    pub(crate) runtype: String,
    pub(crate) onstart: Option<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) disk_gb: f64,
    pub(crate) keys: Vec<String>,
    pub(crate) is_bid: bool,
    /// An hour of its cards, in millionths of a USD.
    pub(crate) per_hour: i64,
    pub(crate) created: Timestamp,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) phase: Phase,
    pub(crate) status_msg: Option<String>,
    /// Since when its cards are paid for, and how long they were before.
    pub(crate) running_since: Option<Timestamp>,
    pub(crate) ran: SignedDuration,
    pub(crate) ssh_at: Option<Timestamp>,
    pub(crate) reboot_at: Option<Timestamp>,
    pub(crate) boots: u32,
    pub(crate) driver: Driver,
    /// Made by somebody else, and without a machine behind it.
    pub(crate) foreign: bool,
    pub(crate) hidden: Shadow,
    pub(crate) lingers: Shadow,
    pub(crate) lingers_after: Shadow,
}

/// What `actual_status` tells, and when it goes on by itself; without a moment it never does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    /// null
    Provisioning(Option<Timestamp>),
    Created(Option<Timestamp>),
    Loading(Option<Timestamp>),
    Running,
    Stopped,
    Rebooting(Timestamp),
}

/// What a new instance is made of.
pub(crate) struct New {
    pub(crate) id: u64,
    pub(crate) machine: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) ask: Ask,
    pub(crate) now: Timestamp,
}

impl Instance {
    pub(crate) fn new(new: New) -> Instance {
        let New { id, machine, address, ask, now } = new;
        Instance {
            id,
            machine,
            address,
            per_hour: ask.per_hour,
            ask,
            label: None,
            image: String::new(),
            runtype: "ssh".into(),
            onstart: None,
            env: Vec::new(),
            disk_gb: 10.0,
            keys: Vec::new(),
            is_bid: false,
            created: now,
            ended: None,
            phase: Phase::Provisioning(None),
            status_msg: None,
            running_since: None,
            ran: SignedDuration::ZERO,
            ssh_at: None,
            reboot_at: None,
            boots: 0,
            driver: Driver::Working,
            foreign: false,
            hidden: Shadow::default(),
            lingers: Shadow::default(),
            lingers_after: Shadow::default(),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.ended.is_none()
    }

    /// Takes it as far as its time has come; a step is a third of a launch.
    pub(crate) fn advance(&mut self, now: Timestamp, step_ms: i64) {
        if self.reboot_at.is_some_and(|at| at <= now) {
            self.reboot_at = None;
            self.boots += 1;
        }
        loop {
            let later = |at: Timestamp| Some(at + SignedDuration::from_millis(step_ms));
            match self.phase {
                Phase::Provisioning(Some(at)) if at <= now => self.phase = Phase::Created(later(at)),
                Phase::Created(Some(at)) if at <= now => self.phase = Phase::Loading(later(at)),
                Phase::Loading(Some(at)) | Phase::Rebooting(at) if at <= now => self.run(at),
                _ => return,
            }
        }
    }

    fn run(&mut self, at: Timestamp) {
        self.phase = Phase::Running;
        self.running_since.get_or_insert(at);
        self.status_msg = Some(format!("success, running {}", self.image));
    }

    /// Stops it: its cards are not paid for any more, its disk is.
    pub(crate) fn stop(&mut self, now: Timestamp) {
        if let Some(since) = self.running_since.take() {
            self.ran += now.duration_since(since);
        }
        if self.phase != Phase::Stopped {
            self.boots += 1;
        }
        self.phase = Phase::Stopped;
        self.ssh_at = None;
    }

    pub(crate) fn end(&mut self, now: Timestamp) {
        self.stop(now);
        self.ended = Some(now);
        self.lingers = self.lingers_after;
    }

    /// Returns what it cost until then, in millionths: disk as long as it is there, cards while it runs.
    pub(crate) fn charged(&self, now: Timestamp) -> i64 {
        let until = self.ended.map_or(now, |end| end.min(now));
        let running = self.running_since.map_or(SignedDuration::ZERO, |since| until.duration_since(since));
        self.gpu_cost(self.ran + running) + self.disk_cost(until.duration_since(self.created))
    }

    pub(crate) fn ran_until(&self, now: Timestamp) -> SignedDuration {
        let until = self.ended.map_or(now, |end| end.min(now));
        self.ran + self.running_since.map_or(SignedDuration::ZERO, |since| until.duration_since(since))
    }

    pub(crate) fn gpu_cost(&self, time: SignedDuration) -> i64 {
        share(self.per_hour, time)
    }

    pub(crate) fn disk_cost(&self, time: SignedDuration) -> i64 {
        share(self.ask.disk_per_hour(self.disk_gb), time)
    }

    /// Returns what an hour costs now.
    pub(crate) fn burn(&self) -> i64 {
        let gpu = if self.running_since.is_some() { self.per_hour } else { 0 };
        gpu + self.ask.disk_per_hour(self.disk_gb)
    }

    /// A container exists from the first time that it ran: stopped or started again, its disk is the same.
    pub(crate) fn has_machine(&self) -> bool {
        let ran = self.running_since.is_some() || self.ran > SignedDuration::ZERO;
        (ran || self.phase == Phase::Stopped) && !self.foreign
    }

    pub(crate) fn is_reachable(&self, now: Timestamp) -> bool {
        self.phase == Phase::Running && (self.reboot_at.is_some() || self.ssh_at.is_some_and(|at| at <= now))
    }

    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let phase = match self.phase {
            Phase::Provisioning(at) | Phase::Created(at) | Phase::Loading(at) => at,
            Phase::Rebooting(at) => Some(at),
            Phase::Running | Phase::Stopped => None,
        };
        phase.into_iter().chain(self.ssh_at.filter(|at| *at > now)).chain(self.reboot_at).min()
    }

    pub(crate) fn status(&self) -> Option<&'static str> {
        match self.phase {
            Phase::Provisioning(_) => None,
            Phase::Created(_) => Some("created"),
            Phase::Loading(_) => Some("loading"),
            Phase::Running => Some("running"),
            Phase::Stopped => Some("exited"),
            Phase::Rebooting(_) => Some("rebooting"),
        }
    }

    /// Returns the row as the API shows it, with members that are secrets.
    pub(crate) fn json(&self, ssh_port: u16, now: Timestamp) -> Value {
        let wanted = if self.phase == Phase::Stopped { "stopped" } else { "running" };
        let is_running = self.phase == Phase::Running;
        let direct = is_running && self.runtype.contains("ssh_direc") && self.ask.ports > 0;
        // The proxy's port is one lower where a notebook comes first.
        let proxy = if self.runtype.contains("jupyter") { ssh_port - 1 } else { ssh_port };
        let ports = json!({ "22/tcp": [{ "HostIp": "0.0.0.0", "HostPort": ssh_port.to_string() }] });
        let mut row = self.ask.row(self.disk_gb, self.is_bid, secs(now));
        let own = json!({
            "id": self.id, "actual_status": self.status(), "intended_status": wanted, "cur_state": wanted, "next_state": wanted,
            "status_msg": self.status_msg, "label": self.label, "image_uuid": self.image, "image_runtype": self.runtype,
            "image_args": [], "extra_env": self.env, "onstart": self.onstart, "gpu_util": 3.0, "gpu_temp": 41.0,
            "disk_space": self.disk_gb, "disk_usage": 1.5, "disk_util": 1.5, "cpu_util": 0.1, "mem_usage": 1.0, "mem_limit": 32.0,
            "ssh_host": self.address.to_string(), "ssh_port": proxy, "ssh_idx": "5", "public_ipaddr": self.address.to_string(),
            "direct_port_count": self.ask.ports,
            "machine_dir_ssh_port": ssh_port, "local_ipaddrs": self.address.to_string(),
            "start_date": secs(self.created), "end_date": secs(self.created) + 864_000.0, "uptime_mins": self.ran_until(now).as_secs_f64() / 60.0,
            "duration": 864_000.0, "dph_base": usd(self.per_hour),
            "dph_total": usd(self.per_hour + self.ask.disk_per_hour(self.disk_gb)), "is_bid": self.is_bid,
            "template_hash_id": null, "template_id": null, "template_name": null, "volume_info": [],
            "jupyter_token": "jupyter-token-of-this-machine",
        });
        row.extend(own.as_object().cloned().unwrap_or_default());
        // Not null: the member is missing until a port is open.
        if direct {
            row.insert("ports".into(), ports);
        }
        Value::Object(row)
    }
}

/// Returns the share of an hourly price, rounded up.
fn share(per_hour: i64, time: SignedDuration) -> i64 {
    let parts = i128::from(per_hour) * time.as_millis().max(0);
    i64::try_from((parts + 3_599_999) / 3_600_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vast::market::stock;

    #[test]
    fn cards_cost_while_it_runs_and_disk_as_long_as_it_is_there() {
        let at = |ms: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms);
        let hour = 3_600_000;
        let new = New { id: 1, machine: "m".into(), address: Ipv4Addr::LOCALHOST, ask: stock().remove(2), now: at(0) };
        let mut one = Instance { disk_gb: 48.0, phase: Phase::Provisioning(Some(at(0))), ..Instance::new(new) };
        one.advance(at(hour), hour / 2);
        assert_eq!((one.status(), one.charged(at(hour))), (Some("running"), 10_000), "loading costs no card");
        assert_eq!(one.charged(at(2 * hour)), 20_000 + 400_000);
        one.stop(at(2 * hour));
        assert_eq!((one.status(), one.burn()), (Some("exited"), 10_000));
        assert_eq!(one.charged(at(5 * hour)), 50_000 + 400_000, "the disk goes on");
        one.end(at(5 * hour));
        assert_eq!(one.charged(at(90 * hour)), 450_000);
    }
}
