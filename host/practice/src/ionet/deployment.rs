//! One deployment: a block of hours that is paid at once, what it says of itself, and what comes back of it.

use jiff::{SignedDuration, Timestamp};

use crate::rental::{Phase, Rental};

const HOUR_SECS: i64 = 3600;

#[derive(Clone)]
pub(crate) struct Deployment {
    pub(crate) rental: Rental,
    pub(crate) hardware: super::stock::Hardware,
    pub(crate) hours: u32,
    pub(crate) paid_micros: i64,
    pub(crate) key: String,
    /// It was taken and waits for money that does not come.
    pub(crate) is_unpaid: bool,
    /// What it says instead of its SSH command.
    pub(crate) ssh_text: Option<String>,
}

impl Deployment {
    /// Its hours are counted from when it runs.
    pub(crate) fn block_ends(&self) -> Option<Timestamp> {
        self.rental.ready_at.map(|at| at + SignedDuration::from_hours(i64::from(self.hours)))
    }

    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.rental.advance(now);
        let over = self.block_ends().filter(|ends| *ends <= now && self.rental.is_alive());
        if let Some(ends) = over {
            self.rental.end(ends);
        }
    }

    /// The words are literal, with blanks.
    pub(crate) fn status(&self, now: Timestamp) -> &'static str {
        let completed = self.block_ends().is_some_and(|ends| self.rental.ended_at >= Some(ends));
        match self.rental.phase(now) {
            Phase::Starting if self.is_unpaid => "unpaid",
            Phase::Starting => "deployment requested",
            Phase::Running => "running",
            Phase::Failed => "failed",
            Phase::Ending => "termination requested",
            Phase::Ended if completed => "completed",
            Phase::Ended => "destroyed",
        }
    }

    pub(crate) fn minutes_served(&self, now: Timestamp) -> i64 {
        let until = self.rental.ended_at.unwrap_or(now);
        let begun = self.rental.ready_at.filter(|at| *at <= until);
        begun.map_or(0, |at| until.duration_since(at).as_secs().div_euclid(60))
    }

    pub(crate) fn minutes_remaining(&self, now: Timestamp) -> i64 {
        (i64::from(self.hours) * 60 - self.minutes_served(now)).max(0)
    }

    /// What it has cost: all of it while it lives; after an early end the begun minutes, and never less than one hour.
    pub(crate) fn charged_micros(&self, now: Timestamp) -> i64 {
        let block_secs = i64::from(self.hours) * HOUR_SECS;
        let stopped = self.rental.phase(now) == Phase::Failed;
        let Some(end) = self.rental.ended_at.or(stopped.then_some(now)) else { return self.paid_micros };
        if self.is_unpaid {
            return 0;
        }
        let begun = self.rental.ready_at.unwrap_or(end).min(end);
        let used = end.duration_since(begun).as_secs();
        let minutes = used.div_euclid(60) + i64::from(used.rem_euclid(60) > 0);
        let counted = (minutes * 60).clamp(HOUR_SECS, block_secs);
        let exact = i128::from(self.paid_micros) * i128::from(counted);
        i64::try_from((exact + i128::from(block_secs) - 1) / i128::from(block_secs)).unwrap_or(self.paid_micros)
    }
}
