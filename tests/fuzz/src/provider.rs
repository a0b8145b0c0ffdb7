//! The provider of one walk: every request that leaves is held against the manifest, then answered from the fuzzer's
//! bytes. It remembers what it was asked and what it said, for the checks on what the host makes of it.

use crate::{
    answers,
    bytes::Bytes,
    oracle::{Known, ORACLE},
};
use bursar_http::{Answering, SendError};
use http::{Request, Response};
use hyper::body::Bytes as Body;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

#[derive(Default)]
pub(crate) struct State {
    pub(crate) known: Known,
    answers: Vec<u8>,
    scripts: VecDeque<Vec<u8>>,
    pub(crate) sent: Vec<Sent>,
}

/// One request, and what came of it.
pub(crate) struct Sent {
    pub(crate) route: String,
    pub(crate) effect: &'static str,
    /// None: the connection broke before or after it left.
    pub(crate) status: Option<u16>,
    pub(crate) body: Vec<u8>,
    pub(crate) usual: bool,
    /// It left, as far as the host can know.
    pub(crate) left: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Provider(Arc<Mutex<State>>);

impl Provider {
    /// Begins a walk: the words of the call, the provider's answers, what the driver does.
    pub(crate) fn begin(&self, known: Known, answers: &[u8], scripts: VecDeque<Vec<u8>>) {
        *self.now() = State { known, answers: answers.to_vec(), scripts, sent: Vec::new() };
    }

    pub(crate) fn now(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn answering(&self) -> Arc<Answering> {
        let provider = self.clone();
        Arc::new(move |request| provider.now().answer(&request))
    }
}

impl State {
    fn answer(&mut self, request: &Request<Body>) -> Result<Response<Vec<u8>>, SendError> {
        let (route, effect) = ORACLE.judge(request, &self.known);
        let (answer, usual) = match route.as_str() {
            "script" => (Ok(Response::new(self.scripts.pop_front().unwrap_or_default())), false),
            route => {
                let mut bytes = Bytes::new(&self.answers);
                let made = answers::answer(&mut bytes, route);
                let used = self.answers.len() - bytes.left();
                self.answers.drain(..used);
                made
            }
        };
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        let body = answer.as_ref().map(|answer| answer.body().clone()).unwrap_or_default();
        let left = !matches!(answer, Err(SendError::NotSent(_) | SendError::Denied(_)));
        let spent = self.sent.iter().filter(|sent| sent.effect == "spend" && sent.left).count();
        assert!(effect != "spend" || spent == 0, "`{route}` spends a second time in one call");
        self.sent.push(Sent { route, effect, status, body, usual, left });
        assert!(self.known.pages > 1 || self.sent.len() <= 21, "more than 20 requests in one call");
        answer
    }

    /// Returns whether a text stood in anything that was answered, in any case.
    pub(crate) fn said(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.sent.iter().any(|sent| {
            let body = String::from_utf8_lossy(&sent.body).to_lowercase();
            body.contains(&text) || body.replace("\\/", "/").contains(&text)
        })
    }
}
