//! The gaps a manifest asks for between requests, and the pauses that answers ask for before the same is asked again, kept for
//! all calls of one driver together. It never sends anything.

use std::{collections::HashMap, sync::Mutex, sync::PoisonError, time::Duration};
use tokio::time::Instant;

#[derive(Default)]
pub(crate) struct Pace {
    free_at: Mutex<HashMap<String, Instant>>,
    /// When a request may be asked again whose answer said so.
    again_at: Mutex<HashMap<String, Instant>>,
}

/// A pause that an answer asks for is kept up to here: a call has its own limit, and somebody waits.
const AGAIN_SECS_MAX: u64 = 15;
const AGAIN_MAX: usize = 256;

impl Pace {
    /// Notes that an answer which was no refusal asks for a pause before the same is asked again.
    pub(crate) fn again(&self, target: &str, secs: u32, now: Instant) {
        let mut again_at = self.again_at.lock().unwrap_or_else(PoisonError::into_inner);
        again_at.retain(|_, at| *at > now);
        if again_at.len() < AGAIN_MAX {
            again_at.insert(target.to_owned(), now + Duration::from_secs(u64::from(secs).min(AGAIN_SECS_MAX)));
        }
    }

    /// Returns when this may be asked, as far as its last answer told.
    pub(crate) fn may_ask(&self, target: &str, now: Instant) -> Instant {
        let again_at = self.again_at.lock().unwrap_or_else(PoisonError::into_inner);
        again_at.get(target).copied().unwrap_or(now).max(now)
    }

    /// Takes the next free moment at all of these gates, or none where that would be too late.
    pub(crate) fn slot(&self, gates: &[(String, u64)], now: Instant, latest: Instant) -> Option<Instant> {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let gates = || gates.iter().filter(|(_, gap_ms)| *gap_ms > 0);
        let slot = gates().filter_map(|(gate, _)| free_at.get(gate).copied()).fold(now, Instant::max);
        if slot > latest {
            return None;
        }
        for (gate, gap_ms) in gates() {
            free_at.insert(gate.clone(), slot + Duration::from_millis(*gap_ms));
        }
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_keep_the_gap_of_every_gate_they_pass() {
        let (pace, now) = (Pace::default(), Instant::now());
        let late = now + Duration::from_secs(30);
        let at = |gates: &[(&str, u64)]| {
            let gates: Vec<(String, u64)> = gates.iter().map(|(g, ms)| ((*g).to_owned(), *ms)).collect();
            pace.slot(&gates, now, late).map(|slot| (slot - now).as_millis())
        };
        assert_eq!(at(&[("api", 350)]), Some(0));
        assert_eq!(at(&[("api", 350)]), Some(350));
        assert_eq!(at(&[("api", 350), ("api/search", 6_000)]), Some(700));
        assert_eq!(at(&[("api/search", 6_000)]), Some(6_700));
        assert_eq!(at(&[("other", 0)]), Some(0));
    }

    #[test]
    fn a_pause_that_an_answer_asked_for_is_kept_for_that_request_only() {
        let (pace, now) = (Pace::default(), Instant::now());
        pace.again("/request/info/r-1", 2, now);
        pace.again("/request/info/r-2", 3_600, now);
        let wait = |target: &str, at: Instant| (pace.may_ask(target, at) - at).as_secs();
        assert_eq!(wait("/request/info/r-1", now), 2);
        assert_eq!(wait("/request/info/r-1", now + Duration::from_secs(5)), 0);
        assert_eq!(wait("/request/info/r-2", now), AGAIN_SECS_MAX);
        assert_eq!(wait("/cluster/list", now), 0);
    }

    #[test]
    fn a_slot_after_the_deadline_is_not_taken() {
        let (pace, now) = (Pace::default(), Instant::now());
        let gate = [("api".to_owned(), 5_000)];
        assert!(pace.slot(&gate, now, now).is_some());
        assert!(pace.slot(&gate, now, now + Duration::from_secs(1)).is_none());
        assert_eq!(pace.slot(&gate, now, now + Duration::from_secs(9)), Some(now + Duration::from_secs(5)));
    }
}
