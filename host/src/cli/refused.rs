//! Errors in three parts: what happened, the numbers, what to do next. The chain of causes is told once, here.

use super::text::for_terminal;
use crate::flow::{FlowError, bound, clean};
use serde_json::{Value, json};
use std::error::Error;

/// Of one message, in bytes.
const TEXT_MAX: usize = 8_000;

/// Returns the message for a person: the first line, what caused it, then the hints.
pub(super) fn message(error: &FlowError) -> String {
    let (mut lines, hints) = parts(error);
    if let Some(first) = lines.first_mut()
        && !names_its_kind(first)
    {
        *first = format!("{}: {first}", error.kind().replace('_', " "));
    }
    lines.extend(causes(error).into_iter().map(|cause| format!("  because: {cause}")));
    lines.extend(hints.into_iter().map(|hint| format!("  hint: {hint}")));
    // A provider's or a machine's words may be among them.
    for_terminal(&bound(&clean(lines.join("\n").as_bytes()), TEXT_MAX))
}

/// Returns the same for a program.
pub(super) fn document(error: &FlowError) -> Value {
    let (lines, hints) = parts(error);
    let over = match error {
        FlowError::Limits(refusal) => serde_json::to_value(&refusal.over).unwrap_or_default(),
        _ => json!([]),
    };
    let instance = match error {
        FlowError::InDoubt { instance, .. } => Some(instance),
        _ => None,
    };
    let hints: Vec<String> = hints.iter().map(|hint| for_terminal(hint)).collect();
    json!({ "error": {
        "kind": error.kind(),
        "text": for_terminal(&lines.join("\n")),
        "because": causes(error),
        "hints": hints,
        "limits": over,
        "instance": instance,
    }})
}

/// Returns what clap says of a command line for a program.
pub(super) fn usage(text: &str) -> Value {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let first = lines.first().map_or("", |line| line.trim_start_matches("error: "));
    let rest = lines.iter().skip(1).collect::<Vec<_>>();
    json!({ "error": { "kind": "usage", "text": first, "because": [], "hints": rest, "limits": [], "instance": null } })
}

/// Parts what happened from what to do next. A refusal by limits keeps each hint under its limit.
fn parts(error: &FlowError) -> (Vec<String>, Vec<String>) {
    let text = error.to_string();
    if matches!(error, FlowError::Limits(_)) {
        return (text.lines().map(str::to_owned).collect(), vec![]);
    }
    let (mut lines, mut hints) = (vec![], vec![]);
    for line in text.lines() {
        match line.trim_start().strip_prefix("hint: ") {
            Some(hint) => hints.push(hint.to_owned()),
            None => lines.push(line.to_owned()),
        }
    }
    hints.extend(error.hint());
    if hints.is_empty() {
        hints.extend(last_part(&mut lines));
        hints.extend(next(error).map(str::to_owned));
    }
    (lines, hints)
}

/// Errors of the rooms below say what to do behind their last semicolon.
fn last_part(lines: &mut [String]) -> Option<String> {
    let last = lines.last_mut()?;
    let (what, hint) = last.rsplit_once("; ").map(|(what, hint)| (what.to_owned(), hint.to_owned()))?;
    *last = what;
    Some(hint)
}

fn next(error: &FlowError) -> Option<&'static str> {
    match error {
        FlowError::Call(_) => Some("`bursar doctor` looks at keys, network and provider"),
        FlowError::Driver(_) => Some("`bursar driver list` shows where every driver stands"),
        FlowError::Setting(_) => Some("nothing was done; mend that and run it again"),
        _ => None,
    }
}

fn names_its_kind(line: &str) -> bool {
    ["refused", "failed", "in doubt", "denied"].iter().any(|kind| line.starts_with(kind))
}

/// Returns the causes below an error, without those that its text tells already.
fn causes(error: &FlowError) -> Vec<String> {
    let (mut told, mut causes) = (error.to_string(), vec![]);
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !told.contains(&text) {
            told.push_str(&text);
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_core::{
        ledger::{Over, Refusal},
        limits::LimitKey,
    };

    #[test]
    fn a_message_says_what_happened_then_what_to_do() {
        let error = FlowError::refused("there is no instance `x`; open: box", "see `bursar ls`");
        assert_eq!(message(&error), "refused: there is no instance `x`; open: box\n  hint: see `bursar ls`");
        let document = document(&error);
        assert_eq!(document["error"]["kind"], "refused");
        assert_eq!(document["error"]["hints"], json!(["see `bursar ls`"]));
    }

    #[test]
    fn a_command_line_that_is_not_understood_is_a_document_too() {
        let told = usage("error: a value is required\n\nUsage: bursar run\n\nFor more, try '--help'.\n");
        assert_eq!(told["error"]["kind"], "usage");
        assert_eq!(told["error"]["text"], "a value is required");
        assert_eq!(told["error"]["hints"], json!(["Usage: bursar run", "For more, try '--help'."]));
    }

    #[test]
    fn a_refusal_by_limits_keeps_every_limit_with_its_numbers() {
        let over = Over {
            scope: Default::default(),
            limit: LimitKey::MaxPricePerHour,
            allowed: "1.00 USD/h".into(),
            would_be: "this offer costs 2.00 USD/h".into(),
            hint: "find an offer up to 1.00 USD/h".into(),
            narrowed_by: None,
        };
        let error = FlowError::from(Refusal { over: vec![over] });
        let text = message(&error);
        for part in
            ["refused by the owner's limits", "2.00 USD/h", "`max_price_per_hour` allows 1.00", "bursar limits set"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(document(&error)["error"]["limits"][0]["limit"], "max_price_per_hour");
    }

    #[test]
    fn a_setting_that_cannot_be_taken_is_a_refusal() {
        let error = FlowError::from(crate::settings::BadSetting::NoHome);
        let text = message(&error);
        assert!(text.starts_with("refused: neither BURSAR_HOME nor HOME") && text.contains("\n  hint: "), "{text}");
    }
}
