//! The work that nobody asks for: time passes, late requests land, and machines follow their servers.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::bitlaunch::{self, Phase};
use crate::inner::Inner;
use crate::machines::{Fleet, Wanted};

/// Looked at even when nothing is due, should a bell be missed.
const LOOK_MS: i64 = 1000;

/// Runs until told to stop, then ends every machine.
pub(crate) async fn run(inner: Arc<Inner>, mut fleet: Fleet, mut stop: watch::Receiver<bool>) {
    loop {
        let (wanted, sleep) = look(&inner);
        let states = fleet.reconcile(&wanted).await;
        note(&inner, states);
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
    state.world.advance(now);
    state.others.advance(now);
    for ask in state.world.landed(now) {
        let reply = bitlaunch::answer(&mut state.world, &ask, now);
        tracing::info!(method = %ask.method, path = %ask.path, status = reply.status, "late request landed");
    }
    let wanted = state.world.wanted(now).into_iter().chain(state.others.wanted(now)).collect();
    let due = state.world.next_due(now).into_iter().chain(state.others.next_due(now)).min();
    (wanted, wait(due, now))
}

fn wait(due: Option<Timestamp>, now: Timestamp) -> Duration {
    let ms = due.map_or(LOOK_MS, |due| due.duration_since(now).as_millis().try_into().unwrap_or(LOOK_MS));
    Duration::from_millis(ms.clamp(1, LOOK_MS).unsigned_abs())
}

/// Writes down which machines answer; one that cannot be started is an error of its server.
fn note(inner: &Inner, states: std::collections::HashMap<String, Result<bool, String>>) {
    let now = inner.clock.now();
    let mut state = inner.state();
    state.up.clear();
    for (id, answers) in states {
        match answers {
            Ok(up) => drop(state.up.insert(id, up)),
            Err(error) => {
                tracing::error!(machine = %id, %error, "machine does not start");
                state.others.not_started(&id, &error, now);
                if let Some(server) = state.world.find_mut(&id) {
                    server.phase = Phase::Error;
                    server.error_text = format!("practice: {error}");
                }
            }
        }
    }
}
