//! What a newer manifest has that the granted one has not (rule 12): everything but removed routes, `about` texts and the
//! version's number. It compares the tables as they were written, so that no key can be forgotten here.

use toml::{Table, Value};

pub(super) fn widened(old: &Table, new: &Table) -> Vec<String> {
    let mut lines = Vec::new();
    compare(old, new, "", &mut lines);
    lines
}

fn compare(old: &Table, new: &Table, path: &str, lines: &mut Vec<String>) {
    for (key, value) in new {
        let at = join(path, key);
        if is_told_only(&at) {
            continue;
        }
        match (old.get(key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => compare(old, new, &at, lines),
            (Some(old), new) if old == new => {}
            (Some(old), new) => lines.push(format!("{at}: was {}, now {}", shown(old), shown(new))),
            (None, new) => lines.push(format!("{at}: new, {}", shown(new))),
        }
    }
    for (key, value) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
        let at = join(path, key);
        if path != "routes" && !is_told_only(&at) {
            lines.push(format!("{at}: was {}, now not there", shown(value)));
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// `version`, and `about` where the manifest has such a key: a member of a body may be called so, too.
fn is_told_only(at: &str) -> bool {
    let steps: Vec<_> = at.split('.').collect();
    match steps.as_slice() {
        ["version"] => true,
        [table, _, "about"] => ["settings", "credentials", "signers"].contains(table),
        _ => false,
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    let cut: String = text.chars().take(200).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
