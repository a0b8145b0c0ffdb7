//! One message of the imitated network and the machine behind it.

use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::price;
use crate::bitlaunch::Shadow;
use crate::clock::rfc3339;
use crate::machines::Driver;

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) hash: String,
    pub(crate) sender: String,
    pub(crate) kind: String,
    pub(crate) envelope: Value,
    pub(crate) content: Value,
    pub(crate) received: Timestamp,
    pub(crate) status: Status,
    pub(crate) vm: Option<Vm>,
    pub(crate) hidden: Shadow,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Status {
    Pending,
    Processed,
    Rejected(i64),
    Forgotten,
}

/// The machine of an INSTANCE.
#[derive(Clone, Debug)]
pub(crate) struct Vm {
    pub(crate) machine: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) node: usize,
    /// Credits a second, in 10^-18.
    pub(crate) per_second: u128,
    pub(crate) gpu_mib: Option<u64>,
    pub(crate) began: Timestamp,
    pub(crate) ended: Option<Timestamp>,
    /// When its network is there; nothing while nobody starts it.
    pub(crate) ready_at: Option<Timestamp>,
    /// Its node has wiped it, or stops it soon.
    pub(crate) down_at: Option<Timestamp>,
    pub(crate) boots: u32,
    pub(crate) reboot_at: Option<Timestamp>,
    pub(crate) driver: Driver,
    pub(crate) foreign: bool,
}

impl Message {
    pub(crate) fn payer(&self) -> &str {
        self.content["address"].as_str().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.content["metadata"]["name"].as_str().unwrap_or_default()
    }

    pub(crate) fn word(&self) -> &'static str {
        match self.status {
            Status::Pending => "pending",
            Status::Processed => "processed",
            Status::Rejected(_) => "rejected",
            Status::Forgotten => "forgotten",
        }
    }

    /// Returns it as lists show it.
    pub(crate) fn row(&self) -> Value {
        let mut row = self.envelope.clone();
        row["content"] = self.content.clone();
        row["confirmed"] = json!(false);
        row["confirmations"] = json!([]);
        row
    }

    /// Returns what is told of it when it is asked for alone, which depends on what became of it.
    pub(crate) fn told(&self) -> Value {
        let mut told =
            json!({ "status": self.word(), "item_hash": self.hash, "reception_time": rfc3339(self.received) });
        match self.status {
            Status::Pending => told["messages"] = json!([self.envelope]),
            Status::Processed => told["message"] = self.row(),
            Status::Rejected(code) => {
                told["message"] = self.envelope.clone();
                told["error_code"] = json!(code);
                told["details"] = json!({ "errors": [] });
            }
            Status::Forgotten => {
                told["message"] = json!({ "item_hash": self.hash });
                told["forgotten_by"] = json!([]);
            }
        }
        told
    }
}

impl Vm {
    pub(crate) fn is_alive(&self) -> bool {
        self.ended.is_none()
    }

    /// Returns what it cost, in whole credits: millionths of a USD.
    pub(crate) fn charged(&self, now: Timestamp) -> i64 {
        let until = self.ended.map_or(now, |end| end.min(now));
        price::credits(self.per_second, u128::try_from(until.duration_since(self.began).as_millis()).unwrap_or(0))
    }

    pub(crate) fn is_ready(&self, now: Timestamp) -> bool {
        self.ready_at.is_some_and(|at| at <= now) && self.is_there(now)
    }

    pub(crate) fn is_there(&self, now: Timestamp) -> bool {
        self.down_at.is_none_or(|at| now < at)
    }

    pub(crate) fn advance(&mut self, now: Timestamp) {
        if self.reboot_at.is_some_and(|at| at <= now) {
            self.reboot_at = None;
            self.boots += 1;
        }
    }

    /// It goes away for so long, once a notice has passed.
    pub(crate) fn reboot(&mut self, now: Timestamp, notice_ms: i64, away_ms: i64) {
        let begins = now + SignedDuration::from_millis(notice_ms);
        self.reboot_at = Some(begins);
        self.ready_at = Some(begins + SignedDuration::from_millis(away_ms));
    }

    pub(crate) fn is_reachable(&self, now: Timestamp) -> bool {
        (self.reboot_at.is_some() && self.is_there(now)) || self.is_ready(now)
    }
}
