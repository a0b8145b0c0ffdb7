//! The three imports of a driver, answered from the recording in hand. One recording per thread, only while a call runs.

use std::cell::RefCell;
use std::rc::Rc;

use super::evidence::{at, made};
use super::manifest::Manifest;
use super::reply::Reply;
use super::rules::{InHand, check};
use crate::bindings::driver::bursar::driver::http::{Request, Response, SendError};
use crate::bindings::driver::bursar::driver::log::Level;

/// One call while it runs.
pub(super) struct Running {
    pub(super) manifest: Rc<Manifest>,
    pub(super) hand: InHand,
    pub(super) replies: Vec<(String, Reply)>,
    pub(super) signers: Vec<(String, String)>,
    pub(super) seen: Seen,
}

/// What a call did at the door.
#[derive(Default)]
pub(super) struct Seen {
    /// Requests as lines, such as `GET /servers`.
    pub(super) lines: Vec<String>,
    pub(super) routes: Vec<String>,
    pub(super) answers: Vec<(String, Vec<u8>)>,
    pub(super) made: Option<String>,
    pub(super) log: Vec<String>,
    /// Rules that were broken; the test ends with them.
    pub(super) broken: Vec<String>,
}

thread_local! {
    pub(super) static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

pub(crate) fn send(request: &Request) -> Result<Response, SendError> {
    with(|running| running.send(request)).unwrap_or_else(|| Err(SendError::Denied(OUTSIDE.into())))
}

pub(crate) fn signer(name: &str) -> Result<String, String> {
    with(|running| running.signer(name)).unwrap_or_else(|| Err(OUTSIDE.into()))
}

pub(crate) fn log(level: Level, message: &str) {
    with(|running| running.seen.log.push(format!("{level:?}: {message}").to_lowercase()));
}

const OUTSIDE: &str = "no call is running; call the driver through `testing::Recorded`";

fn with<R>(act: impl FnOnce(&mut Running) -> R) -> Option<R> {
    RUNNING.with_borrow_mut(|running| running.as_mut().map(act))
}

impl Running {
    fn send(&mut self, request: &Request) -> Result<Response, SendError> {
        let line = check(&self.manifest, &self.hand, request, &self.seen.routes)
            .and_then(|line| self.named(request).map(|()| line))
            .map_err(|why| self.broken(why))?;
        let Some(reply) = self.reply(request) else {
            return Err(self.broken(format!("no reply is recorded for route `{}`: {line}", request.route)));
        };
        self.seen.lines.push(line);
        self.seen.routes.push(request.route.clone());
        let mut response = reply.answer()?;
        if let Some(pointer) = &self.manifest.routes[&request.route].made {
            response.made = made(pointer, &response.body).filter(|_| (200..300).contains(&response.status));
            self.seen.made.clone_from(&response.made);
        }
        self.seen.answers.push((request.route.clone(), response.body.clone()));
        Ok(response)
    }

    fn signer(&mut self, name: &str) -> Result<String, String> {
        if !self.manifest.signers.iter().any(|known| known == name) {
            return Err(format!("signer `{name}` is not in the manifest"));
        }
        let known = self.signers.iter().find(|(known, _)| known == name);
        known.map(|(_, address)| address.clone()).ok_or_else(|| format!("no address is recorded for signer `{name}`"))
    }

    /// The first unused reply that fits; the last one that fits answers for ever.
    fn reply(&mut self, request: &Request) -> Option<Reply> {
        let fits = |(route, reply): &(String, Reply)| *route == request.route && reply.fits(&request.values);
        let first = self.replies.iter().position(fits)?;
        match self.replies.iter().skip(first + 1).any(fits) {
            true => Some(self.replies.remove(first).1),
            false => Some(self.replies[first].1.clone()),
        }
    }

    /// An address of an open endpoint stood in an answer of this call, where `named_by` says.
    fn named(&self, request: &Request) -> Result<(), String> {
        let (Some(address), Some(named_by)) = (&request.address, &self.manifest.routes[&request.route].named_by) else {
            return Ok(());
        };
        let stood = named_by.iter().filter_map(|line| line.split_once(' ')).any(|(route, pointer)| {
            let answers = self.seen.answers.iter().filter(|(name, _)| name == route);
            answers.filter_map(|(_, body)| serde_json::from_slice(body).ok()).any(|json: serde_json::Value| {
                at(&json, pointer).iter().any(|v| v.as_str().is_some_and(|text| authority(text) == address))
            })
        });
        if stood { Ok(()) } else { Err(format!("the address {address} stood in no answer of {}", named_by.join(", "))) }
    }

    fn broken(&mut self, why: String) -> SendError {
        self.seen.broken.push(why.clone());
        SendError::Denied(why)
    }
}

fn authority(text: &str) -> &str {
    text.trim_start_matches("https://").split(['/', ':']).next().unwrap_or(text)
}
