//! Pointers into answers: JSON pointers in which `*` stands for every item of a list or member of an object.
//!
//! A pointer finds places; what a value means is for `evidence`. It never guesses: what is missing is *missing*, what is
//! null is *null*, and the two are told apart.

use crate::json::Json;
use std::fmt;

/// A parsed pointer. The empty one is the whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Every,
}

/// What stands at one place that a pointer led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met<'a> {
    Value(&'a Json),
    /// The value, or something on the way to it, is null: the provider says there is nothing.
    Null,
    /// A member on the way is not there, or is something else than the pointer expects.
    Missing,
}

/// One place, with the name of the object member that the last `*` stood for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    pub met: Met<'a>,
    pub key: Option<&'a str>,
}

/// Why a text is no pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no pointer: it is empty, or begins with `/`, has at most 16 steps, and writes `~` as `~0`, `/` as `~1`"
)]
pub struct NoPointer(pub String);

const STEPS_MAX: usize = 16;

impl Pointer {
    /// Reads `/a/*/b`.
    pub fn parse(text: &str) -> Result<Pointer, NoPointer> {
        let bad = || NoPointer(text.chars().take(100).collect());
        if text.is_empty() {
            return Ok(Pointer { text: String::new(), steps: Vec::new() });
        }
        let steps: Vec<_> =
            text.strip_prefix('/').ok_or_else(bad)?.split('/').map(step).collect::<Option<_>>().ok_or_else(bad)?;
        if steps.len() > STEPS_MAX { Err(bad()) } else { Ok(Pointer { text: text.to_owned(), steps }) }
    }

    /// Returns every place it leads to; without a `*` exactly one.
    pub fn places<'a>(&self, root: &'a Json) -> Vec<Place<'a>> {
        let mut found = Vec::new();
        walk(&self.steps, root, None, false, &mut found);
        found
    }

    /// Like `places`, but a number that picks one item of a list leads to all of them: so a second item is seen.
    pub fn places_beside<'a>(&self, root: &'a Json) -> Vec<Place<'a>> {
        let mut found = Vec::new();
        walk(&self.steps, root, None, true, &mut found);
        found
    }

    /// Returns the first place; a pointer without a `*` has no other.
    pub fn find<'a>(&self, root: &'a Json) -> Met<'a> {
        self.places(root).first().map_or(Met::Missing, |place| place.met)
    }

    /// Returns whether it may lead to several places.
    pub fn is_wide(&self) -> bool {
        self.steps.contains(&Step::Every)
    }

    /// Replaces what stands there, wherever it leads.
    pub fn replace(&self, root: &mut Json, with: &Json) {
        put(&self.steps, root, with);
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn step(text: &str) -> Option<Step> {
    if text == "*" {
        return Some(Step::Every);
    }
    let mut name = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        name.push(match c {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            c if c.is_control() => return None,
            c => c,
        });
    }
    Some(Step::Name(name))
}

fn walk<'a>(steps: &[Step], at: &'a Json, key: Option<&'a str>, beside: bool, found: &mut Vec<Place<'a>>) {
    let Some((first, rest)) = steps.split_first() else {
        let met = if *at == Json::Null { Met::Null } else { Met::Value(at) };
        return found.push(Place { met, key });
    };
    match (first, at) {
        (_, Json::Null) => found.push(Place { met: Met::Null, key }),
        (Step::Every, Json::List(items)) => items.iter().for_each(|item| walk(rest, item, key, beside, found)),
        (Step::Every, Json::Object(members)) => {
            members.iter().for_each(|(name, value)| walk(rest, value, Some(name), beside, found));
        }
        (Step::Name(name), Json::Object(_)) if at.get(name).is_some() => {
            at.get(name).into_iter().for_each(|value| walk(rest, value, key, beside, found));
        }
        (Step::Name(name), Json::List(items)) => match index(name).and_then(|n| items.get(n)) {
            Some(_) if beside => items.iter().for_each(|item| walk(rest, item, key, beside, found)),
            Some(item) => walk(rest, item, key, beside, found),
            None => found.push(Place { met: Met::Missing, key }),
        },
        _ => found.push(Place { met: Met::Missing, key }),
    }
}

fn index(name: &str) -> Option<usize> {
    let plain = name == "0" || (!name.starts_with('0') && name.bytes().all(|b| b.is_ascii_digit()));
    plain.then(|| name.parse().ok()).flatten()
}

fn put(steps: &[Step], at: &mut Json, with: &Json) {
    let Some((first, rest)) = steps.split_first() else {
        *at = with.clone();
        return;
    };
    match (first, at) {
        (Step::Every, Json::List(items)) => items.iter_mut().for_each(|item| put(rest, item, with)),
        (Step::Every, Json::Object(members)) => members.iter_mut().for_each(|(_, value)| put(rest, value, with)),
        (Step::Name(name), Json::Object(members)) => {
            members.iter_mut().filter(|(n, _)| n == name).for_each(|(_, value)| put(rest, value, with));
        }
        (Step::Name(name), Json::List(items)) => {
            index(name).and_then(|n| items.get_mut(n)).into_iter().for_each(|item| put(rest, item, with));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Json {
        Json::parse(
            br#"{"a":{"b":[{"id":1},{"id":null},{}]},"n":null,"m":{"x":{"id":"p"},"y":{"id":"q"}},"t/u":{"~":5}}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_pointer_leads_to_values_nulls_and_gaps() {
        let root = answer();
        for (pointer, expected) in [
            ("/a/b/0/id", "1"),
            ("/a/b/*/id", "1 null missing"),
            ("/a/b/9/id", "missing"),
            ("/a/b/00/id", "missing"),
            ("/n", "null"),
            ("/n/deep/er", "null"),
            ("/a/c", "missing"),
            ("/a/b/id", "missing"),
            ("/m/*/id", "x=\"p\" y=\"q\""),
            ("/t~1u/~0", "5"),
            ("/m/*/nothing", "x=missing y=missing"),
        ] {
            let shown: Vec<_> = Pointer::parse(pointer).unwrap().places(&root).iter().map(show).collect();
            assert_eq!(shown.join(" "), expected, "{pointer}");
        }
    }

    #[test]
    fn a_pointer_to_one_item_sees_the_second_too() {
        let root = answer();
        let pointer = Pointer::parse("/a/b/0/id").unwrap();
        assert_eq!(pointer.places(&root).len(), 1);
        assert_eq!(pointer.places_beside(&root).len(), 3);
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for text in ["a", "a/b", "/~2", "/~", "/a\n", &"/a".repeat(17)] {
            assert!(Pointer::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_is_replaced_wherever_it_stands() {
        let mut root = answer();
        Pointer::parse("/m/*/id").unwrap().replace(&mut root, &Json::Null);
        assert!(root.to_string().contains(r#""m":{"x":{"id":null},"y":{"id":null}}"#));
    }

    fn show(place: &Place<'_>) -> String {
        let met = match place.met {
            Met::Value(value) => value.to_string(),
            Met::Null => "null".to_owned(),
            Met::Missing => "missing".to_owned(),
        };
        place.key.map_or(met.clone(), |key| format!("{key}={met}"))
    }
}
