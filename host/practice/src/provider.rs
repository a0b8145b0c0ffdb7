//! One request to the imitated provider, with the fault that meets it: done or not, answered or not. It knows no
//! sockets; an answer that never comes is the caller's to send.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::ms_from_secs;
use crate::faults::{Act, Answer, Rule};
use crate::imitated::Imitated;
use crate::inner::Inner;
use crate::journal::Outcome;
use crate::reply::{Ask, Reply};

/// Returns the answer, or nothing where the connection is to be cut.
pub(crate) async fn serve(inner: &Arc<Inner>, provider: Imitated, ask: Ask, key: Option<&str>) -> Option<Reply> {
    let refusal = provider.refusal(key, &ask);
    let (number, rule) = begin(inner, provider, &ask, refusal.is_none());
    if refusal.is_some() {
        return end(inner, number, refusal);
    }
    let (act, answer) = rule.as_ref().map_or((Act::Do, Answer::AsItIs), |rule| rule.fault.conduct());
    let reply = perform(inner, provider, ask, act, rule).await;
    match answer {
        Answer::Lost => return end(inner, number, None),
        Answer::Never => hang(inner, number).await,
        Answer::Late(secs) => hold(inner, number, secs).await,
        _ => {}
    }
    match answer {
        Answer::Never => end(inner, number, None),
        _ => end(inner, number, Some(answer.apply(reply))),
    }
}

fn begin(inner: &Inner, provider: Imitated, ask: &Ask, is_authorised: bool) -> (u64, Option<Rule>) {
    let mut state = inner.state();
    let number = state.journal.begin(ask, inner.clock.now());
    let rule = is_authorised.then(|| state.faults.take(provider, ask)).flatten();
    if let Some(rule) = &rule {
        state.journal.fault(number, &rule.name);
    }
    (number, rule)
}

/// Does what is asked, or not, and returns what an honest provider would answer. A request that has begun is
/// finished even when the client goes away.
async fn perform(inner: &Arc<Inner>, provider: Imitated, ask: Ask, act: Act, rule: Option<Rule>) -> Reply {
    let Act::After(secs) = act else { return act_now(inner, provider, &ask, &act, rule.as_ref()) };
    let inner = Arc::clone(inner);
    let work = tokio::spawn(async move {
        tokio::time::sleep(seconds(secs)).await;
        act_now(&inner, provider, &ask, &Act::Do, rule.as_ref())
    });
    work.await.unwrap_or_else(|_| Reply::empty(500))
}

fn act_now(inner: &Inner, provider: Imitated, ask: &Ask, act: &Act, rule: Option<&Rule>) -> Reply {
    let now = inner.clock.now();
    let mut state = inner.state();
    if let Some(rule) = rule {
        provider.change(&mut state, rule, now);
    }
    let reply = match act {
        Act::Do | Act::After(_) => provider.answer(&mut state, ask, now),
        Act::Nothing => Reply::empty(500),
        Act::Pretend => provider.pretend(&state, ask, now),
        Act::Later(secs) => {
            provider.land_later(&mut state, ask, *secs, now);
            Reply::empty(500)
        }
    };
    if let Some(rule) = rule {
        provider.mark(&mut state, rule, ask, &reply, now);
    }
    drop(state);
    inner.wake.notify_one();
    reply
}

/// Holds the request until the faults are cleared or the client goes away.
async fn hang(inner: &Arc<Inner>, number: u64) {
    let released = inner.release.notified();
    inner.state().journal.end(number, Outcome::Hanging);
    let mut guard = Abandoned { inner, number, is_held: true };
    released.await;
    guard.is_held = false;
}

async fn hold(inner: &Arc<Inner>, number: u64, secs: f64) {
    let mut guard = Abandoned { inner, number, is_held: true };
    tokio::time::sleep(seconds(secs)).await;
    guard.is_held = false;
}

/// Notes that the client went away, if it is dropped while the request is held.
struct Abandoned<'a> {
    inner: &'a Inner,
    number: u64,
    is_held: bool,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if self.is_held {
            self.inner.state().journal.end(self.number, Outcome::Abandoned);
        }
    }
}

fn end(inner: &Inner, number: u64, reply: Option<Reply>) -> Option<Reply> {
    let outcome = reply.as_ref().map_or(Outcome::Cut, |reply| Outcome::Answered(reply.status));
    inner.state().journal.end(number, outcome);
    reply
}

fn seconds(secs: f64) -> Duration {
    Duration::from_millis(ms_from_secs(secs).and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0))
}
