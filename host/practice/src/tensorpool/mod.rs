//! An imitation of TensorPool's engine as its client 0.0.9 speaks to it: mutations are accepted with 202 and a request to
//! poll, texts for people stand in `message`, clusters of several nodes stand behind a jump host. There is no WebSocket: it
//! would carry shell commands, and nothing of ours runs such. Pure: a request and the time go in, an answer comes out.

mod account;
mod cluster;
mod clusters;
mod requests;

use std::path::Path;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::bitlaunch::Pace;
use crate::faults::Fault;
use crate::imitation::{Addresses, Imitation, segments, usd};
use crate::rental::Rental;
use crate::reply::{Ask, Content, Reply};
use account::{Job, Key};
use cluster::{Cluster, Type};
use requests::Request;

const KEY: &str = "practice";

#[derive(Clone)]
pub(crate) struct World {
    pace: Pace,
    /// All money that ever came in, in millionths of a US dollar.
    funds_micros: i64,
    types: Vec<Type>,
    clusters: Vec<Cluster>,
    requests: Vec<Request>,
    keys: Vec<Key>,
    jobs: Vec<Job>,
    /// The next order lands in a dearer pool, at this price for all its nodes.
    fallback_micros: Option<i64>,
    addresses: Addresses,
}

impl World {
    pub(crate) fn new(pace: Pace, funds_micros: i64, addresses: Addresses) -> World {
        World {
            pace,
            funds_micros,
            types: cluster::types(),
            clusters: Vec::new(),
            requests: Vec::new(),
            keys: Vec::new(),
            jobs: account::jobs(),
            fallback_micros: None,
            addresses,
        }
    }

    /// Finds a cluster by its id, or by its name while it lives.
    fn find(&self, id: &str) -> Option<&Cluster> {
        let by_name = || self.clusters.iter().find(|one| one.rental.name == id && one.rental.is_alive());
        self.clusters.iter().find(|one| one.rental.id == id).or_else(by_name)
    }

    fn find_mut(&mut self, id: &str) -> Option<&mut Cluster> {
        let id = self.find(id)?.rental.id.clone();
        self.clusters.iter_mut().find(|one| one.rental.id == id)
    }

    fn balance_micros(&self, now: Timestamp) -> i64 {
        self.funds_micros - self.clusters.iter().map(|one| one.charged_micros(now)).sum::<i64>()
    }
}

impl Imitation for World {
    fn provider(&self) -> &'static str {
        "tensorpool"
    }

    fn base(&self) -> &'static str {
        "/tensorpool"
    }

    /// Its cheapest GPU costs more than an hour may if nobody says otherwise.
    fn environment(&self, _: &Path) -> Vec<(&'static str, String)> {
        vec![("TENSORPOOL_KEY", KEY.to_owned()), ("BURSAR_MAX_PRICE_PER_HOUR", "1.75".to_owned())]
    }

    fn denied(&self, ask: &Ask, headers: &HeaderMap) -> Option<Reply> {
        let is_open = ["/health", "/healthz"].contains(&ask.path.as_str());
        let admitted = headers.get(AUTHORIZATION).is_some_and(|value| value == format!("Bearer {KEY}").as_str());
        (!is_open && !admitted).then(|| message(401, "Invalid TensorPool key"))
    }

    fn answer(&mut self, ask: &Ask, now: Timestamp) -> Reply {
        self.advance(now);
        let segments = segments(&ask.path);
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (ask.method.as_str(), path.as_slice()) {
            ("POST", ["health"]) | ("GET", ["healthz"]) => Reply::json(json!({ "message": null })),
            ("POST", ["cluster", "create"]) => clusters::create(self, &ask.body, now),
            ("GET", ["cluster", "list"]) => clusters::list(self, &ask.query, now),
            ("GET", ["cluster", "quote"]) => clusters::quote(self, &ask.query),
            ("GET", ["cluster", "info", id]) => clusters::info(self, id, now),
            ("PATCH", ["cluster", "edit", id]) => clusters::edit(self, id, &ask.body),
            ("DELETE", ["cluster", id]) => clusters::destroy(self, id, now),
            ("GET", ["request", "info", id]) => requests::info(self, id, now),
            ("GET", ["ssh", id]) => clusters::ssh(self, id, now),
            (method, ["user", rest @ ..]) => account::user(self, method, rest, &ask.body, now),
            (method, ["job", rest @ ..]) => account::job(self, method, rest, now),
            _ => message(404, "Not Found"),
        }
    }

    fn pretend(&self, ask: &Ask, now: Timestamp) -> Reply {
        self.clone().answer(ask, now)
    }

    fn advance(&mut self, now: Timestamp) {
        self.clusters.iter_mut().for_each(|one| one.rental.advance(now));
    }

    fn rentals(&self) -> Vec<&Rental> {
        self.clusters.iter().map(|one| &one.rental).collect()
    }

    fn rental_mut(&mut self, id: &str) -> Option<&mut Rental> {
        self.clusters.iter_mut().find(|one| one.rental.id == id).map(|one| &mut one.rental)
    }

    fn told(&self, id: &str, now: Timestamp) -> (i64, Value) {
        self.find(id).map_or((0, Value::Null), |one| {
            let more = json!({ "type": one.kind, "nodes": one.nodes, "protected": one.is_protected });
            (one.charged_micros(now), more)
        })
    }

    fn account(&self, now: Timestamp) -> Value {
        json!({ "balance": usd(self.balance_micros(now)) })
    }

    fn change(&mut self, fault: &Fault, now: Timestamp) {
        match fault {
            Fault::PriceChanged { size, musd_per_hour } => {
                self.types
                    .iter_mut()
                    .filter(|one| one.name == *size)
                    .for_each(|one| one.micros_per_hour = musd_per_hour * 1000);
            }
            Fault::SoldOut { size, .. } => {
                self.types.iter_mut().filter(|one| one.name == *size).for_each(|one| one.sold_out = true);
            }
            Fault::Balance { musd } => self.funds_micros += musd * 1000 - self.balance_micros(now),
            Fault::BilledAt { musd_per_hour, .. } => self.fallback_micros = Some(musd_per_hour * 1000),
            Fault::ForeignServer { name } => clusters::foreign(self, name, now),
            _ => {}
        }
    }

    fn mark(&mut self, id: &str, fault: &Fault, now: Timestamp) {
        let Some(one) = self.clusters.iter_mut().find(|one| one.rental.id == id) else { return };
        match fault {
            Fault::SshText { text } => one.ssh_text = Some(text.clone()),
            Fault::Retrying { secs } => one.retry(*secs, now),
            _ => {}
        }
    }

    fn heal(&mut self) {
        self.types = cluster::types();
    }
}

/// The client shows `message` and nothing else.
fn message(status: u16, text: &str) -> Reply {
    Reply::new(status, Content::Json(json!({ "message": text })))
}

fn accepted(body: Value) -> Reply {
    Reply::new(202, Content::Json(body))
}
