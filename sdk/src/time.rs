//! Moments and months as providers write them. No clock: what time it is stands in the call.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

/// A moment, in seconds since 1970. Reads RFC 3339 texts (without a zone: UTC), dates, and numbers of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// Reads a moment from its text.
    pub fn parse(text: &str) -> Option<Moment> {
        let text = text.trim();
        if !text.is_ascii() {
            return None;
        }
        let (date, rest) = text.split_at_checked(10).unwrap_or((text, ""));
        let [year, month, day] = numbers(date, '-')?;
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let midnight = days(year, month, day) * 86_400;
        if rest.is_empty() {
            return u64::try_from(midnight).ok().map(Moment);
        }
        let (time, zone) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
        let [hour, minute, second] = numbers(time, ':')?;
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let zone = zone.strip_prefix('.').map_or(zone, |z| z.trim_start_matches(|c: char| c.is_ascii_digit()));
        let secs = midnight + hour * 3600 + minute * 60 + second - offset_secs(zone)?;
        u64::try_from(secs).ok().map(Moment)
    }
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let mut parts = text.split(between).map(|part| part.parse::<u16>().ok().map(i64::from));
    let found = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(found)
}

fn offset_secs(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first() {
        None | Some(b'Z' | b'z') => return (zone.len() <= 1).then_some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    Some(sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60))
}

/// Days from 1970-01-01, in the calendar extended over all time; years begin in March, so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let moment = match serde_json::from_str::<String>(raw.get()) {
            Ok(text) => Moment::parse(&text),
            Err(_) => raw.get().split('.').next().and_then(|whole| whole.parse().ok()).map(Moment),
        };
        moment.ok_or_else(|| D::Error::custom(format!("no moment: {}", raw.get().chars().take(40).collect::<String>())))
    }
}

/// The last day of the year 9999.
const DAY_MAX: i64 = 2_932_896;

/// A calendar month, written `YYYY-MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i64,
    month: i64,
}

impl Month {
    /// The hours of the shortest month: a price by the month, spread over them, is the dearest it can be by the hour.
    pub const HOURS_MIN: u64 = 28 * 24;

    /// Returns the month of a moment, in UTC.
    pub fn of(secs: u64) -> Month {
        let day = i64::try_from(secs / 86_400).unwrap_or(DAY_MAX).min(DAY_MAX);
        let mut found = Month { year: 1970 + day / 366, month: 1 };
        while days(found.next().year, found.next().month, 1) <= day {
            found = found.next();
        }
        found
    }

    /// Returns the month after it.
    pub fn next(self) -> Month {
        match self.month {
            12 => Month { year: self.year + 1, month: 1 },
            month => Month { month: month + 1, ..self },
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Month, String> {
        let month = text.split_once('-').and_then(|(year, month)| {
            Some(Month { year: i64::from(year.parse::<u16>().ok()?), month: i64::from(month.parse::<u8>().ok()?) })
        });
        month.filter(|m| m.year >= 1970 && (1..=12).contains(&m.month)).ok_or_else(|| format!("no month: {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_become_seconds() {
        let table: &[(&str, Option<u64>)] = &[
            ("\"1970-01-01T00:00:00Z\"", Some(0)),
            ("\"2026-11-20T06:00:04.512Z\"", Some(1_795_154_404)),
            ("\"2026-11-20T08:00:04+02:00\"", Some(1_795_154_404)),
            ("\"2026-11-20 06:00:04\"", Some(1_795_154_404)),
            ("\"2024-02-29\"", Some(1_709_164_800)),
            ("1795154404", Some(1_795_154_404)),
            ("1795154404.97", Some(1_795_154_404)),
            ("\"2026-13-01\"", None),
            ("\"2026-11-20T6:00\"", None),
            ("\"2026-11-20T06:00:04+zz\"", None),
            ("\"tomorrow\"", None),
            ("\"２０２６-11-20\"", None),
            ("-5", None),
            ("null", None),
        ];
        for (json, expected) in table {
            assert_eq!(serde_json::from_str::<Moment>(json).ok(), expected.map(Moment), "{json}");
        }
    }

    #[test]
    fn months_follow_each_other_over_the_year() {
        let table = [
            (0, "1970-01"),
            (1_709_164_800, "2024-02"),
            (1_709_251_200, "2024-03"),
            (1_798_761_599, "2026-12"),
            (1_798_761_600, "2027-01"),
            (u64::MAX, "9999-12"),
        ];
        for (secs, expected) in table {
            assert_eq!(Month::of(secs).to_string(), expected, "{secs}");
        }
        assert_eq!("2026-12".parse::<Month>().unwrap().next().to_string(), "2027-01");
        assert!("2026-13".parse::<Month>().is_err());
    }
}
