//! Answers from memory in the place of the network: for measuring and fuzzing what lies above, where a socket would be
//! most of what is seen. A request is checked and written as any other and its answer is read under the same rules; only
//! dialling is left out. No setting leads here.

use crate::{Answer, Outgoing, SendError, exchange};
use http::{Request, Response};
use hyper::body::Bytes;
use std::{pin::Pin, sync::Arc};
use tokio::time::{Instant, timeout_at};

/// What answers: handed the whole request as it would have left.
pub type Answering = dyn Fn(Request<Bytes>) -> Result<Response<Vec<u8>>, SendError> + Send + Sync;

/// The same, after a while.
pub type AnsweringLater = dyn Fn(Request<Bytes>) -> Later + Send + Sync;
pub type Later = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, SendError>> + Send>>;

#[derive(Clone)]
pub(crate) enum Memory {
    AtOnce(Arc<Answering>),
    Later(Arc<AnsweringLater>),
}

impl Memory {
    pub(crate) async fn ask(&self, request: &exchange::Request, outgoing: &Outgoing) -> Result<Answer, SendError> {
        if Instant::now() >= outgoing.deadline {
            return Err(SendError::NotSent("the time for this request was over".to_owned()));
        }
        let response = match self {
            Memory::AtOnce(answer) => answer(request.whole())?,
            Memory::Later(answer) => timeout_at(outgoing.deadline, answer(request.whole()))
                .await
                .map_err(|_| SendError::MaybeSent("no whole answer in time".to_owned()))??,
        };
        exchange::judged(response, outgoing.response_max)
    }
}
