//! Every text in a manifest prints: an owner reads it before a grant, and must not be shown something else.

use super::problem::{Problems, rule};
use crate::text::prints;
use toml::Value;

const FIX: &str = "write it with characters that print, on one line";

/// Returns whether the whole source prints, but for its line breaks and tabs: errors quote it.
pub(super) fn source(text: &str, problems: &mut Problems) -> bool {
    let odd = text.char_indices().find(|(_, c)| !prints(*c) && !matches!(c, '\n' | '\r' | '\t'));
    if let Some((at, c)) = odd {
        let line = Some(super::build::line_of(text, at));
        problems.add(rule::KEYS, "manifest", line, what(c), FIX);
    }
    odd.is_none()
}

/// Looks through all names and texts as they are once escapes are read.
pub(super) fn texts(at: &str, value: &Value, problems: &mut Problems) {
    let mut look = |text: &str| {
        if let Some(c) = text.chars().find(|c| !prints(*c)) {
            problems.add(rule::KEYS, at, None, what(c), FIX);
        }
    };
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| texts(at, item, problems)),
        Value::Table(members) => {
            members.keys().for_each(|name| look(name));
            for (name, value) in members {
                let name = crate::text::clean(name, 64);
                let at = if at.is_empty() { name } else { format!("{at}.{name}") };
                texts(&at, value, problems);
            }
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

fn what(c: char) -> String {
    format!("it holds U+{:04X}, which does not print", u32::from(c))
}
