//! What a server has cost: clock hours rounded outward, at most the month's price in each calendar month, in mUSD.
//! Pure: it is told the times, and it never reads a clock or a balance.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const HOUR_SECS: i64 = 3600;

/// A price from one clock hour on, until the next span begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from_hour: i64,
    pub(crate) musd_per_hour: i64,
    pub(crate) month_cap_musd: i64,
}

/// The hours of one server that fall into one calendar month.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MonthBill {
    /// `YYYY-MM`
    pub(crate) month: String,
    pub(crate) first_hour: i64,
    pub(crate) hours: i64,
    pub(crate) musd: i64,
}

/// Returns the clock hour that a moment lies in.
pub(crate) fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(HOUR_SECS)
}

pub(crate) fn hour_start(hour: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(hour * HOUR_SECS)
}

/// Returns the month that a moment lies in, as `YYYY-MM` in UTC.
pub(crate) fn month_of(at: Timestamp) -> String {
    let (year, month) = year_and_month(at);
    format!("{year:04}-{month:02}")
}

fn year_and_month(at: Timestamp) -> (i16, i8) {
    let date = at.to_zoned(TimeZone::UTC).date();
    (date.year(), date.month())
}

/// Returns what was charged from `created` until `until`, all months together.
pub(crate) fn charged(created: Timestamp, until: Timestamp, spans: &[Span]) -> i64 {
    bills(created, until, spans).iter().map(|bill| bill.musd).sum()
}

/// Returns one bill for each calendar month that the server touched, oldest first.
pub(crate) fn bills(created: Timestamp, until: Timestamp, spans: &[Span]) -> Vec<MonthBill> {
    let mut bills: Vec<MonthBill> = Vec::new();
    let (mut current, mut cap) = (None, 0);
    for hour in hour_of(created)..end_hour(created, until) {
        let Some(span) = spans.iter().rev().find(|span| span.from_hour <= hour).or(spans.first()) else { continue };
        let month = year_and_month(hour_start(hour));
        if current.replace(month) != Some(month) {
            bills.push(MonthBill { month: month_of(hour_start(hour)), first_hour: hour, hours: 0, musd: 0 });
            cap = 0;
        }
        if let Some(bill) = bills.last_mut() {
            cap = span.month_cap_musd.max(cap);
            bill.hours += 1;
            bill.musd = (bill.musd + span.musd_per_hour).min(cap);
        }
    }
    bills
}

/// Returns the first clock hour that is not charged; the hour of creation always is.
fn end_hour(created: Timestamp, until: Timestamp) -> i64 {
    let part = i64::from(until > hour_start(hour_of(until)));
    (hour_of(until) + part).max(hour_of(created) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A40_2: (i64, i64) = (164, 110_000);

    #[test]
    fn hours_are_clock_hours_rounded_outward_and_a_month_has_a_cap() {
        let table = [
            // created, until, price, charged
            ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z", A40_2, 164),
            ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00.001Z", A40_2, 164),
            ("2026-11-20T12:00:00Z", "2026-11-20T13:00:00Z", A40_2, 164),
            ("2026-11-20T12:00:00Z", "2026-11-20T13:00:00.001Z", A40_2, 328),
            ("2026-11-20T12:59:00Z", "2026-11-20T13:01:00Z", A40_2, 328),
            ("2026-11-20T12:59:59.999Z", "2026-11-20T13:00:00Z", A40_2, 164),
            ("2026-11-20T12:00:00Z", "2026-11-21T12:00:00Z", A40_2, 24 * 164),
            // 670 hours are 109.88 USD; the next one is cut to the month's 110 USD, and then the month is free.
            ("2026-11-01T00:00:00Z", "2026-11-28T22:00:00Z", A40_2, 670 * 164),
            ("2026-11-01T00:00:00Z", "2026-11-28T23:00:00Z", A40_2, 110_000),
            ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", A40_2, 110_000),
            // A new month counts anew.
            ("2026-11-01T00:00:00Z", "2026-12-01T00:30:00Z", A40_2, 110_000 + 164),
            ("2026-11-30T23:30:00Z", "2026-12-01T00:30:00Z", A40_2, 328),
        ];
        for (created, until, (hour, month), expected) in table {
            let created: Timestamp = created.parse().unwrap();
            let spans = [Span { from_hour: hour_of(created), musd_per_hour: hour, month_cap_musd: month }];
            assert_eq!(charged(created, until.parse().unwrap(), &spans), expected, "{created} to {until}");
        }
    }

    #[test]
    fn a_resize_counts_from_its_hour() {
        let created: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let first = hour_of(created);
        let spans = [
            Span { from_hour: first, musd_per_hour: 11, month_cap_musd: 8_000 },
            Span { from_hour: first + 2, musd_per_hour: 41, month_cap_musd: 30_000 },
        ];
        assert_eq!(charged(created, "2026-11-20T16:00:00Z".parse().unwrap(), &spans), 11 + 11 + 41 + 41);
    }
}
