//! `bursar logs`: the jobs of a machine, and what one of them writes, followed across lost connections.

use super::{
    Done,
    args::Logs,
    exit::Code,
    open::open,
    out::{Out, table},
    ready::ready_first,
};
use crate::flow::{FlowError, Job, JobRead, JobSummary, LOCAL_PRINCIPAL, Rooms};
use serde_json::{Value, json};
use std::time::Duration;

const PAUSE: Duration = Duration::from_secs(1);
const BYTES_MAX: usize = 512 * 1024;
/// So many reads in a row may fail before following gives up; the job goes on all the same.
const TRIES: u32 = 60;

pub(super) async fn logs(out: &Out, ask: Logs) -> Done {
    let rooms = open(out).await?;
    if !ready_first(&rooms, &ask.name).await? {
        return Ok(Code::Left);
    }
    let Some(job) = &ask.job else { return list(out, &rooms, &ask.name).await };
    let tail = JobRead { tail_lines: ask.lines, from_offset: None, max_bytes: BYTES_MAX };
    let mut seen = rooms.get_job(LOCAL_PRINCIPAL, &ask.name, job, &tail).await?;
    if ask.follow {
        let show = |text: &str| {
            if !out.json {
                out.raw(text)
            }
        };
        show(&seen.log);
        seen = tokio::select! {
            ended = follow(&rooms, &ask.name, seen, show) => ended?,
            _ = tokio::signal::ctrl_c() => {
                out.aside(format!("left: job `{job}` goes on; follow it again with the same command"));
                return Ok(Code::Left);
            }
        };
    }
    match out.json {
        // The tail as it is now, whole.
        true => out.document(&document(&rooms.get_job(LOCAL_PRINCIPAL, &ask.name, job, &tail).await?)),
        false if ask.follow => {}
        false => out.raw(&seen.log),
    }
    out.aside(format!("job `{job}`: {}", seen.state));
    Ok(Code::Done)
}

/// Reads a job from where `seen` stopped until it has ended, and returns what it ended as.
pub(super) async fn follow(rooms: &Rooms, name: &str, mut seen: Job, show: impl Fn(&str)) -> Result<Job, FlowError> {
    let mut failed = 0;
    while seen.state.is_open() || seen.next_offset < seen.log_bytes {
        if seen.next_offset >= seen.log_bytes || failed > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let next = JobRead { tail_lines: 0, from_offset: Some(seen.next_offset), max_bytes: BYTES_MAX };
        match rooms.get_job(LOCAL_PRINCIPAL, name, &seen.name, &next).await {
            Ok(job) => {
                show(&job.log);
                let stuck = !job.state.is_open() && job.next_offset == seen.next_offset;
                (seen, failed) = (job, 0);
                if stuck {
                    break;
                }
            }
            // A connection may break; the job does not.
            Err(FlowError::Ssh(error)) if error.may_pass() && failed < TRIES => failed += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(seen)
}

async fn list(out: &Out, rooms: &Rooms, name: &str) -> Done {
    let jobs = rooms.list_jobs(LOCAL_PRINCIPAL, name).await?;
    let json = || json!({ "jobs": jobs.iter().map(summary).collect::<Vec<_>>() });
    out.answer(json, || match jobs.is_empty() {
        true => format!("`{name}` has no jobs; start one: bursar run {name} --job NAME -- COMMAND"),
        false => format!("{}\n\nread one: bursar logs {name} JOB", in_table(&jobs)),
    });
    Ok(Code::Done)
}

fn in_table(jobs: &[JobSummary]) -> String {
    let row = |job: &JobSummary| vec![job.name.clone(), job.state.to_string(), job.log_bytes.to_string()];
    table(&["JOB", "STATE", "LOG BYTES"], &[2], jobs.iter().map(row).collect())
}

pub(super) fn summary(job: &JobSummary) -> Value {
    let JobSummary { name, state, started_at, ended_at, log_bytes, .. } = job;
    json!({ "job": name, "state": state, "started_at": started_at, "ended_at": ended_at, "log_bytes": log_bytes })
}

fn document(job: &Job) -> Value {
    json!({
        "job": job.name, "state": job.state, "started_at": job.started_at, "ended_at": job.ended_at,
        "log": job.log, "log_bytes": job.log_bytes, "next_offset": job.next_offset,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_core::job::JobState;

    #[test]
    fn jobs_are_a_table_and_documents_tell_their_end() {
        let exited = JobState::Exited { code: 1 };
        let job = |name: &str, state| JobSummary {
            name: name.into(),
            run: "r".into(),
            state,
            started_at: Some(5),
            ended_at: None,
            log_bytes: 12,
            save: vec![],
        };
        assert_eq!(
            in_table(&[job("train", JobState::Running), job("b", exited.clone())]),
            "JOB    STATE     LOG BYTES\ntrain  running          12\nb      exited 1         12"
        );
        assert_eq!(summary(&job("b", exited))["state"], json!({ "state": "exited", "code": 1 }));
    }
}
