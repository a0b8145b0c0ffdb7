//! Everything the imitated BitLaunch knows: account, keys, servers, money, stock, and what time does to them.
//! Pure: it is told the time. It starts no machine; `wanted` says which machines there should be.

use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::billing::{self, hour_of, hour_start};
use super::catalogue::Catalogue;
use super::server::{Phase, Server};
use crate::ids;
use crate::machines::{Gpu, Wanted};
use crate::reply::Ask;

/// Unpaid servers are kept this long after the balance reached zero, stopped.
const UNPAID_HOURS: i64 = 48;

/// `reboot` returns before the machine goes away.
const REBOOT_NOTICE_MS: i64 = 200;

/// How long things take, in practice milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From create to `ok` with an address.
    pub launch_ms: i64,
    /// From `ok` to the moment SSH answers.
    pub ssh_ms: i64,
    /// How long SSH is away when a machine reboots.
    pub reboot_ms: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) account: Account,
    pub(crate) catalogue: Catalogue,
    pub(crate) keys: Vec<Key>,
    pub(crate) servers: Vec<Server>,
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) history: Vec<(Timestamp, String)>,
    pub(crate) pace: Pace,
    /// Where there is one address for all machines, only one can live at a time.
    pub(crate) single_address: Option<Ipv4Addr>,
    /// Requests whose answer was lost and which have not arrived yet.
    pub(crate) landing: Vec<(Timestamp, Ask)>,
    /// All money that ever came in, in mUSD; the balance is this less what was charged.
    funds_musd: i64,
    unpaid_since: Option<Timestamp>,
    addresses_given: u16,
}

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) email_confirmed: bool,
    pub(crate) created: Timestamp,
    pub(crate) server_limit: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) content: String,
    pub(crate) fingerprint: String,
    pub(crate) created: Timestamp,
}

#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub(crate) id: String,
    pub(crate) body: Value,
}

impl World {
    pub(crate) fn new(now: Timestamp, pace: Pace, balance_musd: i64, server_limit: usize) -> Self {
        let account = Account {
            id: ids::object_id(),
            email_confirmed: true,
            created: now - SignedDuration::from_hours(24 * 30),
            server_limit,
        };
        let mut world = Self {
            account,
            catalogue: Catalogue::new(),
            keys: Vec::new(),
            servers: Vec::new(),
            transactions: Vec::new(),
            history: Vec::new(),
            pace,
            single_address: None,
            landing: Vec::new(),
            funds_musd: balance_musd,
            unpaid_since: None,
            addresses_given: 0,
        };
        let first = super::transactions::complete(world.account.created, balance_musd / 1000);
        world.transactions.push(first);
        world
    }

    /// Brings everything up to date: what became ready, what ran out of money, what is gone.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        for server in self.servers.iter_mut().filter(|server| server.is_alive()) {
            server.advance(now);
        }
        self.collect(now);
    }

    /// Stops every server at the hour in which the balance reached zero, and ends them 48 hours later.
    fn collect(&mut self, now: Timestamp) {
        if self.balance_musd(now) > 0 || self.alive().next().is_none() {
            self.unpaid_since = None;
            return;
        }
        let since = self.unpaid_since.unwrap_or_else(|| self.ran_out_at(now));
        self.unpaid_since = Some(since);
        let end = since + SignedDuration::from_hours(UNPAID_HOURS);
        for server in self.servers.iter_mut().filter(|server| server.is_alive()) {
            if now >= end {
                server.destroyed_at = Some(end.max(server.created));
            } else if server.phase != Phase::Stopped {
                server.phase = Phase::Stopped;
            }
        }
    }

    /// Returns the moment at which the balance was used up, which lies at the start of a clock hour.
    fn ran_out_at(&self, now: Timestamp) -> Timestamp {
        let first = self.servers.iter().map(|server| hour_of(server.created)).min().unwrap_or(hour_of(now));
        let (mut paid, mut unpaid) = (first - 1, hour_of(now));
        while unpaid - paid > 1 {
            let middle = paid + (unpaid - paid) / 2;
            // One millisecond into an hour that hour is charged.
            let at = hour_start(middle) + SignedDuration::from_millis(1);
            if self.balance_musd(at) > 0 {
                paid = middle;
            } else {
                unpaid = middle;
            }
        }
        hour_start(unpaid).min(now)
    }

    pub(crate) fn balance_musd(&self, now: Timestamp) -> i64 {
        let made = self.servers.iter().filter(|server| server.created <= now);
        self.funds_musd - made.map(|server| server.charged_musd(now)).sum::<i64>()
    }

    /// Sets the balance of this moment.
    pub(crate) fn set_balance(&mut self, musd: i64, now: Timestamp) {
        self.funds_musd += musd - self.balance_musd(now);
    }

    /// Books a payment that is complete.
    pub(crate) fn top_up(&mut self, usd: i64, now: Timestamp) {
        self.funds_musd += usd * 1_000;
        self.transactions.push(super::transactions::complete(now, usd));
    }

    /// Brings stock, prices and the account back to what they were at the start.
    pub(crate) fn heal(&mut self) {
        self.catalogue = Catalogue::new();
        self.account.email_confirmed = true;
    }

    pub(crate) fn alive(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter().filter(|server| server.is_alive())
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.id == id)
    }

    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut Server> {
        self.servers.iter_mut().find(|server| server.id == id)
    }

    /// Returns the sum of the hourly prices of what runs.
    pub(crate) fn musd_per_hour(&self) -> i64 {
        self.alive().map(Server::musd_per_hour).sum()
    }

    /// Gives out a loopback address that no machine of this practice had before.
    pub(crate) fn next_address(&mut self) -> Ipv4Addr {
        self.addresses_given = self.addresses_given.wrapping_add(1);
        let [high, low] = (self.addresses_given.wrapping_add(255)).to_be_bytes();
        self.single_address.unwrap_or(Ipv4Addr::new(127, 77, high, low))
    }

    /// Makes a machine go away and come back by itself, as `reboot` on it does.
    pub(crate) fn reboot(&mut self, id: &str, now: Timestamp) -> bool {
        let begins = now + SignedDuration::from_millis(REBOOT_NOTICE_MS);
        let back = begins + SignedDuration::from_millis(self.pace.reboot_ms);
        let Some(server) = self.find_mut(id).filter(|server| server.is_alive()) else { return false };
        server.reboot_at = Some(begins);
        server.ssh_at = Some(back);
        true
    }

    /// Takes out the requests that arrive late, once their time has come.
    pub(crate) fn landed(&mut self, now: Timestamp) -> Vec<Ask> {
        let (due, waiting) = std::mem::take(&mut self.landing).into_iter().partition(|(at, _)| *at <= now);
        self.landing = waiting;
        let due: Vec<(Timestamp, Ask)> = due;
        due.into_iter().map(|(_, ask)| ask).collect()
    }

    /// Returns the machines there should be, up or down.
    pub(crate) fn wanted(&self, now: Timestamp) -> Vec<Wanted> {
        let real = self.alive().filter(|server| !server.foreign && server.has_machine());
        real.map(|server| Wanted {
            id: server.id.clone(),
            name: server.name.clone(),
            address: server.address,
            up: server.is_reachable(now),
            boots: server.boots,
            builds: server.builds,
            keys: server.keys.clone(),
            first_boot: server.initscript.clone(),
            gpu: self.gpu(server),
            user: "root",
            leads_to: Vec::new(),
        })
        .collect()
    }

    fn gpu(&self, server: &Server) -> Option<Gpu> {
        let size = self.catalogue.host(server.host)?.size(&server.size)?;
        let (_, vram) = size.id.rsplit_once('-').filter(|_| size.plan_type == "gpu")?;
        let gigabytes = vram.strip_suffix("vram")?.parse().ok()?;
        Some(Gpu { gigabytes, driver: server.driver })
    }

    /// Returns the next moment at which `advance` or `landed` has something to do.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let servers = self.alive().filter_map(|server| server.next_due(now));
        let landing = self.landing.iter().map(|(at, _)| *at);
        let next_hour = self.alive().next().map(|_| hour_start(hour_of(now) + 1) + SignedDuration::from_millis(1));
        servers.chain(landing).chain(next_hour).min()
    }
}

impl Server {
    pub(crate) fn charged_musd(&self, now: Timestamp) -> i64 {
        billing::charged(self.created, self.destroyed_at.map_or(now, |end| end.min(now)), &self.spans)
    }
}
