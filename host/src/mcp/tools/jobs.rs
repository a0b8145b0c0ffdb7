//! Tools on jobs: commands that go on without any connection.

use super::{ACTS, ENDS, LOOKS_OUT, Tool, remote::NOTICE};
use crate::{
    flow::{Env, Job, JobRead, JobSeen, JobSpec, JobState, JobSummary},
    mcp::{
        call::{Call, News},
        render::{Answer, ToolError},
        text::{fenced, line, size, when},
    },
};
use bursar_core::time::{Moment, human};
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep};

/// The most bytes of a log in one answer.
const LOG_MAX: usize = 16_000;
const WAIT_MAX_SECS: u64 = 35;
const LOOK_AGAIN: Duration = Duration::from_secs(2);

pub(super) fn tools() -> [Tool; 4] {
    [
        Tool::new(
            "start_job",
            "Start job",
            "Starts a command that goes on without us, its output in a log; follow it with get_job. Starts once, whatever breaks.",
            ACTS,
            start_job,
        ),
        Tool::new(
            "get_job",
            "Get job",
            "State of a job and a piece of its log: the last lines, or from `next_offset` of the answer before. Also when \
             the machine is gone.",
            LOOKS_OUT,
            get_job,
        ),
        Tool::new("list_jobs", "List jobs", "All jobs of an instance.", LOOKS_OUT, list_jobs),
        Tool::new("stop_job", "Stop job", "Ends a job and every process it started.", ENDS, stop_job),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StartJob {
    instance: String,
    /// New: letters, digits, _ and -
    job: String,
    command: String,
    workdir: Option<String>,
    env: Option<BTreeMap<String, String>>,
    /// Files or folders of it, fetched to saved/INSTANCE/JOB/ when it ends or before the lease does
    #[serde(default)]
    save: Vec<String>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct JobOut {
    job: String,
    /// queued, running, exited, killed, stopped, lost
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// Signal, or what is known of a lost one
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    log_bytes: u64,
}

impl JobOut {
    fn new(summary: &JobSummary) -> JobOut {
        let (state, exit_code, why) = match &summary.state {
            JobState::Queued => ("queued", None, None),
            JobState::Running => ("running", None, None),
            JobState::Exited { code } => ("exited", Some(*code), None),
            JobState::Killed { signal } => ("killed", None, Some(line(signal))),
            JobState::Stopped => ("stopped", None, None),
            JobState::Lost { why } => ("lost", None, Some(line(why))),
        };
        let moment = |secs: u64| when(Moment(secs));
        JobOut {
            job: line(&summary.name),
            state,
            exit_code,
            why,
            started_at: summary.started_at.map(moment),
            ended_at: summary.ended_at.map(moment),
            log_bytes: summary.log_bytes,
        }
    }

    fn of(job: &Job) -> JobOut {
        let Job { name, run, state, started_at, ended_at, log_bytes, .. } = job.clone();
        JobOut::new(&JobSummary { name, run, state, started_at, ended_at, log_bytes, save: Vec::new() })
    }
}

fn in_words(summary: &JobSummary) -> String {
    let took = match (summary.started_at, summary.ended_at) {
        (Some(began), Some(ended)) => format!(" after {}", human(ended.saturating_sub(began))),
        (Some(began), None) => format!(", started {}", when(Moment(began))),
        _ => String::new(),
    };
    line(&format!("{}: {}{took}, log of {}", summary.name, summary.state, size(summary.log_bytes)))
}

async fn start_job(call: Call, args: StartJob) -> Result<Answer<JobOut>, ToolError> {
    let env = Env(args.env.unwrap_or_default().into_iter().collect());
    let spec = JobSpec { name: args.job, command: args.command, workdir: args.workdir, save: args.save, env };
    let summary = call.rooms.start_job(call.principal(), &args.instance, &spec).await?;
    let text = format!("{}\nfollow it with get_job; it goes on whatever happens here", in_words(&summary));
    Ok(Answer { text, data: JobOut::new(&summary) })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GetJob {
    instance: String,
    job: String,
    /// Default 50
    tail_lines: Option<usize>,
    /// 0 first, then next_offset
    from_offset: Option<u64>,
    /// For its end, at most 35
    wait_secs: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct JobLog {
    #[serde(flatten)]
    job: JobOut,
    log: String,
    next_offset: u64,
    /// What became of the paths to save
    #[serde(skip_serializing_if = "Vec::is_empty")]
    saved: Vec<String>,
    /// Set where the machine did not answer itself
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    notice: &'static str,
}

async fn get_job(call: Call, args: GetJob) -> Result<Answer<JobLog>, ToolError> {
    let until = Instant::now() + Duration::from_secs(args.wait_secs.unwrap_or(0).min(WAIT_MAX_SECS));
    let read = JobRead {
        tail_lines: args.tail_lines.unwrap_or(50).clamp(1, 2_000),
        from_offset: args.from_offset,
        max_bytes: LOG_MAX,
    };
    let mut step = 0.0;
    let seen = loop {
        let seen = call.rooms.get_job(call.principal(), &args.instance, &args.job, &read).await?;
        if !seen.job.state.is_open() || seen.note.is_some() || Instant::now() + LOOK_AGAIN > until {
            break seen;
        }
        step += 1.0;
        call.tell(step, &News::Words(going(&seen.job))).await;
        sleep(LOOK_AGAIN).await;
    };
    let JobSeen { job, saved, note, .. } = seen;
    let out = JobOut::of(&job);
    let saved: Vec<String> = saved.iter().map(|saved| line(&saved.in_words())).collect();
    let note = note.map(|note| line(&note));
    let mut text = format!("{}: {}, log of {}", out.job, line(&job.state.to_string()), size(job.log_bytes));
    let behind = args.from_offset.filter(|from| *from > job.log_bytes);
    let behind =
        behind.map(|from| format!("from_offset {from} is behind the end of the log ({} bytes)", job.log_bytes));
    for more in note.iter().chain(&saved).chain(&behind) {
        text = format!("{text}\n{more}");
    }
    let text = match job.log.is_empty() {
        true => format!("{text}\nnothing more in the log; next_offset {}", job.next_offset),
        false => format!("{text}\nnext_offset {}\n{}", job.next_offset, fenced("log", &job.log)),
    };
    let data = JobLog { job: out, log: job.log, next_offset: job.next_offset, saved, note, notice: NOTICE };
    Ok(Answer { text, data })
}

/// Returns how far a job is, with the last line that it wrote.
fn going(job: &Job) -> String {
    let last = job.log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    format!("{}: {}, log of {}: {last}", job.name, job.state, size(job.log_bytes))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListJobs {
    instance: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Jobs {
    jobs: Vec<JobOut>,
}

async fn list_jobs(call: Call, args: ListJobs) -> Result<Answer<Jobs>, ToolError> {
    let jobs = call.rooms.list_jobs(call.principal(), &args.instance).await?;
    let text = match jobs.is_empty() {
        true => "no jobs".to_owned(),
        false => jobs.iter().map(in_words).collect::<Vec<_>>().join("\n"),
    };
    Ok(Answer { text, data: Jobs { jobs: jobs.iter().map(JobOut::new).collect() } })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StopJob {
    instance: String,
    job: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct StoppedOut {
    #[serde(flatten)]
    job: JobOut,
    was_running: bool,
    ended_processes: u32,
    /// Held by the kernel: only a restart helps
    left_processes: u32,
}

async fn stop_job(call: Call, args: StopJob) -> Result<Answer<StoppedOut>, ToolError> {
    let stopped = call.rooms.stop_job(call.principal(), &args.instance, &args.job).await?;
    let job = JobOut::new(&stopped.job);
    let was = if stopped.was_running { "stopped" } else { "had ended before" };
    let left = match stopped.left {
        0 => String::new(),
        left => format!("; {left} processes cannot be ended, only a restart of the machine helps"),
    };
    let text = format!("{}: {was}; {} processes ended{left}", job.job, stopped.ended);
    let data = StoppedOut {
        job,
        was_running: stopped.was_running,
        ended_processes: stopped.ended,
        left_processes: stopped.left,
    };
    Ok(Answer { text, data })
}
