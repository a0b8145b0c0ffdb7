//! Ways to carry something from one call to the next, or to tell one call from another.

use crate::{
    bursar::driver::types::Error,
    ideas::State,
    run::{Asked, Run},
};
use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

thread_local! { static CALLS: Cell<u32> = const { Cell::new(0) }; }

const MARK: [u8; 16] = *b"was here before!";

pub fn act(idea: State, run: &mut Run) -> Result<(), Error> {
    match idea {
        State::AStatic => run.last = format!("seen {} calls", CALLS.replace(CALLS.get() + 1)),
        State::OldMemory => run.last = format!("found {} marks", marks()),
        State::AFile => {
            let wrote = ["/tmp/mark", "mark", "/mark"].iter().filter(|path| std::fs::write(path, MARK).is_ok()).count();
            run.last = format!("wrote {wrote} files");
        }
        State::ALongMemo => {
            run.told.memo = "m".repeat(1_025);
            run.send(if run.asked == Asked::Destroy { "destroy" } else { "servers" });
            return run.stop();
        }
        State::ALongPendingText => {
            run.told.pending = Some("p".repeat(1_025));
            run.send(if run.asked == Asked::Create { "create" } else { "servers" });
            return run.stop();
        }
        State::AClock => {
            let begun = Instant::now();
            (0..1_000_000_u64).for_each(|n| assert!(std::hint::black_box(n) < u64::MAX));
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            run.last = format!("clock {} and {}", now.as_nanos(), begun.elapsed().as_nanos());
        }
        State::RandomNumbers => run.last = format!("random {:x}", RandomState::new().hash_one(1)),
    }
    run.echo()
}

/// Looks for the mark in memory that was never written, and leaves it there.
fn marks() -> usize {
    let mut hoard: Vec<u8> = Vec::with_capacity(16 << 20);
    let spare = hoard.spare_capacity_mut();
    // Any bytes are fine to look at here: this is a guest whose only aim is to see what was left behind.
    let found = spare
        .chunks(16)
        .filter(|piece| piece.iter().zip(MARK).all(|(byte, mark)| unsafe { byte.assume_init() } == mark));
    let found = found.count();
    for piece in spare.chunks_mut(16) {
        for (byte, mark) in piece.iter_mut().zip(MARK) {
            byte.write(mark);
        }
    }
    std::hint::black_box(&hoard);
    found
}
