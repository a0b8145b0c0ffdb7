//! `bursar logs`: the jobs of a machine, and what one of them writes, followed across lost connections.

use super::{
    Done,
    args::Logs,
    exit::Code,
    open::open,
    out::{Out, table},
    progress::Waiting,
    ready::ready_first,
    text::rfc3339,
};
use crate::flow::{
    FlowError, FollowFrom, Job, JobRead, JobSeen, JobSummary, LOCAL_PRINCIPAL, LogPart, LogText, Rooms, Saved,
};
use bursar_core::time::Moment;
use serde_json::{Value, json};
use std::{io::Write, time::Duration};

const BYTES_MAX: usize = 512 * 1024;

pub(super) async fn logs(out: &Out, ask: Logs) -> Done {
    let rooms = open(out).await?;
    if !ready_first(&rooms, &ask.name).await? {
        return Ok(Code::Left);
    }
    let Some(job) = &ask.job else { return list(out, &rooms, &ask.name).await };
    if let (Some(from), false) = (ask.from, out.json) {
        return bytes(out, &rooms, &ask, job, from).await;
    }
    let tail = JobRead { tail_lines: ask.lines, from_offset: None, max_bytes: BYTES_MAX };
    let mut seen = rooms.get_job(LOCAL_PRINCIPAL, &ask.name, job, &tail).await?;
    if ask.follow && seen.job.state.is_open() {
        let show = |text: &str| {
            if !out.json {
                out.raw(text)
            }
        };
        show(&seen.job.log);
        tokio::select! {
            ended = follow(&rooms, &ask.name, &seen.job, show) => (seen.job.state, seen.note) = (ended?.state, None),
            _ = tokio::signal::ctrl_c() => return Ok(left(out, job)),
        };
        if out.json {
            // The tail as it is now, whole.
            seen = rooms.get_job(LOCAL_PRINCIPAL, &ask.name, job, &tail).await?;
        }
    } else if !out.json {
        out.raw(&seen.job.log);
    }
    if seen.note.is_none() && !seen.job.state.is_open() && seen.awaits_files {
        seen.saved = saved(&rooms, &ask.name, job).await?;
    }
    if out.json {
        out.document(&document(&seen));
    }
    for line in seen.saved.iter().map(Saved::in_words).chain(seen.note) {
        out.aside(line);
    }
    out.aside(format!("job `{job}`: {}", seen.job.state));
    Ok(Code::Done)
}

/// Every byte as it was written, from an offset on.
async fn bytes(out: &Out, rooms: &Rooms, ask: &Logs, job: &str, from: u64) -> Done {
    let write = |bytes: &[u8]| {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).is_ok()
    };
    let mut offset = from;
    loop {
        let wanted = LogPart::From { offset, max: 1 << 20 };
        let piece = rooms.read_log(LOCAL_PRINCIPAL, &ask.name, job, wanted, Duration::ZERO).await?;
        if piece.from < offset {
            out.aside(format!("offset {offset} is behind the end of the log, which has {} bytes", piece.job.log_bytes));
        }
        if piece.from > offset {
            out.aside(format!("{} bytes before offset {} are not kept", piece.from - offset, piece.from));
        }
        if ask.follow && piece.job.state.is_open() {
            break;
        }
        offset = piece.next();
        if !write(&piece.bytes) || piece.bytes.is_empty() {
            out.aside(format!("job `{job}`: {}, next offset {offset}", piece.job.state));
            return Ok(Code::Done);
        }
    }
    let take = &mut |piece: &crate::flow::LogPiece| write(&piece.bytes);
    let from = FollowFrom { offset, run: None };
    tokio::select! {
        ended = rooms.follow_log(LOCAL_PRINCIPAL, &ask.name, job, from, take) => {
            let ended = ended?;
            out.aside(format!("job `{job}`: {}, log of {} bytes", ended.state, ended.log_bytes));
            Ok(Code::Done)
        }
        _ = tokio::signal::ctrl_c() => Ok(left(out, job)),
    }
}

fn left(out: &Out, job: &str) -> Code {
    out.aside(format!("left: job `{job}` goes on; follow it again with the same command"));
    Code::Left
}

/// Fetches the files that an ended job was to save, where they are not here yet.
async fn saved(rooms: &Rooms, name: &str, job: &str) -> Result<Vec<Saved>, FlowError> {
    let waiting = Waiting::new("saving files");
    let saved = rooms.save_now(LOCAL_PRINCIPAL, name, job).await;
    waiting.done();
    saved
}

/// Reads a job from where `seen` stopped until it has ended, and returns what it ended as.
pub(super) async fn follow(
    rooms: &Rooms,
    name: &str,
    seen: &Job,
    show: impl Fn(&str) + Send + Sync,
) -> Result<JobSummary, FlowError> {
    let mut text = LogText::default();
    let from = FollowFrom { offset: seen.next_offset, run: Some(seen.run.clone()) };
    let take = &mut |piece: &crate::flow::LogPiece| {
        show(&text.next(piece));
        true
    };
    rooms.follow_log(LOCAL_PRINCIPAL, name, &seen.name, from, take).await
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
    let (started_at, ended_at) = (moment(*started_at), moment(*ended_at));
    json!({ "job": name, "state": state, "started_at": started_at, "ended_at": ended_at, "log_bytes": log_bytes })
}

/// Returns a moment of a machine's clock for programs.
pub(super) fn moment(secs: Option<u64>) -> Option<String> {
    secs.map(|secs| rfc3339(Moment(secs)))
}

fn document(seen: &JobSeen) -> Value {
    let JobSeen { job, saved, note, .. } = seen;
    let (started_at, ended_at) = (moment(job.started_at), moment(job.ended_at));
    let saved: Vec<Value> = saved
        .iter()
        .map(|saved| json!({ "path": saved.path, "local_path": saved.local, "bytes": saved.bytes, "why": saved.why }))
        .collect();
    json!({
        "job": job.name, "state": job.state, "started_at": started_at, "ended_at": ended_at,
        "log": job.log, "log_bytes": job.log_bytes, "next_offset": job.next_offset, "saved": saved, "note": note,
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
        assert_eq!(summary(&job("b", exited.clone()))["started_at"], "1970-01-01T00:00:05Z");
        assert_eq!(summary(&job("b", exited))["state"], json!({ "state": "exited", "code": 1 }));
    }
}
