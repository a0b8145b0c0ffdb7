//! `bursar watch`: the keeper in the foreground, or as a service of the user's own; and the one that is started by
//! whoever spends, which nobody sees.

use super::{Done, args::Watch, exit::Code, install, open::open, out::Out};
use crate::{
    flow::{FlowError, Rooms},
    settings::Settings,
};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// While another one keeps, this looks so often whether it still does.
const LOOK: Duration = Duration::from_secs(5);

pub(super) async fn watch(out: &Out, ask: Watch) -> Done {
    if ask.install {
        return install::install(out, &Settings::read()?).await;
    }
    if ask.keeper {
        return unseen().await;
    }
    in_front(out).await
}

/// The keeper that a client started: in a session of its own, so that what ends the client's does not end it.
async fn unseen() -> Done {
    // It fails only where this process leads a session already.
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "no session of its own");
    }
    // A hang-up is for those who have a terminal.
    let hang_ups = signal(SignalKind::hangup());
    tokio::spawn(async move {
        if let Ok(mut hang_ups) = hang_ups {
            while hang_ups.recv().await.is_some() {}
        }
    });
    let rooms = Rooms::open(Settings::read()?, crate::bundled::DRIVERS).await?;
    rooms.keep(false).await?;
    Ok(Code::Done)
}

async fn in_front(out: &Out) -> Done {
    let rooms = open(out).await?;
    let watching = async {
        let mut told = false;
        loop {
            match rooms.keeper().await? {
                Some(keeper) if keeper.worker != rooms.worker.row() => {
                    if !std::mem::replace(&mut told, true) {
                        out.aside("a keeper lives already; this one waits beside it, and takes over when it leaves");
                    }
                }
                _ => {
                    told = false;
                    out.aside("keeps; Ctrl-C ends this, and the next bursar that finds something open starts a keeper");
                    rooms.clone().keep(true).await?;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let mut ended = signal(SignalKind::terminate())
        .map_err(|error| FlowError::failed(format!("signals cannot be heard: {error}"), "start it again"))?;
    tokio::select! {
        broken = watching => broken,
        _ = tokio::signal::ctrl_c() => Ok(Code::Left),
        _ = ended.recv() => Ok(Code::Left),
    }
}
