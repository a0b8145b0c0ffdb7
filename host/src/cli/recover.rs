//! `bursar recover`: state was lost; what our tag shows at the providers is entered again, with a hold and an end.

use super::{Done, exit::Code, open::open, out::Out, progress::Waiting, text};
use crate::{
    flow::{Recovered, Rooms},
    settings::Settings,
};
use serde_json::json;

#[derive(Debug, clap::Args)]
pub(super) struct Recover {
    /// The id of a ledger that was lost whole: how the names of its machines begin. Makes a new ledger under it first
    #[arg(long, value_name = "ID")]
    pub(super) ledger: Option<String>,
}

pub(super) async fn recover(out: &Out, ask: Recover) -> Done {
    if let Some(id) = &ask.ledger {
        Rooms::found_again(&Settings::read()?, id).await?;
        out.aside(format!("a new ledger under the id {id}; its limits are the usual ones until you set them"));
    }
    let rooms = open(out).await?;
    let waiting = Waiting::new("looking at every account");
    let recovered = rooms.recover().await;
    waiting.done();
    let recovered = recovered?;
    let json = || {
        let one = |(instance, known): &(bursar_core::instance::Instance, bool)| {
            json!({
                "id": instance.id, "name": instance.name, "provider": instance.provider, "ends": text::rfc3339(instance.lease.ends),
                "end_known": known, "held_usd": instance.lease.hold.to_string(),
            })
        };
        json!({
            "found": recovered.found.iter().map(one).collect::<Vec<_>>(), "unclear": recovered.unclear,
            "other_ledgers": recovered.other_ledgers,
        })
    };
    out.answer(json, || in_words(&recovered));
    let needs_you = !recovered.unclear.is_empty() || recovered.found.iter().any(|(_, known)| !known);
    Ok(if needs_you { Code::NeedsYou } else { Code::Done })
}

fn in_words(recovered: &Recovered) -> String {
    let mut lines = vec![];
    for (instance, known) in &recovered.found {
        let (name, ends, hold) = (&instance.name, text::moment(instance.lease.ends), instance.lease.hold);
        lines.push(format!("found: `{name}` at {}, ends {ends}, {hold} USD are held", instance.provider));
        if !known {
            lines.push(format!(
                "! {name}: when it was to end is not known; bursar down {name}, or bursar extend {name} --for LENGTH"
            ));
        }
    }
    lines.extend(recovered.unclear.iter().map(|(name, why)| format!("! {name} was not seen whole: {why}")));
    lines.extend(recovered.other_ledgers.iter().map(|(id, n)| {
        format!("{n} machine{} may belong to a ledger {id}; if you lost that: bursar recover --ledger {id}, with another BURSAR_HOME", text::s(usize::try_from(*n).unwrap_or(2)))
    }));
    if lines.is_empty() {
        lines.push("nothing carries our tag that the ledger does not know".to_owned());
    }
    lines.join("\n")
}
