//! Jobs: commands that outlive every connection. A job's files live on its machine in `~/.bursar/jobs/NAME/`, and its state
//! is read from what they and the kernel say, never from what we remember. The scripts beside this file do the work there.

use std::time::Duration;

use bursar_core::job::JobState;

use crate::clean::clean;
use crate::copy::key_of;
use crate::env::Env;
use crate::error::SshError;
use crate::exec::Answer;
use crate::job_read::{self, JobSummary};
use crate::key::random_hex;
use crate::run::{checked, enter};
use crate::script::quote;
use crate::{Ssh, Target};
use bursar_core::time::Moment;

pub(crate) const LIB: &str = include_str!("lib.sh");
pub(crate) const JOB_LIB: &str = include_str!("job_lib.sh");
const RUN: &str = include_str!("job_run.sh");
const START: &str = include_str!("job_start.sh");
const STOP: &str = include_str!("job_stop.sh");
const COMMAND_MAX: usize = 1024 * 1024;
/// So long a start is asked again whose answer got lost.
const AGAIN: Duration = Duration::from_secs(20);
pub(crate) const SAVE_MAX: usize = 32;

/// A job to start.
#[derive(Debug, Clone)]
pub struct JobSpec {
    /// Letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// Any text that bash (or sh, where bash is missing) understands.
    pub command: String,
    pub workdir: Option<String>,
    /// Paths on the machine whose files are wanted when it ends. They are kept beside the job and told with it.
    pub save: Vec<String>,
    /// Handed over in a file of its user, which is removed before the command begins.
    pub env: Env,
}

/// What stopping found and left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobStopped {
    /// False where the job had ended before; `ended` processes of it may have been left over all the same.
    pub was_running: bool,
    /// Processes that were ended.
    pub ended: u32,
    /// Processes that still live: the kernel holds them, and only a restart of the machine helps.
    pub left: u32,
    pub job: JobSummary,
}

impl Ssh {
    /// Starts a job and returns once it runs or has ended. A name is taken for as long as the machine lives: asked again
    /// with the same arguments while it runs, it is the same job. Where the answer gets lost it is asked again, and starts
    /// once.
    pub async fn start_job(&self, at: &Target, spec: &JobSpec) -> Result<JobSummary, SshError> {
        check_name(&spec.name)?;
        let command = checked("command", &spec.command)?;
        if command.len() > COMMAND_MAX {
            return Err(SshError::input(
                "command",
                format!("{} bytes, at most {COMMAND_MAX}; upload it as a file", command.len()),
            ));
        }
        let (enter, save, vars) = (enter(spec.workdir.as_deref())?, save_lines(&spec.save)?, spec.env.script()?);
        let script = format!(
            "{LIB}\n{JOB_LIB}\nname={} token={} ask={}\ncommand={}\nenter={}\nsave={}\nvars={}\nrun={}\nlib={}\n{START}",
            spec.name,
            random_hex(),
            key_of(&[command, &enter, &save, &vars].map(str::as_bytes)),
            quote(command),
            quote(&enter),
            quote(&save),
            quote(&vars),
            quote(RUN),
            quote(LIB),
        );
        let text = self.ask_again(at, "starting a job", &script).await?.succeeded("starting a job")?.text();
        if let Some(since) = text.strip_prefix("runs ") {
            return Err(SshError::JobRuns {
                name: spec.name.clone(),
                started_at: Moment(since.trim().parse().unwrap_or(0)),
            });
        }
        if let Some((next, job)) = text.strip_prefix("ended ").and_then(|rest| rest.split_once('\n')) {
            let state = job_read::summary(job, "starting a job")?.state.to_string();
            let next = check_name(next).map_or_else(|_| "a shorter one".to_owned(), |()| format!("`{next}`"));
            return Err(SshError::JobEnded { name: spec.name.clone(), state, next });
        }
        job_read::summary(&text, "starting a job")
    }

    /// Asks what may be asked twice, and again where the connection broke before the answer.
    async fn ask_again(&self, at: &Target, doing: &'static str, script: &str) -> Result<Answer, SshError> {
        let first = match self.ask(at, doing, script, 30).await {
            Err(error @ SshError::Lost { .. }) => error,
            answer => return answer,
        };
        let again = async {
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                match self.ask(at, doing, script, 30).await {
                    Err(error) if error.may_pass() => tracing::debug!(%error, doing, "asked again without an answer"),
                    answer => return answer,
                }
            }
        };
        tokio::time::timeout(AGAIN, again).await.unwrap_or(Err(first))
    }

    /// Ends a job with all it started: asks, waits 5 s, then ends it by force, whatever ignores hang-ups or went its own way.
    pub async fn stop_job(&self, at: &Target, name: &str) -> Result<JobStopped, SshError> {
        check_name(name)?;
        let script = format!("{LIB}\n{JOB_LIB}\nname={name}\n{STOP}");
        let text = self.ask(at, "stopping a job", &script, 40).await?.succeeded("stopping a job")?.text();
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        if first == "unknown" {
            return Err(no_such_job(name, rest));
        }
        let words: Vec<&str> = first.split(' ').collect();
        let ["stopped", before, found, left] = words[..] else {
            return Err(job_read::odd("stopping a job", &text));
        };
        let (found, left) = (found.parse().unwrap_or(0_u32), left.parse().unwrap_or(0_u32));
        Ok(JobStopped {
            was_running: matches!(before, "running" | "queued"),
            ended: found.saturating_sub(left),
            left,
            job: job_read::summary(rest, "stopping a job")?,
        })
    }
}

fn save_lines(paths: &[String]) -> Result<String, SshError> {
    let mut lines = String::new();
    for path in paths {
        if !is_plain_path(checked("path to save", path)?) {
            return Err(SshError::input(
                "path to save",
                "use at most 1,024 bytes without line breaks and invisible signs",
            ));
        }
        lines = lines + path + "\n";
    }
    match paths.len() > SAVE_MAX {
        true => Err(SshError::input("paths to save", format!("{} paths, at most {SAVE_MAX}", paths.len()))),
        false => Ok(lines),
    }
}

/// Whether a path can be shown as it is. The machine keeps it, so it is judged again when it comes back.
pub(crate) fn is_plain_path(path: &str) -> bool {
    path.len() <= 1_024 && !path.contains(['\n', '\t']) && clean(path.as_bytes()) == path
}

pub(crate) fn check_name(name: &str) -> Result<(), SshError> {
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    match fits {
        true => Ok(()),
        false => Err(SshError::input("job name", "use 1 to 64 letters, digits, _ and -")),
    }
}

pub(crate) fn no_such_job(name: &str, known: &str) -> SshError {
    let known: Vec<&str> = known.lines().filter(|line| check_name(line).is_ok()).take(20).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    SshError::NoSuchJob { name: name.to_owned(), known }
}

/// Returns the state that the machine's words tell. `exit` counts first: it is written when all is over.
pub(crate) fn state(kind: &str, exit: Option<i32>, stopped: bool) -> JobState {
    match (kind, exit) {
        ("running", _) => JobState::Running,
        ("queued", _) => JobState::Queued,
        (_, _) if stopped => JobState::Stopped,
        // A shell reports the death by a signal as 128 + its number; there are no signals 32 and 33 that kill.
        ("ended", Some(code @ (129..=159 | 162..=192))) => JobState::Killed { signal: signal_name(code - 128) },
        ("ended", Some(code)) => JobState::Exited { code },
        ("rebooted", _) => JobState::Lost { why: "the machine restarted while it ran".into() },
        _ => JobState::Lost { why: "its process vanished without an exit code".into() },
    }
}

fn signal_name(number: i32) -> String {
    let names = [
        (1, "HUP"),
        (2, "INT"),
        (3, "QUIT"),
        (4, "ILL"),
        (5, "TRAP"),
        (6, "ABRT"),
        (7, "BUS"),
        (8, "FPE"),
        (9, "KILL"),
        (10, "USR1"),
        (11, "SEGV"),
        (12, "USR2"),
        (13, "PIPE"),
        (14, "ALRM"),
        (15, "TERM"),
        (24, "XCPU"),
        (25, "XFSZ"),
        (31, "SYS"),
    ];
    names.iter().find(|(known, _)| *known == number).map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_a_job_has_its_own_state() {
        let lost = |why: &str| JobState::Lost { why: why.into() };
        let cases = [
            ("running", None, false, JobState::Running),
            ("running", None, true, JobState::Running),
            ("queued", None, false, JobState::Queued),
            ("ended", Some(0), false, JobState::Exited { code: 0 }),
            ("ended", Some(3), false, JobState::Exited { code: 3 }),
            ("ended", Some(128), false, JobState::Exited { code: 128 }),
            ("ended", Some(137), false, JobState::Killed { signal: "KILL".into() }),
            ("ended", Some(160), false, JobState::Exited { code: 160 }),
            ("ended", Some(162), false, JobState::Killed { signal: "34".into() }),
            ("ended", Some(255), false, JobState::Exited { code: 255 }),
            ("ended", Some(143), true, JobState::Stopped),
            ("vanished", None, true, JobState::Stopped),
            ("vanished", None, false, lost("its process vanished without an exit code")),
            ("rebooted", None, false, lost("the machine restarted while it ran")),
        ];
        for (kind, exit, stopped, expected) in cases {
            assert_eq!(state(kind, exit, stopped), expected, "{kind} {exit:?} {stopped}");
        }
    }

    #[test]
    fn a_job_name_is_a_plain_word() {
        for (name, fits) in
            [("train-1_b", true), ("", false), ("a b", false), ("../x", false), ("é", false), ("a;b", false)]
        {
            assert_eq!(check_name(name).is_ok(), fits, "{name:?}");
        }
        assert!(check_name(&"a".repeat(64)).is_ok() && check_name(&"a".repeat(65)).is_err());
    }
}
