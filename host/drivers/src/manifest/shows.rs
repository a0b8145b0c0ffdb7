//! Where an answer shows rows and prices: the host reads them itself, the driver does not testify (rule 5).

use super::{
    conditions::Conditions,
    problem::{At, rule},
    raw,
};
use crate::pointer::Pointer;
use std::fmt;

/// Rows of instances or keys in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shows {
    pub each: Pointer,
    pub id: Pick,
    pub tag: Option<Pick>,
    pub key: Option<Pointer>,
    pub rate: Option<Pointer>,
    pub paid: Option<Pointer>,
    pub unit: Option<Unit>,
    /// Rows that count as absent.
    pub over: Conditions,
    /// Not null: there is another page. Absolute.
    pub more: Option<More>,
    /// How many rows there are on all pages. Absolute.
    pub total: Option<Pointer>,
}

/// The pointer to `more`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct More {
    pub pointer: Pointer,
    /// `?`: a missing member counts as null.
    pub missing_is_null: bool,
}

/// Where a row has a value: at a pointer, or in the name of the member that the row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    At(Pointer),
    Key,
}

/// Where an answer shows what an order costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    pub rows: Option<PriceRows>,
    pub money: Money,
    pub unit: Unit,
}

/// One row for each value of a part of the offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRows {
    pub each: Pointer,
    pub id: Pick,
    pub part: String,
}

/// Money per time, or for the whole order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Money {
    Rate(Pointer),
    Total(Pointer),
}

/// What a figure counts: millionths of a dollar in one, and the seconds it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    pub micros: u64,
    /// `None` for an amount that is not per time.
    pub per_secs: Option<u64>,
}

impl Unit {
    pub(crate) fn parse(text: &str) -> Result<Unit, String> {
        let (coin, time) = text.split_once('/').map_or((text, None), |(coin, time)| (coin, Some(time)));
        let micros = match coin {
            "usd" => 1_000_000,
            "cent" => 10_000,
            "musd" => 1_000,
            "microusd" => 1,
            _ => return Err(format!("`{text}` is no unit")),
        };
        let per_secs = match time {
            None => None,
            Some("h") => Some(3_600),
            Some("s") => Some(1),
            Some(_) => return Err(format!("`{text}` is no unit")),
        };
        Ok(Unit { micros, per_secs })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coin = match self.micros {
            1_000_000 => "usd",
            10_000 => "cent",
            1_000 => "musd",
            _ => "microusd",
        };
        match self.per_secs {
            None => f.write_str(coin),
            Some(1) => write!(f, "{coin}/s"),
            Some(_) => write!(f, "{coin}/h"),
        }
    }
}

const UNITS: &str = "a unit is `usd`, `cent`, `musd` or `microusd`, with `/h`, `/s` or nothing";
const POINTERS: &str = "a pointer begins with `/`, like `/data/id`";

impl Shows {
    pub(super) fn read(raw: &raw::Shows, at: &mut At<'_>) -> Option<Shows> {
        let unit = raw.unit.as_deref().and_then(|text| at.take(rule::EVIDENCE, Unit::parse(text), UNITS));
        let rate = optional(raw.rate.as_deref(), at);
        let per_time = unit.is_some_and(|unit| unit.per_secs.is_some());
        at.must(
            rate.is_none() || per_time,
            rule::EVIDENCE,
            "shows.rate has no unit per time",
            "add a unit like `usd/h`",
        );
        at.must(raw.paid.is_none() || unit.is_some(), rule::EVIDENCE, "shows.paid has no unit", UNITS);
        Some(Shows {
            each: pointer(&raw.each, at)?,
            id: pick(&raw.id, at)?,
            tag: raw.tag.as_deref().and_then(|text| pick(text, at)),
            key: optional(raw.key.as_deref(), at),
            rate,
            paid: optional(raw.paid.as_deref(), at),
            unit,
            over: raw.over.as_ref().map(|table| Conditions::read(table, "shows.over", at)).unwrap_or_default(),
            more: raw.more.as_deref().and_then(|text| more(text, at)),
            total: raw.total.as_deref().and_then(|text| narrow(text, at)),
        })
    }
}

impl Prices {
    /// `parts` are those of the manifest's offer.
    pub(super) fn read(raw: &raw::Prices, parts: &[String], at: &mut At<'_>) -> Option<Prices> {
        let unit = at.take(rule::EVIDENCE, Unit::parse(&raw.unit), UNITS)?;
        let money = match (&raw.rate, &raw.total) {
            (Some(rate), None) if unit.per_secs.is_some() => Money::Rate(pointer(rate, at)?),
            (None, Some(total)) if unit.per_secs.is_none() => Money::Total(pointer(total, at)?),
            (Some(_), Some(_)) | (None, None) => {
                at.add(rule::EVIDENCE, "prices has both or neither of `rate` and `total`", "name exactly one");
                return None;
            }
            _ => {
                at.add(
                    rule::EVIDENCE,
                    "the unit of prices does not fit",
                    "a `rate` is per `/h` or `/s`, a `total` is not per time",
                );
                return None;
            }
        };
        let rows = match (&raw.each, &raw.id, &raw.part) {
            (None, None, None) => None,
            (Some(each), Some(id), Some(part)) => {
                at.must(
                    parts.contains(part),
                    rule::EVIDENCE,
                    format!("prices.part `{part}` is no part of the offer"),
                    "name one of them",
                );
                Some(PriceRows { each: pointer(each, at)?, id: pick(id, at)?, part: part.clone() })
            }
            _ => {
                at.add(rule::EVIDENCE, "prices has some of `each`, `id` and `part`", "name all three or none");
                return None;
            }
        };
        Some(Prices { rows, money, unit })
    }
}

fn pointer(text: &str, at: &mut At<'_>) -> Option<Pointer> {
    at.take(rule::EVIDENCE, Pointer::parse(text).map_err(|e| e.to_string()), POINTERS)
}

fn optional(text: Option<&str>, at: &mut At<'_>) -> Option<Pointer> {
    text.and_then(|text| narrow(text, at))
}

/// A pointer to one value: no `*`.
fn narrow(text: &str, at: &mut At<'_>) -> Option<Pointer> {
    let found = pointer(text, at)?;
    at.must(
        !found.is_wide(),
        rule::EVIDENCE,
        format!("`{text}` may lead to several values"),
        "name the one that counts",
    );
    Some(found)
}

fn pick(text: &str, at: &mut At<'_>) -> Option<Pick> {
    if text == "key()" { Some(Pick::Key) } else { narrow(text, at).map(Pick::At) }
}

fn more(text: &str, at: &mut At<'_>) -> Option<More> {
    let (text, missing_is_null) = text.strip_suffix('?').map_or((text, false), |text| (text, true));
    Some(More { pointer: narrow(text, at)?, missing_is_null })
}
