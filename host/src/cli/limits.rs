//! `bursar limits`: what the owner allows. Setting one is for the owner's terminal; no tool of an agent reaches it.

use super::{
    Done,
    exit::Code,
    open::open,
    out::{Out, table},
};
use bursar_core::limits::{LimitKey, Limits};
use serde_json::{Value, json};

pub(super) async fn show(out: &Out) -> Done {
    let rooms = open(out).await?;
    let limits = rooms.limits().await?;
    out.answer(|| document(&limits), || format!("{}\n\nset one: bursar limits set LIMIT VALUE", in_table(&limits)));
    Ok(Code::Done)
}

pub(super) async fn set(out: &Out, key: LimitKey, value: &str) -> Done {
    let rooms = open(out).await?;
    let stored = rooms.set_limit(key, value).await?;
    let in_force = rooms.limits().await?;
    out.answer(
        || document(&in_force),
        || format!("{key} is {} now, for every bursar on this ledger", stored.show(key)),
    );
    if stored.show(key) != in_force.show(key) {
        let variables = key.env().join(" or ");
        out.aside(format!("note: this terminal's environment narrows it to {} ({variables})", in_force.show(key)));
    }
    Ok(Code::Done)
}

fn document(limits: &Limits) -> Value {
    let one = |key: &LimitKey| json!({ "limit": key, "value": limits.show(*key), "about": key.about(), "environment": key.env() });
    json!({ "limits": LimitKey::ALL.iter().map(one).collect::<Vec<_>>() })
}

fn in_table(limits: &Limits) -> String {
    let row = |key: &LimitKey| vec![key.to_string(), limits.show(*key), key.about().to_owned(), key.env().join(" ")];
    table(&["LIMIT", "IN FORCE", "WHAT IT BOUNDS", "NARROWED BY"], &[], LimitKey::ALL.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_shown_with_its_value_and_its_variables() {
        let text = in_table(&Limits::default());
        assert_eq!(text.lines().count(), 8);
        let line = text.lines().nth(1).unwrap();
        for part in ["max_price_per_hour", "1.00 USD/h", "highest price", "BITLAUNCH_MAX_COST_PER_HOUR"] {
            assert!(line.contains(part), "{line}");
        }
        assert_eq!(document(&Limits::default())["limits"][4]["value"], "4 h");
    }
}
