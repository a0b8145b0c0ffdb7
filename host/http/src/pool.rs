//! Idle connections, kept for the next read of the same scheme, name and port. Spend and release never take one.

use crate::{Base, connection::Connection};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Providers close idle connections after this or more.
const IDLE_MAX: Duration = Duration::from_secs(20);
const KEPT_MAX: usize = 4;

type Key = (bool, String, u16);

#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<HashMap<Key, Vec<Connection>>>,
}

impl Pool {
    /// Returns the connection that was used last, if it still looks alive.
    pub(crate) fn take(&self, base: &Base) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.get_mut(&key(base))?;
        kept.retain(|connection| connection.idle_since.elapsed() < IDLE_MAX && !connection.sender.is_closed());
        kept.pop()
    }

    pub(crate) fn put(&self, base: &Base, mut connection: Connection) {
        connection.idle_since = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Open endpoints may come in any number; what nobody asked for in a while goes.
        idle.retain(|_, kept| {
            kept.retain(|connection| connection.idle_since.elapsed() < IDLE_MAX);
            !kept.is_empty()
        });
        let kept = idle.entry(key(base)).or_default();
        if kept.len() < KEPT_MAX && !connection.sender.is_closed() {
            kept.push(connection);
        }
    }
}

fn key(base: &Base) -> Key {
    (base.is_secure(), base.host().to_owned(), base.port())
}
