//! Opens the rooms behind the first answer, once, and starts the watch with them. A failure is told, and tried again.

use super::{Bundled, render::ToolError};
use crate::flow::{BadSetting, FlowError, Rooms, Settings};
use std::sync::Arc;
use tokio::sync::OnceCell;

#[derive(Clone)]
pub(super) struct Opening(Arc<Inner>);

struct Inner {
    settings: Result<Settings, ToolError>,
    bundled: Bundled,
    rooms: OnceCell<Rooms>,
}

impl Opening {
    pub(super) fn new(settings: Result<Settings, BadSetting>, bundled: Bundled) -> Opening {
        let settings = settings.map_err(|bad| ToolError::from(FlowError::from(bad)));
        Opening(Arc::new(Inner { settings, bundled, rooms: OnceCell::new() }))
    }

    /// Returns the open rooms, opening them first where nobody has.
    pub(super) async fn rooms(&self) -> Result<Rooms, ToolError> {
        let Inner { settings, bundled, rooms } = &*self.0;
        let settings = settings.as_ref().map_err(Clone::clone)?;
        let open = || async {
            let rooms = Rooms::open(settings.clone(), bundled).await?.for_agent();
            begin(&rooms);
            Ok::<_, ToolError>(rooms)
        };
        rooms.get_or_try_init(open).await.cloned()
    }
}

/// Loads the drivers and takes up the keeper's work, both behind whoever asked.
fn begin(rooms: &Rooms) {
    rooms.warm();
    let rooms = rooms.clone();
    tokio::spawn(async move {
        if let Err(error) = rooms.settle_left_behind().await {
            tracing::warn!(%error, "what earlier processes left could not be settled yet");
        }
        rooms.watch().await;
    });
}
