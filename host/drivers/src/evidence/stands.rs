//! Whether a name or an address stood in an answer (rules 8 and 9). Whether it may be dialled is judged elsewhere.

use crate::{
    json::Json,
    pointer::{Met, Pointer},
};

/// Returns the texts that an answer shows at a pointer: what an open endpoint's `named_by` introduces.
pub fn addresses(json: &Json, pointer: &Pointer) -> Vec<String> {
    let text = |met: Met<'_>| match met {
        Met::Value(value) => value.text().and_then(name_of).map(str::to_owned),
        Met::Null | Met::Missing => None,
    };
    pointer.places(json).into_iter().filter_map(|place| text(place.met)).collect()
}

/// Returns the name where a name stands, or a whole URL of one that is reached by HTTPS at its root.
fn name_of(text: &str) -> Option<&str> {
    if !text.contains("://") {
        return Some(text);
    }
    let rest = text.strip_prefix("https://")?;
    let name = rest.strip_suffix('/').unwrap_or(rest);
    let name = name.strip_suffix(":443").unwrap_or(name);
    (!name.contains(['/', ':', '@', '?', '#'])).then_some(name)
}

/// Returns whether a word stands in a text, both in lower case, whole: `203.0.113.1` does not stand in `203.0.113.19`, nor
/// `node.example` in `evil-node.example` or `node.example.evil`.
pub fn stands_in(word: &str, text: &str) -> bool {
    if word.is_empty() {
        return false;
    }
    let colons = word.contains(':');
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + word.len()..].chars();
        let (next, beyond) = (after.next(), after.next());
        let joins = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || (colons && c == ':');
        let dot_goes_on = next == Some('.') && beyond.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_');
        !before.is_some_and(|c| joins(c) || c == '.') && !next.is_some_and(joins) && !dot_goes_on
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases 56 and 58.
    #[test]
    fn only_a_whole_word_stands_in_an_answer() {
        for (word, text, expected) in [
            ("203.0.113.1", r#"{"ip":"203.0.113.1"}"#, true),
            ("203.0.113.1", r#"{"ip":"203.0.113.19"}"#, false),
            ("203.0.113.1", r#"{"ip":"1203.0.113.1"}"#, false),
            ("203.0.113.1", "203.0.113.1.", true),
            ("203.0.113.1", "203.0.113.1.example", false),
            ("203.0.113.1", "203.0.113.19, 203.0.113.1:22", true),
            ("node.example", "https://node.example/", true),
            ("node.example", "https://node.example:443/", true),
            ("node.example", "evil-node.example", false),
            ("node.example", "a.node.example", false),
            ("node.example", "node.example.evil", false),
            ("node.example", "", false),
            ("2001:db8::1", "[2001:db8::1]:22", true),
            ("2001:db8::1", "2001:db8::12", false),
            ("2001:db8::1", "ff:2001:db8::1", false),
            ("", "anything", false),
        ] {
            assert_eq!(stands_in(word, text), expected, "{word} in {text}");
        }
    }

    #[test]
    fn addresses_are_the_texts_at_a_pointer() {
        let json =
            Json::parse(br#"{"crns":[{"address":"https://a.example"},{"address":null},{},{"address":5}]}"#).unwrap();
        assert_eq!(addresses(&json, &Pointer::parse("/crns/*/address").unwrap()), ["a.example"]);
    }

    #[test]
    fn a_url_names_its_host_only_where_nothing_else_stands_in_it() {
        for (text, name) in [
            ("a.example", Some("a.example")),
            ("https://a.example", Some("a.example")),
            ("https://a.example:443/", Some("a.example")),
            ("https://a.example:8443/", None),
            ("https://a.example/b", None),
            ("https://me@a.example/", None),
            ("https://a.example?x", None),
            ("http://a.example/", None),
            ("ftp://a.example/", None),
        ] {
            assert_eq!(name_of(text), name, "{text}");
        }
    }
}
