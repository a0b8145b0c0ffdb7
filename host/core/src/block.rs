//! Prepaid blocks: until when a stay counts, and what is owed however short it was. Pure.

use crate::{instance::Instance, money::Usd, time::Moment};

/// Returns until when a stay is counted. A block ends by itself, so nothing beyond it is owed, and of one that gives nothing
/// back the whole is; but one that is seen to outlive it is paid by somebody, and counts as long as it lives.
pub(crate) fn counted(instance: &Instance, until: Moment) -> Moment {
    let (billing, lease) = (&instance.price.billing, &instance.lease);
    let late = until > lease.ends.after(instance.stop_secs);
    match billing.prepaid && !late {
        false => until,
        true if billing.refunds => until.min(lease.ends),
        true => lease.ends,
    }
}

/// Returns what is owed at least: of what gives nothing back, a further block in doubt may have been bought.
pub(crate) fn least(instance: &Instance) -> Usd {
    let billing = &instance.price.billing;
    let in_doubt = billing.prepaid && !billing.refunds && instance.lease.extending.is_some();
    if in_doubt { instance.lease.hold } else { Usd::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{overrun::tests::late_one, settle::accrued};

    #[test]
    fn a_block_costs_what_was_paid_less_what_comes_back() {
        // Two hours and a half at 100 an hour are three hours; the first is the least.
        for (name, refunds, until, cost) in [
            ("nothing comes back", false, 60, 300),
            ("nothing comes back at its end", false, 9_000, 300),
            ("nor is more owed while it is seen to end", false, 9_010, 300),
            ("hours not begun come back", true, 60, 100),
            ("a begun one does not", true, 3_601, 200),
            ("its end takes nothing more", true, 9_010, 300),
            ("one that outlives its block goes on costing", true, 9_000 + 3_600, 400),
        ] {
            let mut one = late_one();
            let begins = one.lease.begins;
            one.lease.ends = begins.after(9_000);
            one.price.billing.prepaid = true;
            (one.price.billing.refunds, one.price.billing.minimum_secs) = (refunds, 3_600);
            assert_eq!(accrued(&one, begins.after(until)), Usd(cost), "{name}");
        }
    }
}
