//! Answers from memory in the place of the network: for measuring and fuzzing what lies above, where a socket would be
//! most of what is seen. A request is checked and written as any other and its answer is read under the same rules; only
//! dialling is left out. No setting leads here.

use crate::{Answer, Outgoing, SendError, exchange};
use http::{Request, Response};
use hyper::body::Bytes;
use std::sync::Arc;
use tokio::time::Instant;

/// What answers: handed the whole request as it would have left.
pub type Answering = dyn Fn(Request<Bytes>) -> Result<Response<Vec<u8>>, SendError> + Send + Sync;

#[derive(Clone)]
pub(crate) struct Memory(pub(crate) Arc<Answering>);

impl Memory {
    pub(crate) fn ask(&self, request: &exchange::Request, outgoing: &Outgoing) -> Result<Answer, SendError> {
        if Instant::now() >= outgoing.deadline {
            return Err(SendError::NotSent("the time for this request was over".to_owned()));
        }
        let response = (self.0)(request.whole())?;
        exchange::judged(response, outgoing.response_max)
    }
}
