//! Reads jobs: their state and a bounded piece of their log. It changes nothing on the machine.

use bursar_core::job::JobState;

use crate::clean::{bound, clean, clean_line};
use crate::error::SshError;
use crate::gather::{fold, whole_chars};
use crate::job::{JOB_LIB, LIB, check_name, no_such_job, state};
use crate::{Ssh, Target};

const READ_MAX: usize = 1024 * 1024;
/// A tail is cut from this much, so that a progress bar of megabytes folds to its last picture.
const TAIL_WINDOW: usize = 512 * 1024;

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
    pub state: JobState,
    /// Seconds since 1970, by the machine's clock.
    pub started_at: Option<u64>,
    pub ended_at: Option<u64>,
    /// The size of the whole log.
    pub log_bytes: u64,
}

/// A job and a piece of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub name: String,
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
    /// Returns the state of a job and the wanted piece of its log.
    pub async fn get_job(&self, at: &Target, name: &str, read: &JobRead) -> Result<Job, SshError> {
        check_name(name)?;
        let cut = match read.from_offset {
            // A log shorter than the offset is the log of a newer job: it is read from its start.
            Some(from) => format!(
                "from={from}; [ \"$from\" -gt \"$size\" ] && from=0\necho \"$from\"\ntail -c +$((from + 1)) \"$d/log\" | head -c {}",
                read.max_bytes.clamp(16, READ_MAX)
            ),
            None => format!(
                "from=$((size > {TAIL_WINDOW} ? size - {TAIL_WINDOW} : 0))\necho \"$from\"\ntail -c +$((from + 1)) \"$d/log\" | head -c $((size - from))"
            ),
        };
        let script = format!(
            "{LIB}\n{JOB_LIB}\nname={name}; d=$jobs/$name\n[ -f \"$d/command\" ] || {{ echo unknown; names; exit 0; }}\n\
             line=$(describe \"$name\"); echo \"$line\"; size=${{line##* }}\n{cut}"
        );
        let answer = self.ask(at, "reading a job", &script, 30).await?.succeeded("reading a job")?;
        let (first, rest) = split_line(&answer.stdout);
        if first == b"unknown" {
            return Err(no_such_job(name, &String::from_utf8_lossy(rest)));
        }
        let summary = summary(&String::from_utf8_lossy(first), "reading a job")?;
        let (from, log) = split_line(rest);
        let from = std::str::from_utf8(from).ok().and_then(|from| from.parse().ok());
        let from: u64 = from.ok_or_else(|| odd("reading a job", "no offset"))?;
        Ok(job(summary, read, from, log))
    }

    /// Returns all jobs of the machine, in the order of their names.
    pub async fn list_jobs(&self, at: &Target) -> Result<Vec<JobSummary>, SshError> {
        let script = format!("{LIB}\n{JOB_LIB}\nfor name in $(names); do describe \"$name\"; done");
        let text = self.ask(at, "listing jobs", &script, 40).await?.succeeded("listing jobs")?.text();
        Ok(text.lines().filter_map(|line| summary(line, "listing jobs").ok()).collect())
    }
}

fn job(summary: JobSummary, read: &JobRead, from: u64, bytes: &[u8]) -> Job {
    let JobSummary { name, state, started_at, ended_at, log_bytes } = summary;
    let (taken, log) = match read.from_offset {
        Some(_) => {
            let cut = piece_end(bytes, state.is_open() || from + (bytes.len() as u64) < log_bytes);
            (cut, clean(&fold(&bytes[..cut])))
        }
        None => (bytes.len(), last_lines(&clean(&fold(bytes)), read.tail_lines, from > 0).to_owned()),
    };
    let log = bound(&log, read.max_bytes);
    Job { name, state, started_at, ended_at, log, log_bytes, next_offset: from + taken as u64 }
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

fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}

/// Reads `job NAME KIND EXIT STOPPED STARTED ENDED SIZE`.
pub(crate) fn summary(line: &str, doing: &'static str) -> Result<JobSummary, SshError> {
    let words: Vec<&str> = line.trim_end().split(' ').collect();
    let ["job", name, kind, exit, stopped, started, ended, size] = words[..] else {
        return Err(odd(doing, line));
    };
    check_name(name).map_err(|_| odd(doing, line))?;
    let stopped_at = stopped.parse().ok();
    let state = state(kind, exit.parse().ok(), stopped_at.is_some());
    let ended_at = if state.is_open() { None } else { ended.parse().ok().or(stopped_at) };
    Ok(JobSummary {
        name: name.to_owned(),
        state,
        started_at: started.parse().ok(),
        ended_at,
        log_bytes: size.parse().unwrap_or(0),
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
        assert!(summary("job a running - - 5 - 12", "x").is_ok());
        for line in ["", "job a b", "job ../a running - - 5 - 12", "nonsense a running - - 5 - 12"] {
            assert!(summary(line, "x").is_err(), "{line}");
        }
    }
}
