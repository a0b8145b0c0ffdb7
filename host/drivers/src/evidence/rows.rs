//! Rows of instances and of prices in an answer. What is missing is never taken for "nothing".

use super::{More, Page, Priced, Row, Tagged, amount::amount, id, is_id, matches};
use crate::{
    json::Json,
    manifest::{Money, Pick, Prices, Shows, Unit},
    pointer::{Met, Pointer},
    template::Words,
};

pub(super) fn page(shows: &Shows, words: &Words, json: &Json) -> Page {
    let mut page = Page::default();
    for found in each(&shows.each, json, &mut page.skipped) {
        match row(shows, words, &found) {
            Ok(row) => page.rows.push(row),
            Err(why) => page.skipped.push(why),
        }
    }
    if let Some(more) = &shows.more {
        page.more = match more.pointer.find(json) {
            Met::Null | Met::Value(Json::Bool(false)) => More::No,
            Met::Missing if more.missing_is_null => More::No,
            Met::Missing => {
                page.skipped.push(format!("nothing stands at `{}`, so there may be more", more.pointer));
                More::Undeclared
            }
            Met::Value(value) => More::Yes(value.scalar().unwrap_or_else(|| value.to_string())),
        };
    }
    if let Some(total) = &shows.total {
        page.total = match total.find(json) {
            Met::Value(Json::Number(digits) | Json::Text(digits)) => digits.parse().ok(),
            _ => None,
        };
        if page.total.is_none() {
            page.skipped.push(format!("no number stands at `{total}`, so there may be more"));
        }
    }
    page
}

pub(super) fn prices(prices: &Prices, json: &Json) -> Vec<Priced> {
    let Some(rows) = &prices.rows else { return vec![priced(prices, None, json)] };
    let mut skipped = Vec::new();
    each(&rows.each, json, &mut skipped)
        .iter()
        .filter_map(|found| {
            let value = pick(&rows.id, found)?;
            Some(priced(prices, Some((rows.part.clone(), value)), found.value))
        })
        .collect()
}

fn priced(prices: &Prices, part: Option<(String, String)>, at: &Json) -> Priced {
    match &prices.money {
        Money::Rate(pointer) => Priced { part, rate: money(pointer, prices.unit, at), total: None },
        Money::Total(pointer) => Priced { part, rate: None, total: money(pointer, prices.unit, at) },
    }
}

struct Found<'a> {
    value: &'a Json,
    key: Option<&'a str>,
}

/// A list is its items, an object is one row, null is no row; anything else could not be read.
fn each<'a>(pointer: &Pointer, json: &'a Json, skipped: &mut Vec<String>) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    for place in pointer.places(json) {
        match place.met {
            Met::Null => {}
            Met::Value(Json::List(items)) => found.extend(items.iter().map(|value| Found { value, key: place.key })),
            Met::Value(value @ Json::Object(_)) => found.push(Found { value, key: place.key }),
            Met::Value(_) => skipped.push(format!("what stands at `{pointer}` is no row")),
            Met::Missing => skipped.push(format!("nothing stands at `{pointer}`")),
        }
    }
    found
}

/// Case 50: a row without an id cannot be read; one without the tag's member is marked, and the list decides.
fn row(shows: &Shows, words: &Words, found: &Found<'_>) -> Result<Row, String> {
    let id = pick(&shows.id, found).ok_or("a row has no id")?;
    let tag = match &shows.tag {
        None => Tagged::Missing,
        Some(Pick::Key) => found.key.map_or(Tagged::Missing, |key| Tagged::Tag(key.to_owned())),
        Some(Pick::At(pointer)) => match pointer.find(found.value) {
            Met::Null => Tagged::None,
            Met::Missing => Tagged::Missing,
            Met::Value(value) => match value.scalar() {
                Some(text) if text.is_empty() => Tagged::None,
                Some(text) => Tagged::Tag(text),
                None => Tagged::Missing,
            },
        },
    };
    let (rate, paid) = (shows.rate.as_ref().zip(shows.unit), shows.paid.as_ref().zip(shows.unit));
    Ok(Row {
        id,
        tag,
        key: shows.key.as_ref().and_then(|pointer| text(pointer, found.value)),
        rate: rate.and_then(|(pointer, unit)| money(pointer, unit, found.value)),
        paid: paid.and_then(|(pointer, unit)| money(pointer, Unit { per_secs: None, ..unit }, found.value)),
        over: shows.over.lines.iter().any(|line| matches::all(line, words, found.value)),
    })
}

fn pick(pick: &Pick, found: &Found<'_>) -> Option<String> {
    match pick {
        Pick::Key => found.key.filter(|key| is_id(key)).map(str::to_owned),
        Pick::At(pointer) => match pointer.find(found.value) {
            Met::Value(value) => id(value),
            Met::Null | Met::Missing => None,
        },
    }
}

fn text(pointer: &Pointer, at: &Json) -> Option<String> {
    match pointer.find(at) {
        Met::Value(value) => value.text().map(str::to_owned),
        Met::Null | Met::Missing => None,
    }
}

fn money(pointer: &Pointer, unit: Unit, at: &Json) -> Option<bursar_core::money::Usd> {
    match pointer.find(at) {
        Met::Value(value) => amount(value, unit),
        Met::Null | Met::Missing => None,
    }
}
