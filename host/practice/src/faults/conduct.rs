//! What each fault does: to the world, to the server just made, and to the answer. It waits for nothing itself.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Cut, Fault};
use crate::bitlaunch::{Phase, Server, Shadow, World, add_foreign};
use crate::clock::ms_from_secs;
use crate::machines::Driver;
use crate::rental::Rental;
use crate::reply::{Content, Reply};

/// What becomes of the request itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    Do,
    Nothing,
    /// Answer as if it were done, and do nothing.
    Pretend,
    /// Do it so many practice seconds later.
    Later(f64),
    /// Wait so many real seconds, then do it.
    After(f64),
}

/// What the client gets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    AsItIs,
    Instead(Reply),
    Lost,
    Never,
    OnlyId,
    /// Its list, without a row.
    Emptied,
    /// With members that nobody knows.
    Extra,
    /// With this word for every status.
    Word(String),
    /// With control characters in every name and text for people.
    Garbled,
    /// Without the id of the request that was made.
    NoRequest,
    Damaged(Cut),
    /// Half of the body.
    HalfBody,
    /// So many real seconds later.
    Late(f64),
}

impl Fault {
    /// Returns what happens to a request that this fault meets.
    pub(crate) fn conduct(&self) -> (Act, Answer) {
        match self {
            Self::Refuse { status, message } => (Act::Nothing, Answer::Instead(Reply::message(*status, message))),
            Self::Status { done, .. } => {
                (if *done { Act::Do } else { Act::Nothing }, Answer::Instead(self.status_reply()))
            }
            Self::LostBefore {} => (Act::Nothing, Answer::Lost),
            Self::LostAfter {} => (Act::Do, Answer::Lost),
            Self::LandsLate { secs } => (Act::Later(*secs), Answer::Lost),
            Self::ErrorBefore {} => (Act::Nothing, Answer::Instead(server_error())),
            Self::ErrorAfter {} => (Act::Do, Answer::Instead(server_error())),
            Self::OkWithout {} | Self::DestroyIgnored {} => (Act::Pretend, Answer::AsItIs),
            Self::OnlyId {} => (Act::Do, Answer::OnlyId),
            Self::HangBefore {} => (Act::Nothing, Answer::Never),
            Self::HangAfter {} => (Act::Do, Answer::Never),
            Self::ListCut { how } => (Act::Do, Answer::Damaged(*how)),
            Self::ListEmpty { null: true } => (Act::Do, Answer::Instead(Reply::json(Value::Null))),
            Self::ListEmpty { null: false } => (Act::Do, Answer::Emptied),
            Self::Destroy404Alive {} => (Act::Nothing, Answer::Instead(Reply::message(404, "Server not found"))),
            Self::Slow { secs, before: true } => (Act::After(*secs), Answer::AsItIs),
            Self::Slow { secs, before: false } => (Act::Do, Answer::Late(*secs)),
            Self::RateLimited { retry_after } => (Act::Nothing, Answer::Instead(too_many(*retry_after))),
            Self::Html { status } => (Act::Nothing, Answer::Instead(Reply::text(*status, "text/html", PAGE))),
            Self::Redirect { location } => {
                (Act::Nothing, Answer::Instead(Reply::empty(302).header("location", location.clone())))
            }
            Self::Big { bytes } => {
                (Act::Do, Answer::Instead(Reply::text(200, "application/json", format!("\"{}\"", "x".repeat(*bytes)))))
            }
            Self::Extra {} => (Act::Do, Answer::Extra),
            Self::StatusWord { word } => (Act::Do, Answer::Word(word.clone())),
            Self::Garbled {} => (Act::Do, Answer::Garbled),
            Self::NoRequest {} => (Act::Do, Answer::NoRequest),
            Self::CutBody {} => (Act::Do, Answer::HalfBody),
            _ => (Act::Do, Answer::AsItIs),
        }
    }

    /// Tells whether it changes the world and needs no request.
    pub(super) fn is_of_the_world(&self) -> bool {
        matches!(
            self,
            Self::PriceChanged { .. }
                | Self::SoldOut { .. }
                | Self::HostClosed { .. }
                | Self::EmailUnconfirmed {}
                | Self::Balance { .. }
                | Self::TopUp { .. }
                | Self::ServerLimit { .. }
                | Self::ForeignServer { .. }
        )
    }

    /// Changes the world, before the request that it meets is done.
    pub(crate) fn change(&self, world: &mut World, now: Timestamp) {
        match self {
            Self::PriceChanged { size, musd_per_hour } => world.catalogue.reprice(size, *musd_per_hour),
            Self::SoldOut { size, region } => world.catalogue.sell_out(size, region.as_deref()),
            Self::HostClosed { host } => world.catalogue.close(*host),
            Self::EmailUnconfirmed {} => world.account.email_confirmed = false,
            Self::Balance { musd } => world.set_balance(*musd, now),
            Self::TopUp { usd } => world.top_up(*usd, now),
            Self::ServerLimit { servers } => world.account.server_limit = *servers,
            Self::ForeignServer { name } => add_foreign(world, name, now),
            _ => {}
        }
    }

    /// Marks the server that a create just made.
    pub(crate) fn mark(&self, server: &mut Server, now: Timestamp) {
        match self {
            Self::ListLags { lists, secs } => server.hidden = shadow(*lists, *secs, now),
            Self::DestroyLingers { lists, secs } => server.lingers_after = shadow(*lists, *secs, now),
            Self::ErrorStatus { text } => {
                let at = server.next_due(now).unwrap_or(now);
                server.phase = Phase::Failing(at, text.clone());
                server.ssh_at = None;
            }
            Self::BilledAt { musd_per_hour, size, hidden } => {
                server.told_musd_per_hour = hidden.then(|| server.musd_per_hour());
                server.spans.iter_mut().for_each(|span| span.musd_per_hour = *musd_per_hour);
                server.size = size.clone().unwrap_or_else(|| std::mem::take(&mut server.size));
            }
            Self::NeverReady {} => {
                server.phase = Phase::Launching(None);
                server.ssh_at = None;
            }
            Self::NoDriver {} => server.driver = Driver::Missing,
            _ => {}
        }
    }

    /// Marks what a create at another provider just made.
    pub(crate) fn mark_rental(&self, rental: &mut Rental, now: Timestamp) {
        match self {
            Self::ListLags { lists, secs } => rental.hidden = shadow(*lists, *secs, now),
            Self::DestroyLingers { lists, secs } => rental.lingers_after = shadow(*lists, *secs, now),
            Self::ErrorStatus { text } => rental.fails = Some(text.clone()),
            Self::NeverReady {} => (rental.ready_at, rental.ssh_at) = (None, None),
            Self::NoDriver {} => rental.driver = Driver::Missing,
            _ => {}
        }
    }

    fn status_reply(&self) -> Reply {
        let Self::Status { status, body, text, content_type, retry_after, .. } = self else { return Reply::empty(500) };
        let mut reply = match text {
            Some(text) => Reply::text(*status, "application/json", text.clone()),
            None if body.is_null() => Reply::empty(*status),
            None => Reply::new(*status, Content::Json(body.clone())),
        };
        if let Some(kind) = content_type {
            reply = reply.header("content-type", kind.clone());
        }
        if let Some(wait) = retry_after {
            reply = reply.header("retry-after", wait.clone());
        }
        reply
    }
}

impl Answer {
    /// Returns the reply that is sent, where one is sent. Waiting is the caller's work.
    pub(crate) fn apply(&self, reply: Reply) -> Reply {
        match self {
            Self::Instead(other) => other.clone(),
            Self::OnlyId => only_id(reply),
            Self::Emptied => emptied(reply),
            Self::Extra => super::altered::extra(reply),
            Self::Word(word) => super::altered::status_word(reply, word),
            Self::Garbled => super::altered::garbled(reply),
            Self::NoRequest => super::altered::no_request(reply),
            Self::Damaged(cut) => damage(reply, *cut),
            Self::HalfBody => Reply { cut: true, ..reply },
            Self::AsItIs | Self::Lost | Self::Never | Self::Late(_) => reply,
        }
    }
}

/// Returns the list, bare or the first one inside.
fn rows(body: &mut Value) -> Option<&mut Vec<Value>> {
    match body {
        Value::Array(rows) => Some(rows),
        Value::Object(object) => object.values_mut().find_map(rows),
        _ => None,
    }
}

fn emptied(mut reply: Reply) -> Reply {
    let Content::Json(body) = &mut reply.body else { return reply };
    no_total(body);
    if let Some(rows) = rows(body) {
        rows.clear();
    }
    reply
}

/// A list that lies says also that it is whole.
fn no_total(body: &mut Value) {
    let Value::Object(object) = body else { return };
    for (name, value) in object {
        if name == "total" { *value = json!(0) } else { no_total(value) }
    }
}

fn only_id(reply: Reply) -> Reply {
    let kept = ["id", "cluster_id"].into_iter().find_map(|name| {
        let id = reply.as_json()?.get(name).filter(|id| !id.is_null())?;
        Some((name.to_owned(), id.clone()))
    });
    match kept {
        Some((name, id)) => Reply { body: Content::Json(Value::Object([(name, id)].into_iter().collect())), ..reply },
        None => reply,
    }
}

/// Takes something out of a list, bare or the first one inside.
fn damage(mut reply: Reply, cut: Cut) -> Reply {
    let Content::Json(body) = &mut reply.body else { return reply };
    let member = match cut {
        Cut::Id => "id",
        Cut::Name => "name",
        Cut::Json => {
            let text = body.to_string();
            let half = text.chars().take(text.chars().count() / 2).collect::<String>();
            return Reply::text(reply.status, "application/json", half);
        }
    };
    if let Some(row) = rows(body).and_then(|rows| rows.last_mut()).and_then(Value::as_object_mut) {
        row.remove(member);
    }
    reply
}

fn shadow(lists: u32, secs: f64, now: Timestamp) -> Shadow {
    let until = ms_from_secs(secs).filter(|ms| *ms > 0).map(|ms| now + SignedDuration::from_millis(ms));
    // Told nothing, one list is wrong.
    let lists = if lists == 0 && until.is_none() { 1 } else { lists };
    Shadow { lists, until }
}

fn server_error() -> Reply {
    Reply::message(500, "There was an error, please contact support")
}

fn too_many(retry_after: Option<u64>) -> Reply {
    let reply = Reply::message(429, "Too many requests");
    match retry_after {
        Some(secs) => reply.header("retry-after", secs.to_string()),
        None => reply,
    }
}

const PAGE: &str = "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>\n";
