//! A job's log by the byte: what is read is what was written, and whoever reads on from where a piece ended misses nothing
//! and reads nothing twice, however often the connection breaks. This module changes nothing on the machine.

use std::time::Duration;

use crate::error::SshError;
use crate::job::{JOB_LIB, LIB, check_name, no_such_job};
use crate::job_read::{JobSummary, odd, split_line, summary};
use crate::{Ssh, Target};

const READ_MAX: u64 = 1024 * 1024;
/// A tail is cut from this much, so that a progress bar of megabytes folds to its last picture.
pub(crate) const TAIL_WINDOW: u64 = 512 * 1024;
/// Longer than this one question does not wait for more.
const WAIT_MAX_SECS: u64 = 20;

/// Which bytes of a log are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogPart {
    /// The last ones, as many as one answer holds.
    Tail,
    /// Those from this offset on, at most `max` of them.
    From { offset: u64, max: u64 },
}

/// A job, and a piece of its log as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPiece {
    pub job: JobSummary,
    /// Where the piece begins.
    pub from: u64,
    pub bytes: Vec<u8>,
}

impl LogPiece {
    /// Returns where the next piece begins.
    pub fn next(&self) -> u64 {
        self.from + self.bytes.len() as u64
    }

    /// Returns whether all that the job ever writes has been read with this piece.
    pub fn is_last(&self) -> bool {
        !self.job.state.is_open() && self.next() >= self.job.log_bytes
    }
}

impl Ssh {
    /// Returns the state of a job and the wanted piece of its log. Where an offset is given and nothing is there yet, it
    /// waits so long for more, or for the end of the job.
    pub async fn read_log(
        &self,
        at: &Target,
        name: &str,
        wanted: LogPart,
        wait: Duration,
    ) -> Result<LogPiece, SshError> {
        check_name(name)?;
        let doing = "reading a job";
        let wait_secs = wait.as_secs().min(WAIT_MAX_SECS);
        let script = format!(
            "{LIB}\n{JOB_LIB}\nname={name}; d=$jobs/$name\n[ -f \"$d/command\" ] || {{ echo unknown; names; exit 0; }}\n{}\n\
             line=$(describe \"$name\"); echo \"$line\"; size=${{line##* }}\n{}",
            await_more(wanted, wait_secs),
            cut(wanted),
        );
        let answer = self.ask(at, doing, &script, 30 + wait_secs).await?.succeeded(doing)?;
        let (first, rest) = split_line(&answer.stdout);
        if first == b"unknown" {
            return Err(no_such_job(name, &String::from_utf8_lossy(rest)));
        }
        let job = summary(&String::from_utf8_lossy(first), doing)?;
        let (from, bytes) = split_line(rest);
        let from = std::str::from_utf8(from).ok().and_then(|from| from.parse().ok());
        Ok(LogPiece { job, from: from.ok_or_else(|| odd(doing, "no offset"))?, bytes: bytes.to_owned() })
    }
}

fn await_more(wanted: LogPart, secs: u64) -> String {
    let LogPart::From { offset, .. } = wanted else { return String::new() };
    if secs == 0 {
        return String::new();
    }
    // The clock tells when it is over: each look takes a time of its own.
    format!(
        "until=$(($(date +%s) + {secs}))\n\
         while [ \"$(($(wc -c <\"$d/log\")))\" -le {offset} ] && [ \"$(date +%s)\" -lt \"$until\" ]; do\n\
           runs \"$d\" || break\n  sleep 0.3 2>/dev/null || sleep 1\ndone"
    )
}

fn cut(wanted: LogPart) -> String {
    match wanted {
        // Behind the end there is nothing yet, and reading goes on from the end.
        LogPart::From { offset, max } => format!(
            "from={offset}; [ \"$from\" -gt \"$size\" ] && from=$size\necho \"$from\"\n\
             tail -c +$((from + 1)) \"$d/log\" | head -c {}",
            max.clamp(16, READ_MAX)
        ),
        LogPart::Tail => format!(
            "from=$((size > {TAIL_WINDOW} ? size - {TAIL_WINDOW} : 0))\necho \"$from\"\n\
             tail -c +$((from + 1)) \"$d/log\" | head -c $((size - from))"
        ),
    }
}
