//! `bursar pause` and `bursar resume`: a machine that costs less for a while, where its provider can.

use super::{Done, exit::Code, open::open, out::Out, progress::Waiting, ready, values};
use crate::flow::LOCAL_PRINCIPAL;
use bursar_core::instance::Stage;

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Its name or id
    pub(super) name: String,
}

pub(super) async fn pause(out: &Out, ask: Which) -> Done {
    let rooms = open(out).await?;
    let waiting = Waiting::new("asking the provider");
    let paused = rooms.pause_instance(LOCAL_PRINCIPAL, &ask.name).await;
    waiting.done();
    let state = paused?;
    let words = || format!("`{}` is {}", state.instance.name, state.instance.note.clone().unwrap_or_default());
    out.answer(|| values::instance(&state, None), words);
    Ok(Code::Done)
}

/// Lets it run again, and waits until it answers.
pub(super) async fn resume(out: &Out, ask: Which) -> Done {
    let rooms = open(out).await?;
    let waiting = Waiting::new("asking the account and the provider");
    let resumed = rooms.resume_instance(LOCAL_PRINCIPAL, &ask.name).await;
    waiting.done();
    let id = resumed?.instance.id;
    if ready::make_ready(&rooms, &id).await?.is_none() {
        out.aside("left; it runs again, and is made ready by the next command that needs it");
        return Ok(Code::Left);
    }
    let state = rooms.get_instance(LOCAL_PRINCIPAL, &id.0, false).await?;
    let ready = state.instance.stage == Stage::Ready;
    let words = || {
        let note = state.instance.notes().map_or(String::new(), |note| format!(": {note}"));
        format!("`{}` is {}{note}", state.instance.name, state.instance.stage)
    };
    out.answer(|| values::instance(&state, None), words);
    Ok(if ready { Code::Done } else { Code::Failed })
}
