//! What a job on a machine may be doing. This module never talks to a machine.

use serde::{Deserialize, Serialize};

/// The state of a job, told apart as far as the machine left evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// Written down on the machine and not started yet.
    Queued,
    /// Its process group lives.
    Running,
    /// Ended by itself with this code.
    Exited { code: i32 },
    /// Ended by this signal, which we did not send.
    Killed { signal: String },
    /// Ended because we asked.
    Stopped,
    /// The machine restarted or the process vanished, and nothing tells how it ended.
    Lost { why: String },
}

impl JobState {
    /// Returns whether the job can still change by itself.
    pub fn is_open(&self) -> bool {
        matches!(self, JobState::Queued | JobState::Running)
    }
}

impl std::fmt::Display for JobState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            JobState::Queued => f.write_str("queued"),
            JobState::Running => f.write_str("running"),
            JobState::Exited { code } => write!(f, "exited {code}"),
            JobState::Killed { signal } => write!(f, "killed by {signal}"),
            JobState::Stopped => f.write_str("stopped"),
            JobState::Lost { why } => write!(f, "lost: {why}"),
        }
    }
}
