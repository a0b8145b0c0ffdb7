//! Exit codes: one for each thing that a script can do next. `--help` lists them.

use crate::flow::FlowError;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Done,
    Failed,
    Refused,
    InDoubt,
    NeedsYou,
    /// Left with Ctrl-C.
    Left,
    /// What a command on a machine ended with.
    Remote(u8),
    /// A command on a machine was ended when its time was up.
    TimedOut,
    /// A command on a machine was not run, or nobody knows how it ended.
    NotRun,
}

/// The table for `--help`.
pub(super) const HELP: &str = "\
Exit codes:
  0    done
  1    failed; nothing is left behind unless the message says so
  2    the command line cannot be understood
  3    refused by a limit, a setting or the order itself; nothing was done
  4    in doubt: something may be left, its cost stays held until the provider's lists tell
  5    something needs you (doctor, ls: a problem, an overrun, a doubt, an account that took too much)
  130  left with Ctrl-C
  `run` and `ssh` end with the code of the command on the machine. `run` (without --job) has, as `timeout` has,
  124  the command was ended when its time was up
  125  bursar's own failure or refusal: it was not run, or it is not known how it ended
  128+N  signal N ended the command

With --json the answer is one JSON document on stdout, errors too; amounts are exact decimal texts in USD, moments are
RFC 3339 in UTC. Logs go to stderr; BURSAR_LOG=debug shows more.";

impl Code {
    /// Returns the code of a flow that did not end well.
    pub(super) fn of(error: &FlowError) -> Code {
        match error.kind() {
            "refused" => Code::Refused,
            "in_doubt" => Code::InDoubt,
            _ => Code::Failed,
        }
    }

    fn number(self) -> u8 {
        match self {
            Code::Done => 0,
            Code::Failed => 1,
            // 2 is clap's own, for a command line that cannot be understood.
            Code::Refused => 3,
            Code::InDoubt => 4,
            Code::NeedsYou => 5,
            Code::Left => 130,
            Code::Remote(code) => code,
            Code::TimedOut => 124,
            Code::NotRun => 125,
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> ExitCode {
        ExitCode::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_end_has_its_documented_code() {
        for (code, number) in [
            (Code::Done, 0),
            (Code::of(&FlowError::failed("x", "y")), 1),
            (Code::of(&FlowError::refused("x", "y")), 3),
            (Code::of(&FlowError::InDoubt { instance: "i".into(), what: "x".into(), hint: "y".into() }), 4),
            (Code::NeedsYou, 5),
            (Code::Left, 130),
            (Code::TimedOut, 124),
            (Code::NotRun, 125),
            (Code::Remote(42), 42),
        ] {
            assert_eq!(code.number(), number, "{code:?}");
            assert!(number == 42 || HELP.lines().any(|line| line.starts_with(&format!("  {number} "))), "{number}");
        }
    }
}
