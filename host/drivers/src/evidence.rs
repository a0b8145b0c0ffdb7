//! What the host itself reads in an answer: rows, tags, rates, prices, what was made, what was refused or ended.
//!
//! The driver does not testify (rule 5). What cannot be read for certain is no evidence: it is said why, and nothing is
//! freed by it. This module does not send and remembers nothing between calls.

use crate::{
    json::Json,
    manifest::{AccountSource, Effect, Made, Manifest, Place, Route},
    pointer::{Met, Pointer},
    template::{Cut, Words},
};
use bursar_core::money::Usd;

mod amount;
mod listing;
mod matches;
mod rows;
mod stands;
mod verdict;

pub use listing::{Listed, Listing};
pub use stands::{addresses, stands_in};

/// Everything that one answer shows; nothing, where the manifest has no line for it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub page: Option<Page>,
    pub prices: Vec<Priced>,
    pub made: MadeSeen,
    /// For spend and release.
    pub verdict: Option<Verdict>,
    /// The account's identity, if this route tells it.
    pub account: Option<String>,
    /// Why the body was not read at all.
    pub unreadable: Option<String>,
    pub json: Option<Json>,
}

/// One page of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub rows: Vec<Row>,
    /// Why something on it could not be read: then the list is never complete.
    pub skipped: Vec<String>,
    pub more: More,
    pub total: Option<u64>,
}

/// Whether the provider has more rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum More {
    #[default]
    Undeclared,
    No,
    Yes(String),
}

/// One row: an instance, or a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: String,
    pub tag: Tagged,
    pub key: Option<String>,
    /// Per hour.
    pub rate: Option<Usd>,
    pub paid: Option<Usd>,
    /// It counts as absent.
    pub over: bool,
}

/// What a row shows for a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tagged {
    Tag(String),
    /// Null, or an empty text.
    None,
    /// The member is not there.
    Missing,
}

/// One price in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// Which part of an offer it is for, and that part's value.
    pub part: Option<(String, String)>,
    /// Per hour.
    pub rate: Option<Usd>,
    /// For the whole order.
    pub total: Option<Usd>,
}

/// What the answers say an order costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceSeen {
    Untold,
    Seen {
        rate: Option<Usd>,
        total: Option<Usd>,
    },
    /// Two prices, or one that cannot be read.
    Doubt(String),
}

/// What a spend made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MadeSeen {
    #[default]
    Undeclared,
    None,
    One(String),
    /// Doubt; all ids are kept.
    Several(Vec<String>),
    Unreadable(String),
    /// It is the hash of what was signed.
    Signed,
}

/// What the answer to a spend or a release means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// Nothing was done; with what the provider said.
    Refused(String),
    /// The instance is not there any more.
    Ended,
    /// It proves nothing.
    Unclear(String),
}

impl Seen {
    /// Drops what names something by a secret that was taken out of the answer: that is no id, so its row proves nothing.
    pub(crate) fn without_secrets(mut self) -> Seen {
        let secret = |text: &String| text.contains(crate::scrub::GONE);
        if let Some(page) = &mut self.page {
            let before = page.rows.len();
            page.rows.retain(|row| !secret(&row.id));
            if page.rows.len() < before {
                page.skipped.push("the id of a row holds the credential".to_owned());
            }
        }
        self.account.take_if(|account| secret(account));
        let made = match &self.made {
            MadeSeen::One(id) => secret(id),
            MadeSeen::Several(ids) => ids.iter().any(secret),
            MadeSeen::Undeclared | MadeSeen::None | MadeSeen::Unreadable(_) | MadeSeen::Signed => false,
        };
        if made {
            self.made = MadeSeen::Unreadable("the id of what was made holds the credential".to_owned());
        }
        self
    }
}

/// Reads an answer of a route. `words` are those the request was filled with.
pub fn read(manifest: &Manifest, route: &Route, words: &Words, status: u16, body: &[u8]) -> Seen {
    if !is_read(manifest, route) {
        return Seen::default();
    }
    let parsed = Json::parse(body);
    let unreadable = parsed.as_ref().err().map(|bad| format!("the answer is no JSON that can be relied on: {bad}"));
    let json = parsed.ok();
    let proves = matches!(manifest.endpoint_of(route).place, Place::Fixed(_));
    let good = json.as_ref().filter(|_| proves && (200..300).contains(&status));
    Seen {
        page: route.shows.as_ref().and_then(|shows| good.map(|json| rows::page(shows, words, json))),
        prices: route
            .prices
            .as_ref()
            .and_then(|prices| good.map(|json| rows::prices(prices, json)))
            .unwrap_or_default(),
        made: made(route, good),
        verdict: verdict::of(route, words, status, json.as_ref(), proves),
        account: account(manifest, route, good),
        unreadable,
        json,
    }
}

/// Returns whether the manifest has any line for what this route answers.
fn is_read(manifest: &Manifest, route: &Route) -> bool {
    let tells = matches!(&manifest.account, AccountSource::Pointer { route: name, .. } if *name == route.name);
    let names = |place: &Place| match place {
        Place::Fixed(_) => false,
        Place::Open { named_by } => named_by.iter().any(|by| by.route == route.name),
    };
    let has_lines = route.shows.is_some() || route.prices.is_some() || route.made.is_some();
    let frees = matches!(route.effect, Effect::Spend | Effect::Release);
    has_lines || frees || tells || manifest.endpoints.values().any(|endpoint| names(&endpoint.place))
}

fn made(route: &Route, good: Option<&Json>) -> MadeSeen {
    let pointer = match (&route.made, good) {
        (None, _) => return MadeSeen::Undeclared,
        (Some(Made::Signed), _) => return MadeSeen::Signed,
        (Some(Made::Pointer(_)), None) => return MadeSeen::None,
        (Some(Made::Pointer(pointer)), Some(_)) => pointer,
    };
    let mut ids: Vec<String> = Vec::new();
    for place in good.map(|json| pointer.places_beside(json)).unwrap_or_default() {
        match place.met {
            // An id that cannot stand in a path could never be ended.
            Met::Value(value) => match id(value).filter(|id| crate::template::is_segment(id)) {
                Some(id) if !ids.contains(&id) => ids.push(id),
                Some(_) => {}
                None => return MadeSeen::Unreadable(format!("what stands at `{pointer}` is no id")),
            },
            Met::Null | Met::Missing => {}
        }
    }
    match (ids.pop(), ids.is_empty()) {
        (None, _) => MadeSeen::None,
        (Some(one), true) => MadeSeen::One(one),
        (Some(last), false) => MadeSeen::Several(ids.into_iter().chain([last]).collect()),
    }
}

fn account(manifest: &Manifest, route: &Route, good: Option<&Json>) -> Option<String> {
    match &manifest.account {
        AccountSource::Pointer { route: name, pointer } if *name == route.name => text_at(pointer, good?),
        _ => None,
    }
}

fn text_at(pointer: &Pointer, json: &Json) -> Option<String> {
    match pointer.find(json) {
        Met::Value(value) => id(value),
        Met::Null | Met::Missing => None,
    }
}

/// An id: a text of reasonable length that prints, or an integer. A number like `1e5` could be written in another way
/// next time.
fn id(value: &Json) -> Option<String> {
    let whole = !matches!(value, Json::Number(digits) if !digits.bytes().all(|b| b.is_ascii_digit()));
    value.scalar().filter(|text| whole && is_id(text))
}

fn is_id(text: &str) -> bool {
    crate::text::is_plain(text, 256)
}

/// Returns what the prices say for one offer.
pub fn price_for(prices: &[Priced], offer: &Cut) -> PriceSeen {
    let ours = |priced: &&Priced| priced.part.as_ref().is_none_or(|(part, value)| offer.parts.get(part) == Some(value));
    let mut found = prices.iter().filter(ours);
    let Some(first) = found.next() else { return PriceSeen::Untold };
    if found.any(|other| (other.rate, other.total) != (first.rate, first.total)) {
        return PriceSeen::Doubt("the answer shows two prices for this offer".to_owned());
    }
    match (first.rate, first.total) {
        (None, None) => PriceSeen::Doubt("the price in the answer cannot be read".to_owned()),
        (rate, total) => PriceSeen::Seen { rate, total },
    }
}

/// Returns the id under which a row shows our public key; the comment at its end does not count.
pub fn key_id(page: &Page, line: &str) -> Option<String> {
    let ours = blob(line)?;
    page.rows.iter().find(|row| row.key.as_deref().and_then(blob) == Some(ours)).map(|row| row.id.clone())
}

fn blob(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_ascii_whitespace();
    Some((words.next()?, words.next()?))
}

#[cfg(test)]
mod tests;
