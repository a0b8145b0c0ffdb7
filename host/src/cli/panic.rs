//! `bursar panic` and `bursar thaw`: the owner's brake. Panic freezes first and ends then; it says what it could not end.

use super::{Done, args::Panic, exit::Code, open::open, out::Out, text::s};
use crate::flow::Panicked;
use serde_json::json;
use std::time::Duration;

pub(super) async fn panic(out: &Out, ask: Panic) -> Done {
    let rooms = open(out).await?;
    let panicked = rooms.panic(Duration::from_secs(ask.wait), |text| out.aside(text)).await?;
    let left = |found: &Panicked| {
        found
            .left
            .iter()
            .map(|(instance, why)| json!({ "name": instance.name, "id": instance.id, "why": why }))
            .collect::<Vec<_>>()
    };
    let json = || {
        json!({
            "frozen": true, "all_gone": panicked.is_all_gone(), "clear": panicked.clear, "unclear": panicked.unclear,
            "left": left(&panicked),
            "unknown": panicked.unknown.iter().map(|(provider, id)| json!({ "provider": provider, "provider_id": id })).collect::<Vec<_>>(),
        })
    };
    out.answer(json, || in_words(&panicked));
    Ok(if panicked.is_all_gone() { Code::Done } else { Code::NeedsYou })
}

pub(super) async fn thaw(out: &Out) -> Done {
    let rooms = open(out).await?;
    let was = rooms.thaw().await?;
    let words = if was { "thawed: what fits the limits may be rented again" } else { "nothing was frozen" };
    out.answer(|| json!({ "frozen": false, "was_frozen": was }), || words.to_owned());
    Ok(Code::Done)
}

fn in_words(found: &Panicked) -> String {
    let mut lines = vec!["frozen: nothing is rented until `bursar thaw`".to_owned()];
    lines.extend(found.clear.iter().map(|name| format!("clear: two complete lists of {name} show nothing of ours")));
    lines.extend(found.left.iter().map(|(instance, why)| {
        format!("! `{}` at {} could not be ended yet: {why}", instance.name, instance.provider)
    }));
    lines.extend(found.unclear.iter().map(|(name, why)| format!("! {name} is not known to be clear: {why}")));
    lines.extend(found.unknown.iter().map(|(name, id)| {
        format!("! {name} {id} carries our tag and is unknown here: `bursar recover`, then panic again")
    }));
    match found.is_all_gone() {
        true => lines.push("everything of ours is gone".to_owned()),
        false => {
            let n = found.left.len() + found.unclear.len() + found.unknown.len();
            lines.push(format!(
                "{n} thing{} left: the keeper goes on; look at the provider's own page, and run `bursar panic` again",
                s(n)
            ));
        }
    }
    lines.join("\n")
}
