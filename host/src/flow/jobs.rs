//! Jobs on a machine of ours: started there, read there, and from what was kept where the machine answers no more.

use super::{
    FlowError, Rooms,
    keep::JOBS_MAX,
    kept::{Kept, Saved, without_machine},
    remote::unreachable,
};
use bursar_core::instance::{Instance, InstanceId, Stage};
use bursar_ssh::{FollowFrom, Job, JobRead, JobSpec, JobStopped, JobSummary, LogPart, LogPiece, SshError, Target};
use std::time::Duration;

/// A job, a piece of its log, and what became of the paths that it was to save.
#[derive(Debug, Clone)]
pub struct JobSeen {
    pub job: Job,
    pub saved: Vec<Saved>,
    /// Whether some of them are not here yet as the job left them.
    pub awaits_files: bool,
    /// Said where the machine did not answer itself.
    pub note: Option<String>,
}

impl Rooms {
    pub async fn start_job(&self, principal: &str, name: &str, job: &JobSpec) -> Result<JobSummary, FlowError> {
        let (instance, target) = self.machine(principal, name).await?;
        let mut job = job.clone();
        for path in &mut job.save {
            *path = seen_from(job.workdir.as_deref(), path)?;
        }
        let into = if job.save.is_empty() { None } else { Some(self.workspace()?.path().to_owned()) };
        let expected = self.kept(&instance.id).expect(into.as_deref());
        expected.map_err(|error| {
            let what = format!("what a job writes cannot be kept: {error}; nothing was started");
            FlowError::failed(what, "check the disk of the state folder (`bursar doctor`)")
        })?;
        let started = self.ssh.start_job(&target, &job).await?;
        self.note_state(&instance.id, &JobSummary { save: job.save, ..started.clone() });
        Ok(started)
    }

    /// Returns a job's state and a piece of its log as text: from the machine, or as it was last seen.
    pub async fn get_job(&self, principal: &str, name: &str, job: &str, read: &JobRead) -> Result<JobSeen, FlowError> {
        let (instance, piece, note) = self.piece(principal, name, job, read.wanted(), Duration::ZERO).await?;
        let kept = self.kept(&instance.id);
        if note.is_none() && !piece.job.state.is_open() && kept.awaits_files() {
            self.save_soon(&instance);
        }
        let saved = kept.saved(job, &piece.job.run);
        let awaits_files = kept.awaits_files_of(job);
        Ok(JobSeen { job: piece.into_job(read), saved, awaits_files, note })
    }

    /// Returns a piece of a job's log byte for byte. Where an offset is given, it waits so long for more.
    pub async fn read_log(
        &self,
        principal: &str,
        name: &str,
        job: &str,
        wanted: LogPart,
        wait: Duration,
    ) -> Result<LogPiece, FlowError> {
        Ok(self.piece(principal, name, job, wanted, wait).await?.1)
    }

    /// Reads a job's log to its end, across every loss of the connection, and returns how the job ended. `take` gets each
    /// byte once.
    pub async fn follow_log(
        &self,
        principal: &str,
        name: &str,
        job: &str,
        from: FollowFrom,
        take: &mut (dyn FnMut(&LogPiece) -> bool + Send),
    ) -> Result<JobSummary, FlowError> {
        let (instance, target) = self.machine(principal, name).await?;
        let noted = &mut |piece: &LogPiece| {
            self.note_seen(&instance.id, piece);
            take(piece)
        };
        Ok(self.ssh.follow_log(&target, job, from, noted).await?)
    }

    pub async fn list_jobs(&self, principal: &str, name: &str) -> Result<Vec<JobSummary>, FlowError> {
        let instance = self.named(principal, name).await?;
        let Some(target) = self.live(&instance) else {
            let jobs: Vec<_> = self.kept(&instance.id).jobs().into_iter().map(without_machine).collect();
            return if jobs.is_empty() { Err(unreachable(&instance)) } else { Ok(jobs) };
        };
        let jobs = self.ssh.list_jobs(&target).await?;
        for job in jobs.iter().take(JOBS_MAX) {
            self.note_state(&instance.id, job);
        }
        Ok(jobs)
    }

    pub async fn stop_job(&self, principal: &str, name: &str, job: &str) -> Result<JobStopped, FlowError> {
        Ok(self.ssh.stop_job(&self.machine(principal, name).await?.1, job).await?)
    }

    async fn piece(
        &self,
        principal: &str,
        name: &str,
        job: &str,
        wanted: LogPart,
        wait: Duration,
    ) -> Result<(Instance, LogPiece, Option<String>), FlowError> {
        let instance = self.named(principal, name).await?;
        let Some(target) = self.live(&instance) else {
            return self.of_the_gone(instance, job, wanted);
        };
        match self.ssh.read_log(&target, job, wanted, wait).await {
            Ok(piece) => {
                self.note_seen(&instance.id, &piece);
                Ok((instance, piece, None))
            }
            // A follower asks again; everybody else is told what is known.
            Err(error) if error.may_pass() && wait.is_zero() => match self.kept(&instance.id).piece(job, wanted) {
                Some((piece, seen)) => {
                    let note = format!("the machine does not answer now ({error}); this was seen at {}", seen);
                    Ok((instance, piece, Some(note)))
                }
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn of_the_gone(
        &self,
        instance: Instance,
        job: &str,
        wanted: LogPart,
    ) -> Result<(Instance, LogPiece, Option<String>), FlowError> {
        let kept = self.kept(&instance.id);
        match kept.piece(job, wanted) {
            Some((piece, seen)) => {
                let piece = LogPiece { job: without_machine(piece.job), ..piece };
                let note = format!("the machine is {}; this was kept, seen last at {}", instance.stage, seen);
                Ok((instance, piece, Some(note)))
            }
            None if !kept.jobs().is_empty() => {
                let known = kept.jobs().into_iter().map(|job| job.name).collect::<Vec<_>>().join(", ");
                Err(SshError::NoSuchJob { name: job.to_owned(), known }.into())
            }
            None => Err(unreachable(&instance)),
        }
    }

    /// Keeps what was seen, as far as that works: a full disk here must not hide what the machine said.
    pub(super) fn note_seen(&self, id: &InstanceId, piece: &LogPiece) {
        if let Err(error) = self.kept(id).note(piece, self.clock.now()) {
            tracing::warn!(instance = %id, job = piece.job.name, %error, "what a job wrote could not be kept");
        }
    }

    pub(super) fn note_state(&self, id: &InstanceId, job: &JobSummary) {
        self.note_seen(id, &LogPiece { job: job.clone(), from: 0, bytes: Vec::new() });
    }

    pub(super) fn kept(&self, id: &InstanceId) -> Kept {
        Kept::new(&self.settings.home, id)
    }

    async fn machine(&self, principal: &str, name: &str) -> Result<(Instance, Target), FlowError> {
        let instance = self.named(principal, name).await?;
        let target = self.live(&instance).ok_or_else(|| unreachable(&instance))?;
        Ok((instance, target))
    }

    /// Returns where an instance answers that may be worked on.
    fn live(&self, instance: &Instance) -> Option<Target> {
        let ssh = instance.ssh.as_ref().filter(|_| matches!(instance.stage, Stage::Made | Stage::Ready))?;
        Some(self.target_at(&instance.id, ssh))
    }
}

/// Paths to save begin where the job runs.
fn seen_from(workdir: Option<&str>, path: &str) -> Result<String, FlowError> {
    if path.split('/').any(|part| part == "..") {
        let what = format!("`{path}` cannot be saved: it has `..` in it");
        return Err(FlowError::refused(
            what,
            "name it from the home folder (`~/…`), from `/`, or from the job's folder",
        ));
    }
    let own = path.starts_with('/') || path == "~" || path.starts_with("~/");
    Ok(match workdir {
        Some(workdir) if !own => format!("{}/{path}", workdir.trim_end_matches('/')),
        _ => path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_to_save_begin_where_the_job_runs() {
        for (workdir, path, seen) in [
            (None, "out/m", Some("out/m")),
            (Some("~/w/"), "out/m", Some("~/w/out/m")),
            (Some("w"), "/data/m", Some("/data/m")),
            (Some("w"), "~/m", Some("~/m")),
            (Some("w"), "../m", None),
            (None, "a/..", None),
        ] {
            assert_eq!(seen_from(workdir, path).ok().as_deref(), seen, "{workdir:?} {path}");
        }
    }
}
