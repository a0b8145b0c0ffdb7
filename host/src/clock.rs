//! The one place that reads the time. Everybody else is given `now`.

use crate::simulation;
use bursar_core::time::Moment;
use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// The wall clock; in practice, the clock that the imitation moves.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Holds the practice's offset in seconds, as text. Real ledgers have none.
    offset: Option<PathBuf>,
}

impl Clock {
    pub fn system() -> Clock {
        Clock::default()
    }

    pub fn practice(offset: PathBuf) -> Clock {
        Clock { offset: Some(offset) }
    }

    pub fn now(&self) -> Moment {
        if let Some(around) = simulation::around() {
            return Moment(around.wall_secs());
        }
        let real = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Moment(real.saturating_add_signed(self.offset.as_deref().map_or(0, offset_secs)))
    }

    /// Returns how far practice moved its clock ahead: there time passes so, and by every clock.
    pub fn practised_secs(&self) -> u64 {
        let Some(path) = self.offset.as_ref().filter(|_| simulation::around().is_none()) else { return 0 };
        offset_secs(path).try_into().unwrap_or(0)
    }

    /// Returns the seconds since 1970 by the clock that dates files here, in practice, too.
    pub fn file_secs() -> u64 {
        Clock::system().now().0
    }

    /// Returns the seconds since this computer started, those that it slept included. No change of the time of day moves it.
    pub fn boot_secs() -> u64 {
        if let Some(around) = simulation::around() {
            return around.boot_secs();
        }
        #[cfg(target_os = "linux")]
        let id = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let id = rustix::time::ClockId::Monotonic;
        u64::try_from(rustix::time::clock_gettime(id).tv_sec).unwrap_or(0)
    }

    /// Returns the seconds that this computer was awake: the same clock for all its processes.
    pub fn awake_secs() -> u64 {
        if let Some(around) = simulation::around() {
            return around.awake_secs();
        }
        u64::try_from(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic).tv_sec).unwrap_or(0)
    }
}

/// Decimal seconds; whole ones are enough here.
fn offset_secs(path: &Path) -> i64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.trim().split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0)
}
