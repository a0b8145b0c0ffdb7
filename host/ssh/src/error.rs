//! What can go wrong on a machine, told apart by what the caller can do about it. Texts from machines arrive here cleaned.

use bursar_core::time::Moment;
use std::path::PathBuf;

/// A failure of this room. `hint` says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// Nothing answered; nothing was done.
    #[error("{address} does not answer: {why}")]
    Unreachable { address: String, why: String },
    /// The machine answers and does not take our key; nothing was done.
    #[error("{address} refused the key {key}")]
    Denied { address: String, key: String },
    /// Another machine, or somebody in between, answers at this address; nothing was done.
    #[error("the host key of instance {instance} at {address} changed: pinned {pinned}, seen {seen}")]
    HostKeyChanged { instance: String, address: String, pinned: String, seen: String, file: PathBuf },
    /// The connection broke after something was sent: what we asked may be going on.
    #[error("the connection to {address} broke while {doing}")]
    Lost { address: String, doing: &'static str },
    /// No answer within the time: what we asked may be going on.
    #[error("{address} took longer than {secs} s while {doing}")]
    TooSlow { address: String, doing: &'static str, secs: u64 },
    /// Nothing answered on that port of the machine.
    #[error("port {port} of {address} cannot be used: {why}")]
    NoPort { address: String, port: u16, why: String },
    /// The caller's own words cannot be used; nothing was done.
    #[error("{what} cannot be used: {why}")]
    Input { what: &'static str, why: String },
    /// The machine did not do it.
    #[error("the machine failed {doing}: {why}")]
    Machine { doing: &'static str, why: String },
    /// A job of that name runs; nothing was started.
    #[error("job {name} already runs on this instance, since {started_at}")]
    JobRuns { name: String, started_at: Moment },
    /// A job of that name has ended; nothing was started.
    #[error("job {name} was started on this instance before and has ended: {state}")]
    JobEnded { name: String, state: String, next: String },
    /// Its log was followed, and somebody started another job of that name.
    #[error("job {name} was started anew while it was followed")]
    JobReplaced { name: String },
    /// No job of that name was ever started there.
    #[error("no job {name} on this instance; known: {known}")]
    NoSuchJob { name: String, known: String },
    /// Larger than the caller allows; nothing was kept.
    #[error("the file has {bytes} bytes, more than the {max} allowed")]
    TooLarge { bytes: u64, max: u64 },
    /// What arrived is not what was sent; nothing was kept.
    #[error("the copy differs: {why}")]
    Damaged { why: String },
    /// A file of our own state cannot be used.
    #[error("cannot use {path}: {why}")]
    State { path: PathBuf, why: String },
}

impl SshError {
    /// Returns what to do next, as one line for a person or an agent.
    pub fn hint(&self) -> String {
        match self {
            SshError::Unreachable { .. } => "a new machine needs a minute or two until SSH answers; try again, and look at the instance's state".into(),
            SshError::Denied { .. } => "a new machine may still be taking over keys: try again in a minute; if it stays, the machine was made with another key".into(),
            SshError::HostKeyChanged { instance, file, .. } => format!(
                "do not log in before you know why; if the machine was reinstalled on purpose, remove the line of {instance} from {}",
                file.display()
            ),
            SshError::Lost { .. } => "it is not known whether it finished: look before repeating it; long work belongs into a job, which survives this".into(),
            SshError::TooSlow { .. } => "look before repeating it; allow more time, or start it as a job".into(),
            SshError::NoPort { .. } => "start the server first, on 127.0.0.1; `ss -ltn` on the machine shows what listens".into(),
            SshError::Input { .. } => "nothing was done; change it and call again".into(),
            SshError::Machine { .. } => "look at the text, mend it on the machine, and call again".into(),
            SshError::JobRuns { name, .. } => format!("read it with get_job, end it with stop_job, or choose another name than {name}"),
            SshError::JobEnded { next, .. } => format!("its log keeps its name: read it with get_job, and start this one under another name, such as {next}"),
            SshError::JobReplaced { .. } => "follow it anew; somebody removed the job before it on the machine".into(),
            SshError::NoSuchJob { .. } => "call list_jobs for the names".into(),
            SshError::TooLarge { .. } => "raise the limit, or pack or split the file on the machine first".into(),
            SshError::Damaged { .. } => "copy it again when nothing writes to it".into(),
            SshError::State { path, .. } => format!("check that {} belongs to you and can be written, and that the disk is not full", path.display()),
        }
    }

    /// Returns whether the same call may succeed later without a change: the machine is young, or was away.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            SshError::Unreachable { .. } | SshError::Denied { .. } | SshError::Lost { .. } | SshError::TooSlow { .. }
        )
    }

    pub(crate) fn input(what: &'static str, why: impl Into<String>) -> SshError {
        SshError::Input { what, why: why.into() }
    }

    pub(crate) fn state(path: &std::path::Path, why: impl std::fmt::Display) -> SshError {
        SshError::State { path: path.to_path_buf(), why: why.to_string() }
    }
}
