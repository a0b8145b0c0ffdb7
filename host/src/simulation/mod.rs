//! For `tests/simulation` alone: processes of Bursar that are simulated, many of them on one thread. What a process finds
//! around it (clocks, random numbers, its own name, how a keeper is started, whether a machine answers) is asked of its
//! `Surroundings`. No setting and no variable leads here: a real process has none.

mod process;
mod still;

pub use crate::bundled::SIMULATED as DRIVERS;
pub use crate::flow::{CreateInstance, Created, Extended, FlowError, Panicked, Progress, Rooms, Stopped, Wanted};
pub use crate::settings::Settings;
pub use process::Process;
pub use still::Still;

use bursar_drivers::{Config, DriverError, Drivers};
use std::{cell::RefCell, sync::Arc};

/// What a simulated process finds around it.
pub trait Surroundings: Send + Sync {
    /// The time of day, in seconds since 1970. It may be set.
    fn wall_secs(&self) -> u64;
    /// Seconds since the computer started, those that it slept included.
    fn boot_secs(&self) -> u64;
    /// Seconds that the computer was awake.
    fn awake_secs(&self) -> u64;
    fn boot_id(&self) -> String;
    /// Whether the process of this name is known to be gone.
    fn is_dead(&self, worker: &str) -> bool;
    fn fill(&self, bytes: &mut [u8]);
    fn start_keeper(&self) -> Result<(), String>;
    /// The drivers, with a provider that answers from memory.
    fn drivers(&self, config: Config) -> Result<Drivers, DriverError>;
    fn answers_ssh(&self, instance: &str) -> bool;
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Process>>> = const { RefCell::new(None) };
}

/// Returns the simulated process whose task runs on this thread now; real processes are none.
pub fn process() -> Option<Arc<Process>> {
    CURRENT.with(|current| current.borrow().clone())
}

/// Returns what that process finds around it.
pub(crate) fn around() -> Option<Arc<dyn Surroundings>> {
    CURRENT.with(|current| current.borrow().as_ref().map(|process| process.around.clone()))
}

/// Makes a process the one that runs, until what is returned is dropped.
fn enter(process: Option<Arc<Process>>) -> Entered {
    Entered(CURRENT.with(|current| current.replace(process)))
}

struct Entered(Option<Arc<Process>>);

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.0.take();
        CURRENT.with(|current| current.replace(before));
    }
}
