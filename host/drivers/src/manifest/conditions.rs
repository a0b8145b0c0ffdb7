//! Conditions on an answer, as `refused`, `ended`, `accepted` and `over` write them: any line true.

use super::problem::{At, rule};
use crate::{pointer::Pointer, template::Text};

/// Lines of which any one may be true. Without a line it never holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    pub status: Vec<u16>,
    pub lines: Vec<Line>,
}

/// What may stand at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub pointer: Pointer,
    pub values: Vec<Expected>,
}

/// One value. Texts compare without case, and a number as its digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    Bool(bool),
    Text(Text),
    Null,
}

/// What never reached the provider's business (rules 6 and 15).
pub(super) const REFUSED_STATUS: [u16; 6] = [401, 403, 405, 413, 415, 429];

impl Conditions {
    /// Returns whether there is no line: then it never holds.
    pub fn is_empty(&self) -> bool {
        self.status.is_empty() && self.lines.is_empty()
    }

    pub(super) fn refused_unless_given() -> Conditions {
        Conditions { status: REFUSED_STATUS.to_vec(), lines: Vec::new() }
    }

    /// Reads a table of conditions; `key` is its name, for the problems.
    pub(super) fn read(table: &toml::Table, key: &str, at: &mut At<'_>) -> Conditions {
        let mut read = Conditions::default();
        for (name, value) in table {
            if name == "status" {
                read.status = statuses(value, key, at);
                continue;
            }
            let Some(pointer) = at.take(
                rule::EVIDENCE,
                Pointer::parse(name).map_err(|e| format!("{key}: {e}")),
                "a condition is `status = [404]` or `\"/pointer\" = [\"value\"]`",
            ) else {
                continue;
            };
            let listed = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            let values: Vec<_> = listed.iter().filter_map(|value| expected(value, key, at)).collect();
            at.must(!values.is_empty(), rule::EVIDENCE, format!("{key}: `{name}` has no value"), "name at least one");
            read.lines.push(Line { pointer, values });
        }
        read
    }
}

fn statuses(value: &toml::Value, key: &str, at: &mut At<'_>) -> Vec<u16> {
    let listed = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let mut found = Vec::new();
    for status in listed {
        match status.as_integer().and_then(|n| u16::try_from(n).ok()).filter(|n| (100..600).contains(n)) {
            Some(status) => found.push(status),
            None => at.add(rule::EVIDENCE, format!("{key}: `{status}` is no status"), "write `status = [404]`"),
        }
    }
    found
}

fn expected(value: &toml::Value, key: &str, at: &mut At<'_>) -> Option<Expected> {
    match value {
        toml::Value::Boolean(yes) => Some(Expected::Bool(*yes)),
        toml::Value::Integer(n) => Text::parse(&n.to_string()).ok().map(Expected::Text),
        toml::Value::String(text) if text == "{null}" => Some(Expected::Null),
        toml::Value::String(text) => {
            let text = at.take(rule::TEMPLATES, Text::parse(text), "use words of the host or plain text")?;
            let fixed = text.holes().all(|hole| matches!(hole.name, crate::template::Name::Host(_)));
            at.must(
                fixed,
                rule::FREES,
                format!("{key}: `{text}` holds a name of the driver's"),
                "use words of the host only",
            );
            Some(Expected::Text(text))
        }
        other => {
            at.add(
                rule::EVIDENCE,
                format!("{key}: `{other}` is no value to compare with"),
                "use a text, an integer or a truth value",
            );
            None
        }
    }
}
