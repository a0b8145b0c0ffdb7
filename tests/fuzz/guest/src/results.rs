//! Results, member by member from the script.

use crate::bytes::Bytes;
use bursar_driver::prelude::*;

pub(crate) fn error(s: &mut Bytes<'_>) -> Error {
    match s.below(10) {
        0 => Error::Refused(s.text()),
        1 => Error::OutOfStock(s.text()),
        2 => Error::InsufficientFunds(s.text()),
        3 => Error::Unauthorized(s.text()),
        4 => Error::RateLimited(s.maybe(Bytes::short)),
        5 => Error::NotSent(s.text()),
        6 => Error::MaybeSent(s.text()),
        7 => Error::Failed(s.text()),
        8 => Error::Unsupported(s.text()),
        _ => Error::Other(s.text()),
    }
}

pub(crate) fn account(s: &mut Bytes<'_>) -> AccountInfo {
    AccountInfo {
        id: s.maybe(Bytes::text),
        balance: s.maybe(signed),
        burn_per_hour: s.maybe(Bytes::number),
        instances_max: s.maybe(Bytes::short),
        blocked: s.maybe(Bytes::text),
    }
}

pub(crate) fn offer(s: &mut Bytes<'_>) -> Offer {
    Offer {
        id: s.text(),
        title: s.text(),
        hardware: Hardware { gpu: s.maybe(gpu), vcpus: s.short(), memory_mib: s.number(), disk_gib: s.number() },
        price: price(s),
        site: s.maybe(site),
        in_stock: s.maybe(Bytes::flag),
        nodes_min: u32::from(s.byte() % 3),
        nodes_max: s.short(),
        image: s.maybe(Bytes::text),
        interruptible: s.flag(),
        ends: s.maybe(Bytes::number),
    }
}

fn gpu(s: &mut Bytes<'_>) -> Gpu {
    Gpu {
        model: s.text(),
        count: s.short(),
        vram_mib: s.maybe(Bytes::number),
        slice: s.maybe(|s| (s.short(), s.short())),
        link: s.maybe(Bytes::text),
    }
}

fn price(s: &mut Bytes<'_>) -> Price {
    Price {
        per_hour: s.number(),
        per_hour_paused: s.number(),
        once: s.number(),
        per_gb_in: s.number(),
        per_gb_out: s.number(),
        gb_free: s.number(),
        billing: Billing {
            step_secs: s.short(),
            on_the_clock: s.flag(),
            minimum_secs: s.number(),
            prepaid: s.flag(),
            refunds: s.flag(),
            month_cap: s.maybe(Bytes::number),
            balance_secs: s.number(),
        },
    }
}

pub(crate) fn terms(s: &mut Bytes<'_>) -> Terms {
    Terms { price: price(s), good_until: s.maybe(Bytes::number), note: s.maybe(Bytes::text) }
}

pub(crate) fn outcome(s: &mut Bytes<'_>) -> Outcome {
    if s.flag() { Outcome::Made(instance(s)) } else { Outcome::Pending(s.text()) }
}

pub(crate) fn instance(s: &mut Bytes<'_>) -> Instance {
    Instance {
        handle: Handle { id: s.text(), memo: s.text() },
        tag: s.maybe(Bytes::text),
        state: state(s),
        per_hour: s.maybe(Bytes::number),
        spent: s.maybe(Bytes::number),
        made_at: s.maybe(Bytes::number),
        paid_until: s.maybe(Bytes::number),
        nodes: s.some(4, node),
        note: s.maybe(Bytes::text),
    }
}

fn node(s: &mut Bytes<'_>) -> Node {
    Node { id: s.text(), name: s.text(), state: state(s), ssh: s.maybe(ssh) }
}

fn ssh(s: &mut Bytes<'_>) -> Ssh {
    let hop = |s: &mut Bytes<'_>| Hop { host: s.text(), port: u16::from(s.byte()), user: s.text() };
    Ssh { host: s.text(), port: u16::from(s.byte()), user: s.text(), jump: s.maybe(hop) }
}

fn state(s: &mut Bytes<'_>) -> State {
    match s.below(9) {
        0 => State::Running,
        1 => State::Requested,
        2 => State::Starting,
        3 => State::Pausing,
        4 => State::Paused,
        5 => State::Stopping,
        6 => State::Failed(s.text()),
        7 => State::Gone,
        _ => State::Other(s.text()),
    }
}

pub(crate) fn site(s: &mut Bytes<'_>) -> Site {
    Site { id: s.text(), name: s.text(), country: s.maybe(Bytes::text) }
}

pub(crate) fn charge(s: &mut Bytes<'_>) -> Charge {
    Charge {
        id: s.text(),
        begins: s.number(),
        ends: s.number(),
        amount: signed(s),
        instance: s.maybe(Bytes::text),
        what: s.text(),
    }
}

/// Any whole number, by its bits.
fn signed(s: &mut Bytes<'_>) -> i64 {
    s.number() as i64
}
