//! The work that nobody asks for: time passes, late requests land, and machines follow their servers.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::inner::Inner;
use crate::machines::{Fleet, Wanted};

/// Looked at even when nothing is due, should a bell be missed.
const LOOK_MS: i64 = 1000;

/// Runs until told to stop, then ends every machine.
pub(crate) async fn run(inner: Arc<Inner>, mut fleet: Fleet, mut stop: watch::Receiver<bool>) {
    loop {
        let (wanted, sleep) = look(&inner);
        let states = fleet.reconcile(&wanted).await;
        inner.state().note(states);
        tokio::select! {
            () = inner.wake.notified() => {}
            () = tokio::time::sleep(sleep) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    fleet.destroy_all().await;
}

fn look(inner: &Inner) -> (Vec<Wanted>, Duration) {
    let now = inner.clock.now();
    let mut state = inner.state();
    state.advance(now);
    (state.wanted(now), wait(state.next_due(now), now))
}

fn wait(due: Option<Timestamp>, now: Timestamp) -> Duration {
    let ms = due.map_or(LOOK_MS, |due| due.duration_since(now).as_millis().try_into().unwrap_or(LOOK_MS));
    Duration::from_millis(ms.clamp(1, LOOK_MS).unsigned_abs())
}
