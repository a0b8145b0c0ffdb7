//! `bursar limits`: what the owner allows. Setting one is for the owner's terminal; no tool of an agent reaches it.

use super::{
    Done,
    exit::Code,
    open::open,
    out::{Out, table},
};
use crate::flow::{FlowError, Rooms};
use bursar_core::limits::{LimitKey, Limits};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is in force here, what the ledger holds, and where a limit is narrowed for this process.
struct Shown {
    here: Limits,
    ledger: Limits,
    places: BTreeMap<LimitKey, String>,
}

pub(super) async fn show(out: &Out) -> Done {
    let shown = shown(&open(out).await?).await?;
    let set = "set one for every bursar on this ledger: bursar limits set LIMIT VALUE";
    out.answer(|| document(&shown), || format!("{}\n\n{set}", in_table(&shown)));
    Ok(Code::Done)
}

pub(super) async fn set(out: &Out, key: LimitKey, value: &str) -> Done {
    let rooms = open(out).await?;
    let stored = rooms.set_limit(key, value).await?;
    let shown = shown(&rooms).await?;
    out.answer(|| document(&shown), || format!("{key} is {} now, for every bursar on this ledger", stored.show(key)));
    if let Some(place) = shown.places.get(&key) {
        out.aside(format!("note: {place} narrows it to {} in this terminal", shown.here.show(key)));
    }
    Ok(Code::Done)
}

async fn shown(rooms: &Rooms) -> Result<Shown, FlowError> {
    let (ledger, places) = rooms.limits_and_places().await?;
    Ok(Shown { here: rooms.limits().await?, ledger, places })
}

fn document(shown: &Shown) -> Value {
    let one = |key: &LimitKey| {
        json!({
            "limit": key, "value": shown.here.show(*key), "ledger": shown.ledger.show(*key), "set_by": shown.places.get(key),
            "about": key.about(), "environment": key.env(),
        })
    };
    json!({ "limits": LimitKey::ALL.iter().map(one).collect::<Vec<_>>() })
}

fn in_table(shown: &Shown) -> String {
    let row = |key: &LimitKey| {
        let ledger = shown.ledger.show(*key);
        let place = shown.places.get(key).cloned().unwrap_or_else(|| "the ledger".to_owned());
        vec![key.to_string(), shown.here.show(*key), place, ledger, key.about().to_owned()]
    };
    let rows = table(
        &["LIMIT", "IN FORCE", "SET BY", "IN THE LEDGER", "WHAT IT BOUNDS"],
        &[],
        LimitKey::ALL.iter().map(row).collect(),
    );
    let variables: Vec<&str> = LimitKey::ALL.iter().flat_map(|key| key.env()).copied().collect();
    format!(
        "{rows}\n\na table [limits] in bursar.toml goes before the ledger; these variables narrow it: {}",
        variables.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_shown_with_its_value_and_where_it_comes_from() {
        let here = Limits { max_instances: 1, ..Limits::default() };
        let places = [(LimitKey::MaxInstances, "BURSAR_MAX_INSTANCES".to_owned())].into();
        let shown = Shown { here, ledger: Limits::default(), places };
        let text = in_table(&shown);
        for (at, parts) in [
            (1, ["max_price_per_hour", "1.00 USD/h", "the ledger", "highest price"]),
            (2, ["max_instances", "1 ", "BURSAR_MAX_INSTANCES", " 2 "]),
        ] {
            let line = text.lines().nth(at).unwrap();
            for part in parts {
                assert!(line.contains(part), "{part} in {line}");
            }
        }
        assert!(text.contains("bursar.toml") && text.contains("BITLAUNCH_MAX_COST_PER_HOUR"), "{text}");
        let document = document(&shown);
        assert_eq!(document["limits"][1]["set_by"], "BURSAR_MAX_INSTANCES");
        assert_eq!((&document["limits"][4]["value"], &document["limits"][4]["set_by"]), (&json!("4 h"), &json!(null)));
    }
}
