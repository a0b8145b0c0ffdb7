//! `bursar demo`: the whole loop before the reader's eyes, by the same flows that agents and people use, against an
//! imitated provider in this process. It costs nothing and leaves nothing.

mod steps;

use super::{
    Done,
    args::Demo,
    exit::Code,
    open::open_with,
    out::Out,
    practice::{ended_by, signals, start},
    scratch::Scratch,
};
use crate::{
    flow::{FlowError, Rooms},
    settings::Settings,
};
use bursar_practice::{Options, Practice};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use steps::Stay;

/// What the steps share.
struct Walk<'a> {
    out: &'a Out,
    rooms: Rooms,
    practice: &'a Practice,
    pause: Duration,
    /// What was done, for `--json`.
    done: Vec<&'static str>,
}

pub(super) async fn demo(out: &Out, ask: Demo) -> Done {
    let mut ending = signals()?;
    let began = Instant::now();
    let scratch = Scratch::new("demo")?;
    let providers = vec![ask.provider.clone()];
    let practice = start(Options { providers, ..Options::new(scratch.path().join("practice")) }).await?;
    let walked = tokio::select! {
        walked = walk(out, &ask, &practice, &scratch) => walked.map(Some),
        () = ended_by(&mut ending) => Ok(None),
    };
    // Whatever happened, nothing of it stays.
    practice.stop().await;
    drop(scratch);
    let Some(summary) = walked? else {
        out.aside("left; every machine of the demo was ended and its folder removed");
        return Ok(Code::Left);
    };
    if out.json {
        out.document(&summary);
    }
    out.line(format!(
        "\nThat was the whole loop in {} s, and this computer is as it was.\n\n\
         Next: `bursar login {}` stores a real key, `bursar doctor` says what is missing, and the README shows how an\n\
         agent's client starts `bursar mcp`.",
        began.elapsed().as_secs(),
        ask.provider
    ));
    Ok(Code::Done)
}

async fn walk(out: &Out, ask: &Demo, practice: &Practice, scratch: &Scratch) -> Result<Value, FlowError> {
    let work = scratch.path().join("work");
    let settings = Settings::of(practice.env(), &work)?;
    let rooms = open_with(out, settings).await?;
    let pause = if ask.quick { Duration::ZERO } else { Duration::from_millis(900) };
    let mut walk = Walk { out, rooms, practice, pause, done: vec![] };
    out.line(
        "This is Bursar against an imitated provider on this computer. Prices, machines and SSH behave like the real ones;\n\
         no key is needed and nothing costs money. Each step names the command that does it, which is what an agent does too.",
    );
    let (cheap, dear) = walk.find_offers().await?;
    walk.quote(&cheap).await?;
    walk.be_refused(&dear).await?;
    let Stay { id, name } = walk.rent(&cheap).await?;
    let worked = walk.work(&name, &work).await;
    // A step that fails must not leave the machine to run.
    let ended = walk.end(&id).await;
    worked?;
    ended?;
    let cost = walk.count(&id).await?;
    walk.check_nothing_is_left(cost)?;
    Ok(json!({ "ok": true, "steps": walk.done, "cost_usd": cost.to_string(), "alive": 0 }))
}

impl Walk<'_> {
    /// Begins a step: what it is, why, and the command that does it.
    async fn step(&mut self, name: &'static str, why: &str, command: &str) {
        if !self.done.is_empty() {
            tokio::time::sleep(self.pause).await;
        }
        self.done.push(name);
        self.out.line(format!("\n{}. {name}. {why}\n   $ {command}\n", self.done.len()));
    }

    /// Shows what a step brought, indented below it.
    fn show(&self, text: &str) {
        let lines: Vec<String> = text.lines().map(|line| format!("   {line}")).collect();
        self.out.line(lines.join("\n"));
    }
}
