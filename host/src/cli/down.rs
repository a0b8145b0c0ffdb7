//! `bursar down`: ends a machine of ours and waits until complete lists are without it.

use super::{Done, args::Down, exit::Code, open::open, out::Out, progress::Waiting, values};
use crate::flow::{LOCAL_PRINCIPAL, Rooms, Stopped};
use bursar_core::instance::Stage;
use std::time::Duration;

pub(super) async fn down(out: &Out, ask: Down) -> Done {
    let rooms = open(out).await?;
    let known = rooms.get_instance(LOCAL_PRINCIPAL, &ask.name, false).await?.instance;
    if matches!(known.stage, Stage::Requested | Stage::InDoubt) {
        out.aside(format!(
            "`{}` is in doubt: it is looked for, and ended as soon as it is found; Ctrl-C leaves that to any bursar command",
            known.name
        ));
    }
    let waiting = Waiting::new(&format!("ending `{}`", known.name));
    let stopping = tokio::spawn({
        let (rooms, id, wait) = (rooms.clone(), known.id.clone(), Duration::from_secs(ask.wait));
        async move { rooms.stop_instance(&id, "its owner asked", wait).await }
    });
    let stopped = tokio::select! {
        stopped = stopping => stopped,
        _ = tokio::signal::ctrl_c() => {
            waiting.done();
            out.aside(format!("left: the end of `{}` is written down; any bursar command goes on with it", known.name));
            return Ok(Code::Left);
        }
    };
    waiting.done();
    let stopped = stopped.map_err(|error| {
        let hint = "run `bursar ls`; its end is written down and goes on with any bursar command";
        crate::flow::FlowError::failed(format!("ending it broke down: {error}"), hint)
    })??;
    show(out, &rooms, &stopped).await?;
    // Who does not wait does not want to know.
    Ok(if stopped.is_gone() || ask.wait == 0 { Code::Done } else { Code::InDoubt })
}

async fn show(out: &Out, rooms: &Rooms, stopped: &Stopped) -> Result<(), crate::flow::FlowError> {
    let state = rooms.get_instance(LOCAL_PRINCIPAL, &stopped.instance.id.0, false).await?;
    let note = stopped.instance.note.as_ref().filter(|_| !stopped.is_gone());
    let note = note.map_or(String::new(), |note| format!("\n  note: {note}"));
    out.answer(|| values::instance(&state, None), || format!("{}{note}", stopped.in_words()));
    Ok(())
}
