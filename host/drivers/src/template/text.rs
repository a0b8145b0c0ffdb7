//! One text with names in braces, and what each name becomes in the place it stands in.

use super::{
    VALUE_MAX,
    words::{Word, Words},
};
use crate::json::Json;
use std::fmt;

/// A text of a manifest: literal pieces and names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    source: String,
    pub(super) pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    Hole(Hole),
}

/// A name in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    pub name: Name,
    pub kind: Kind,
    /// `?`: the member goes away when there is no value, or the value is `-`.
    pub optional: bool,
}

/// Who fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    Host(Word),
    Driver(String),
}

/// What the value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    /// An integer, or the request is refused.
    Int,
    /// An integer where it reads as one, else a text.
    Auto,
}

/// What a hole became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(String),
    Null,
    /// Optional, and there is none.
    Dropped,
}

/// Why a hole could not be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfilled {
    pub(super) name: String,
    pub(super) why: String,
}

impl Text {
    /// Reads a text. Braces around anything but a name are literal.
    pub fn parse(source: &str) -> Result<Text, String> {
        let mut pieces = Vec::new();
        let mut rest = source;
        let mut literal = String::new();
        while let Some(open) = rest.find('{') {
            literal.push_str(&rest[..open]);
            let inside = rest[open + 1..].split_once('}').map(|(inside, _)| inside);
            match inside.map(hole).transpose()?.flatten() {
                Some(found) => {
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Hole(found));
                    rest = &rest[open + 2 + inside.map_or(0, str::len)..];
                }
                None => {
                    literal.push('{');
                    rest = &rest[open + 1..];
                }
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        let text = Text { source: source.to_owned(), pieces };
        if text.whole().is_none() && text.holes().any(|hole| hole.name == Name::Host(Word::Null)) {
            return Err("`{null}` stands alone or not at all".to_owned());
        }
        Ok(text)
    }

    /// Returns the names in it.
    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Hole(hole) => Some(hole),
            Piece::Literal(_) => None,
        })
    }

    /// Returns the text, if there is no name in it.
    pub fn literal(&self) -> Option<&str> {
        self.holes().next().is_none().then_some(self.source.as_str())
    }

    /// Fills it with words of the host alone, as the account's identity or the default of a setting.
    pub fn fill_text(&self, words: &Words) -> Option<String> {
        let filled: Option<String> = self
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => Some(text.clone()),
                Piece::Hole(Hole { name: Name::Host(word), .. }) => words.value(word),
                Piece::Hole(_) => None,
            })
            .collect();
        filled.filter(|text| !text.is_empty() && text.len() <= VALUE_MAX && !text.chars().any(char::is_control))
    }

    /// Returns the hole, if the text is one and nothing else.
    pub(super) fn whole(&self) -> Option<&Hole> {
        match self.pieces.as_slice() {
            [Piece::Hole(hole)] => Some(hole),
            _ => None,
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl Hole {
    /// Returns the value: the host's word or the driver's text, in the form that was asked for.
    pub(super) fn value(&self, words: &Words, values: &[(String, String)]) -> Result<Value, Unfilled> {
        let (found, name) = match &self.name {
            Name::Host(Word::Null) => return Ok(Value::Null),
            Name::Host(word) if !word.known_in(words.call()) => {
                return Err(unfilled(word, format!("the host does not know it in `{}`", words.call())));
            }
            Name::Host(word) => (words.value(word), word.to_string()),
            Name::Driver(name) => {
                (values.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()), name.clone())
            }
        };
        let Some(text) = found.filter(|text| !(self.optional && text == "-")) else {
            return if self.optional {
                Ok(Value::Dropped)
            } else {
                Err(unfilled(&name, "it has no value in this call"))
            };
        };
        if text.len() > VALUE_MAX || text.chars().any(char::is_control) {
            return Err(unfilled(&name, format!("its value has control characters or more than {VALUE_MAX} bytes")));
        }
        let number =
            is_integer(&text) && (self.kind != Kind::Plain || matches!(&self.name, Name::Host(w) if w.is_number()));
        match self.kind {
            _ if number => Ok(Value::Number(text)),
            Kind::Int => Err(unfilled(&name, format!("`{}` is no integer", shown(&text)))),
            Kind::Plain | Kind::Auto => Ok(Value::Text(text)),
        }
    }
}

impl Value {
    pub(super) fn json(self) -> Option<Json> {
        match self {
            Value::Text(text) => Some(Json::Text(text)),
            Value::Number(digits) => Some(Json::Number(digits)),
            Value::Null => Some(Json::Null),
            Value::Dropped => None,
        }
    }
}

pub(super) fn unfilled(name: impl fmt::Display, why: impl Into<String>) -> Unfilled {
    Unfilled { name: name.to_string(), why: why.into() }
}

pub(super) fn shown(text: &str) -> String {
    crate::text::clean(text, 60)
}

/// Returns whether a text is a plain name: `[a-z][a-z0-9_]*`, at most 40 characters.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    text.len() <= 40 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(plain)
}

/// Reads what stands in braces: `None` where that is no name, an error where it is one spelt wrongly.
fn hole(inside: &str) -> Result<Option<Hole>, String> {
    let (body, optional) = inside.strip_suffix('?').map_or((inside, false), |body| (body, true));
    let (name, kind) = body.split_once(':').map_or((body, None), |(name, kind)| (name, Some(kind)));
    let named = match name.split_once('.') {
        Some((first, second)) => is_name(first) && is_name(second),
        None => is_name(name),
    };
    if !named {
        return Ok(None);
    }
    let kind = match kind {
        None => Kind::Plain,
        Some("int") => Kind::Int,
        Some("auto") => Kind::Auto,
        Some(other) => {
            return Err(format!(
                "`{{{}}}`: after a name stands `:int`, `:auto` or nothing, not `:{}`",
                shown(inside),
                shown(other)
            ));
        }
    };
    let name = match Word::named(name)? {
        Some(word) => Name::Host(word),
        None => Name::Driver(name.to_owned()),
    };
    Ok(Some(Hole { name, kind, optional }))
}

/// Case 48: `1e3`, `01` and `9e99` are no integers.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()));
    (1..=18).contains(&digits.len()) && plain && text != "-0"
}
