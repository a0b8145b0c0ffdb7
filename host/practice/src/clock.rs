//! The practice's time: the computer's clock plus an offset that can be moved. The offset is also written to a file,
//! so that a bursar process beside us moves with it. Nothing else in this crate reads the time of day.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// A clock that outside programs can move. It never stops, and it is shared by all imitated providers.
pub(crate) struct Clock {
    offset_ms: AtomicI64,
    file: Option<PathBuf>,
}

impl Clock {
    /// Opens the clock; an offset that an earlier run left in the file stays in force, so time does not run backwards.
    pub(crate) fn open(file: Option<PathBuf>) -> std::io::Result<Self> {
        let left = file.as_deref().and_then(|path| std::fs::read_to_string(path).ok());
        let offset_ms = left.and_then(|text| ms_from_secs(text.trim().parse().ok()?)).unwrap_or(0);
        let clock = Self { offset_ms: AtomicI64::new(offset_ms), file };
        clock.write()?;
        Ok(clock)
    }

    /// Returns the practice's time.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_millis(self.offset_ms.load(Ordering::SeqCst))
    }

    pub(crate) fn offset_secs(&self) -> f64 {
        self.offset_ms.load(Ordering::SeqCst) as f64 / 1000.0
    }

    /// Moves the clock by some seconds, which may be a fraction or negative.
    pub(crate) fn advance(&self, ms: i64) -> std::io::Result<()> {
        self.offset_ms.fetch_add(ms, Ordering::SeqCst);
        self.write()
    }

    pub(crate) fn set_offset(&self, ms: i64) -> std::io::Result<()> {
        self.offset_ms.store(ms, Ordering::SeqCst);
        self.write()
    }

    /// Writes the offset beside the file and renames it, so that no reader sees half a number.
    fn write(&self) -> std::io::Result<()> {
        let Some(path) = self.file.as_deref() else { return Ok(()) };
        let text = offset_text(self.offset_ms.load(Ordering::SeqCst));
        write_atomically(path, text.as_bytes())
    }
}

/// Returns milliseconds for a number of seconds, or nothing where it is no sensible number.
pub(crate) fn ms_from_secs(secs: f64) -> Option<i64> {
    let ms = secs * 1000.0;
    (ms.is_finite() && ms.abs() < 1e14).then(|| ms.round() as i64)
}

/// Returns the text of a time as the imitated providers print it: RFC 3339 with milliseconds.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Returns the text of the `Date` header.
pub(crate) fn http_date(at: Timestamp) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
}

fn offset_text(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}.{:03}", ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)
}

fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let beside = path.with_extension("new");
    std::fs::File::create(&beside)?.write_all(bytes)?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_reaches_the_file_and_outlives_the_clock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clock");
        let clock = Clock::open(Some(path.clone())).unwrap();
        clock.advance(3_600_500).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "3600.500");
        assert_eq!(Clock::open(Some(path)).unwrap().offset_secs(), 3600.5);
    }

    #[test]
    fn offsets_are_written_as_decimal_seconds() {
        let table = [(0, "0.000"), (1, "0.001"), (-1_500, "-1.500"), (7_200_000, "7200.000")];
        for (ms, text) in table {
            assert_eq!(offset_text(ms), text);
        }
    }

    #[test]
    fn the_date_header_has_the_form_of_http() {
        let at: Timestamp = "2026-11-20T06:00:04.512Z".parse().unwrap();
        assert_eq!(http_date(at), "Fri, 20 Nov 2026 06:00:04 GMT");
        assert_eq!(rfc3339(at), "2026-11-20T06:00:04.512Z");
    }
}
