//! What the host would read in the answers by itself: ids, tags, keys and rates, at the manifest's pointers.
//!
//! So a test can hold `shows`, `prices` and `made` against real answers, where a wrong pointer would otherwise be silent.

use serde_json::Value;
use toml::Table;

use super::manifest::{Manifest, text_of};
use crate::Money;

/// One row that an answer showed to the host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// Holds the id at the provider.
    pub id: Option<String>,
    /// Holds the name that would be our tag. Absent where the row has null; see `tag_missing`.
    pub tag: Option<String>,
    /// Says that the row has no member for the tag at all: such a row makes a list incomplete.
    pub tag_missing: bool,
    /// Holds the public key.
    pub key: Option<String>,
    /// Holds the rate in millionths of a dollar by the hour.
    pub rate: Option<u64>,
}

/// Returns the rows that this answer shows by `shows`, or the row of the ordered offer by `prices`.
pub(super) fn shown(
    manifest: &Manifest,
    route: &str,
    body: &[u8],
    part: impl Fn(&str) -> Option<String>,
) -> Vec<Shown> {
    let Some(route) = manifest.routes.get(route) else { return Vec::new() };
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    if let Some(shows) = &route.shows {
        return rows(shows, &json).into_iter().map(|row| read(shows, row)).collect();
    }
    let Some(prices) = &route.prices else { return Vec::new() };
    let ordered = text_of(prices, "part").and_then(|name| part(&name));
    let rows = rows(prices, &json).into_iter().map(|row| read(prices, row));
    rows.filter(|row| ordered.is_none() || row.id == ordered).collect()
}

/// Returns the one id that `made` points at.
pub(super) fn made(pointer: &str, body: &[u8]) -> Option<String> {
    let json = serde_json::from_slice::<Value>(body).ok()?;
    match at(&json, pointer).as_slice() {
        [one] => text(one),
        _ => None,
    }
}

/// A row, and its name where it is a member of an object.
type Row<'a> = (Option<&'a str>, &'a Value);

fn rows<'a>(lines: &Table, json: &'a Value) -> Vec<Row<'a>> {
    let found = text_of(lines, "each").map_or_else(|| vec![(None, json)], |each| places(json, &each));
    let members = found.into_iter().flat_map(|(name, value)| match value {
        Value::Array(items) => items.iter().map(|item| (None, item)).collect(),
        Value::Null => Vec::new(),
        other => vec![(name, other)],
    });
    members.collect()
}

fn read(lines: &Table, (name, row): Row) -> Shown {
    let value = |line: &str| text_of(lines, line).map(|pointer| at(row, &pointer));
    let first = |line: &str| match text_of(lines, line).as_deref() {
        Some("key()") => name.map(str::to_owned),
        Some(pointer) => at(row, pointer).first().and_then(|value| text(value)),
        None => None,
    };
    Shown {
        id: first("id"),
        tag: first("tag"),
        tag_missing: value("tag").is_some_and(|found| found.is_empty()),
        key: first("key"),
        rate: first("rate").and_then(|rate| hourly(&rate, &text_of(lines, "unit").unwrap_or_default())),
    }
}

/// Follows a JSON pointer in which `*` stands for every member.
pub(super) fn at<'a>(json: &'a Value, pointer: &str) -> Vec<&'a Value> {
    places(json, pointer).into_iter().map(|(_, value)| value).collect()
}

fn places<'a>(json: &'a Value, pointer: &str) -> Vec<Row<'a>> {
    let mut found: Vec<Row> = vec![(None, json)];
    for member in pointer.split('/').skip(1) {
        found = found
            .into_iter()
            .flat_map(|(_, value)| match (value, member) {
                (Value::Array(items), "*") => items.iter().map(|item| (None, item)).collect(),
                (Value::Object(members), "*") => {
                    members.iter().map(|(name, value)| (Some(name.as_str()), value)).collect()
                }
                (Value::Array(items), index) => {
                    items.get(index.parse().unwrap_or(usize::MAX)).map(|v| (None, v)).into_iter().collect()
                }
                (Value::Object(members), name) => {
                    members.get_key_value(name).map(|(n, v)| (Some(n.as_str()), v)).into_iter().collect::<Vec<_>>()
                }
                _ => Vec::new(),
            })
            .collect();
    }
    found
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn hourly(rate: &str, unit: &str) -> Option<u64> {
    let (unit, time) = unit.split_once('/').unwrap_or((unit, "h"));
    let times = if time == "s" { 3600 } else { 1 };
    match unit {
        "usd" => Money::<0>::parse(rate).map(|m| m.times(times).cost()),
        "cent" => Money::<-2>::parse(rate).map(|m| m.times(times).cost()),
        "musd" => Money::<-3>::parse(rate).map(|m| m.times(times).cost()),
        "microusd" => Money::<-6>::parse(rate).map(|m| m.times(times).cost()),
        _ => None,
    }
}
