//! Where the tasks of flows begin: tasks of this process, which end with it.

use crate::simulation;
use tokio::task::JoinHandle;

/// Begins a task. In a simulation it belongs to the simulated process that begins it, and is killed with that one.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match simulation::process() {
        None => tokio::spawn(future),
        Some(process) => process.spawn(future),
    }
}
