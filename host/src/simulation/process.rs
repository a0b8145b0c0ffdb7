//! A simulated process: its tasks, and whether it runs, is stopped (as by SIGSTOP), or was killed.

use super::{Still, Surroundings};
use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};
use tokio::task::{AbortHandle, JoinHandle};

pub struct Process {
    /// As it stands in the ledger.
    pub name: String,
    pub(crate) around: Arc<dyn Surroundings>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fate: Fate,
    tasks: Vec<AbortHandle>,
    /// Tasks that were to run while it was stopped.
    waiting: Vec<Waker>,
    /// How often its tasks went on, and when it is killed.
    steps: u64,
    dies_at: Option<u64>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Fate {
    #[default]
    Runs,
    Stopped,
    Dead,
}

impl Process {
    pub fn new(name: String, around: Arc<dyn Surroundings>) -> Arc<Process> {
        Arc::new(Process { name, around, state: Mutex::default() })
    }

    /// Begins a task of it.
    pub fn spawn<F>(self: &Arc<Self>, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let task = tokio::spawn(Still::new(Some(self.clone()), future));
        let mut state = self.state();
        match state.fate {
            Fate::Dead => task.abort(),
            _ => {
                state.tasks.retain(|task| !task.is_finished());
                state.tasks.push(task.abort_handle());
            }
        }
        task
    }

    /// Ends it where each of its tasks stands, as SIGKILL does.
    pub fn kill(&self) {
        let tasks = {
            let mut state = self.state();
            state.fate = Fate::Dead;
            std::mem::take(&mut state.tasks)
        };
        tasks.iter().for_each(AbortHandle::abort);
    }

    /// Ends it after its tasks have gone on so many times more.
    pub fn kill_after(&self, steps: u64) {
        let mut state = self.state();
        state.dies_at = Some(state.steps + steps);
    }

    pub fn stop(&self) {
        let mut state = self.state();
        if state.fate == Fate::Runs {
            state.fate = Fate::Stopped;
        }
    }

    pub fn go_on(&self) {
        let waiting = {
            let mut state = self.state();
            if state.fate == Fate::Stopped {
                state.fate = Fate::Runs;
            }
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    pub fn is_dead(&self) -> bool {
        self.state().fate == Fate::Dead
    }

    pub fn is_stopped(&self) -> bool {
        self.state().fate == Fate::Stopped
    }

    /// Returns whether a task of it may go on now; one that may not is woken when it may.
    pub(super) fn steps(&self, waker: &Waker) -> bool {
        let (dies, runs) = {
            let mut state = self.state();
            state.steps += 1;
            if state.fate == Fate::Stopped {
                state.waiting.push(waker.clone());
            }
            let dies = state.dies_at.is_some_and(|at| state.steps >= at) && state.fate == Fate::Runs;
            (dies, state.fate == Fate::Runs)
        };
        if dies {
            self.kill();
        }
        runs && !dies
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
