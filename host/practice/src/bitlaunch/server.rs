//! One imitated server: what it is, the phases it goes through, and how it is shown. It knows no other server.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::billing::Span;
use crate::clock::rfc3339;
use crate::machines::Driver;

#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) host: u64,
    pub(crate) region: String,
    pub(crate) size: String,
    pub(crate) size_description: String,
    pub(crate) image: String,
    pub(crate) image_description: String,
    pub(crate) disk_gb: u64,
    pub(crate) bandwidth_gb: u64,
    pub(crate) created: Timestamp,
    pub(crate) destroyed_at: Option<Timestamp>,
    pub(crate) spans: Vec<Span>,
    pub(crate) keys: Vec<String>,
    pub(crate) initscript: Option<String>,
    pub(crate) protection: Value,
    pub(crate) phase: Phase,
    pub(crate) error_text: String,
    pub(crate) address: Ipv4Addr,
    /// When SSH answers again; nothing while that is not known.
    pub(crate) ssh_at: Option<Timestamp>,
    /// When a reboot that was asked for on the machine begins.
    pub(crate) reboot_at: Option<Timestamp>,
    pub(crate) boots: u32,
    pub(crate) builds: u32,
    pub(crate) driver: Driver,
    /// Not made through this API, and without a machine behind it.
    pub(crate) foreign: bool,
    /// Lists do not show it yet.
    pub(crate) hidden: Shadow,
    /// Lists still show it although it is gone.
    pub(crate) lingers: Shadow,
    /// How long its listing goes on after destroy.
    pub(crate) lingers_after: Shadow,
    /// What every answer tells where it is not what is charged.
    pub(crate) told_musd_per_hour: Option<i64>,
}

/// A time during which lists are wrong: so many lists, and until a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shadow {
    pub(crate) lists: u32,
    pub(crate) until: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    /// Becomes `ok` at a moment, or never.
    Launching(Option<Timestamp>),
    /// Becomes `error` at a moment.
    Failing(Timestamp, String),
    Ok,
    Restarting(Timestamp),
    Rebuilding(Timestamp),
    Error,
    Stopped,
}

impl Server {
    pub(crate) fn is_alive(&self) -> bool {
        self.destroyed_at.is_none()
    }

    pub(crate) fn musd_per_hour(&self) -> i64 {
        self.told_musd_per_hour.unwrap_or_else(|| self.spans.last().map_or(0, |span| span.musd_per_hour))
    }

    /// Takes the phase further once its time has come.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        if self.reboot_at.is_some_and(|at| at <= now) {
            self.reboot_at = None;
            self.boots += 1;
        }
        match self.phase.clone() {
            Phase::Launching(Some(at)) | Phase::Restarting(at) | Phase::Rebuilding(at) if at <= now => {
                self.phase = Phase::Ok;
            }
            Phase::Failing(at, text) if at <= now => {
                self.phase = Phase::Error;
                self.error_text = text;
            }
            _ => {}
        }
    }

    /// A server has a machine once it was ready for the first time.
    pub(crate) fn has_machine(&self) -> bool {
        !matches!(self.phase, Phase::Launching(_) | Phase::Failing(..) | Phase::Error)
    }

    pub(crate) fn is_reachable(&self, now: Timestamp) -> bool {
        // Until a reboot begins, the machine is still there.
        self.phase == Phase::Ok && (self.reboot_at.is_some() || self.ssh_at.is_some_and(|at| at <= now))
    }

    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let phase = match self.phase {
            Phase::Launching(at) => at,
            Phase::Failing(at, _) | Phase::Restarting(at) | Phase::Rebuilding(at) => Some(at),
            Phase::Ok | Phase::Error | Phase::Stopped => None,
        };
        phase.into_iter().chain(self.ssh_at.filter(|at| *at > now)).chain(self.reboot_at).min()
    }

    pub(crate) fn status(&self) -> &'static str {
        match self.phase {
            Phase::Launching(_) | Phase::Failing(..) => "launching",
            Phase::Ok => "ok",
            Phase::Restarting(_) => "restarting",
            Phase::Rebuilding(_) => "rebuilding",
            Phase::Error => "error",
            Phase::Stopped => "stopped",
        }
    }

    /// Returns the object as the API shows it, with members no client knows.
    pub(crate) fn json(&self) -> Value {
        let ipv4 = if self.has_machine() || self.foreign { self.address.to_string() } else { String::new() };
        json!({
            "id": self.id,
            "name": self.name,
            "host": self.host,
            "ipv4": ipv4,
            "region": self.region,
            "size": self.size,
            "sizeDescription": self.size_description,
            "image": self.image,
            "imageDescription": self.image_description,
            "created": rfc3339(self.created),
            "rate": self.musd_per_hour(),
            "bandwidthUsed": 0,
            "bandwidthAllowance": self.bandwidth_gb * 1_000_000_000,
            "status": self.status(),
            "errorText": self.error_text,
            "backupsEnabled": false,
            "version": "",
            "abuse": false,
            "diskGB": self.disk_gb,
            "protection": self.protection,
            "isReinstallable": true,
        })
    }
}

impl Shadow {
    /// Tells whether the shadow lies on this list, and counts it.
    pub(crate) fn falls(&mut self, now: Timestamp) -> bool {
        let by_time = self.until.is_some_and(|until| now < until);
        let by_count = self.lists > 0;
        self.lists = self.lists.saturating_sub(1);
        by_time || by_count
    }
}
