//! The log of every request to an imitated provider, for tests that must know what was really asked and answered.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::reply::Ask;

/// More than this and the oldest rows go.
const ROWS_MAX: usize = 20_000;

#[derive(Default)]
pub(crate) struct Journal {
    rows: Vec<Row>,
    next: u64,
}

struct Row {
    number: u64,
    at: Timestamp,
    provider: &'static str,
    ask: Ask,
    outcome: Outcome,
    fault: Option<String>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Being worked on.
    Open,
    /// Held open without an answer, on purpose.
    Hanging,
    Answered(u16),
    /// We cut the connection without an answer.
    Cut,
    /// The client went away while we held it.
    Abandoned,
}

impl Journal {
    pub(crate) fn begin(&mut self, provider: &'static str, ask: &Ask, at: Timestamp) -> u64 {
        if self.rows.len() >= ROWS_MAX {
            self.rows.drain(..ROWS_MAX / 10);
        }
        self.next += 1;
        self.rows.push(Row { number: self.next, at, provider, ask: ask.clone(), outcome: Outcome::Open, fault: None });
        self.next
    }

    pub(crate) fn fault(&mut self, number: u64, fault: &str) {
        if let Some(row) = self.find(number) {
            row.fault = Some(fault.to_owned());
        }
    }

    pub(crate) fn end(&mut self, number: u64, outcome: Outcome) {
        if let Some(row) = self.find(number) {
            row.outcome = outcome;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.rows.clear();
    }

    pub(crate) fn json(&self) -> Value {
        self.rows.iter().map(Row::json).collect()
    }

    fn find(&mut self, number: u64) -> Option<&mut Row> {
        self.rows.iter_mut().rev().find(|row| row.number == number)
    }
}

impl Row {
    fn json(&self) -> Value {
        let (outcome, status) = match self.outcome {
            Outcome::Open => ("open", None),
            Outcome::Hanging => ("hanging", None),
            Outcome::Answered(status) => ("answered", Some(status)),
            Outcome::Cut => ("cut", None),
            Outcome::Abandoned => ("abandoned", None),
        };
        json!({
            "n": self.number,
            "at": rfc3339(self.at),
            "provider": self.provider,
            "method": self.ask.method,
            "path": self.ask.path,
            "query": self.ask.query,
            "body": self.ask.body,
            "outcome": outcome,
            "status": status,
            "fault": self.fault,
        })
    }
}
