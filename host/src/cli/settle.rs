//! `bursar settle`: one round over everything that is open, or the owner's own word about one machine.

use super::{Done, exit::Code, ls, open::open, out::Out, progress::Waiting, values};
use crate::flow::{LOCAL_PRINCIPAL, Rooms, Round};
use bursar_core::instance::Instance;
use serde_json::json;

#[derive(Debug, clap::Args)]
pub(super) struct Settle {
    /// Name or id of the machine that you looked up at its provider
    #[arg(requires = "word")]
    pub(super) instance: Option<String>,
    #[command(flatten)]
    pub(super) word: Word,
    /// Say that you looked at a provider's account, which took more than it quoted: things may be made there again
    #[arg(long, value_name = "PROVIDER", conflicts_with = "instance")]
    pub(super) account: Option<String>,
}

/// The owner's word.
#[derive(Debug, clap::Args)]
#[group(id = "word", multiple = false, requires = "instance")]
pub(super) struct Word {
    /// It does not exist: charge what it cost, release the rest
    #[arg(long)]
    pub(super) gone: bool,
    /// It exists: keep or take its hold again, and look for it
    #[arg(long)]
    pub(super) alive: bool,
}

pub(super) async fn settle(out: &Out, ask: Settle) -> Done {
    let rooms = open(out).await?;
    if let Some(provider) = &ask.account {
        return looked(out, &rooms, provider).await;
    }
    match &ask.instance {
        Some(name) => take_word(out, &rooms, name, ask.word.gone).await,
        None => one_round(out, &rooms).await,
    }
}

async fn looked(out: &Out, rooms: &Rooms, provider: &str) -> Done {
    let accounts = rooms.owner_looked(provider).await?;
    out.answer(
        || json!({ "provider": provider, "accounts": accounts }),
        || format!("you looked at account {} of {provider}: things may be made there again", accounts.join(", ")),
    );
    Ok(Code::Done)
}

async fn take_word(out: &Out, rooms: &Rooms, name: &str, gone: bool) -> Done {
    let id = rooms.get_instance(LOCAL_PRINCIPAL, name, false).await?.instance.id;
    let instance = match gone {
        true => rooms.owner_says_gone(&id).await?,
        false => rooms.owner_says_alive(&id).await?,
    };
    let state = rooms.get_instance(LOCAL_PRINCIPAL, &id.0, false).await?;
    let totals = state.totals;
    out.answer(
        || values::instance(&state, None),
        || match gone {
            true => format!("`{}` counts as gone by your word; {} USD were charged, nothing is held", instance.name, totals.charged),
            false => format!(
                "`{}` counts as alive by your word: it is {}, {} USD are held\n  hint: `bursar settle` looks for it, `bursar down {}` ends it",
                instance.name, instance.stage, totals.held, instance.name
            ),
        },
    );
    Ok(Code::Done)
}

async fn one_round(out: &Out, rooms: &Rooms) -> Done {
    let waiting = Waiting::new("asking the providers");
    let round = rooms.settle().await;
    waiting.done();
    let round = round?;
    let listed = rooms.list_instances(0, false, false).await?;
    let needy: Vec<(String, String)> =
        listed.instances.iter().filter_map(|s| Some((s.instance.name.clone(), ls::needs_you(s)?))).collect();
    let names = |all: &[Instance]| all.iter().map(|instance| instance.name.clone()).collect::<Vec<_>>();
    let json = || {
        json!({
            "settled": names(&round.settled),
            "open": names(&round.open),
            "problems": round.problems.iter().map(|(id, why)| json!({ "instance": id, "why": why })).collect::<Vec<_>>(),
            "need_you": needy.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect::<Vec<_>>(),
        })
    };
    out.answer(json, || in_words(&round, &needy));
    Ok(if needy.is_empty() && round.problems.is_empty() { Code::Done } else { Code::NeedsYou })
}

fn in_words(round: &Round, needy: &[(String, String)]) -> String {
    let mut lines = vec![];
    for settled in &round.settled {
        let note = settled.note.as_deref().unwrap_or("its hold is released");
        lines.push(format!("settled: `{}` is gone: {note}", settled.name));
    }
    for open in &round.open {
        lines.push(format!("open:    `{}` is {}", open.name, open.stage));
    }
    for (id, why) in &round.problems {
        lines.push(format!("problem: {id} could not be settled now: {why}"));
    }
    lines.extend(needy.iter().map(|(name, why)| format!("! {name}: {why}")));
    if lines.is_empty() {
        lines.push("nothing is open, nothing is in doubt".to_owned());
    }
    lines.join("\n")
}
