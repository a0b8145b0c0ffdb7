//! Opens the ledger for a command, and settles first what an earlier process left unfinished.

use super::{out::Out, refused};
use crate::{
    flow::{FlowError, Rooms},
    settings::Settings,
};

/// Opens everything, by this process's environment and the owner's file.
pub(super) async fn open(out: &Out) -> Result<Rooms, FlowError> {
    open_with(out, Settings::read()?).await
}

pub(super) async fn open_with(out: &Out, settings: Settings) -> Result<Rooms, FlowError> {
    let rooms = Rooms::open(settings, crate::bundled::DRIVERS).await?;
    if let Err(error) = rooms.settle_left_behind().await {
        out.aside(format!("warning: what was left unfinished could not be settled now\n{}", refused::message(&error)));
    }
    if let Err(error) = rooms.replace_keeper().await {
        out.aside(format!("warning: {}", refused::message(&error)));
    }
    Ok(rooms)
}
