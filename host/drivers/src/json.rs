//! JSON as evidence needs it: every number keeps its digits, no name stands twice, depth is bounded.
//!
//! What this module does not do: it knows no provider and no manifest, and it never turns a number into a float.

use std::{collections::HashSet, fmt};

mod parse;

/// One JSON value. Numbers are kept as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Why a text is not read as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct BadJson {
    pub what: &'static str,
    pub at: usize,
}

impl Json {
    /// Reads one value and nothing after it. Refuses names that stand twice in one object: two readers could
    /// take different ones.
    pub fn parse(bytes: &[u8]) -> Result<Json, BadJson> {
        parse::whole(bytes)
    }

    /// Returns the member of that name.
    pub fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(n, _)| n == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Returns the text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a text, or the digits of a number: how ids are compared.
    pub fn scalar(&self) -> Option<String> {
        match self {
            Json::Text(text) | Json::Number(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(yes) => write!(f, "{yes}"),
            Json::Number(digits) => f.write_str(digits),
            Json::Text(text) => write_text(f, text),
            Json::List(items) => {
                f.write_str("[")?;
                for (n, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if n == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Json::Object(members) => {
                f.write_str("{")?;
                for (n, (name, value)) in members.iter().enumerate() {
                    f.write_str(if n == 0 { "" } else { "," })?;
                    write_text(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

/// Few members are compared with each other sooner than they are hashed.
const FEW: usize = 24;

/// Returns whether a name stands twice.
fn has_double(members: &[(String, Json)]) -> bool {
    if members.len() <= FEW {
        return members.iter().enumerate().any(|(n, (name, _))| members[..n].iter().any(|(other, _)| other == name));
    }
    let mut seen = HashSet::with_capacity(members.len());
    !members.iter().all(|(name, _)| seen.insert(name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again_with_its_digits() {
        for text in [
            r#"{"a":1.50,"b":[null,true,-0.1e-7],"c":{"d":"x\"y\\z\n"}}"#,
            "[]",
            "0.100000000000000000000000000001",
            "12345678901234567890123",
            r#""é""#,
        ] {
            assert_eq!(Json::parse(text.as_bytes()).map(|j| j.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn escapes_become_characters() {
        let read = |s: &str| Json::parse(s.as_bytes()).ok().and_then(|j| j.text().map(str::to_owned));
        assert_eq!(read(r#""\u0041\ud83d\ude00\/""#).as_deref(), Some("A😀/"));
        assert_eq!(read(r#""\ud800x""#).as_deref(), Some("\u{fffd}x"), "half a pair");
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for (text, what) in [
            (r#"{"id":1,"id":2}"#, "a name that stands twice"),
            (r#"{"id":1,"\u0069d":2}"#, "a name that stands twice"),
            (r#"[{"a":{"b":1,"b":1}}]"#, "a name that stands twice"),
            ("01", "something after the value"),
            ("1.", "a number without digits"),
            ("+1", "no value"),
            ("NaN", "no value"),
            ("[1,]", "no value"),
            ("{} {}", "something after the value"),
            ("\"a", "a text without an end"),
            ("\"a\nb\"", "a control character in a text"),
            (r#""\x""#, "an unknown escape"),
            ("", "no value"),
        ] {
            assert_eq!(Json::parse(text.as_bytes()).map_err(|e| e.what), Err(what), "{text}");
        }
        assert!(Json::parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn depth_is_bounded_long_before_the_stack_is() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(Json::parse(nested(64).as_bytes()).is_ok());
        for n in [65, 1_000_000] {
            assert_eq!(Json::parse(nested(n).as_bytes()).map_err(|e| e.what), Err("values nested too deeply"));
        }
    }
}
