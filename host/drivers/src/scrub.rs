//! Takes secrets out of what goes to a guest, a log or an agent: the credential in every spelling an answer may echo it
//! in, and what `hide` names. It does not find secrets it was not told of.

use crate::{json::Json, pointer::Pointer};
use aho_corasick::packed::Searcher;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

/// What stands in the place of a secret.
pub const GONE: &str = "[hidden]";
const SECRET_MIN: usize = 6;

/// The spellings of what must not be seen.
#[derive(Clone)]
pub struct Secrets {
    /// Longest first, so that a spelling is not cut by one inside it.
    spellings: Vec<Vec<u8>>,
    /// Finds out in one quick pass that there is none of them, as nearly always.
    any: Option<Searcher>,
    /// The bytes that a spelling begins with: most places in a large answer are passed by one look.
    begin: [bool; 256],
}

impl Default for Secrets {
    fn default() -> Secrets {
        Secrets::new([])
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} spellings)", self.spellings.len())
    }
}

impl Secrets {
    /// Secrets shorter than six bytes are left: they stand in answers by chance.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Secrets {
        let mut spellings: Vec<Vec<u8>> =
            secrets.into_iter().filter(|secret| secret.len() >= SECRET_MIN).flat_map(|secret| spell(&secret)).collect();
        spellings.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        spellings.dedup();
        let mut begin = [false; 256];
        spellings.iter().filter_map(|spelling| spelling.first()).for_each(|byte| begin[usize::from(*byte)] = true);
        begin[usize::from(b'\\')] = !spellings.is_empty();
        // Not every processor has one; then everything is gone through byte by byte.
        let any = Searcher::new(&spellings);
        Secrets { spellings, any, begin }
    }

    /// Returns the body without the secrets; the same one, if there is none in it.
    pub fn body(&self, body: Vec<u8>) -> Vec<u8> {
        if self.has_none(&body) { body } else { self.bytes(&body) }
    }

    /// Whether the bytes hold no spelling for certain: none as it is, and no escape behind which one could be.
    fn has_none(&self, bytes: &[u8]) -> bool {
        let none = |any: &Searcher| !bytes.contains(&b'\\') && any.find(bytes).is_none();
        self.spellings.is_empty() || self.any.as_ref().is_some_and(none)
    }

    /// Returns the bytes without the secrets.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let here = self.begin[usize::from(*first)];
            match self.spellings.iter().filter(|_| here).find_map(|spelling| length_of(spelling, rest)) {
                Some(length) => {
                    out.extend_from_slice(GONE.as_bytes());
                    rest = &rest[length..];
                }
                None => {
                    out.push(*first);
                    rest = &rest[1..];
                }
            }
        }
        out
    }

    /// Returns the text without the secrets.
    pub fn text(&self, text: &str) -> String {
        match self.has_none(text.as_bytes()) {
            true => text.to_owned(),
            false => String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned(),
        }
    }
}

/// Returns how many bytes the spelling takes at the front of a text, if it stands there: as it is, or with any of its
/// characters as an escape of JSON, for which there are more ways than can be listed.
fn length_of(spelling: &[u8], text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for byte in spelling {
        at += match &text[at..] {
            [first, ..] if first == byte => 1,
            [b'\\', second, ..] if second == byte => 2,
            [b'\\', b'u', digits @ ..] if is_hex(digits, *byte) => 6,
            _ => return None,
        };
    }
    Some(at)
}

/// Credentials are ASCII: they stand in a header.
fn is_hex(digits: &[u8], byte: u8) -> bool {
    let read = digits.get(..4).and_then(|digits| std::str::from_utf8(digits).ok());
    read.is_some_and(|digits| u32::from_str_radix(digits, 16) == Ok(u32::from(byte)))
}

/// Case 34: plain, percent-encoded, as a JSON text, and in base64, also after other text.
fn spell(secret: &str) -> Vec<Vec<u8>> {
    let mut out = vec![secret.as_bytes().to_vec()];
    let json = Json::Text(secret.to_owned()).to_string();
    let inner = &json[1..json.len() - 1];
    out.push(inner.to_owned().into_bytes());
    out.push(inner.replace('/', "\\/").into_bytes());
    let keep_slash = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b) || b == b'/';
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    out.push(percent(secret, plain, false));
    out.push(percent(secret, plain, true));
    out.push(percent(secret, keep_slash, false));
    out.extend([STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().map(|e| e.encode(secret).into_bytes()));
    out.extend((0..3).flat_map(|shift| inside_base64(secret, shift)));
    out.retain(|spelling| spelling.len() >= SECRET_MIN);
    out
}

fn percent(secret: &str, plain: impl Fn(u8) -> bool, lower: bool) -> Vec<u8> {
    let mut out = String::new();
    for byte in secret.bytes() {
        match (plain(byte), lower) {
            (true, _) => out.push(char::from(byte)),
            (false, true) => out.push_str(&format!("%{byte:02x}")),
            (false, false) => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out.into_bytes()
}

/// The characters that a secret becomes inside the base64 of a longer text, such as `Basic` of `user:secret`: without
/// those at its ends that also hold bits of what stands beside it.
fn inside_base64(secret: &str, shift: usize) -> [Vec<u8>; 2] {
    let padded: Vec<u8> = std::iter::repeat_n(0, shift).chain(secret.bytes()).collect();
    let cut = |text: String| {
        let from = (shift * 8).div_ceil(6);
        let to = padded.len() * 8 / 6;
        text.as_bytes().get(from..to).unwrap_or_default().to_vec()
    };
    [cut(STANDARD_NO_PAD.encode(&padded)), cut(URL_SAFE_NO_PAD.encode(&padded))]
}

/// Replaces what the pointers name by null. A body that cannot be read while something in it must be hidden becomes
/// empty.
pub fn hide(body: &[u8], pointers: &[Pointer]) -> Vec<u8> {
    if pointers.is_empty() || body.is_empty() {
        return body.to_vec();
    }
    let Ok(mut json) = Json::parse(body) else { return Vec::new() };
    for pointer in pointers {
        pointer.replace(&mut json, &Json::Null);
    }
    json.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cr/et+KEY\"x~=";

    /// Case 34.
    #[test]
    fn the_credential_is_gone_in_every_spelling() {
        let secrets = Secrets::new([SECRET.to_owned()]);
        let basic = STANDARD.encode(format!("user:{SECRET}:more"));
        for (what, echoed) in [
            ("plain", format!("Authorization: Bearer {SECRET}.")),
            ("json", Json::Text(SECRET.to_owned()).to_string()),
            ("json with escaped slashes", Json::Text(SECRET.to_owned()).to_string().replace('/', "\\/")),
            ("url", "s3cr%2Fet%2BKEY%22x~%3D".to_owned()),
            ("url, lower case", "s3cr%2fet%2bKEY%22x~%3d".to_owned()),
            ("base64", STANDARD.encode(SECRET)),
            ("base64 without padding", STANDARD_NO_PAD.encode(SECRET)),
            ("base64 for urls", URL_SAFE.encode(SECRET)),
            ("inside other base64", basic.clone()),
        ] {
            let clean = secrets.text(&format!("a {echoed} b"));
            assert!(clean.contains(GONE), "{what}: {clean}");
            assert!(clean.starts_with("a ") && clean.ends_with(" b"), "{what}: {clean}");
            assert!(!clean.contains("KEY") && !clean.contains("s3cr"), "{what}: {clean}");
        }
        assert!(!secrets.text(&basic).contains(&STANDARD_NO_PAD.encode(SECRET)[4..12]));
    }

    /// Case 34, with every letter written as an escape, or only those that some writers escape.
    #[test]
    fn escapes_do_not_hide_the_credential_and_others_stay() {
        let secrets = Secrets::new([SECRET.to_owned()]);
        let all: String = SECRET.chars().map(|c| format!("\\u{:04X}", u32::from(c))).collect();
        for echoed in [all, SECRET.replace('+', "\\u002b").replace('"', "\\u0022").replace('=', "\\u003D")] {
            let clean = secrets.bytes(format!(r#"{{"key":"{echoed}"}}"#).as_bytes());
            assert_eq!(String::from_utf8(clean).unwrap(), r#"{"key":"[hidden]"}"#, "{echoed}");
        }
        for other in [r#"{"a":"\u0022\u00e9\u1234\u00"}"#, "\\u00zz", "\\u00"] {
            assert_eq!(secrets.bytes(other.as_bytes()), other.as_bytes());
        }
    }

    #[test]
    fn the_credential_is_gone_behind_escapes_of_json() {
        let secrets = Secrets::new([SECRET.to_owned()]);
        let escaped = |text: &str| text.chars().map(|c| format!("\\u{:04X}", u32::from(c))).collect::<String>();
        let basic = STANDARD.encode(format!("user:{SECRET}:more"));
        for echoed in [
            escaped(SECRET),
            escaped(SECRET).to_lowercase(),
            SECRET.replace('+', "\\u002b").replace('"', "\\\""),
            SECRET.replace('"', "\\u0022").replace('/', "\\/"),
            escaped(&STANDARD.encode(SECRET)),
            escaped(&basic),
        ] {
            // Also in what is no JSON at all, or JSON that two readers could read differently.
            for body in
                [format!(r#"{{"a":["{echoed}"]}}"#), format!("<p>{echoed}"), format!(r#"{{"a":1,"a":"{echoed}"}}"#)]
            {
                let clean = secrets.text(&body);
                assert!(clean.contains(GONE), "{echoed}: {clean}");
            }
        }
        for kept in [r#"{"a":"\u0041"}"#, r#""half \"#, r#"{"a": 1}"#, "\\u00", "\\"] {
            assert_eq!(secrets.text(kept), kept);
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let secrets = Secrets::new([SECRET.to_owned(), "abc".to_owned(), String::new()]);
        for text in ["", "abc", "s3cr/et+KE", "ünï"] {
            assert_eq!(secrets.text(text), text);
        }
        assert!(!format!("{secrets:?}").contains("s3cr"));
    }

    #[test]
    fn hidden_members_are_null_and_unreadable_bodies_empty() {
        let pointers = [Pointer::parse("/instances/*/jupyter_token").unwrap(), Pointer::parse("/key").unwrap()];
        for (body, expected) in [
            (
                r#"{"instances":[{"jupyter_token":"a","id":1},{"id":2}]}"#,
                r#"{"instances":[{"jupyter_token":null,"id":1},{"id":2}]}"#,
            ),
            (r#"{"key":{"deep":"x"}}"#, r#"{"key":null}"#),
            (r#"{"key":1,"key":2}"#, ""),
            ("token abc", ""),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8(hide(body.as_bytes(), &pointers)).unwrap(), expected);
        }
        assert_eq!(hide(b"not json", &[]), b"not json");
    }
}
