//! Everything the imitated Aleph network knows: messages, nodes, machines, credits. Pure: it is told the time, and starts no
//! machine.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::price::CARDS;
use super::vm::{Message, Status, Vm};
use crate::bitlaunch::{Pace, Shadow};
use crate::clock::rfc3339;
use crate::faults::Fault;
use crate::ids;
use crate::imitation::Beginning;
use crate::machines::{Driver, Gpu, Wanted};

/// The account whose key a practice gives out: that of the published vectors.
pub(crate) const AGENT: &str = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A";
pub(crate) const AGENT_KEY: [u8; 32] = [0x11; 32];
const REBOOT_NOTICE_MS: i64 = 200;
/// A node stops a machine so long after its message was forgotten, if it was not wiped before.
pub(super) const STOPS_AFTER_MS: i64 = 180_000;

/// One node. Its name is what a machine's owner signs for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) hash: &'static str,
    pub(crate) name: &'static str,
    pub(crate) host: &'static str,
    /// Which card of the catalogue, if any.
    card: Option<usize>,
    terms: &'static str,
}

pub(crate) const NODES: [Node; 4] = [
    Node {
        hash: "d02cc93b18e23f62556cc574fa3696b350cae36e760c43186cbb866c6677c628",
        name: "practice one",
        host: "one.crn.example.org",
        card: None,
        terms: "",
    },
    Node {
        hash: "1e5a0f6bb0f1c5f0a9f7f1d7cf9bb0be2f0c7d3b8a6a4f5a9c1f5b0a2d3c4e5f",
        name: "practice two",
        host: "two.crn.example.org",
        card: Some(0),
        terms: "",
    },
    Node {
        hash: "2f6b1a7cc1a2d6a1bab8a2e8daacc1cf3a1d8e4c9b7b5a6bad2a6c1b3e4d5f6a",
        name: "practice three",
        host: "three.crn.example.org",
        card: Some(2),
        terms: "",
    },
    Node {
        hash: "3a7c2b8dd2b3e7b2cbc9b3f9ebbdd2da4b2e9f5dac8c6b7cbe3b7d2c4f5e6a7b",
        name: "practice with terms",
        host: "four.crn.example.org",
        card: Some(1),
        terms: "abababababababababababababababababababababababababababababababab",
    },
];

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) messages: Vec<Message>,
    pub(crate) pace: Pace,
    pub(crate) ssh_port: u16,
    pub(crate) single_address: Option<Ipv4Addr>,
    /// Credits of each address that ever had any, in millionths of a USD.
    paid_in: HashMap<String, i64>,
    /// Payer and who may create instances for it.
    pub(crate) grants: Vec<(String, String)>,
    addresses_given: u16,
}

impl World {
    pub(crate) fn new(begin: &Beginning, credits: i64) -> World {
        World {
            messages: Vec::new(),
            pace: begin.pace,
            ssh_port: begin.ssh_port,
            single_address: begin.single_address,
            paid_in: HashMap::from([(AGENT.to_owned(), credits)]),
            grants: Vec::new(),
            addresses_given: 0,
        }
    }

    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.messages.iter_mut().filter_map(|message| message.vm.as_mut()).for_each(|vm| vm.advance(now));
    }

    /// Strings are compared to the letter: another case is another account.
    pub(crate) fn credits(&self, address: &str, now: Timestamp) -> i64 {
        let spent = self.vms().filter(|(message, _)| message.payer() == address).map(|(_, vm)| vm.charged(now));
        self.paid_in.get(address).copied().unwrap_or(0) - spent.sum::<i64>()
    }

    /// Returns what an address pays a second for all that lives.
    pub(crate) fn burn(&self, address: &str) -> u128 {
        let alive = self.vms().filter(|(message, vm)| message.payer() == address && vm.is_alive());
        alive.map(|(_, vm)| vm.per_second).sum()
    }

    pub(crate) fn vms(&self) -> impl Iterator<Item = (&Message, &Vm)> {
        self.messages.iter().filter_map(|message| Some((message, message.vm.as_ref()?)))
    }

    pub(crate) fn find(&self, hash: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.hash == hash)
    }

    pub(crate) fn find_mut(&mut self, hash: &str) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.hash == hash)
    }

    /// Makes the machine of a message that was taken; the scheduler starts it in its own time, a node at once when told.
    pub(crate) fn machine(&mut self, content: &Value, per_second: u128, now: Timestamp) -> Vm {
        self.addresses_given = self.addresses_given.wrapping_add(1);
        let [high, low] = self.addresses_given.to_be_bytes();
        let pinned = content.pointer("/requirements/node/node_hash").and_then(Value::as_str);
        let node = NODES.iter().position(|node| Some(node.hash) == pinned).unwrap_or(0);
        let device = content.pointer("/requirements/gpu/0/device_id").and_then(Value::as_str);
        let card = CARDS.iter().find(|card| Some(card.0) == device);
        Vm {
            machine: ids::object_id(),
            address: self.single_address.unwrap_or(Ipv4Addr::new(127, 77, 160 + high % 32, low)),
            node,
            per_second,
            gpu_mib: card.map(|card| card.4),
            began: now,
            ended: None,
            ready_at: Some(now + SignedDuration::from_millis(self.pace.launch_ms)),
            down_at: None,
            boots: 0,
            reboot_at: None,
            driver: Driver::Working,
            foreign: false,
        }
    }

    /// Returns whether a node's card is not taken.
    pub(crate) fn free_card(
        &self,
        node: usize,
        now: Timestamp,
    ) -> Option<&'static (&'static str, &'static str, &'static str, u64, u64)> {
        let taken =
            self.vms().any(|(_, vm)| vm.node == node && vm.gpu_mib.is_some() && vm.is_alive() && vm.is_there(now));
        NODES.get(node).and_then(|node| CARDS.get(node.card?)).filter(|_| !taken)
    }

    pub(crate) fn node_row(&self, at: usize, now: Timestamp) -> Value {
        let Some(node) = NODES.get(at) else { return Value::Null };
        let free = self.free_card(at, now).map(|card| {
            json!([{ "vendor": "NVIDIA", "model": card.1, "device_name": card.1, "device_class": "0300", "pci_host": "01:00.0",
                "device_id": card.0, "compatible": true }])
        });
        json!({
            "hash": node.hash, "name": node.name, "address": format!("https://{}/", node.host), "owner": AGENT,
            "score": 0.95, "status": "linked", "version": "1.14.0", "type": "compute", "inactive_since": null,
            "terms_and_conditions": node.terms, "qemu_support": true, "confidential_support": false,
            "gpu_support": node.card.is_some(), "ipv6_check": null, "compatible_gpus": [],
            "compatible_available_gpus": free.unwrap_or(json!([])), "system_usage": null,
        })
    }

    pub(crate) fn wanted(&self, now: Timestamp) -> Vec<Wanted> {
        let there = self.vms().filter(|(_, vm)| {
            !vm.foreign && vm.is_there(now) && (vm.is_ready(now) || vm.boots > 0 || vm.reboot_at.is_some())
        });
        let wanted = |(message, vm): (&Message, &Vm)| Wanted {
            id: vm.machine.clone(),
            name: message.name().to_owned(),
            address: vm.address,
            up: vm.is_reachable(now),
            boots: vm.boots,
            builds: 0,
            keys: message.content["authorized_keys"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|key| key.as_str().map(str::to_owned))
                .collect(),
            first_boot: None,
            user: "root",
            leads_to: Vec::new(),
            gpu: vm.gpu_mib.map(|mib| Gpu { gigabytes: u32::try_from(mib / 1_024).unwrap_or(0), driver: vm.driver }),
        };
        there.map(wanted).collect()
    }

    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let times = self.vms().flat_map(|(_, vm)| [vm.ready_at, vm.down_at, vm.reboot_at]).flatten();
        times.filter(|at| *at > now).min()
    }

    pub(crate) fn reboot(&mut self, machine: &str, now: Timestamp) -> bool {
        let away = self.pace.reboot_ms;
        let mut vms = self.messages.iter_mut().filter_map(|message| message.vm.as_mut());
        let Some(vm) = vms.find(|vm| vm.machine == machine && vm.is_there(now)) else { return false };
        vm.reboot(now, REBOOT_NOTICE_MS, away);
        true
    }

    pub(crate) fn note_failure(&mut self, machine: &str, error: &str) {
        let mut vms = self.messages.iter_mut().filter_map(|message| message.vm.as_mut());
        if let Some(vm) = vms.find(|vm| vm.machine == machine) {
            tracing::error!(machine, error, "the node cannot start it");
            vm.ready_at = None;
        }
    }

    pub(crate) fn change(&mut self, fault: &Fault, now: Timestamp) {
        match fault {
            Fault::Balance { musd } => {
                let spent = self.paid_in.get(AGENT).copied().unwrap_or(0) - self.credits(AGENT, now);
                self.paid_in.insert(AGENT.to_owned(), musd * 1_000 + spent);
            }
            Fault::ForeignServer { name } => {
                let content = json!({ "address": AGENT, "metadata": { "name": name }, "authorized_keys": [] });
                let vm = Vm { foreign: true, ..self.machine(&content, 0, now) };
                let hash = super::sign::sha256(&format!("{name}{}", self.messages.len()));
                let envelope = json!({ "sender": AGENT, "type": "INSTANCE", "item_hash": hash });
                let (sender, kind) = (AGENT.to_owned(), "INSTANCE".to_owned());
                let (status, hidden) = (Status::Processed, Shadow::default());
                self.messages.push(Message {
                    hash,
                    sender,
                    kind,
                    envelope,
                    content,
                    received: now,
                    status,
                    vm: Some(vm),
                    hidden,
                });
            }
            _ => {}
        }
    }

    /// Marks the machine that an order just made.
    pub(crate) fn mark(&mut self, fault: &Fault, hash: &str, now: Timestamp) {
        let Some(message) = self.find_mut(hash) else { return };
        let Some(vm) = message.vm.as_mut() else { return };
        match fault {
            Fault::ListLags { lists, .. } => message.hidden = Shadow { lists: (*lists).max(1), until: None },
            Fault::NeverReady {} => vm.ready_at = None,
            Fault::NoDriver {} => vm.driver = Driver::Missing,
            Fault::ErrorStatus { .. } => {
                message.status = Status::Rejected(6);
                vm.ended = Some(now);
                vm.down_at = Some(now);
            }
            _ => {}
        }
    }

    pub(super) fn told_account(&self, now: Timestamp) -> Value {
        json!({ "id": AGENT, "balance_musd": self.credits(AGENT, now) as f64 / 1e3 })
    }

    pub(crate) fn truth(&self, now: Timestamp, up: &HashMap<String, bool>) -> Value {
        let row = |(message, vm): (&Message, &Vm)| {
            json!({
                "id": message.hash, "hash": message.hash, "name": message.name(), "status": message.word(), "alive": vm.is_alive(), "foreign": vm.foreign,
                "payer": message.payer(), "created": rfc3339(vm.began), "charged_musd": vm.charged(now) as f64 / 1e3,
                "machine": vm.machine, "node": NODES.get(vm.node).map(|node| node.name), "boots": vm.boots,
                "ssh": { "address": vm.address, "port": self.ssh_port, "up": vm.is_reachable(now) && up.get(&vm.machine) == Some(&true) },
            })
        };
        json!({
            "account": self.told_account(now),
            "instances": self.vms().map(row).collect::<Vec<_>>(),
        })
    }
}
