//! What each limit takes, and how it is shown.

use super::*;

#[test]
fn a_limit_takes_sane_values_and_nothing_else() {
    for (key, text, taken) in [
        (MaxPricePerHour, "1.5", Some("1.50 USD/h")),
        (MaxPricePerHour, "0", Some("0.00 USD/h")),
        (MaxPricePerHour, "nan", None),
        (MaxPricePerHour, "-1", None),
        (MaxPricePerHour, "inf", None),
        (MaxPricePerHour, "1e9", None),
        (MaxInstances, "3", Some("3")),
        (MaxInstances, "-3", None),
        (MaxInstances, "2.5", None),
        (MaxLease, "90m", Some("1 h 30 min")),
        (MaxLease, "1h30m", Some("1 h 30 min")),
        (MaxLease, "24", None),
        (MaxLease, "30s", None),
        (MaxLease, "999999999999999999d", None),
        (MinBalanceHours, "48", Some("48 h")),
        (MaxExposure, "50", Some("50.00 USD")),
        (MaxExposure, "any", Some("any")),
        (MaxExposure, "nan", None),
        (MaxSessionSpending, "any", Some("any")),
        (MaxSessionSpending, "2.5", Some("2.50 USD")),
        (MaxSessionSpending, "-1", None),
        (MinBalanceShare, "15%", Some("15 %")),
        (MinBalanceShare, "101", None),
        (MaxCreatesPerHour, "nan", None),
        (Windows, "24h=10,90m=2.5", Some("90m=2.50, 24h=10.00")),
        (Windows, "none", Some("none")),
        (Windows, "24h=nan", None),
        (Windows, "24h=-1", None),
        (Windows, "90s=1", None),
        (Windows, "60m=1, 1h=2", None),
        (Windows, "32d=1", None),
        (Windows, "24=1", None),
    ] {
        let mut limits = Limits::default();
        let set = limits.set(key, text).map(|()| limits.show(key)).ok();
        assert_eq!(set.as_deref(), taken, "{key} = {text}");
    }
}

#[test]
fn every_name_is_known_and_a_misspelt_one_lists_them() {
    for key in LimitKey::ALL {
        assert_eq!(LimitKey::named(key.name()), Ok(key));
    }
    let text = LimitKey::named("max_prize").unwrap_err().to_string();
    assert!(text.contains("max_price_per_hour"), "{text}");
}

#[test]
fn a_default_longer_than_the_longest_lease_is_refused() {
    let limits = Limits { default_lease_secs: 90_000, ..Limits::default() };
    assert!(matches!(limits.check(), Err(BadLimit::DefaultAboveMax { .. })));
}
