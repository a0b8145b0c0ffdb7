//! Money as providers write it, read digit by digit from a JSON number or text, never through a float.
//!
//! Exact to 10⁻¹⁸ USD inside; outside it is millionths of a US dollar: costs rounded up, balances down. A unit is a
//! type, so that a figure in thousandths cannot be taken for dollars.

use std::borrow::Cow;
use std::ops::{Add, Neg};

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

/// An amount written in US dollars.
pub type Usd = Money<0>;
/// An amount written in cents.
pub type Cent = Money<-2>;
/// An amount written in thousandths of a dollar.
pub type MilliUsd = Money<-3>;
/// An amount written in millionths of a dollar.
pub type MicroUsd = Money<-6>;

/// An amount in units of 10^`UNIT` US dollars. The true value lies from `low` to `high`, in 10⁻¹⁸ USD.
///
/// It reads itself from raw JSON, so it does not survive `#[serde(untagged)]` and `#[serde(flatten)]`: those fail when
/// they run. Use [`Answer::inside`](crate::Answer::inside) for answers that are wrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money<const UNIT: i32> {
    low: i128,
    high: i128,
}

/// One millionth of a dollar, in 10⁻¹⁸ USD.
const MILLIONTH: i128 = 1_000_000_000_000;
/// Decimal places kept exactly.
const PLACES: i32 = 18;
const POWERS: [u64; 19] = {
    let mut powers = [1; 19];
    let mut n = 1;
    while n < powers.len() {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};
/// Digits that are kept of one amount: up to 10¹² USD.
const DIGITS_MAX: i32 = 30;

impl<const UNIT: i32> Money<UNIT> {
    /// Returns the amount as a cost in millionths: rounded up, never below zero.
    pub fn cost(self) -> u64 {
        u64::try_from(up(self.high).max(0)).unwrap_or(u64::MAX)
    }

    /// Returns the amount as a balance in millionths: rounded down.
    pub fn balance(self) -> i64 {
        clamp(self.low.div_euclid(MILLIONTH))
    }

    /// Returns the amount as a charge in millionths: rounded up; money paid in is `(-amount).charge()`.
    pub fn charge(self) -> i64 {
        clamp(up(self.high))
    }

    /// Returns the exact amount for so many units, as in seconds of an hour.
    pub fn times(self, count: u64) -> Self {
        let count = i128::from(count);
        Money { low: self.low.saturating_mul(count), high: self.high.saturating_mul(count) }
    }

    /// Returns the share of one of so many, as in hours of a month; nothing is lost, `cost` still rounds up.
    pub fn per(self, count: u64) -> Self {
        let count = i128::from(count.max(1));
        Money { low: self.low.div_euclid(count), high: -(-self.high).div_euclid(count) }
    }

    /// Reads an amount from its digits, such as `0.0231`, `19532` or `1.5e-7`.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let scale =
            i32::try_from(fraction.len()).ok()?.checked_neg()?.checked_add(exponent)?.checked_add(UNIT + PLACES)?;
        if let Some(value) = short(whole, fraction, scale) {
            let value = if negative { -i128::from(value) } else { i128::from(value) };
            return Some(Money { low: value, high: value });
        }
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() || digits.len() > 200 || !digits.bytes().all(|d| d.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0');
        let (low, high) = shifted(digits, scale)?;
        Some(if negative { Money { low: -high, high: -low } } else { Money { low, high } })
    }
}

/// Returns the digits × 10^shift where all of it fits into one word: most amounts, many times faster.
fn short(whole: &str, fraction: &str, shift: i32) -> Option<u64> {
    let power = POWERS.get(usize::try_from(shift).ok()?)?;
    // No 18 digits overflow.
    if whole.is_empty() || whole.len() + fraction.len() > 18 {
        return None;
    }
    let more = |value: u64, digit: u8| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0'));
    let digits = whole.bytes().chain(fraction.bytes()).try_fold(0, more)?;
    (digits <= u64::MAX / power).then(|| digits * power)
}

/// Returns digits × 10^shift, rounded down and up to a whole number.
fn shifted(digits: &str, shift: i32) -> Option<(i128, i128)> {
    let length = i32::try_from(digits.len()).ok()?;
    if length == 0 {
        return Some((0, 0));
    }
    if length.checked_add(shift)? > DIGITS_MAX {
        return None;
    }
    if shift >= 0 {
        let value = digits.parse::<i128>().ok()?.checked_mul(10_i128.checked_pow(u32::try_from(shift).ok()?)?)?;
        return Some((value, value));
    }
    let (kept, dropped) = digits.split_at(usize::try_from(length + shift).unwrap_or(0));
    let low = if kept.is_empty() { 0 } else { kept.parse::<i128>().ok()? };
    let more = dropped.bytes().any(|d| d != b'0');
    Some((low, low + i128::from(more)))
}

fn up(value: i128) -> i128 {
    // Most amounts fit into a word, which is divided many times faster.
    if let Ok(small) = u64::try_from(value) {
        return i128::from(small.div_ceil(MILLIONTH as u64));
    }
    -(-value).div_euclid(MILLIONTH)
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

impl<const UNIT: i32> Add for Money<UNIT> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Money { low: self.low.saturating_add(other.low), high: self.high.saturating_add(other.high) }
    }
}

impl<const UNIT: i32> Neg for Money<UNIT> {
    type Output = Self;

    fn neg(self) -> Self {
        Money { low: -self.high, high: -self.low }
    }
}

impl<'de, const UNIT: i32> Deserialize<'de> for Money<UNIT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let text = match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(escaped) if escaped.contains('\\') => {
                Cow::from(serde_json::from_str::<String>(raw).map_err(D::Error::custom)?)
            }
            Some(plain) => Cow::from(plain),
            None => Cow::from(raw),
        };
        Money::parse(text.trim()).ok_or_else(|| {
            D::Error::custom(format!("no amount of money: {}", text.chars().take(40).collect::<String>()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_become_millionths_costs_up_and_balances_down() {
        // As written, cost, balance.
        let dollars: &[(&str, u64, i64)] = &[
            ("0", 0, 0),
            ("0.164", 164_000, 164_000),
            ("110", 110_000_000, 110_000_000),
            ("\"2.79\"", 2_790_000, 2_790_000),
            ("\" 2.79 \"", 2_790_000, 2_790_000),
            ("0.1", 100_000, 100_000),
            ("0.0000001", 1, 0),
            ("0.30000000000000004", 300_001, 300_000),
            ("0.99999999999999999999999999999", 1_000_000, 999_999),
            ("1e-3", 1_000, 1_000),
            ("1.25E+2", 125_000_000, 125_000_000),
            ("1e-40", 1, 0),
            ("-0.0000015", 0, -2),
            ("-3.5", 0, -3_500_000),
            ("0e9", 0, 0),
        ];
        for (json, cost, balance) in dollars {
            let money: Usd = serde_json::from_str(json).unwrap();
            assert_eq!((money.cost(), money.balance()), (*cost, *balance), "{json}");
        }
    }

    #[test]
    fn a_unit_is_a_type() {
        assert_eq!(serde_json::from_str::<MilliUsd>("19532").unwrap().balance(), 19_532_000);
        assert_eq!(serde_json::from_str::<Cent>("250").unwrap().cost(), 2_500_000);
        assert_eq!(serde_json::from_str::<MicroUsd>("277.8").unwrap().cost(), 278);
        assert_eq!(serde_json::from_str::<MicroUsd>("277.8").unwrap().times(3600).cost(), 1_000_080);
        assert_eq!(serde_json::from_str::<Usd>("16").unwrap().per(672).cost(), 23_810);
        assert_eq!((-serde_json::from_str::<Usd>("20.0000005").unwrap()).charge(), -20_000_000);
        assert_eq!((Usd::parse("1").unwrap() + Usd::parse("0.5").unwrap()).charge(), 1_500_000);
    }

    #[test]
    fn what_is_no_amount_is_an_error_and_not_a_zero() {
        for json in [
            "null",
            "\"\"",
            "\"free\"",
            "true",
            "[1]",
            "\"1,000\"",
            "\".5\"",
            "\"1e\"",
            "\"$5\"",
            "1e400",
            "\"NaN\"",
            "1e13",
        ] {
            assert!(serde_json::from_str::<Usd>(json).is_err(), "{json}");
        }
        assert_eq!(serde_json::from_str::<Option<Usd>>("null").unwrap(), None);
    }
}
