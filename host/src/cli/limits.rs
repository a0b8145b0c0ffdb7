//! `bursar limits`: what the owner allows. Setting one is for the owner's terminal; no tool of an agent reaches it.

use super::{
    Done,
    exit::Code,
    open::open,
    out::{Out, table},
};
use crate::flow::{FlowError, Rooms};
use bursar_core::{
    limits::{LimitKey, Limits},
    scope::LimitName,
};
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

pub(super) async fn set(out: &Out, name: LimitName, value: &str) -> Done {
    let rooms = open(out).await?;
    let stored = rooms.set_limit(name.clone(), value).await?;
    let shown = shown(&rooms).await?;
    let is = stored.show_named(&name);
    out.answer(|| document(&shown), || format!("{name} is {is} now, for every bursar on this ledger"));
    if let Some(place) = shown.places.get(&name.key).filter(|_| name.scope.is_all()) {
        out.aside(format!("note: {place} narrows it to {} in this terminal", shown.here.show(name.key)));
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
    let scoped = |name: &LimitName| {
        json!({
            "limit": name.to_string(), "value": shown.here.show_named(name), "ledger": shown.ledger.show_named(name),
            "about": name.key.about(),
        })
    };
    let names = shown.here.scoped_names();
    json!({ "limits": LimitKey::ALL.iter().map(one).chain(names.iter().map(scoped)).collect::<Vec<_>>() })
}

fn in_table(shown: &Shown) -> String {
    let row = |key: &LimitKey| {
        let ledger = shown.ledger.show(*key);
        let place = shown.places.get(key).cloned().unwrap_or_else(|| "the ledger".to_owned());
        vec![key.to_string(), shown.here.show(*key), place, ledger, key.about().to_owned()]
    };
    let scoped = |name: &LimitName| {
        let (here, ledger) = (shown.here.show_named(name), shown.ledger.show_named(name));
        let place = if here == ledger { "the ledger" } else { "bursar.toml" };
        vec![name.to_string(), here, place.to_owned(), ledger, name.key.about().to_owned()]
    };
    let names = shown.here.scoped_names();
    let rows = table(
        &["LIMIT", "IN FORCE", "SET BY", "IN THE LEDGER", "WHAT IT BOUNDS"],
        &[],
        LimitKey::ALL.iter().map(row).chain(names.iter().map(scoped)).collect(),
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
