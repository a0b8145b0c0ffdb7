//! The clocks of the sandbox: they stand still. A driver knows the time from the call in hand.

use std::time::Duration;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

pub(crate) struct Still;

impl HostWallClock for Still {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Still {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}
