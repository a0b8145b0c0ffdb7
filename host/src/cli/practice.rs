//! `bursar practice`: the imitated providers on this computer, until somebody ends it. Opens no ledger.

use super::{
    Done,
    args::{self, Machines},
    exit::Code,
    out::Out,
    scratch::Scratch,
    text::env_line,
};
use crate::flow::FlowError;
use bursar_practice::{Options, Practice, PracticeError};
use serde_json::json;
use std::collections::BTreeMap;
use tokio::signal::unix::{SignalKind, signal};

pub(super) async fn practice(out: &Out, ask: args::Practice) -> Done {
    let mut ending = signals()?;
    let scratch = match &ask.dir {
        Some(_) => None,
        None => Some(Scratch::new("practice")?),
    };
    let dir = ask.dir.clone().or_else(|| scratch.as_ref().map(|scratch| scratch.path().to_owned())).unwrap_or_default();
    let machines = match ask.machines {
        Machines::BuiltIn => bursar_practice::Machines::BuiltIn,
        Machines::OpenSsh => bursar_practice::Machines::OpenSsh,
    };
    let providers = ask.provider.clone();
    let mut practice = start(Options { listen: ask.listen, machines, providers, ..Options::new(dir) }).await?;
    tell(out, &practice, ask.env);
    let ended = tokio::select! {
        () = ended_by(&mut ending) => Ok(Code::Done),
        () = practice.wait() => Err(FlowError::failed("practice stopped serving by itself", "start it again; BURSAR_LOG=debug shows more")),
    };
    out.aside("practice ends, and every machine with it");
    practice.stop().await;
    ended
}

/// Starts a practice; what stops it says what to do.
pub(super) async fn start(options: Options) -> Result<Practice, FlowError> {
    bursar_practice::start(options).await.map_err(|error| in_parts(&error))
}

fn in_parts(error: &PracticeError) -> FlowError {
    let source = std::error::Error::source(error).map_or(String::new(), |source| format!(" ({source})"));
    let text = error.to_string();
    match text.split_once("; ") {
        Some((what, hint)) => FlowError::failed(format!("{what}{source}"), hint),
        None => FlowError::failed(format!("{text}{source}"), "nothing was started; mend that and try again"),
    }
}

fn tell(out: &Out, practice: &Practice, env: bool) {
    let lines: Vec<String> = practice.env().iter().map(|(key, value)| env_line(key, value)).collect();
    let url = format!("http://{}", practice.http_addr());
    if let Some(notice) = practice.notice() {
        out.aside(notice);
    }
    if out.json {
        let env: BTreeMap<_, _> = practice.env().into_iter().collect();
        return out.document(&json!({ "url": url, "ssh_port": practice.ssh_port(), "env": env }));
    }
    if env {
        // In one piece, so that who reads the first line can read them all.
        return out.raw(&format!("{}\n", lines.join("\n")));
    }
    let exports: Vec<String> = lines.iter().map(|line| format!("  export {line}")).collect();
    out.line(format!(
        "practice serves at {url}; nothing here costs anything\n\npoint bursar here, in another terminal:\n{}\n\n\
         then try: bursar offers --gpus 1\nthe truth about what lives: curl {url}/_practice/state\nCtrl-C ends it and every machine",
        exports.join("\n")
    ));
}

type Signals = [tokio::signal::unix::Signal; 3];

/// Listens before anything is started, so that no signal finds it half way.
pub(super) fn signals() -> Result<Signals, FlowError> {
    let listen = |kind| {
        signal(kind).map_err(|error| {
            FlowError::failed(format!("signals cannot be heard: {error}"), "nothing was started; try again")
        })
    };
    Ok([listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?])
}

pub(super) async fn ended_by([interrupt, terminate, hangup]: &mut Signals) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}
