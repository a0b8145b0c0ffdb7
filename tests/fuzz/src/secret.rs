//! The credential, in every spelling in which a provider may echo it, and how to see that none got through.

use base64::{Engine, engine::general_purpose as kinds};
use std::sync::LazyLock;

/// With characters that JSON, URLs and base64 write in more than one way.
pub(crate) const TOKEN: &str = "s3cr/et+KEY<x~=9f2c";
/// What `hide` names in the manifest.
pub(crate) const HIDDEN: &str = "hush-hush-hush-4711";

pub(crate) fn spelling(n: u8) -> String {
    match n % 10 {
        0 => TOKEN.to_owned(),
        1 => kinds::STANDARD.encode(TOKEN),
        2 => kinds::URL_SAFE_NO_PAD.encode(TOKEN),
        3 => kinds::STANDARD.encode(format!("user:{TOKEN}")),
        4 => kinds::STANDARD.encode(format!("u:{TOKEN}:more")),
        5 => percent(|b| format!("%{b:02X}")),
        6 => percent(|b| format!("%{b:02x}")),
        7 => TOKEN.replace('/', "\\/"),
        8 => TOKEN.replace('<', "\\u003c").replace('+', "\\u002B"),
        _ => TOKEN.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect(),
    }
}

fn percent(written: impl Fn(u8) -> String) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    TOKEN.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { written(b) }).collect()
}

/// Returns the spelling of the credential that can be read in the text.
pub(crate) fn found(text: &str) -> Option<&'static str> {
    static KNOWN: LazyLock<Vec<String>> = LazyLock::new(|| {
        let inside = |n: usize| {
            let padded = kinds::STANDARD_NO_PAD.encode(format!("{}{TOKEN}", "x".repeat(n)));
            // Without the characters at its ends that hold bits of what stands beside it.
            padded[(n * 8).div_ceil(6)..(n + TOKEN.len()) * 8 / 6].to_owned()
        };
        (0..3).chain(5..9).map(spelling).chain((0..3).map(inside)).collect()
    });
    if text.contains("\\u") {
        let read = serde_json::from_str::<serde_json::Value>(text).map(|json| strings(&json)).unwrap_or_default();
        if read.contains(TOKEN) {
            return Some("escapes of JSON");
        }
    }
    KNOWN.iter().find(|spelling| text.contains(spelling.as_str())).map(String::as_str)
}

/// Panics if the credential can be read in the text, in any spelling.
pub(crate) fn must_not_stand_in(text: &str, what: &str) {
    if let Some(spelling) = found(text) {
        panic!("{what} shows the credential as {spelling}: {text}");
    }
}

fn strings(json: &serde_json::Value) -> String {
    use serde_json::Value;
    match json {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(strings).collect::<Vec<_>>().join("\n"),
        Value::Object(members) => {
            members.iter().map(|(name, value)| format!("{name}\n{}", strings(value))).collect::<Vec<_>>().join("\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}
