//! Copies between the workspace and machines. One may take longer than a call waits: it goes on, and a later call hears
//! of it. Nothing is kept beyond this process.

use super::{
    call::{Call, News},
    render::ToolError,
};
use crate::flow::CopyDone;
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{sleep, sleep_until},
};

/// How often a client that asked for it hears how much has been copied.
const TELL: Duration = Duration::from_millis(500);

#[derive(Debug, Clone)]
pub(super) enum State {
    Going { done: u64, total: u64 },
    Ended(Result<CopyDone, ToolError>),
}

/// The copies of this process, by what was asked.
#[derive(Clone, Default)]
pub(super) struct Transfers(Arc<Mutex<HashMap<String, watch::Receiver<State>>>>);

impl Transfers {
    /// Begins a copy, unless the very same runs.
    pub(super) fn begin<F>(
        &self,
        key: &str,
        copy: impl FnOnce(Teller) -> F,
    ) -> Result<watch::Receiver<State>, ToolError>
    where
        F: Future<Output = Result<CopyDone, ToolError>> + Send + 'static,
    {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(key).is_some_and(|state| matches!(*state.borrow(), State::Going { .. })) {
            let hint = "call again with `follow: true` to hear of it";
            return Err(ToolError::refused("this very copy runs already", hint));
        }
        let (sender, state) = watch::channel(State::Going { done: 0, total: 0 });
        let teller = Teller(Arc::new(sender));
        let work = copy(teller.clone());
        tokio::spawn(async move {
            let ended = work.await;
            teller.0.send_replace(State::Ended(ended));
        });
        all.insert(key.to_owned(), state.clone());
        Ok(state)
    }

    /// Returns the copy that an earlier call began.
    pub(super) fn follow(&self, key: &str) -> Result<watch::Receiver<State>, ToolError> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(key).cloned().ok_or_else(|| {
            let hint = "call without `follow` to begin it; a bursar that was started anew knows no earlier copies";
            ToolError::refused("no copy with these arguments was begun", hint)
        })
    }

    pub(super) fn forget(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Where a copy says how far it is.
#[derive(Clone)]
pub(super) struct Teller(Arc<watch::Sender<State>>);

impl Teller {
    pub(super) fn tell(&self, done: u64, total: u64) {
        self.0.send_replace(State::Going { done, total });
    }
}

/// Waits until a copy has ended, or a call must answer.
pub(super) async fn wait(call: &Call, state: &mut watch::Receiver<State>) -> State {
    let mut step = 0.0;
    loop {
        let now = state.borrow_and_update().clone();
        let State::Going { done, total } = now else { return now };
        if tokio::time::Instant::now() >= call.answer_by() {
            return now;
        }
        if total > 0 {
            step += 1.0;
            call.tell(step, &News::Bytes { done, total }).await;
        }
        tokio::select! {
            () = sleep_until(call.answer_by()) => {}
            _ = ended(state.clone()) => {}
            () = sleep(TELL) => {}
        }
    }
}

async fn ended(mut state: watch::Receiver<State>) {
    if state.wait_for(|state| matches!(state, State::Ended(_))).await.is_err() {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved() -> CopyDone {
        CopyDone {
            remote_path: "/r".into(),
            local_path: None,
            bytes: 1,
            sha256: Some("00".into()),
            checked: true,
            folder: None,
        }
    }

    #[tokio::test]
    async fn a_running_copy_is_followed_and_not_begun_twice() {
        let transfers = Transfers::default();
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let copy = |_| async {
            wait.await.ok();
            Ok(moved())
        };
        transfers.begin("a", copy).unwrap();
        assert!(transfers.begin("a", |_| async { Ok(moved()) }).is_err());
        assert!(transfers.follow("b").is_err());
        let mut state = transfers.follow("a").unwrap();
        go.send(()).unwrap();
        let ended = state.wait_for(|state| matches!(state, State::Ended(_))).await.unwrap().clone();
        assert!(matches!(ended, State::Ended(Ok(_))));
        assert!(transfers.begin("a", |_| async { Ok(moved()) }).is_ok());
    }
}
