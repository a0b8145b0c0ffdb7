//! From what went wrong to [`Error`]: the usual meaning of a status, and the provider's own words for it.
//!
//! Nothing here decides about money: the host frees it only by what it saw itself.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::bindings::driver::bursar::driver::http::SendError;
use crate::types::{Ending, Error};

/// What every call returns. The error is the interface's own, so `?` reaches from the door to the export.
pub type Result<T> = std::result::Result<T, Error>;

/// The longest text of a provider that is passed on, in characters.
const TEXT_MAX: usize = 300;

impl From<SendError> for Error {
    fn from(error: SendError) -> Error {
        match error {
            SendError::Denied(why) => Error::NotSent(format!("the door refused: {why}")),
            SendError::NotSent(why) => Error::NotSent(why),
            SendError::MaybeSent(why) | SendError::Other(why) => Error::MaybeSent(why),
        }
    }
}

/// For `destroy`: an instance the provider does not know is one that has ended.
pub trait OrGone {
    /// Turns [`Error::Gone`] into [`Ending::Gone`].
    fn or_gone(self) -> Result<Ending>;
}

impl OrGone for Result<Ending> {
    fn or_gone(self) -> Result<Ending> {
        match self {
            Err(Error::Gone) => Ok(Ending::Gone),
            other => other,
        }
    }
}

/// Returns what a status usually means, with the provider's words. Success is none of its business.
pub(crate) fn of_status(status: u16, retry_after_secs: Option<u32>, body: &[u8]) -> Error {
    let text = || told(status, body);
    match status {
        401 | 403 => Error::Unauthorized(text()),
        402 => Error::InsufficientFunds(text()),
        404 | 410 => Error::Gone,
        429 => Error::RateLimited(retry_after_secs),
        408 => Error::Failed(text()),
        400..=499 => Error::Refused(text()),
        _ => Error::Failed(text()),
    }
}

/// Returns the text of an error answer: `message`, `msg`, `detail` or `error` of its JSON, else the plain text, else the status.
pub(crate) fn told(status: u16, body: &[u8]) -> String {
    let words = match serde_json::from_slice::<&RawValue>(body) {
        Ok(json) => words(json, 4),
        Err(_) => plain(body),
    };
    match words {
        Some(words) => shorten(&format!("{status}: {words}")),
        None => format!("status {status}, without a text"),
    }
}

/// Looks into members and lists, so many of them deep: `{"error":{"message":…}}`, `{"detail":[{"msg":…}]}`.
fn words(json: &RawValue, depth: u8) -> Option<String> {
    if depth == 0 {
        return None;
    }
    if let Ok(text) = serde_json::from_str::<String>(json.get()) {
        return Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    }
    if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json.get()) {
        return items.iter().find_map(|item| words(item, depth - 1));
    }
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(json.get()).ok()?;
    let telling = ["message", "msg", "detail", "error"].iter().filter_map(|name| members.get(*name));
    telling.filter_map(|member| words(member, depth - 1)).next()
}

/// A page of HTML comes from something in between and says nothing.
fn plain(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body.get(..4096).unwrap_or(body));
    let text = text.trim();
    if text.starts_with('<') {
        return Some("a page of HTML, not an answer of the interface".into());
    }
    Some(text.to_owned()).filter(|t| !t.is_empty())
}

fn shorten(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_its_usual_meaning_and_the_providers_words() {
        let long = "x".repeat(5000);
        let table: &[(u16, &str, Error)] = &[
            (400, r#"{"message":"size not in region"}"#, Error::Refused("400: size not in region".into())),
            (401, "", Error::Unauthorized("status 401, without a text".into())),
            (402, r#"{"detail":"no credit"}"#, Error::InsufficientFunds("402: no credit".into())),
            (403, r#"{"error":{"message":"scope"}}"#, Error::Unauthorized("403: scope".into())),
            (404, r#"{"message":"Server not found"}"#, Error::Gone),
            (409, r#"{"msg":"exists"}"#, Error::Refused("409: exists".into())),
            (410, "", Error::Gone),
            (
                422,
                r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#,
                Error::Refused("422: field required".into()),
            ),
            (429, r#"{"message":"slow down"}"#, Error::RateLimited(Some(7))),
            (302, "", Error::Failed("status 302, without a text".into())),
            (500, "  out of\norder ", Error::Failed("500: out of order".into())),
            (
                502,
                "<html>bad gateway</html>",
                Error::Failed("502: a page of HTML, not an answer of the interface".into()),
            ),
            (503, &long, Error::Failed(format!("503: {}", "x".repeat(TEXT_MAX - 5)))),
            (500, r#"{"code":12}"#, Error::Failed("status 500, without a text".into())),
        ];
        for (status, body, expected) in table {
            assert_eq!(&of_status(*status, Some(7), body.as_bytes()), expected, "{status} {body:.40}");
        }
    }

    #[test]
    fn a_door_that_refused_sent_nothing_and_an_unknown_fault_may_have() {
        assert_eq!(Error::from(SendError::Denied("no".into())), Error::NotSent("the door refused: no".into()));
        assert_eq!(Error::from(SendError::NotSent("dns".into())), Error::NotSent("dns".into()));
        assert_eq!(Error::from(SendError::MaybeSent("cut".into())), Error::MaybeSent("cut".into()));
        assert_eq!(Error::from(SendError::Other("new".into())), Error::MaybeSent("new".into()));
    }
}
