//! What a sandbox holds of the host while it lives: the door of its one call, its limits, and WASI's emptiness. Here the
//! generated traits are met; what they may do is decided in `door` and `authority`.

use crate::{
    authority,
    bindings::{http, log, signer},
    door::{Ask, Door, Reply, Unanswered},
    text,
};
use futures::future::join_all;
use std::sync::Arc;
use wasmtime::{StoreLimits, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

const LOG_LINES_MAX: u32 = 200;
const LOG_LINE_MAX: usize = 1_024;
const RESOURCES_MAX: usize = 1_024;
/// As many requests as a call has.
const AT_ONCE_MAX: usize = 20;

pub(crate) struct Hand {
    pub(crate) limits: StoreLimits,
    /// None while a driver only describes itself: every request is denied.
    door: Option<Arc<Door>>,
    ticks: u32,
    /// The last tick may have passed while the host waited for the network.
    waited: bool,
    wasi: Option<(WasiCtx, ResourceTable)>,
}

impl Hand {
    pub(crate) fn new(door: Option<Arc<Door>>) -> Hand {
        Hand { limits: authority::limits(), door, ticks: 0, waited: false, wasi: None }
    }

    /// Counts 10 ms of computing, and returns how many there have been. Waiting for the network is not computing.
    pub(crate) fn spend_tick(&mut self) -> u32 {
        self.ticks += u32::from(!std::mem::take(&mut self.waited));
        self.ticks
    }
}

impl http::Host for Hand {
    async fn send(&mut self, request: http::Request) -> Result<http::Response, http::SendError> {
        let Some(door) = self.door.clone() else {
            return Err(http::SendError::Denied("denied: no route is open while a driver describes itself".into()));
        };
        let before = door.record().sent;
        let answer = door.send(&ask(request)).await;
        // Only what left was waited for, and of that there is little: asking in vain is computing.
        self.waited = door.record().sent > before;
        told(answer)
    }

    async fn send_all(&mut self, requests: Vec<http::Request>) -> Vec<Result<http::Response, http::SendError>> {
        let Some(door) = self.door.clone() else {
            let none =
                || Err(http::SendError::Denied("denied: no route is open while a driver describes itself".into()));
            return requests.iter().take(AT_ONCE_MAX).map(|_| none()).collect();
        };
        if requests.len() > AT_ONCE_MAX {
            let why = format!("{} requests at once; a call has {AT_ONCE_MAX}", requests.len());
            return requests.iter().map(|_| Err(http::SendError::Denied(why.clone()))).collect();
        }
        let before = door.record().sent;
        let asks: Vec<Ask> = requests.into_iter().map(ask).collect();
        let answers = join_all(asks.iter().map(|ask| door.read(ask))).await;
        self.waited = door.record().sent > before;
        answers.into_iter().map(told).collect()
    }
}

fn ask(request: http::Request) -> Ask {
    let http::Request { route, values, address, body } = request;
    Ask { route, values, address, body }
}

fn told(answer: Result<Reply, Unanswered>) -> Result<http::Response, http::SendError> {
    match answer {
        Ok(reply) => Ok(http::Response {
            status: reply.status,
            headers: reply.headers,
            retry_after_secs: reply.retry_after_secs,
            made: reply.made,
            body: reply.body,
        }),
        Err(Unanswered::Denied(why)) => Err(http::SendError::Denied(why)),
        Err(Unanswered::NotSent(why)) => Err(http::SendError::NotSent(why)),
        Err(Unanswered::MaybeSent(why)) => Err(http::SendError::MaybeSent(why)),
    }
}

impl signer::Host for Hand {
    fn address(&mut self, signer: String) -> Result<String, String> {
        let none = || format!("the owner has granted no signer `{}`", text::clean(&signer, 64));
        let word = crate::template::Word::Signer(signer.clone());
        self.door.as_ref().and_then(|door| door.words.value(&word)).ok_or_else(none)
    }
}

impl log::Host for Hand {
    fn write(&mut self, level: log::Level, message: String) {
        let Some(door) = &self.door else { return };
        let mut record = door.record();
        record.log_lines += 1;
        if record.log_lines > LOG_LINES_MAX {
            return;
        }
        drop(record);
        let line = text::clean(&door.ground.scrubbed(&message), LOG_LINE_MAX);
        tracing::debug!(target: "bursar::driver", driver = door.ground.name(), ?level, line);
    }
}

impl crate::bindings::types::Host for Hand {}

impl WasiView for Hand {
    /// Made when first asked for: most drivers never ask.
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (ctx, table) = self.wasi.get_or_insert_with(|| {
            let mut table = ResourceTable::new();
            table.set_max_capacity(RESOURCES_MAX);
            (authority::nothing(), table)
        });
        WasiCtxView { ctx, table }
    }
}
