//! Makes a machine ready before it is worked on, where whoever rented it left before it was. Rents and ends nothing.

use super::progress::Waiting;
use crate::flow::{FlowError, LOCAL_PRINCIPAL, Rooms};
use bursar_core::instance::{Instance, InstanceId, Stage};

/// Waits until a machine that was only made is ready; returns false where the person left before.
pub(super) async fn ready_first(rooms: &Rooms, name: &str) -> Result<bool, FlowError> {
    let instance = rooms.get_instance(LOCAL_PRINCIPAL, name, false).await?.instance;
    // One whose set-up failed answers all the same, and is looked at by hand.
    let may_wait = instance.stage == Stage::Made && (instance.ssh.is_none() || instance.note.is_none());
    Ok(!may_wait || make_ready(rooms, &instance.id).await?.is_some())
}

/// Returns nothing where the person left before.
pub(super) async fn make_ready(rooms: &Rooms, id: &InstanceId) -> Result<Option<Instance>, FlowError> {
    let waiting = Waiting::new("made; waiting for its address");
    let progress = waiting.progress();
    let (rooms, id) = (rooms.clone(), id.clone());
    let mut task = tokio::spawn(async move { rooms.make_ready(&id, &progress).await });
    let ready = tokio::select! {
        ready = &mut task => Some(ready),
        _ = tokio::signal::ctrl_c() => None,
    };
    waiting.done();
    let broke = |error| FlowError::failed(format!("making it ready broke down: {error}"), "run the same command again");
    ready.map(|ready| ready.map_err(broke)?).transpose()
}
