//! What the answer to a spend or a release means (rule 6). Only *refused* and *ended* free money; the rest is doubt.

use super::{Verdict, matches};
use crate::{
    json::Json,
    manifest::{Conditions, Effect, Route},
    template::Words,
};

pub(super) fn of(route: &Route, words: &Words, status: u16, json: Option<&Json>, proves: bool) -> Option<Verdict> {
    if !matches!(route.effect, Effect::Spend | Effect::Release) {
        return None;
    }
    if !proves {
        return Some(Verdict::Unclear("an answer of an open endpoint proves nothing".to_owned()));
    }
    let answer = Answer { words, status, json };
    Some(if answer.frees(&route.ended) {
        Verdict::Ended
    } else if answer.frees(&route.refused) {
        Verdict::Refused(said(status, json))
    } else if !(200..300).contains(&status) {
        Verdict::Unclear(said(status, json))
    } else if json.is_none() && !route.refused.lines.is_empty() {
        Verdict::Unclear("the answer cannot be read, so a refusal in it cannot be ruled out".to_owned())
    } else if route.accepted.as_ref().is_some_and(|accepted| !answer.accepts(accepted)) {
        Verdict::Unclear("the answer does not show that it was accepted".to_owned())
    } else {
        Verdict::Accepted
    })
}

struct Answer<'a> {
    words: &'a Words,
    status: u16,
    json: Option<&'a Json>,
}

impl Answer<'_> {
    /// A body speaks only below 500: a broken provider may have done what it says it did not.
    fn frees(&self, conditions: &Conditions) -> bool {
        let spoken = self.json.filter(|_| self.status < 500);
        let line = |json| conditions.lines.iter().any(|line| matches::all(line, self.words, json));
        conditions.status.contains(&self.status) || spoken.is_some_and(line)
    }

    fn accepts(&self, conditions: &Conditions) -> bool {
        let line = |json| conditions.lines.iter().any(|line| matches::some(line, self.words, json));
        conditions.status.contains(&self.status) || self.json.is_some_and(line)
    }
}

/// Returns the status and what the provider said, short and without control characters.
fn said(status: u16, json: Option<&Json>) -> String {
    let member = |json: &Json| {
        ["message", "msg", "detail", "error"].into_iter().find_map(|name| json.get(name)?.text().map(str::to_owned))
    };
    let text = json.and_then(member).unwrap_or_default();
    let text = crate::text::clean(&text, 300);
    if text.is_empty() { format!("status {status}") } else { format!("status {status}: {text}") }
}
