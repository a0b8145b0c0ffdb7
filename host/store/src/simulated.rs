//! For `tests/simulation` alone: a walk of many simulated processes on one thread, in simulated time. What a database does
//! there happens at once, between two moments of that time, so that the same seed is the same walk. No setting leads here.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

/// Says how long the next use of the database waits before it begins.
pub type Delay = dyn Fn() -> Duration;

thread_local! {
    static DELAY: RefCell<Option<Rc<Delay>>> = const { RefCell::new(None) };
    static BUSY: Cell<u32> = const { Cell::new(0) };
}

/// Makes every ledger that this thread opens from now on one of a simulation: what is committed is not synced.
pub fn begin(delay: Rc<Delay>) {
    DELAY.with(|slot| slot.replace(Some(delay)));
    BUSY.set(0);
}

/// Ends that.
pub fn end() {
    DELAY.with(|slot| slot.replace(None));
}

/// Returns whether a database is in use on this thread: whoever waits now waits for it, and for nothing else.
pub fn is_busy() -> bool {
    BUSY.get() > 0
}

pub(crate) fn is_on() -> bool {
    DELAY.with(|slot| slot.borrow().is_some())
}

/// Waits before the database is used: others come in between, or the process is killed here.
pub(crate) async fn pause() {
    let delay = DELAY.with(|slot| slot.borrow().as_ref().map(|delay| delay()));
    if let Some(delay) = delay.filter(|delay| !delay.is_zero()) {
        tokio::time::sleep(delay).await;
    }
}

/// While it lives, a database of this thread is in use. Real processes do not count.
pub(crate) struct Busy(bool);

impl Busy {
    pub(crate) fn begin() -> Busy {
        let counts = is_on();
        if counts {
            BUSY.set(BUSY.get() + 1);
        }
        Busy(counts)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0 {
            BUSY.set(BUSY.get().saturating_sub(1));
        }
    }
}
