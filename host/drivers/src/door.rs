//! The door: the one way out of the sandbox. It lets a request through if the manifest has its route, the call in hand
//! opens it, and the call has something left to spend; then it attaches the credential, sends, and reads the answer as
//! a witness. The host's own requests (an end without the driver) go through it as well. It knows nothing of wasm.

mod sign;

use crate::{
    audit::SpendAsk,
    evidence,
    ground::{Credential, Ground},
    manifest::{Effect, Place, Route},
    record::{Left, Record},
    template::{self, Cause, Filled, NO_LINE, Refused, Words},
};
use bursar_core::time::Moment;
use bursar_http::{Answer, Base, HeaderName, HeaderValue, Outgoing, SendError as Unsent};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

pub(crate) const REQUESTS_MAX: u32 = 20;
const RESPONSE_MAX: usize = 4 << 20;
const REQUEST_SECS: u64 = 30;
const HEADERS_MAX: usize = 64;
const WHY_MAX: usize = 500;
/// Of a route's name, before anything is looked for in it.
const NAME_MAX: usize = 1_024;
/// Of one call; a driver that goes on asking fills no log.
const DENIALS_LOGGED: u32 = 5;

pub(crate) struct Ask {
    pub(crate) route: String,
    pub(crate) values: Vec<(String, String)>,
    pub(crate) address: Option<String>,
    pub(crate) body: Option<String>,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) retry_after_secs: Option<u32>,
    pub(crate) made: Option<String>,
    pub(crate) body: Vec<u8>,
}

pub(crate) enum Unanswered {
    Denied(String),
    NotSent(String),
    MaybeSent(String),
}

pub(crate) struct Door {
    pub(crate) ground: Arc<Ground>,
    pub(crate) words: Arc<Words>,
    pub(crate) now: u64,
    pub(crate) began: Instant,
    pub(crate) record: Arc<Mutex<Record>>,
    pub(crate) deadline: Instant,
    /// The host asks for itself: what a driver used up does not stop it.
    pub(crate) by_host: bool,
}

impl Door {
    pub(crate) async fn send(&self, ask: &Ask) -> Result<Reply, Unanswered> {
        let route = self.route(&ask.route).map_err(|refused| self.deny(refused))?;
        let filled = template::fill(route, &self.words, &ask.values, ask.body.as_deref())
            .map_err(|refused| self.deny(refused))?;
        self.one_spend(route).map_err(|refused| self.deny(refused))?;
        let base = self.base(route, ask.address.as_deref()).map_err(|refused| self.deny(refused))?;
        let deadline = self.deadline_of(route);
        let mut outgoing = self.attach(route, filled, base, deadline)?;
        let target = outgoing.target.clone();
        self.take_turn(route, &target, deadline).await.map_err(|unsent| self.failed(route, unsent))?;
        self.last_word(route).await?;
        // Only what may leave is signed: a signature is as good as the request.
        self.sign(route, ask.address.as_deref(), &mut outgoing)?;
        self.leaves(route)?;
        self.left(route, outgoing.target.len() + outgoing.body.as_ref().map_or(0, Vec::len));
        if self.record().signed.is_some() {
            // The id of what it makes is on disk before anybody else can know it.
            self.ground.config.audit.kept().await;
        }
        match self.ground.http.send(outgoing).await {
            Ok(answer) => {
                self.answered(route, answer.status, answer.body.len());
                if route.effect == Effect::Read && (200..300).contains(&answer.status) {
                    let secs = retry_after(&answer.headers, self.now);
                    secs.into_iter().for_each(|secs| self.ground.pace.again(&target, secs, Instant::now()));
                }
                Ok(self.arrived(route, ask, answer))
            }
            Err(unsent) => Err(self.failed(route, self.lost(route, unsent))),
        }
    }

    /// The same for a read. What acts is sent alone, so that each of its answers is known before the next step.
    pub(crate) async fn read(&self, ask: &Ask) -> Result<Reply, Unanswered> {
        if let Some(route) = self.ground.manifest.route(&ask.route).filter(|route| route.effect != Effect::Read) {
            let why = "it is no read, and only reads are sent at once";
            let cause = Cause::Closed;
            return Err(self.deny(Refused::because(cause, &route.name, template::asked(route), why, NO_LINE)));
        }
        self.send(ask).await
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn route(&self, name: &str) -> Result<&Route, Refused> {
        self.ground.manifest.route(name).ok_or_else(|| {
            let known: Vec<&str> = self.ground.manifest.routes.keys().map(String::as_str).collect();
            let name: String = name.chars().take(NAME_MAX).collect();
            let refused = Refused::no_route(&self.ground.scrubbed(&name));
            let why = format!("there is no route `{}` in the manifest; it has {}", refused.route, known.join(", "));
            Refused { why, ..refused }
        })
    }

    /// A spend route opens for one request that leaves, whatever becomes of it.
    fn one_spend(&self, route: &Route) -> Result<(), Refused> {
        let spent = !matches!(self.record().spend, None | Some(Left::Nothing));
        match route.effect == Effect::Spend && spent {
            true => {
                let why = "it costs, and this call has sent its one request that costs";
                Err(Refused::because(Cause::SecondSpend, &route.name, template::asked(route), why, NO_LINE))
            }
            false => Ok(()),
        }
    }

    fn base(&self, route: &Route, address: Option<&str>) -> Result<Base, Refused> {
        let endpoint = self.ground.manifest.endpoint_of(route);
        let no = |why: String, grant: &str| {
            Refused::because(Cause::Address, &route.name, template::asked(route), why, grant)
        };
        match (&endpoint.place, address) {
            (Place::Fixed(_), Some(_)) => {
                let grant =
                    format!("[endpoints.{}] open = true, with `named_by`, would allow addresses", endpoint.name);
                Err(no(format!("`{}` has a fixed address; name none", route.name), &grant))
            }
            (Place::Fixed(_), None) => self
                .ground
                .place(endpoint)
                .cloned()
                .ok_or_else(|| no(format!("`{}` has no address", endpoint.name), NO_LINE)),
            (Place::Open { .. }, None) => {
                Err(no(format!("`{}` needs an address", route.name), "name one that an answer of this call showed"))
            }
            (Place::Open { named_by }, Some(address)) => {
                let seen = self
                    .record()
                    .named
                    .iter()
                    .any(|(at, seen)| *at == endpoint.name && seen.eq_ignore_ascii_case(address));
                if !seen {
                    let address = crate::text::clean(address, 100);
                    let why = format!("no answer of this call that `{}` is named by showed `{address}`", endpoint.name);
                    let lines: Vec<String> =
                        named_by.iter().map(|by| format!("\"{} {}\"", by.route, by.pointer)).collect();
                    let line = format!(
                        "this line in [endpoints.{}] would allow it, with the route and the place that show it: named_by = [{}, \"ROUTE /PLACE\"]",
                        endpoint.name,
                        lines.join(", ")
                    );
                    return Err(no(why, &line));
                }
                self.ground.open_place(address).map_err(|bad| no(bad, NO_LINE))
            }
        }
    }

    fn deadline_of(&self, route: &Route) -> Instant {
        let secs = route.timeout_secs.unwrap_or(REQUEST_SECS);
        self.deadline.min(Instant::now() + Duration::from_secs(secs))
    }

    /// Adds what the driver must not see. An open endpoint never gets a credential.
    fn attach(&self, route: &Route, filled: Filled, base: Base, deadline: Instant) -> Result<Outgoing, Unanswered> {
        let bad = |what: &str| Unanswered::NotSent(format!("`{}`: {what} cannot stand in a header", route.name));
        let mut headers = Vec::with_capacity(filled.headers.len() + 3);
        for (name, value) in &filled.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("a name"))?;
            headers.push((name, HeaderValue::from_str(value).map_err(|_| bad("a value"))?));
        }
        for (name, value, wanted) in
            [("accept", "application/json", true), ("content-type", "application/json", filled.body.is_some())]
        {
            if wanted && !headers.iter().any(|(known, _)| known.as_str() == name) {
                headers.push((HeaderName::from_static(name), HeaderValue::from_static(value)));
            }
        }
        if let Some(header) = self.credential(route)? {
            headers.retain(|(name, _)| *name != header.0);
            headers.push(header);
        }
        let fresh = filled.effect != Effect::Read;
        let (method, target, body) = (filled.method, filled.target, filled.body);
        Ok(Outgoing { base, method, target, headers, body, fresh, deadline, response_max: RESPONSE_MAX })
    }

    fn credential(&self, route: &Route) -> Result<Option<(HeaderName, HeaderValue)>, Unanswered> {
        let endpoint = self.ground.manifest.endpoint_of(route);
        let named = endpoint.credential.as_ref().filter(|_| matches!(endpoint.place, Place::Fixed(_)));
        let Some((name, how)) = named.and_then(|name| Some((name, self.ground.manifest.credentials.get(name)?))) else {
            return Ok(None);
        };
        let Some(credential) = self.credential_of_call(name) else {
            self.record().no_credential = Some((name.clone(), how.env.clone()));
            let why = format!("the owner has stored no credential `{name}`");
            let grant = format!("`bursar login {}` stores it", self.ground.name());
            self.refused(Refused::because(Cause::Credential, &route.name, template::asked(route), &why, grant));
            return Err(Unanswered::NotSent(why));
        };
        let bad = |_| Unanswered::NotSent(format!("the credential `{name}` holds what cannot stand in a header"));
        let header = HeaderName::from_bytes(how.header.as_bytes()).map_err(|e| bad(e.to_string()))?;
        let mut value =
            HeaderValue::from_str(&format!("{}{}", how.prefix, credential.value)).map_err(|e| bad(e.to_string()))?;
        value.set_sensitive(true);
        Ok(Some((header, value)))
    }

    /// One that is replaced meanwhile counts in the next call: what one call learns is of one account.
    pub(crate) fn credential_of_call(&self, name: &str) -> Option<Credential> {
        let known = self.record().credentials.get(name).cloned();
        let credential = known.or_else(|| self.ground.credential(name))?;
        self.record().credentials.insert(name.to_owned(), credential.clone());
        Some(credential)
    }

    async fn take_turn(&self, route: &Route, target: &str, deadline: Instant) -> Result<(), Unanswered> {
        let gates = self.ground.gates(route);
        let now = self.ground.pace.may_ask(target, Instant::now());
        match self.ground.pace.slot(&gates, now, deadline) {
            Some(slot) if slot > Instant::now() => tokio::time::sleep_until(slot).await,
            Some(_) => {}
            None => {
                return Err(Unanswered::NotSent(
                    "the gap the provider asks for is longer than this call may wait".into(),
                ));
            }
        }
        Ok(())
    }

    /// What was allowed when the hold was written may be forbidden by now.
    async fn last_word(&self, route: &Route) -> Result<(), Unanswered> {
        if route.effect != Effect::Spend {
            return Ok(());
        }
        let (tag, call) = (self.words.value(&template::Word::Tag), self.words.call().name());
        let spend = SpendAsk { tag, call, asked: Moment(self.now) };
        self.ground.config.audit.may_spend(spend).await.map_err(Unanswered::NotSent)
    }

    /// From here on it counts as sent, also when nobody waits for the answer any more.
    fn leaves(&self, route: &Route) -> Result<(), Unanswered> {
        let mut record = self.record();
        if record.sent >= REQUESTS_MAX && !self.by_host {
            drop(record);
            let why = format!("this call's {REQUESTS_MAX} requests are used up");
            self.refused(Refused::because(Cause::Requests, &route.name, template::asked(route), &why, NO_LINE));
            return Err(Unanswered::NotSent(why));
        }
        record.sent += 1;
        record.denied = None;
        if route.effect == Effect::Spend {
            record.spend = Some(Left::Maybe("nobody waited for the answer".into()));
            record.signed_left();
        }
        Ok(())
    }

    fn arrived(&self, route: &Route, ask: &Ask, answer: Answer) -> Reply {
        // Scrubbed before anything is read in it: what evidence quotes goes to people and agents, too.
        let body = self.ground.scrubbed_body(answer.body);
        let seen = evidence::read(&self.ground.manifest, route, &self.words, answer.status, &body).without_secrets();
        let named = self.named_by(route, &seen);
        let body = match route.hide.is_empty() {
            true => body,
            false => crate::scrub::hide(&body, &route.hide),
        };
        let mut record = self.record();
        record.remember(&body);
        record.given(&ask.values, ask.body.as_deref());
        record.named.extend(named);
        let made = record.answered(route, &ask.values, answer.status, seen);
        drop(record);
        let retry_after_secs = retry_after(&answer.headers, self.now);
        let headers = answer.headers.into_iter().filter(|(name, _)| is_shown(name)).take(HEADERS_MAX);
        let headers = headers.map(|(name, value)| (name, self.ground.scrubbed(&value))).collect();
        Reply { status: answer.status, headers, retry_after_secs, made, body }
    }

    /// Returns the addresses this answer shows for endpoints that are named by it.
    fn named_by(&self, route: &Route, seen: &evidence::Seen) -> Vec<(String, String)> {
        let Some(json) = &seen.json else { return Vec::new() };
        let mut named = Vec::new();
        for (name, endpoint) in &self.ground.manifest.endpoints {
            let Place::Open { named_by } = &endpoint.place else { continue };
            for by in named_by.iter().filter(|by| by.route == route.name) {
                named.extend(evidence::addresses(json, &by.pointer).into_iter().map(|address| (name.clone(), address)));
            }
        }
        named
    }

    fn lost(&self, route: &Route, unsent: Unsent) -> Unanswered {
        let spends = route.effect == Effect::Spend;
        // What a far end says of itself may stand in these texts.
        let plain = |why: String| crate::text::clean(&self.ground.scrubbed(&why), WHY_MAX);
        match unsent {
            Unsent::MaybeSent(why) => {
                let why = plain(why);
                if spends {
                    self.record().spend = Some(Left::Maybe(why.clone()));
                }
                Unanswered::MaybeSent(why)
            }
            Unsent::NotSent(why) => {
                self.came_back(spends);
                Unanswered::NotSent(plain(why))
            }
            Unsent::Denied(why) => {
                self.came_back(spends);
                self.deny(Refused::because(Cause::Outbound, &route.name, template::asked(route), plain(why), NO_LINE))
            }
        }
    }

    /// Nothing left after all, so the one request that may cost is still to be had.
    fn came_back(&self, spends: bool) {
        if spends {
            let mut record = self.record();
            record.spend = None;
            record.signed_stayed();
        }
    }

    fn deny(&self, refused: Refused) -> Unanswered {
        let why = self.refused(refused).to_string();
        let mut record = self.record();
        record.denials += 1;
        if record.denials <= DENIALS_LOGGED {
            tracing::warn!(driver = self.ground.name(), call = self.words.call().name(), why, "stopped at the door");
        }
        record.denied = Some(why.clone());
        Unanswered::Denied(why)
    }
}

fn is_shown(name: &str) -> bool {
    !matches!(
        name,
        "set-cookie" | "set-cookie2" | "authorization" | "proxy-authenticate" | "www-authenticate" | "connection"
    )
}

/// Reads Retry-After in either of its forms.
fn retry_after(headers: &[(String, String)], now: u64) -> Option<u32> {
    let (_, text) = headers.iter().find(|(name, _)| name == "retry-after")?;
    if let Ok(secs) = text.trim().parse() {
        return Some(secs);
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    let at = u64::try_from(at.as_second()).ok()?;
    Some(u32::try_from(at.saturating_sub(now)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
