//! Tasks that the host owns: a flow that spends or ends runs here, so that a caller who goes away stops nothing.

use super::render::ToolError;
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle};

#[derive(Clone)]
pub(super) struct Flows {
    /// Every running flow holds a receiver.
    tickets: Arc<watch::Sender<()>>,
    /// How creates ended whose caller had been answered already, by the name that was asked.
    late: Arc<Mutex<HashMap<String, ToolError>>>,
}

impl Flows {
    pub(super) fn new() -> Flows {
        Flows { tickets: Arc::new(watch::Sender::new(())), late: Arc::default() }
    }

    /// Runs a flow to its end, whoever waits for it or not.
    pub(super) fn run<T: Send + 'static>(&self, flow: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        let ticket = self.tickets.subscribe();
        tokio::spawn(async move {
            let ended = flow.await;
            drop(ticket);
            ended
        })
    }

    /// Waits until no flow runs any more.
    pub(super) async fn finish(&self, most: Duration) {
        if tokio::time::timeout(most, self.tickets.closed()).await.is_err() {
            tracing::warn!("flows still run; the ledger has what they reserved, and the next bursar settles it");
        }
    }

    /// Keeps how a create ended, or forgets it when the same name is asked anew.
    pub(super) fn set_late(&self, name: &str, ended: Option<ToolError>) {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        match ended {
            Some(ended) => late.insert(name.to_owned(), ended),
            None => late.remove(name),
        };
    }

    pub(super) fn late(&self, name: &str) -> Option<ToolError> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}
