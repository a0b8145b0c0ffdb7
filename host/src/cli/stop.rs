//! `bursar stop`: ends a job. The machine stays, and costs; `bursar down` ends that.

use super::{Done, args::Stop, exit::Code, logs, open::open, out::Out};
use crate::flow::LOCAL_PRINCIPAL;
use serde_json::json;

pub(super) async fn stop(out: &Out, ask: Stop) -> Done {
    let rooms = open(out).await?;
    let stopped = rooms.stop_job(LOCAL_PRINCIPAL, &ask.name, &ask.job).await?;
    let (job, ended, left) = (&stopped.job, stopped.ended, stopped.left);
    let json = || {
        json!({
            "job": logs::summary(job), "was_running": stopped.was_running, "ended_processes": ended, "left_processes": left,
        })
    };
    out.answer(json, || match (stopped.was_running, left) {
        (false, _) => format!("job `{}` had ended before: {}", job.name, job.state),
        (true, 0) => format!("job `{}` is ended, with {ended} processes", job.name),
        (true, left) => format!("job `{}`: {ended} processes are ended, {left} cannot be", job.name),
    });
    Ok(if left == 0 { Code::Done } else { Code::NeedsYou })
}
