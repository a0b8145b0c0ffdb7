//! Money: whole millionths of a US dollar, checked, never a float. Costs are rounded up by whoever converts.

use serde::{Deserialize, Serialize};
use std::{fmt, iter::Sum, str::FromStr};

/// An amount in millionths of a US dollar. May be negative: a refund, a top-up, a debt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usd(pub i64);

impl Usd {
    pub const ZERO: Usd = Usd(0);
    /// The largest amount. Sums that would pass it stay there, so that an absurd price can only refuse, never wrap.
    pub const MAX: Usd = Usd(i64::MAX);

    /// Returns whole dollars.
    pub const fn dollars(n: i64) -> Usd {
        Usd(n * 1_000_000)
    }

    /// Returns whether it is nothing.
    pub fn is_zero(&self) -> bool {
        *self == Usd::ZERO
    }

    /// Returns the amount, or `None` where it does not fit.
    pub fn from_micros(micros: u64) -> Option<Usd> {
        i64::try_from(micros).ok().map(Usd)
    }

    /// Returns the sum, held at the ends of the range.
    #[must_use]
    pub fn plus(self, other: Usd) -> Usd {
        Usd(self.0.saturating_add(other.0))
    }

    /// Returns the difference, held at the ends of the range.
    #[must_use]
    pub fn minus(self, other: Usd) -> Usd {
        Usd(self.0.saturating_sub(other.0))
    }

    /// Returns so many times the amount, held at the ends of the range.
    #[must_use]
    pub fn times(self, n: u64) -> Usd {
        Usd(i64::try_from(n).map_or(i64::MAX, |n| self.0.saturating_mul(n)))
    }

    /// Returns what this amount per hour comes to in so many seconds, rounded up.
    #[must_use]
    pub fn per_hour_for(self, secs: u64) -> Usd {
        let micros = i128::from(self.0) * i128::from(secs);
        let up = micros.div_euclid(3_600) + i128::from(micros.rem_euclid(3_600) != 0);
        Usd(i64::try_from(up).unwrap_or(i64::MAX))
    }

    /// Returns so many hundredths of the amount, rounded up.
    #[must_use]
    pub fn share(self, percent: u64) -> Usd {
        let part = i128::from(self.0) * i128::from(percent);
        Usd(i64::try_from(part.div_euclid(100) + i128::from(part.rem_euclid(100) != 0)).unwrap_or(i64::MAX))
    }

    /// Returns how many seconds this amount lasts at so much per hour, rounded down; for ever where nothing burns.
    pub fn lasts_secs(self, per_hour: Usd) -> Option<u64> {
        if per_hour.0 <= 0 {
            return None;
        }
        u64::try_from(i128::from(self.0.max(0)) * 3_600 / i128::from(per_hour.0)).ok()
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Usd>>(amounts: I) -> Usd {
        amounts.fold(Usd::ZERO, Usd::plus)
    }
}

impl fmt::Display for Usd {
    /// Writes at least two decimals, and as many more as the amount needs: `1.25`, `0.164`, `-3.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, micros) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        let digits = format!("{micros:06}");
        let kept = digits.trim_end_matches('0').len().max(2);
        f.pad(&format!("{sign}{whole}.{}", &digits[..kept]))
    }
}

/// Why a text is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no amount in USD; write it like 12.50, with at most six decimals")]
pub struct NotMoney(pub String);

impl FromStr for Usd {
    type Err = NotMoney;

    /// Reads `12`, `12.5`, `-0.000001`; nothing else: no exponent, no `nan`, no seventh decimal.
    fn from_str(text: &str) -> Result<Usd, NotMoney> {
        let bad = || NotMoney(text.chars().take(40).collect());
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(part) || part.len() > 6 {
            return Err(bad());
        }
        let whole: i64 = whole.parse().map_err(|_| bad())?;
        let micros: i64 = format!("{part:0<6}").parse().map_err(|_| bad())?;
        whole.checked_mul(1_000_000).and_then(|w| w.checked_add(micros)).map(|m| Usd(sign * m)).ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_and_read_exactly() {
        for (micros, text) in
            [(0, "0.00"), (164_000, "0.164"), (1_250_000, "1.25"), (-3_000_000, "-3.00"), (1, "0.000001")]
        {
            assert_eq!(Usd(micros).to_string(), text);
            assert_eq!(text.parse(), Ok(Usd(micros)));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "nan", "inf", "1e3", "1.", ".5", "1.0000001", "+1", " 1", "1,5", "99999999999999999999", "--1"]
        {
            assert!(text.parse::<Usd>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_hourly_rate_is_rounded_up_to_the_millionth() {
        for (rate, secs, cost) in
            [(164_000, 3_600, 164_000), (164_000, 1, 46), (1, 1, 1), (0, 3_600, 0), (i64::MAX, 7_200, i64::MAX)]
        {
            assert_eq!(Usd(rate).per_hour_for(secs), Usd(cost), "{rate} for {secs} s");
        }
    }

    #[test]
    fn an_absurd_sum_stays_at_the_end_of_the_range() {
        assert_eq!(Usd::MAX.plus(Usd(1)), Usd::MAX);
        assert_eq!(Usd(2).times(u64::MAX), Usd::MAX);
    }
}
