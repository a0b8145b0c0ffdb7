//! Money from the digits of an answer, exact and rounded up; never through a float.

use crate::{json::Json, manifest::Unit};
use bursar_core::money::Usd;

/// More digits than these do not change a millionth of a dollar; what is cut off is rounded up.
const DIGITS_MAX: usize = 26;

/// Returns millionths of a dollar, per hour where the unit is per time. `None` for what is no amount, below zero, or
/// beyond what can be held.
pub(super) fn amount(value: &Json, unit: Unit) -> Option<Usd> {
    let text = value.scalar()?;
    let (mantissa, exponent) = decimal(&text)?;
    let factor = u128::from(unit.micros) * unit.per_secs.map_or(1, |secs| u128::from(3_600 / secs));
    let micros = scale(mantissa.checked_mul(factor)?, exponent)?;
    Usd::from_micros(u64::try_from(micros).ok()?)
}

/// Cuts `12.50e-3` into 1250 and -5.
fn decimal(text: &str) -> Option<(u128, i64)> {
    let (number, exponent) = text.split_once(['e', 'E']).map_or((text, "0"), |(number, exponent)| (number, exponent));
    let (whole, part) = number.split_once('.').map_or((number, ""), |(whole, part)| (whole, part));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let dangling = number.contains('.') && part.is_empty();
    if whole.is_empty() || dangling || !plain(whole) || !plain(part) || exponent.len() > 6 {
        return None;
    }
    let exponent: i64 = exponent.parse().ok()?;
    let digits = format!("{whole}{part}");
    let digits = digits.trim_start_matches('0');
    let (kept, cut) = digits.split_at(digits.len().min(DIGITS_MAX));
    let up = u128::from(cut.bytes().any(|b| b != b'0'));
    let mantissa = if kept.is_empty() { 0 } else { kept.parse::<u128>().ok()? + up };
    Some((mantissa, exponent + i64::try_from(cut.len()).ok()? - i64::try_from(part.len()).ok()?))
}

/// Returns `mantissa` × 10 ^ `exponent`, rounded up.
fn scale(mantissa: u128, exponent: i64) -> Option<u128> {
    if mantissa == 0 {
        return Some(0);
    }
    let power = u32::try_from(exponent.unsigned_abs()).ok()?;
    match (10u128.checked_pow(power), exponent >= 0) {
        (Some(power), true) => mantissa.checked_mul(power),
        (Some(power), false) => Some(mantissa.div_ceil(power)),
        (None, true) => None,
        (None, false) => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_come_from_digits_and_are_rounded_up() {
        for (text, unit, expected) in [
            ("1.5", "usd/h", Some(1_500_000)),
            ("0.1", "usd/h", Some(100_000)),
            ("0.30000000000000004", "usd/h", Some(300_001)),
            ("0.123456789012345678901234567890123", "usd", Some(123_457)),
            ("164", "musd/h", Some(164_000)),
            ("2.5", "cent/h", Some(25_000)),
            ("1", "microusd/s", Some(3_600)),
            ("0.0001", "microusd/s", Some(1)),
            ("1.5e-05", "usd/h", Some(15)),
            ("1E3", "cent", Some(10_000_000)),
            ("\"0.79\"", "usd/h", Some(790_000)),
            ("\"1e2\"", "usd", Some(100_000_000)),
            ("0", "usd", Some(0)),
            ("0.000", "usd", Some(0)),
            ("1e-999", "usd", Some(1)),
            ("0e999", "usd", Some(0)),
            ("1e999", "usd", None),
            ("99999999999999999999999999", "usd", None),
            ("-1", "usd", None),
            ("\"\"", "usd", None),
            ("\"1,5\"", "usd", None),
            ("\"$1\"", "usd", None),
            ("\"NaN\"", "usd", None),
            ("\"1.\"", "usd", None),
            ("\"+1\"", "usd", None),
            ("true", "usd", None),
            ("null", "usd", None),
        ] {
            let value = Json::parse(text.as_bytes()).unwrap();
            assert_eq!(amount(&value, Unit::parse(unit).unwrap()), expected.map(Usd), "{text} {unit}");
        }
    }
}
