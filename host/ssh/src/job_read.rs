//! Reads jobs: their state, and a piece of their log as bounded text. It changes nothing on the machine.

use std::time::Duration;

use bursar_core::job::JobState;

use crate::clean::{bound, clean, clean_line, left_out_note};
use crate::error::SshError;
use crate::gather::{fold, whole_chars};
use crate::job::{JOB_LIB, LIB, SAVE_MAX, check_name, is_plain_path, state};
use crate::job_log::{LogPart, LogPiece};
use crate::{Ssh, Target};

/// Which piece of a job's log is wanted.
#[derive(Debug, Clone)]
pub struct JobRead {
    /// The last lines, where no offset is given.
    pub tail_lines: usize,
    /// The next piece from here: 0 first, then `next_offset` of the answer before.
    pub from_offset: Option<u64>,
    pub max_bytes: usize,
}

impl Default for JobRead {
    fn default() -> JobRead {
        JobRead { tail_lines: 100, from_offset: None, max_bytes: 32 * 1024 }
    }
}

/// A job without its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSummary {
    pub name: String,
    /// Tells one start of this name from another.
    pub run: String,
    pub state: JobState,
    /// Seconds since 1970, by the machine's clock.
    pub started_at: Option<u64>,
    pub ended_at: Option<u64>,
    /// The size of the whole log.
    pub log_bytes: u64,
    /// Paths whose files are wanted when it ends. Only lists of all jobs tell them.
    pub save: Vec<String>,
}

/// A job and a piece of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub name: String,
    pub run: String,
    pub state: JobState,
    pub started_at: Option<u64>,
    pub ended_at: Option<u64>,
    /// Cleaned, repainted lines folded, bounded.
    pub log: String,
    pub log_bytes: u64,
    /// Where the next piece begins.
    pub next_offset: u64,
}

impl Ssh {
    /// Returns the state of a job and the wanted piece of its log, as text for readers.
    pub async fn get_job(&self, at: &Target, name: &str, read: &JobRead) -> Result<Job, SshError> {
        Ok(self.read_log(at, name, read.wanted(), Duration::ZERO).await?.into_job(read))
    }

    /// Returns all jobs of the machine, in the order of their names.
    pub async fn list_jobs(&self, at: &Target) -> Result<Vec<JobSummary>, SshError> {
        let script = format!(
            "{LIB}\n{JOB_LIB}\nfor name in $(names); do describe \"$name\"; sed 's/^/save /' \"$jobs/$name/save\" 2>/dev/null; done"
        );
        let text = self.ask(at, "listing jobs", &script, 40).await?.succeeded("listing jobs")?.text();
        Ok(summaries(&text))
    }
}

fn summaries(text: &str) -> Vec<JobSummary> {
    let mut jobs: Vec<JobSummary> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("save "), jobs.last_mut()) {
            (Some(path), Some(job)) if is_plain_path(path) && job.save.len() < SAVE_MAX => {
                job.save.push(path.to_owned())
            }
            (Some(_), Some(_)) => {}
            _ => jobs.extend(summary(line, "listing jobs")),
        }
    }
    jobs
}

impl JobRead {
    /// Returns which bytes of the log this needs.
    pub fn wanted(&self) -> LogPart {
        match self.from_offset {
            Some(offset) => LogPart::From { offset, max: self.max_bytes as u64 },
            None => LogPart::Tail,
        }
    }
}

impl LogPiece {
    /// Returns the piece as text for readers. What is missing before it is said.
    pub fn into_job(self, read: &JobRead) -> Job {
        let LogPiece { job, from, bytes } = self;
        let more_may_come = job.state.is_open() || from + (bytes.len() as u64) < job.log_bytes;
        let (taken, log) = match read.from_offset {
            Some(asked) => {
                let cut = piece_end(&bytes, more_may_come);
                let gap = if from > asked { left_out_note(from - asked) } else { String::new() };
                (cut, gap + &clean(&fold(&bytes[..cut])))
            }
            None => (bytes.len(), last_lines(&clean(&fold(&bytes)), read.tail_lines, from > 0).to_owned()),
        };
        let JobSummary { name, run, state, started_at, ended_at, log_bytes, .. } = job;
        let log = bound(&log, read.max_bytes);
        Job { name, run, state, started_at, ended_at, log, log_bytes, next_offset: from + taken as u64 }
    }
}

/// Turns pieces that follow each other into text for readers, whole lines at a time.
#[derive(Debug, Default)]
pub struct LogText {
    unfinished: Vec<u8>,
}

impl LogText {
    /// Returns what can be shown by now.
    pub fn next(&mut self, piece: &LogPiece) -> String {
        self.unfinished.extend_from_slice(&piece.bytes);
        let cut = piece_end(&self.unfinished, !piece.is_last());
        let shown: Vec<u8> = self.unfinished.drain(..cut).collect();
        clean(&fold(&shown))
    }
}

/// Returns where a piece ends. While more may come it ends after a whole line, or at least after a whole character.
fn piece_end(bytes: &[u8], more_may_come: bool) -> usize {
    if !more_may_come {
        return bytes.len();
    }
    match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(at) => at + 1,
        None => whole_chars(bytes),
    }
}

/// Returns the last `count` lines; a first line that the window cut is dropped where another stands behind it.
fn last_lines(text: &str, count: usize, cut: bool) -> &str {
    let text = match text.split_once('\n') {
        Some((_, rest)) if cut && !rest.is_empty() => rest,
        _ => text,
    };
    let ends = text.trim_end_matches('\n').rmatch_indices('\n').nth(count.max(1) - 1);
    ends.map_or(text, |(at, _)| &text[at + 1..])
}

pub(crate) fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}

/// Reads `job NAME RUN KIND EXIT STOPPED STARTED ENDED SIZE`.
pub(crate) fn summary(line: &str, doing: &'static str) -> Result<JobSummary, SshError> {
    let words: Vec<&str> = line.trim_end().split(' ').collect();
    let ["job", name, run, kind, exit, stopped, started, ended, size] = words[..] else {
        return Err(odd(doing, line));
    };
    check_name(name).and(check_name(run)).map_err(|_| odd(doing, line))?;
    let stopped_at = stopped.parse().ok();
    let state = state(kind, exit.parse().ok(), stopped_at.is_some());
    let ended_at = if state.is_open() { None } else { ended.parse().ok().or(stopped_at) };
    Ok(JobSummary {
        name: name.to_owned(),
        run: run.to_owned(),
        state,
        started_at: started.parse().ok(),
        ended_at,
        log_bytes: size.parse().unwrap_or(0),
        save: Vec::new(),
    })
}

pub(crate) fn odd(doing: &'static str, text: &str) -> SshError {
    SshError::Machine { doing, why: format!("it answered `{}`", clean_line(text.as_bytes(), 200)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_whole_lines() {
        let cases = [
            ("a\nb\nc\n", 2, false, "b\nc\n"),
            ("a\nb\nc", 2, false, "b\nc"),
            ("a\nb\n", 9, false, "a\nb\n"),
            ("half\nb\n", 9, true, "b\n"),
            ("half", 1, true, "half"),
            ("", 3, false, ""),
            ("a\nb\n", 0, false, "b\n"),
        ];
        for (text, count, cut, expected) in cases {
            assert_eq!(last_lines(text, count, cut), expected, "{text:?} {count} {cut}");
        }
    }

    #[test]
    fn a_piece_ends_where_reading_can_go_on() {
        let cases = [
            (&b"one\ntw"[..], true, 4),
            (b"one\ntw", false, 6),
            ("né".as_bytes(), true, 3),
            (&"né".as_bytes()[..2], true, 1),
            (b"", true, 0),
        ];
        for (bytes, more, expected) in cases {
            assert_eq!(piece_end(bytes, more), expected, "{bytes:?} {more}");
        }
    }

    #[test]
    fn a_line_that_is_not_ours_is_no_job() {
        assert!(summary("job a r1 running - - 5 - 12", "x").is_ok());
        for line in ["", "job a b", "job ../a r1 running - - 5 - 12", "nonsense a r1 running - - 5 - 12"] {
            assert!(summary(line, "x").is_err(), "{line}");
        }
    }
}
