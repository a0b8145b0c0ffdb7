//! A task for which the clock stands still while a database works: it waits for it where it stands, so that nothing else
//! comes in between and simulated time does not pass. Otherwise the speed of a disk would decide what a seed does.

use super::{Process, enter};
use bursar_store::simulated::is_busy;
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
};

/// A future of a simulated process, or of the simulation itself.
pub struct Still<F> {
    process: Option<Arc<Process>>,
    /// Taken out by the end.
    future: Option<Pin<Box<F>>>,
    bell: Arc<Bell>,
}

impl<F> Still<F> {
    pub fn new(process: Option<Arc<Process>>, future: F) -> Still<F> {
        let bell = Bell { thread: std::thread::current(), state: Mutex::default() };
        Still { process, future: Some(Box::pin(future)), bell: Arc::new(bell) }
    }
}

impl<F: Future> Future for Still<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if this.process.as_ref().is_some_and(|process| !process.steps(context.waker())) {
            return Poll::Pending;
        }
        let Some(future) = this.future.as_mut() else { return Poll::Pending };
        let _here = enter(this.process.clone());
        let waker = Waker::from(this.bell.clone());
        loop {
            this.bell.begin(context.waker());
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(value) => {
                    this.future = None;
                    return Poll::Ready(value);
                }
                Poll::Pending if is_busy() => this.bell.wait(),
                Poll::Pending => {
                    this.bell.pass_on();
                    return Poll::Pending;
                }
            }
        }
    }
}

/// What a killed process leaves is dropped as its own.
impl<F> Drop for Still<F> {
    fn drop(&mut self) {
        let _here = enter(self.process.clone());
        self.future = None;
    }
}

/// Wakes the thread that waits here, or else the task.
struct Bell {
    thread: Thread,
    state: Mutex<Rung>,
}

#[derive(Default)]
struct Rung {
    rung: bool,
    /// While the task is looked at nobody else need know.
    looking: bool,
    task: Option<Waker>,
}

impl Bell {
    fn begin(&self, task: &Waker) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.rung, state.looking) = (false, true);
        if !state.task.as_ref().is_some_and(|known| known.will_wake(task)) {
            state.task = Some(task.clone());
        }
    }

    fn wait(&self) {
        while !self.state.lock().unwrap_or_else(PoisonError::into_inner).rung {
            std::thread::park();
        }
    }

    fn pass_on(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.looking = false;
        if let Some(task) = state.task.as_ref().filter(|_| state.rung) {
            task.wake_by_ref();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.rung = true;
        if state.looking {
            self.thread.unpark();
        } else if let Some(task) = &state.task {
            task.wake_by_ref();
        }
    }
}
