//! Follows a job's log to its end, across every loss of the connection: each byte is given on once and in order, and the
//! end is told once.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::SshError;
use crate::job_log::{LogPart, LogPiece};
use crate::job_read::JobSummary;
use crate::{Ssh, Target};

const PIECE_MAX: u64 = 512 * 1024;
/// What a connection that breaks all the time still carries.
const PIECE_MIN: u64 = 8 * 1024;
/// How long one question waits for more.
const WAIT: Duration = Duration::from_secs(10);
/// So long the machine may be away before following gives up; the job goes on all the same.
const AWAY_MAX: Duration = Duration::from_secs(180);

/// Where following begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FollowFrom {
    pub offset: u64,
    /// Which start of the job is meant, where an earlier answer told it.
    pub run: Option<String>,
}

impl Ssh {
    /// Reads on until the job has ended and all of its log is read, and returns how it ended. `take` gets the pieces and
    /// says whether it wants more.
    pub async fn follow_log(
        &self,
        at: &Target,
        name: &str,
        from: FollowFrom,
        take: &mut (dyn FnMut(&LogPiece) -> bool + Send),
    ) -> Result<JobSummary, SshError> {
        let FollowFrom { mut offset, mut run } = from;
        let mut away: Option<Instant> = None;
        let mut max = PIECE_MAX;
        loop {
            let piece = match self.read_log(at, name, LogPart::From { offset, max }, WAIT).await {
                Err(error) if error.may_pass() => {
                    max = (max / 2).max(PIECE_MIN);
                    let since = *away.get_or_insert_with(Instant::now);
                    if since.elapsed() > AWAY_MAX {
                        return Err(error);
                    }
                    sleep((since.elapsed() / 2).clamp(Duration::from_millis(50), Duration::from_secs(5))).await;
                    continue;
                }
                piece => piece?,
            };
            away = None;
            max = (max * 2).min(PIECE_MAX);
            if *run.get_or_insert_with(|| piece.job.run.clone()) != piece.job.run {
                return Err(SshError::JobReplaced { name: piece.job.name });
            }
            offset = piece.next();
            if !take(&piece) || piece.is_last() {
                return Ok(piece.job);
            }
        }
    }
}
