//! Figures in one form: ours, theirs, and the ratio in which larger than 1 means that ours is faster.

use std::time::Duration;

/// Prints one line for each peer, from all times of each side.
pub fn beside(what: &str, ours: &mut [Duration], peers: &mut [(&str, Vec<Duration>)]) {
    for (peer, theirs) in peers {
        let (own, other) = (median(ours), median(theirs));
        println!(
            "  {what}: {} ms; {peer} {} ms; {:.2}x (medians of {} and {}; {} to {} and {} to {})",
            ms(own),
            ms(other),
            other.as_secs_f64() / own.as_secs_f64(),
            ours.len(),
            theirs.len(),
            ms(ours[0]),
            ms(ours[ours.len() - 1]),
            ms(theirs[0]),
            ms(theirs[theirs.len() - 1]),
        );
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}
