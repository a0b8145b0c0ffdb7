//! `/_practice`: the truth, the faults and the clock, for the programs that test against us. No provider has these.

use serde_json::{Value, json};

use crate::clock::ms_from_secs;
use crate::faults;
use crate::inner::Inner;
use crate::reply::{Ask, Reply};

pub(crate) const BASE: &str = "/_practice";

const KNOWN: &str = "known: GET /_practice/state, GET /_practice/env, GET|POST|DELETE /_practice/faults, \
                     GET|POST /_practice/clock, DELETE /_practice/log, POST /_practice/machines/ID/reboot";

pub(crate) fn answer(inner: &Inner, ask: &Ask) -> Reply {
    let path: Vec<&str> = ask.path.trim_matches('/').split('/').collect();
    match (ask.method.as_str(), path.as_slice()) {
        ("GET", ["state"]) => Reply::json(inner.truth()),
        ("GET", ["env"]) => Reply::text(200, "text/plain; charset=utf-8", environment(inner)),
        ("GET", ["faults"]) => Reply::json(inner.state().faults.json()),
        ("POST", ["faults"]) => add_faults(inner, &ask.body),
        ("DELETE", ["faults"]) => clear_faults(inner),
        ("GET", ["clock"]) => clock(inner),
        ("POST", ["clock"]) => move_clock(inner, &ask.body),
        ("DELETE", ["log"]) => {
            inner.state().journal.clear();
            Reply::json(json!({}))
        }
        ("POST", ["machines", id, "reboot"]) => reboot(inner, id),
        _ => Reply::message(404, format!("{} {}/{} is not known; {KNOWN}", ask.method, BASE, path.join("/"))),
    }
}

fn environment(inner: &Inner) -> String {
    inner.environment().into_iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

/// Adds faults; those that change the world and name no request happen at once.
fn add_faults(inner: &Inner, body: &Value) -> Reply {
    let rules = match faults::read(body) {
        Ok(rules) => rules,
        Err(message) => return Reply::message(400, message),
    };
    let now = inner.clock.now();
    let added = rules.len();
    let mut state = inner.state();
    for rule in rules {
        if rule.has_match() {
            state.faults.add(rule);
        } else {
            rule.of().change(&mut state, &rule, now);
        }
    }
    drop(state);
    inner.wake.notify_one();
    Reply::json(json!({ "added": added }))
}

/// Forgets faults that have not met a request, lets hanging requests go, and makes the market and the account whole.
fn clear_faults(inner: &Inner) -> Reply {
    let mut state = inner.state();
    state.faults.clear();
    state.world.heal();
    state.vast.heal();
    drop(state);
    inner.release.notify_waiters();
    Reply::json(json!({}))
}

fn clock(inner: &Inner) -> Reply {
    let now = crate::clock::rfc3339(inner.clock.now());
    Reply::json(json!({ "now": now, "offset_secs": inner.clock.offset_secs() }))
}

fn move_clock(inner: &Inner, body: &Value) -> Reply {
    let ms = |name: &str| body[name].as_f64().and_then(ms_from_secs);
    let moved = match (ms("advance_secs"), ms("set_offset_secs")) {
        (Some(ms), None) => inner.clock.advance(ms),
        (None, Some(ms)) => inner.clock.set_offset(ms),
        _ => return Reply::message(400, "the clock needs {\"advance_secs\": n} or {\"set_offset_secs\": n}"),
    };
    if let Err(error) = moved {
        return Reply::message(500, format!("the clock file cannot be written: {error}"));
    }
    inner.wake.notify_one();
    clock(inner)
}

fn reboot(inner: &Inner, id: &str) -> Reply {
    let now = inner.clock.now();
    let mut state = inner.state();
    let is_known = state.reboot(id, now);
    drop(state);
    inner.wake.notify_one();
    if is_known { Reply::json(json!({})) } else { Reply::message(404, format!("no living machine {id}")) }
}
