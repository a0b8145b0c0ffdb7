//! Takes secrets out of what goes to a guest, a log or an agent: the credential in every spelling an answer may echo it
//! in, and what `hide` names. It does not find secrets it was not told of.

use crate::{json::Json, pointer::Pointer};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

/// What stands where a secret stood.
const GONE: &str = "[hidden]";
const SECRET_MIN: usize = 6;

/// The spellings of what must not be seen.
#[derive(Clone)]
pub struct Secrets {
    /// Longest first, so that a spelling is not cut by one inside it.
    spellings: Vec<Vec<u8>>,
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
        Secrets { spellings, begin }
    }

    /// Returns the bytes without the secrets.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let here = self.begin[usize::from(*first)];
            match self.spellings.iter().find(|spelling| here && rest.starts_with(spelling)) {
                Some(spelling) => {
                    out.extend_from_slice(GONE.as_bytes());
                    rest = &rest[spelling.len()..];
                }
                None => {
                    out.push(*first);
                    rest = &rest[1..];
                }
            }
        }
        out
    }

    /// Returns the body of an answer without the secrets. JSON may write any character as an escape, in more ways than
    /// can be listed: where there are escapes, the texts are looked through as they are read.
    pub fn body(&self, body: Vec<u8>) -> Vec<u8> {
        let body = self.bytes(&body);
        if self.spellings.is_empty() || !body.contains(&b'\\') {
            return body;
        }
        let Ok(mut json) = Json::parse(&body) else { return body };
        match self.clear(&mut json) {
            true => json.to_string().into_bytes(),
            false => body,
        }
    }

    /// Takes the secrets out of every text, and returns whether there was one.
    fn clear(&self, json: &mut Json) -> bool {
        let one = |text: &mut String| {
            let clean = self.bytes(text.as_bytes());
            let found = clean != text.as_bytes();
            if found {
                *text = String::from_utf8_lossy(&clean).into_owned();
            }
            found
        };
        match json {
            Json::Text(text) => one(text),
            Json::List(items) => items.iter_mut().fold(false, |found, item| self.clear(item) | found),
            Json::Object(members) => {
                members.iter_mut().fold(false, |found, (name, value)| one(name) | self.clear(value) | found)
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
        }
    }

    /// Returns the text without the secrets.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }
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

    #[test]
    fn the_credential_is_gone_behind_escapes_of_json() {
        let secrets = Secrets::new([SECRET.to_owned()]);
        let all = SECRET.chars().map(|c| format!("\\u{:04X}", u32::from(c))).collect::<String>();
        for echoed in [all, SECRET.replace('+', "\\u002b").replace('"', "\\\""), SECRET.replace('"', "\\u0022")] {
            for body in [format!(r#"{{"a":["{echoed}"]}}"#), format!(r#"{{"{echoed}":1}}"#)] {
                let clean = String::from_utf8(secrets.body(body.into_bytes())).unwrap();
                assert!(clean.contains(GONE) && Json::parse(clean.as_bytes()).is_ok(), "{echoed}: {clean}");
            }
        }
        for kept in [r#"{"a":"\u0041"}"#, r#""half \"#, r#"{"a": 1}"#] {
            assert_eq!(secrets.body(kept.as_bytes().to_vec()), kept.as_bytes());
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
