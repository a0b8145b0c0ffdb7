//! Answers and errors as a client gets them: text to read, and the same as typed data. The one place that prints an
//! error's chain of causes.

use super::text;
use crate::flow::FlowError;
use bursar_core::ledger::Over;
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::Value;
use std::error::Error;

/// What a tool found: a text that stands by itself, and its data.
pub(super) struct Answer<T> {
    pub text: String,
    pub data: T,
}

/// An answer whose data is ready to be sent.
pub(super) struct Said {
    pub text: String,
    pub data: Value,
}

/// A refusal, a failure or a doubt, as the agent reads it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ToolError {
    /// `refused`: nothing was done. `failed`: nothing is left. `in_doubt`: something may be left, and it is held.
    pub kind: &'static str,
    pub message: String,
    pub hint: String,
    /// The instance in doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Every limit that refuses, with its numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<Over>,
    /// It may hold a stranger's words.
    #[serde(rename = "notice", skip_serializing_if = "std::ops::Not::not", serialize_with = "as_notice")]
    pub strange: bool,
}

impl ToolError {
    pub(super) fn refused(message: impl Into<String>, hint: impl Into<String>) -> ToolError {
        ToolError {
            kind: "refused",
            message: message.into(),
            hint: hint.into(),
            instance: None,
            over: vec![],
            strange: false,
        }
    }

    pub(super) fn failed(message: impl Into<String>, hint: impl Into<String>) -> ToolError {
        ToolError { kind: "failed", ..ToolError::refused(message, hint) }
    }

    fn in_words(&self) -> String {
        let kind = self.kind.replace('_', " ");
        let notice = if self.strange { format!("\n  ({})", text::STRANGERS) } else { String::new() };
        format!("{kind}: {}\n  hint: {}{notice}", self.message, self.hint)
    }
}

fn as_notice<S: serde::Serializer>(_: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text::STRANGERS)
}

impl From<FlowError> for ToolError {
    fn from(error: FlowError) -> ToolError {
        ToolError::from(&error)
    }
}

impl From<&FlowError> for ToolError {
    fn from(error: &FlowError) -> ToolError {
        let kind = error.kind();
        let (message, hint) = match error {
            FlowError::Refused { what, hint }
            | FlowError::Failed { what, hint }
            | FlowError::InDoubt { what, hint, .. } => (what.clone(), Some(hint.clone())),
            FlowError::Limits(refusal) => (refused_by(&refusal.over), Some(what_fits(&refusal.over))),
            other => split(&chain(other)),
        };
        let instance = match error {
            FlowError::InDoubt { instance, .. } => Some(instance.clone()),
            _ => None,
        };
        let over = match error {
            FlowError::Limits(refusal) => refusal.over.clone(),
            _ => vec![],
        };
        let hint = error.hint().or(hint).unwrap_or_else(|| usual_hint(kind).to_owned());
        let ours = matches!(error, FlowError::Limits(_) | FlowError::Setting(_) | FlowError::Store(_));
        ToolError { kind, message: text::bounded(&message), hint: text::bounded(&hint), instance, over, strange: !ours }
    }
}

fn refused_by(over: &[Over]) -> String {
    let one = |over: &Over| format!("\n- {}; `{}` allows {}", over.would_be, over.name(), over.allowed);
    let all: String = over.iter().map(one).collect();
    format!("by the owner's limits; nothing was done{all}")
}

fn what_fits(over: &[Over]) -> String {
    let hints: Vec<&str> = over.iter().map(|over| over.hint.as_str()).collect();
    let commands: Vec<String> = over.iter().map(Over::owners_way).collect();
    format!("{}. Only the owner can change a limit, in a terminal: {}", hints.join("; "), commands.join(", "))
}

fn usual_hint(kind: &str) -> &'static str {
    match kind {
        "refused" => "nothing was done; change what is named and call again",
        _ => "try again; if it stays so, the owner's `bursar doctor` says what is wrong",
    }
}

/// Returns the error's text and those of its causes that it does not tell already.
fn chain(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !told.contains(&cause_text) {
            told = insert_cause(&told, &cause_text);
        }
        next = cause.source();
    }
    told
}

/// A hint stays the last line.
fn insert_cause(told: &str, cause: &str) -> String {
    match told.find("\nhint:").or_else(|| told.find("\n  hint:")) {
        Some(at) => format!("{}: {cause}{}", &told[..at], &told[at..]),
        None => format!("{told}: {cause}"),
    }
}

/// Parts what happened from what to do next, where one text holds both.
fn split(told: &str) -> (String, Option<String>) {
    match told.split_once("\nhint:").or_else(|| told.split_once("\n  hint:")) {
        Some((message, hint)) => (message.to_owned(), Some(hint.trim().to_owned())),
        None => (told.to_owned(), None),
    }
}

/// Returns the result of a call, for the client.
pub(super) fn result(said: Result<Said, ToolError>) -> CallToolResult {
    let (mut result, text) = match said {
        Ok(Said { text, data }) => (CallToolResult::structured(data), text),
        Err(error) => {
            let data = serde_json::to_value(&error).unwrap_or_default();
            (CallToolResult::structured_error(data), error.in_words())
        }
    };
    result.content = vec![ContentBlock::text(text)];
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_core::{ledger::Refusal, limits::LimitKey};

    #[derive(Debug, thiserror::Error)]
    #[error("failed to write\nhint: see that the disk has room")]
    struct Outer {
        source: std::io::Error,
    }

    #[test]
    fn a_chain_is_told_once_and_its_hint_stays_last() {
        let error = Outer { source: std::io::Error::other("no space left") };
        let (message, hint) = split(&chain(&error));
        assert_eq!(message, "failed to write: no space left");
        assert_eq!(hint.as_deref(), Some("see that the disk has room"));
    }

    #[test]
    fn a_refusal_names_every_limit_with_its_numbers_and_the_setting() {
        let over = |limit| Over {
            scope: Default::default(),
            limit,
            allowed: "1.00 USD/h".into(),
            would_be: "2.00 USD/h".into(),
            hint: "less".into(),
            narrowed_by: None,
        };
        let refusal = Refusal { over: vec![over(LimitKey::MaxPricePerHour), over(LimitKey::MaxBurnPerHour)] };
        let error = ToolError::from(FlowError::Limits(refusal));
        assert_eq!(error.kind, "refused");
        for part in ["max_price_per_hour", "max_burn_per_hour", "1.00 USD/h", "2.00 USD/h", "bursar limits set"] {
            assert!(error.in_words().contains(part), "{part}: {}", error.in_words());
        }
        assert_eq!(error.over.len(), 2);
    }

    #[test]
    fn a_doubt_names_its_instance() {
        let doubt = FlowError::InDoubt { instance: "abc".into(), what: "no answer".into(), hint: "wait".into() };
        let result = result(Err(doubt.into()));
        let data = result.structured_content.unwrap();
        assert_eq!(
            (result.is_error, &data["kind"], &data["instance"]),
            (Some(true), &"in_doubt".into(), &"abc".into())
        );
    }
}
