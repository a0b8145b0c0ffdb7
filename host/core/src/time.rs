//! Moments and lengths in whole seconds. This module never reads a clock: `now` is always an argument.

use serde::{Deserialize, Serialize};

/// A moment, in seconds since 1970 (UTC).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// Returns the moment so many seconds later, or the last one that can be written.
    pub fn after(self, secs: u64) -> Moment {
        Moment(self.0.saturating_add(secs))
    }

    /// Returns how many seconds passed since `earlier`; none have if it lies ahead.
    pub fn since(self, earlier: Moment) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::fmt::Display for Moment {
    /// Writes the moment in UTC, to the minute.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stamp = i64::try_from(self.0).ok().and_then(|secs| jiff::Timestamp::from_second(secs).ok());
        match stamp {
            Some(stamp) => write!(f, "{}", stamp.strftime("%Y-%m-%d %H:%M UTC")),
            None => write!(f, "{} s after 1970", self.0),
        }
    }
}

/// Writes a length the way people read it: `90 s`, `5 min`, `2 h`, `1 h 30 min`, `3 d 2 h`.
pub fn human(secs: u64) -> String {
    let (d, h, m, s) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60, secs % 60);
    match (d, h, m, s) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, 0) => format!("{m} min"),
        (0, 0, m, s) if m < 2 => format!("{} s", m * 60 + s),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, 0, _) => format!("{h} h"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, 0, _, _) => format!("{d} d"),
        (d, h, _, _) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_in_utc() {
        assert_eq!(Moment(1_795_167_329).to_string(), "2026-11-20 09:35 UTC");
        assert_eq!(Moment(u64::MAX).to_string(), "18446744073709551615 s after 1970");
    }

    #[test]
    fn lengths_read_like_people_write_them() {
        for (secs, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (90, "90 s"),
            (300, "5 min"),
            (305, "5 min 5 s"),
            (7_200, "2 h"),
            (5_400, "1 h 30 min"),
            (86_400, "1 d"),
            (93_600, "1 d 2 h"),
        ] {
            assert_eq!(human(secs), text, "{secs}");
        }
    }
}
