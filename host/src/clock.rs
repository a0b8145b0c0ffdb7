//! The one place that reads the time. Everybody else is given `now`.

use bursar_core::time::Moment;
use std::{
    path::PathBuf,
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
        let real = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let offset = self.offset.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        // Decimal seconds; whole ones are enough here.
        let secs = offset.and_then(|text| text.trim().split('.').next()?.parse::<i64>().ok()).unwrap_or(0);
        Moment(real.saturating_add_signed(secs))
    }
}
