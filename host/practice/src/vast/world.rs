//! Everything the imitated vast.ai knows: credit, keys, asks, instances, and what time does to them. Pure: it is told the
//! time, and starts no machine.

use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::instance::{Instance, New, Phase};
use super::market::{self, Ask as Offer};
use crate::bitlaunch::{Pace, Shadow};
use crate::clock::{ms_from_secs, rfc3339};
use crate::faults::Fault;
use crate::ids;
use crate::imitation::Beginning;
use crate::machines::{Driver, Gpu, Wanted};

/// `reboot` on a machine returns before it goes away.
const REBOOT_NOTICE_MS: i64 = 200;

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) account: u64,
    pub(crate) asks: Vec<Offer>,
    pub(crate) keys: Vec<Key>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) pace: Pace,
    pub(crate) since: Timestamp,
    /// Where this practice serves, for links in answers.
    pub(crate) url: String,
    pub(crate) ssh_port: u16,
    /// Where there is one address for all machines, only one can live at a time.
    pub(crate) single_address: Option<Ipv4Addr>,
    /// All that was ever paid in, in millionths of a USD.
    pub(crate) paid_in: i64,
    next_contract: u64,
    addresses_given: u16,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: u64,
    pub(crate) line: String,
    pub(crate) created: Timestamp,
}

impl World {
    pub(crate) fn new(begin: &Beginning, paid_in: i64) -> World {
        World {
            account: 640_001,
            asks: market::stock(),
            keys: Vec::new(),
            instances: Vec::new(),
            pace: begin.pace,
            since: begin.now,
            url: begin.url.clone(),
            ssh_port: begin.ssh_port,
            single_address: begin.single_address,
            paid_in,
            next_contract: 5_555,
            addresses_given: 0,
        }
    }

    /// Brings everything up to date; without credit nothing runs.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        let step = self.pace.launch_ms / 3;
        self.instances.iter_mut().filter(|one| one.is_alive()).for_each(|one| one.advance(now, step));
        if self.credit(now) <= 0 {
            let running = self.instances.iter_mut().filter(|one| one.is_alive() && one.phase == Phase::Running);
            running.for_each(|one| one.stop(now));
        }
        for ask in &mut self.asks {
            ask.rented = self.instances.iter().any(|one| one.is_alive() && one.ask.id == ask.id);
        }
    }

    pub(crate) fn credit(&self, now: Timestamp) -> i64 {
        self.paid_in - self.instances.iter().map(|one| one.charged(now)).sum::<i64>()
    }

    pub(crate) fn alive(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(|one| one.is_alive())
    }

    pub(crate) fn find_mut(&mut self, id: u64) -> Option<&mut Instance> {
        self.instances.iter_mut().find(|one| one.id == id && one.is_alive())
    }

    /// Makes an instance of an ask that nobody has.
    pub(crate) fn add(&mut self, offer: Offer, now: Timestamp) -> Instance {
        self.next_contract += 1;
        self.addresses_given = self.addresses_given.wrapping_add(1);
        let [high, low] = self.addresses_given.to_be_bytes();
        let address = self.single_address.unwrap_or(Ipv4Addr::new(127, 77, 96 + high % 32, low));
        Instance::new(New { id: self.next_contract, machine: ids::object_id(), address, ask: offer, now })
    }

    /// A machine goes away and comes back by itself, as `reboot` on it does.
    pub(crate) fn reboot(&mut self, machine: &str, now: Timestamp) -> bool {
        let begins = now + SignedDuration::from_millis(REBOOT_NOTICE_MS);
        let back = begins + SignedDuration::from_millis(self.pace.reboot_ms);
        let found = self.instances.iter_mut().find(|one| one.is_alive() && one.machine == machine);
        let Some(one) = found else { return false };
        (one.reboot_at, one.ssh_at) = (Some(begins), Some(back));
        true
    }

    /// Returns the machines there should be, up or down.
    pub(crate) fn wanted(&self, now: Timestamp) -> Vec<Wanted> {
        let wanted = |one: &Instance| Wanted {
            id: one.machine.clone(),
            name: one.label.clone().unwrap_or_else(|| format!("C.{}", one.id)),
            address: one.address,
            up: one.is_reachable(now),
            boots: one.boots,
            builds: 0,
            keys: one.keys.clone(),
            first_boot: one.onstart.clone(),
            user: "root",
            leads_to: Vec::new(),
            gpu: Some(Gpu { gigabytes: u32::try_from(one.ask.gpu_ram / 1_000).unwrap_or(0), driver: one.driver }),
        };
        self.alive().filter(|one| one.has_machine()).map(wanted).collect()
    }

    /// A machine that cannot be started never becomes ready, and says why.
    pub(crate) fn note_failure(&mut self, machine: &str, error: &str) {
        if let Some(one) = self.instances.iter_mut().find(|one| one.machine == machine) {
            one.phase = Phase::Loading(None);
            one.status_msg = Some(format!("practice: {error}"));
        }
    }

    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.alive().filter_map(|one| one.next_due(now)).min()
    }

    /// Brings the market back to what it was at the start.
    pub(crate) fn heal(&mut self) {
        self.asks = market::stock();
    }

    /// Changes the world as a fault says; `size` is the id of an ask.
    pub(crate) fn change(&mut self, fault: &Fault, now: Timestamp) {
        match fault {
            Fault::PriceChanged { size, musd_per_hour } => {
                let asks = self.asks.iter_mut().filter(|ask| ask.id.to_string() == *size);
                asks.for_each(|ask| ask.per_hour = musd_per_hour * 1_000);
            }
            Fault::SoldOut { size, .. } => {
                let asks = self.asks.iter_mut().filter(|ask| ask.id.to_string() == *size);
                asks.for_each(|ask| ask.sold_out = true);
            }
            Fault::Balance { musd } => self.paid_in += musd * 1_000 - self.credit(now),
            Fault::ForeignServer { name } => {
                let Some(offer) = self.asks.first().cloned() else { return };
                let made = self.add(offer, now);
                let label = Some(name.clone());
                self.instances.push(Instance { label, foreign: true, phase: Phase::Running, ..made });
            }
            _ => {}
        }
    }

    /// Marks the instance that a create just made.
    pub(crate) fn mark(&mut self, fault: &Fault, id: u64, now: Timestamp) {
        let Some(one) = self.find_mut(id) else { return };
        match fault {
            Fault::ListLags { lists, secs } => one.hidden = shadow(*lists, *secs, now),
            Fault::DestroyLingers { lists, secs } => one.lingers_after = shadow(*lists, *secs, now),
            // A bad image stays where it is, with a text.
            Fault::ErrorStatus { text } => {
                (one.phase, one.ssh_at, one.status_msg) = (Phase::Loading(None), None, Some(text.clone()));
            }
            Fault::BilledAt { musd_per_hour, .. } => one.per_hour = musd_per_hour * 1_000,
            Fault::NeverReady {} => (one.phase, one.ssh_at) = (Phase::Loading(None), None),
            Fault::NoDriver {} => one.driver = Driver::Missing,
            _ => {}
        }
    }

    /// Returns the truth, for tests.
    pub(crate) fn truth(&self, now: Timestamp, up: &std::collections::HashMap<String, bool>) -> Value {
        let row = |one: &Instance| {
            json!({
                "id": one.id, "label": one.label, "name": one.label, "alive": one.is_alive(), "foreign": one.foreign, "status": one.status(),
                "ask": one.ask.id, "disk_gb": one.disk_gb, "image": one.image, "created": rfc3339(one.created),
                "destroyed_at": one.ended.map(rfc3339), "musd_per_hour": one.burn() as f64 / 1e3, "charged_musd": one.charged(now) as f64 / 1e3,
                "machine": one.machine, "boots": one.boots, "keys": one.keys,
                "ssh": { "address": one.address, "port": self.ssh_port, "up": one.is_reachable(now) && up.get(&one.machine) == Some(&true) },
            })
        };
        json!({
            "account": { "id": self.account, "balance_musd": self.credit(now) as f64 / 1e3 },
            "instances": self.instances.iter().map(row).collect::<Vec<_>>(),
        })
    }
}

fn shadow(lists: u32, secs: f64, now: Timestamp) -> Shadow {
    let until = ms_from_secs(secs).filter(|ms| *ms > 0).map(|ms| now + SignedDuration::from_millis(ms));
    // Told nothing, one list is wrong.
    let lists = if lists == 0 && until.is_none() { 1 } else { lists };
    Shadow { lists, until }
}
