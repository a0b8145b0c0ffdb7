//! An imitation of io.net's virtual machines: prepaid leases below `/enterprise/v1/io-cloud/vmaas`, with the traps of the
//! fact sheet: an empty answer to an order, statuses with blanks, ids that are numbers or texts, pages from 0 and from 1,
//! and a first hour that never comes back. Pure: a request and the time go in, an answer comes out.

mod deploy;
mod deployment;
mod shown;
mod stock;

use std::path::Path;

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::bitlaunch::Pace;
use crate::faults::Fault;
use crate::imitation::{Addresses, Imitation, segments, usd};
use crate::rental::Rental;
use crate::reply::{Ask, Content, Reply};
use deployment::Deployment;
use stock::Hardware;

const KEY: &str = "practice";

#[derive(Clone)]
pub(crate) struct World {
    pace: Pace,
    /// Credits, in millionths of a US dollar.
    credits_micros: i64,
    stock: Vec<Hardware>,
    deployments: Vec<Deployment>,
    addresses: Addresses,
}

impl World {
    pub(crate) fn new(pace: Pace, credits_micros: i64, addresses: Addresses) -> World {
        World { pace, credits_micros, stock: stock::hardware(), deployments: Vec::new(), addresses }
    }

    fn find(&self, id: &str) -> Option<&Deployment> {
        self.deployments.iter().find(|one| one.rental.id == id)
    }

    fn find_mut(&mut self, id: &str) -> Option<&mut Deployment> {
        self.deployments.iter_mut().find(|one| one.rental.id == id)
    }

    /// What is left: credits bought, less what was paid, and what came back on an early end.
    fn credits_left(&self, now: Timestamp) -> i64 {
        self.credits_micros - self.deployments.iter().map(|one| one.charged_micros(now)).sum::<i64>()
    }
}

impl Imitation for World {
    fn provider(&self) -> &'static str {
        "ionet"
    }

    fn base(&self) -> &'static str {
        "/ionet/enterprise/v1/io-cloud/vmaas"
    }

    /// It tells no balance, so none can be asked to remain.
    fn environment(&self, _: &Path) -> Vec<(&'static str, String)> {
        let limits = ["BURSAR_MIN_BALANCE_HOURS", "BURSAR_MIN_BALANCE_SHARE"].map(|name| (name, "0".to_owned()));
        [("IONET_API_KEY", KEY.to_owned())].into_iter().chain(limits).collect()
    }

    fn denied(&self, _: &Ask, headers: &HeaderMap) -> Option<Reply> {
        let admitted = headers.get("x-api-key").is_some_and(|value| value == KEY);
        (!admitted).then(|| detail(401, "Invalid or missing API key"))
    }

    fn answer(&mut self, ask: &Ask, now: Timestamp) -> Reply {
        self.advance(now);
        let segments = segments(&ask.path);
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (ask.method.as_str(), path.as_slice()) {
            ("GET", ["hardware"]) => shown::hardware(self),
            ("GET", ["price"]) => deploy::price(self, &ask.query),
            ("POST", ["deploy"]) => deploy::deploy(self, &ask.body, now),
            ("GET", ["deployments"]) => shown::list(self, &ask.query, now),
            (method, ["deployment", id, action @ ..]) => {
                if self.find(id).is_none() {
                    return detail(404, "Deployment not found");
                }
                match (method, action) {
                    ("GET", []) => shown::details(self, id, now),
                    ("GET", ["vms"]) => shown::vms(self, id, &ask.query, now),
                    ("POST", ["extend"]) => deploy::extend(self, id, &ask.body, now),
                    ("DELETE", []) => deploy::destroy(self, id, now),
                    _ => detail(404, "Not Found"),
                }
            }
            _ => detail(404, "Not Found"),
        }
    }

    fn pretend(&self, ask: &Ask, now: Timestamp) -> Reply {
        self.clone().answer(ask, now)
    }

    fn advance(&mut self, now: Timestamp) {
        self.deployments.iter_mut().for_each(|one| one.advance(now));
    }

    fn rentals(&self) -> Vec<&Rental> {
        self.deployments.iter().map(|one| &one.rental).collect()
    }

    fn rental_mut(&mut self, id: &str) -> Option<&mut Rental> {
        self.find_mut(id).map(|one| &mut one.rental)
    }

    fn told(&self, id: &str, now: Timestamp) -> (i64, Value) {
        self.find(id).map_or((0, Value::Null), |one| {
            (
                one.charged_micros(now),
                json!({ "status": one.status(now), "paid": usd(one.paid_micros), "hours": one.hours }),
            )
        })
    }

    fn account(&self, now: Timestamp) -> Value {
        json!({ "credits": usd(self.credits_left(now)) })
    }

    fn change(&mut self, fault: &Fault, now: Timestamp) {
        match fault {
            Fault::PriceChanged { size, musd_per_hour } => {
                let rows = self.stock.iter_mut().filter(|row| row.id == *size);
                rows.for_each(|row| row.micros_per_hour = musd_per_hour * 1000);
            }
            Fault::SoldOut { size, .. } => {
                self.stock.iter_mut().filter(|row| row.id == *size).for_each(|row| row.sold_out = true);
            }
            Fault::Balance { musd } => self.credits_micros += musd * 1000 - self.credits_left(now),
            Fault::ForeignServer { name } => deploy::foreign(self, name, now),
            _ => {}
        }
    }

    fn mark(&mut self, id: &str, fault: &Fault, _: Timestamp) {
        let Some(one) = self.find_mut(id) else { return };
        match fault {
            Fault::Unpaid {} => {
                one.is_unpaid = true;
                one.rental.ready_at = None;
            }
            Fault::BilledAt { musd_per_hour, .. } => one.paid_micros = musd_per_hour * 1000 * i64::from(one.hours),
            Fault::SshText { text } => one.ssh_text = Some(text.clone()),
            _ => {}
        }
    }

    fn heal(&mut self) {
        self.stock = stock::hardware();
    }
}

/// Returns an error in FastAPI's shape.
fn detail(status: u16, text: &str) -> Reply {
    Reply::new(status, Content::Json(json!({ "detail": text })))
}
