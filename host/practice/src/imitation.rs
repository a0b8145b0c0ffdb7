//! The imitations beside BitLaunch's: what each of them can be asked, and what all of them share. Adding one is a line in
//! `Others::new`. Nothing here knows sockets.

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::bitlaunch::{self, Pace};
use crate::clock::{ms_from_secs, rfc3339};
use crate::faults::{Act, Fault, Rule};
use crate::machines::Wanted;
use crate::rental::Rental;
use crate::reply::{Ask, Reply};

/// One provider, imitated. Pure: a request and the time go in, an answer comes out.
pub(crate) trait Imitation: Send {
    fn provider(&self) -> &'static str;
    /// Where its API lies below the practice's address.
    fn base(&self) -> &'static str;
    /// Its key, and the limits within which something of it can be rented. Keys that are files lie in `dir`.
    fn environment(&self, dir: &Path) -> Vec<(&'static str, String)>;
    /// Returns the answer to who may not ask.
    fn denied(&self, ask: &Ask, headers: &HeaderMap) -> Option<Reply>;
    fn answer(&mut self, ask: &Ask, now: Timestamp) -> Reply;
    /// Returns the answer that `answer` would give, and does nothing.
    fn pretend(&self, ask: &Ask, now: Timestamp) -> Reply;
    fn advance(&mut self, now: Timestamp);
    /// Everything that was ever rented, where its life is a `Rental`; what has a life of its own answers what follows itself.
    fn rentals(&self) -> Vec<&Rental> {
        Vec::new()
    }
    fn rental_mut(&mut self, _: &str) -> Option<&mut Rental> {
        None
    }
    /// Returns what one has cost so far, in millionths of a US dollar, and what else the truth says of it.
    fn told(&self, _: &str, _: Timestamp) -> (i64, Value) {
        (0, Value::Null)
    }
    fn wanted(&self, now: Timestamp) -> Vec<Wanted> {
        self.rentals().into_iter().flat_map(|rental| rental.wanted(now)).collect()
    }
    fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.rentals().into_iter().filter_map(|rental| rental.next_due(now)).min()
    }
    /// Reboots one by its id or name.
    fn reboot(&mut self, id: &str, pace: Pace, now: Timestamp) -> bool {
        let rentals = self.rentals();
        let found = rentals.iter().find(|rental| rental.is_alive() && (rental.id == id || rental.name == id));
        let Some(id) = found.map(|rental| rental.id.clone()) else { return false };
        self.rental_mut(&id).map(|rental| rental.reboot(pace, now)).is_some()
    }
    /// A machine could not be started: what it is of fails.
    fn not_started(&mut self, machine: &str, error: &str, now: Timestamp) {
        let has = |rental: &&&Rental| rental.machines.iter().any(|one| one.id == machine);
        let Some(id) = self.rentals().iter().find(has).map(|rental| rental.id.clone()) else { return };
        if let Some(rental) = self.rental_mut(&id) {
            rental.fails = Some(format!("practice: {error}"));
            rental.ready_at = Some(now);
        }
    }
    /// Returns what the truth says of the account.
    fn account(&self, now: Timestamp) -> Value;
    /// Returns the rows of `truth` as those of all providers look.
    fn own_servers(&self, now: Timestamp, up: &HashMap<String, bool>) -> Vec<Value> {
        let mut rows = self.truth(now, up).map(|mut truth| truth["instances"].take());
        let rows = rows.as_mut().and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
        let whole = |mut row: Value| {
            row["provider"] = self.provider().into();
            row["charged_micros"] = row["charged_musd"].as_f64().map_or(0, |musd| (musd * 1e3).round() as i64).into();
            row
        };
        rows.into_iter().map(whole).collect()
    }
    /// Returns the rest of the truth, where `servers` does not hold it.
    fn truth(&self, _: Timestamp, _: &HashMap<String, bool>) -> Option<Value> {
        None
    }
    /// Changes the world.
    fn change(&mut self, fault: &Fault, now: Timestamp);
    /// Returns the id of what a request has just made; `before` were there.
    fn made(&self, _: &Ask, _: &Reply, before: usize) -> Option<String> {
        let rentals = self.rentals();
        rentals.last().filter(|_| rentals.len() > before).map(|rental| rental.id.clone())
    }
    /// Marks what was just made, as far as the rental's own life does not show it.
    fn mark(&mut self, id: &str, fault: &Fault, now: Timestamp);
    /// Makes stock and prices whole again.
    fn heal(&mut self);
}

/// What all of them begin with.
pub(crate) struct Beginning {
    pub(crate) pace: Pace,
    pub(crate) balance_musd: i64,
    pub(crate) single_address: Option<Ipv4Addr>,
    pub(crate) ssh_port: u16,
    /// Where this practice serves, for links in answers.
    pub(crate) url: String,
    pub(crate) now: Timestamp,
}

/// All of them.
pub(crate) struct Others {
    all: Vec<Box<dyn Imitation>>,
    pace: Pace,
    /// Requests whose answer was lost and which have not arrived yet.
    landing: Vec<(Timestamp, &'static str, Ask)>,
}

/// Gives out loopback addresses; each imitation has a block of its own, so that none takes another's.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    block: u8,
    given: u8,
    single: Option<Ipv4Addr>,
}

impl Addresses {
    pub(crate) fn new(block: u8, single: Option<Ipv4Addr>) -> Addresses {
        Addresses { block, given: 0, single }
    }

    pub(crate) fn next(&mut self) -> Ipv4Addr {
        self.given = self.given.wrapping_add(1).max(1);
        self.single.unwrap_or(Ipv4Addr::new(127, 77, self.block, self.given))
    }
}

impl Others {
    pub(crate) fn new(begin: &Beginning) -> Others {
        let Beginning { pace, single_address: single, .. } = *begin;
        let micros = begin.balance_musd.saturating_mul(1000);
        let all: Vec<Box<dyn Imitation>> = vec![
            Box::new(crate::ionet::World::new(pace, micros, Addresses::new(240, single))),
            Box::new(crate::tensorpool::World::new(pace, micros, Addresses::new(241, single))),
            Box::new(crate::vast::World::new(begin, micros)),
            Box::new(crate::aleph::World::new(begin, micros)),
        ];
        Others { all, pace, landing: Vec::new() }
    }

    /// Returns the provider whose API a path is of, and the path inside it.
    pub(crate) fn find(&self, path: &str) -> Option<(&'static str, String)> {
        self.all.iter().find_map(|one| {
            let rest = path.strip_prefix(one.base())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (one.provider(), rest.to_owned()))
        })
    }

    pub(crate) fn of(&mut self, provider: &str) -> Option<&mut Box<dyn Imitation>> {
        self.all.iter_mut().find(|one| one.provider() == provider)
    }

    /// Returns the lines that point a driver's key here, for these providers.
    pub(crate) fn environment(&self, providers: &[String], dir: &Path) -> Vec<(String, String)> {
        let chosen = self.all.iter().filter(|one| providers.iter().any(|name| name == one.provider()));
        chosen.flat_map(|one| one.environment(dir)).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Does one request, as far as the fault that meets it lets it be done.
    pub(crate) fn act(
        &mut self,
        provider: &'static str,
        ask: &Ask,
        act: &Act,
        rule: Option<&Rule>,
        now: Timestamp,
    ) -> Reply {
        if let Act::Later(secs) = act {
            let wait = SignedDuration::from_millis(ms_from_secs(*secs).unwrap_or(0));
            self.landing.push((now + wait, provider, ask.clone()));
            return Reply::empty(500);
        }
        let Some(one) = self.of(provider) else { return Reply::empty(404) };
        one.advance(now);
        if let Some(rule) = rule {
            one.change(&rule.fault, now);
        }
        let before = one.rentals().len();
        let reply = match act {
            Act::Do | Act::After(_) => one.answer(ask, now),
            Act::Nothing | Act::Later(_) => Reply::empty(500),
            Act::Pretend => one.pretend(ask, now),
        };
        let made = one.made(ask, &reply, before).filter(|_| reply.is_ok() || one.rentals().len() > before);
        if let (Some(rule), Some(id)) = (rule, made) {
            if let Some(rental) = one.rental_mut(&id) {
                rule.fault.mark_rental(rental, now);
            }
            one.mark(&id, &rule.fault, now);
        }
        reply
    }

    /// Does what time does; late requests land.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.all.iter_mut().for_each(|one| one.advance(now));
        let (due, waiting) = std::mem::take(&mut self.landing).into_iter().partition(|(at, ..)| *at <= now);
        self.landing = waiting;
        let due: Vec<(Timestamp, &'static str, Ask)> = due;
        for (_, provider, ask) in due {
            self.act(provider, &ask, &Act::Do, None, now);
        }
    }

    pub(crate) fn heal(&mut self) {
        self.all.iter_mut().for_each(|one| one.heal());
    }

    pub(crate) fn wanted(&self, now: Timestamp) -> Vec<Wanted> {
        self.all.iter().flat_map(|one| one.wanted(now)).collect()
    }

    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let landing = self.landing.iter().map(|(at, ..)| *at);
        self.all.iter().filter_map(|one| one.next_due(now)).chain(landing).min()
    }

    /// Reboots one by its id or name.
    pub(crate) fn reboot(&mut self, id: &str, now: Timestamp) -> bool {
        let pace = self.pace;
        self.all.iter_mut().any(|one| one.reboot(id, pace, now))
    }

    /// A machine could not be started: its rental fails.
    pub(crate) fn not_started(&mut self, machine: &str, error: &str, now: Timestamp) {
        self.all.iter_mut().for_each(|one| one.not_started(machine, error, now));
    }

    /// Returns the truth about everything that was ever rented, in the shape that BitLaunch's servers have there; what has a
    /// life of its own tells it in its own words.
    pub(crate) fn servers(&self, now: Timestamp, ssh_port: u16, up: &HashMap<String, bool>) -> Vec<Value> {
        let rows = self.all.iter().flat_map(|one| one.rentals().into_iter().map(move |rental| (one, rental)));
        let own = self.all.iter().flat_map(|one| one.own_servers(now, up));
        let rows = rows.map(|(one, rental)| {
            let (charged_micros, more) = one.told(&rental.id, now);
            let machine = |machine: &crate::rental::Machine| {
                let up = rental.is_up(now) && up.get(&machine.id) == Some(&true);
                json!({ "id": machine.id, "name": machine.name, "address": machine.address, "port": ssh_port, "up": up })
            };
            let machines: Vec<Value> = rental.machines.iter().map(machine).collect();
            json!({
                "id": rental.id,
                "provider": one.provider(),
                "name": rental.name,
                "alive": rental.is_alive(),
                "foreign": rental.foreign,
                "created": rfc3339(rental.created),
                "destroyed_at": rental.ended_at.map(rfc3339),
                "charged_micros": charged_micros,
                "charged_musd": charged_micros / 1000,
                "ssh": machines.first(),
                "machines": machines,
                "boots": rental.boots(),
                "keys": rental.keys,
                "more": more,
            })
        });
        rows.chain(own).collect()
    }

    pub(crate) fn accounts(&self, now: Timestamp) -> Value {
        self.all
            .iter()
            .map(|one| (one.provider().to_owned(), one.account(now)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// Returns the rest of the truth, by provider.
    pub(crate) fn truths(&self, now: Timestamp, up: &HashMap<String, bool>) -> Vec<(&'static str, Value)> {
        self.all.iter().filter_map(|one| Some((one.provider(), one.truth(now, up)?))).collect()
    }

    pub(crate) fn landing(&self) -> Vec<Value> {
        let row = |(at, provider, ask): &(Timestamp, &'static str, Ask)| json!({ "at": rfc3339(*at), "provider": provider, "method": ask.method, "path": ask.path, "body": ask.body });
        self.landing.iter().map(row).collect()
    }
}

/// Returns the names of all providers that are imitated.
pub(crate) fn names() -> Vec<&'static str> {
    let pace = Pace { launch_ms: 0, ssh_ms: 0, reboot_ms: 0 };
    let now = Timestamp::UNIX_EPOCH;
    let begin = Beginning { pace, balance_musd: 0, single_address: None, ssh_port: 22, url: String::new(), now };
    let others = Others::new(&begin);
    std::iter::once("bitlaunch").chain(others.all.iter().map(|one| one.provider())).collect()
}

/// Returns the parameter of a query, decoded; the first one counts.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    bitlaunch::parameter(query, name)
}

/// Returns the segments of a path, decoded.
pub(crate) fn segments(path: &str) -> Vec<String> {
    path.trim_matches('/').split('/').map(bitlaunch::decode).collect()
}

/// Returns millionths as the number of dollars that the providers print.
pub(crate) fn usd(micros: i64) -> f64 {
    micros as f64 / 1e6
}
