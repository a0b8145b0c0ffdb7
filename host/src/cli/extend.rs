//! `bursar extend`: makes the lease of a machine longer, inside the same limits as renting it.

use super::{
    Done,
    args::Extend,
    exit::Code,
    open::open,
    out::Out,
    progress::Waiting,
    text::{from_now, moment},
    values,
};
use crate::flow::LOCAL_PRINCIPAL;

pub(super) async fn extend(out: &Out, ask: Extend) -> Done {
    let rooms = open(out).await?;
    let waiting = Waiting::new("asking the account");
    let extended = rooms.extend_instance(LOCAL_PRINCIPAL, &ask.name, ask.length).await;
    waiting.done();
    let extended = extended?;
    let state = &extended.state;
    let (name, ends) = (&state.instance.name, state.instance.lease.ends);
    let words = || {
        let first = if extended.repeated { "was so long already: it ends" } else { "ends now" };
        format!(
            "`{name}` {first} {} ({}); {} USD are held",
            moment(ends),
            from_now(ends, state.as_of),
            state.totals.held
        )
    };
    out.answer(|| values::instance(state, None), words);
    Ok(Code::Done)
}
