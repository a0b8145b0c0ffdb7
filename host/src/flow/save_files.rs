//! Brings the files that jobs were to save into the workspace, under `saved/INSTANCE/JOB/`. What a machine answers chooses no
//! place outside of that.

use super::{FlowError, Rooms, Workspace, kept::Saved};
use bursar_core::instance::Instance;
use bursar_ssh::{JobSummary, SshError, Target, TreeCopy, bound, clean_line};
use std::path::{Component, Path, PathBuf};

/// The most bytes that are fetched for one path.
const PATH_MAX: u64 = 64 << 30;

/// Which files are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Of jobs that have ended.
    Ended,
    /// Those, and of running jobs what changed: the machine ends soon.
    All,
}

impl Rooms {
    /// Fetches what is not here as its job left it.
    pub(super) async fn fetch_saves(
        &self,
        instance: &Instance,
        target: &Target,
        which: Which,
    ) -> Result<(), FlowError> {
        let kept = self.kept(&instance.id);
        let Some(into) = kept.save_into() else { return Ok(()) };
        let mut first_error = None;
        for job in self.ssh.list_jobs(target).await?.into_iter().filter(|job| !job.save.is_empty()) {
            self.note_state(&instance.id, &job);
            let ended = !job.state.is_open();
            if !ended && which == Which::Ended {
                continue;
            }
            let done = kept.saved(&job.name, &job.run);
            for path in &job.save {
                let before = done.iter().find(|saved| saved.path == *path);
                if before.is_some_and(|saved| saved.at_end) {
                    continue;
                }
                let fetched = self.fetch_path(instance, target, &into, &job, (path, before)).await;
                let saved = match fetched {
                    // Asked again later, and what else there is comes first.
                    Err(FlowError::Ssh(error)) if error.may_pass() => {
                        first_error.get_or_insert(FlowError::Ssh(error));
                        continue;
                    }
                    Ok(saved) => saved,
                    Err(error) => not_saved(path, before, &error, ended),
                };
                if before == Some(&saved) {
                    continue;
                }
                tracing::info!(instance = %instance.id, job = job.name, path, why = saved.why, "saved");
                if let Err(error) = kept.note_saved(&job, saved, self.clock.now()) {
                    tracing::warn!(instance = %instance.id, %error, "that it is saved could not be written down");
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Fetches one path with all files under it, each whole or not at all.
    async fn fetch_path(
        &self,
        instance: &Instance,
        target: &Target,
        into: &Path,
        job: &JobSummary,
        (path, before): (&str, Option<&Saved>),
    ) -> Result<Saved, FlowError> {
        let at_end = !job.state.is_open();
        let look = self.ssh.look(target, path).await?;
        if let Some(before) = before.filter(|before| !look.is_folder && is_still_here(before, look.stamp.as_deref())) {
            return Ok(Saved { why: None, at_end, ..before.clone() });
        }
        let workspace = Workspace::open(into, &self.settings.home)?;
        let folder = Path::new("saved").join(&instance.name).join(&job.name);
        if self.kept(&instance.id).saved(&job.name, &job.run).is_empty() {
            // An earlier job of this name keeps what it saved.
            workspace.set_aside(&folder)?;
        }
        let place = folder.join(inside(path)?);
        let place = place.to_string_lossy();
        let local = workspace.path().join(&*place);
        let (bytes, left_out) = match look.is_folder {
            true => self.fetch_folder(target, &workspace, path, &place).await?,
            false => (self.fetch_file(target, &workspace, path, &place).await?, Vec::new()),
        };
        let why = (!left_out.is_empty()).then(|| bound(&format!("left out: {}", left_out.join(", ")), 1_000));
        Ok(Saved { path: path.to_owned(), local: Some(local), bytes, why, stamp: look.stamp, at_end })
    }

    /// Makes a folder of the workspace like one of the machine: what is here from an earlier fetch is not fetched again.
    async fn fetch_folder(
        &self,
        target: &Target,
        workspace: &Workspace,
        remote: &str,
        local: &str,
    ) -> Result<(u64, Vec<String>), FlowError> {
        let ask = TreeCopy { remote_path: remote.to_owned(), max_bytes: Some(PATH_MAX), ..TreeCopy::default() };
        let (into, _) = workspace.make_folder(local)?;
        let mut again = true;
        loop {
            match self.ssh.download_tree(target, &into, &ask, &mut |_, _| {}).await {
                Ok(copied) => return Ok((workspace.bytes_in(local)?, copied.left_out)),
                // A running job wrote to it meanwhile.
                Err(SshError::Damaged { .. }) if again => again = false,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn fetch_file(
        &self,
        target: &Target,
        workspace: &Workspace,
        remote: &str,
        local: &str,
    ) -> Result<u64, FlowError> {
        let mut again = true;
        loop {
            let mut receiving = workspace.write(local)?;
            match self.ssh.download(target, remote, &mut receiving.file, Some(PATH_MAX), &mut |_, _| {}).await {
                Ok(copied) => {
                    receiving.finish()?;
                    return Ok(copied.bytes);
                }
                // A running job wrote to it meanwhile.
                Err(SshError::Damaged { .. }) if again => again = false,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether a file is here as the machine has it now.
fn is_still_here(saved: &Saved, stamp: Option<&str>) -> bool {
    stamp.is_some() && saved.stamp.as_deref() == stamp && saved.local.as_ref().is_some_and(|local| local.is_file())
}

/// Returns what is known of a path that could not be fetched; what was fetched earlier stays.
fn not_saved(path: &str, before: Option<&Saved>, error: &FlowError, at_end: bool) -> Saved {
    match before.filter(|before| before.local.is_some()) {
        Some(before) => {
            let why = format!("it could not be fetched again as it was later: {error}");
            Saved { why: Some(why), at_end, ..before.clone() }
        }
        None => {
            let why = Some(error.to_string());
            Saved { path: path.to_owned(), local: None, bytes: 0, why, stamp: None, at_end }
        }
    }
}

/// Returns a machine's path as one below a folder of ours: the home folder and the root fall away.
fn inside(path: &str) -> Result<PathBuf, FlowError> {
    let mut inside = PathBuf::new();
    for part in Path::new(path.strip_prefix("~/").unwrap_or(path)).components() {
        match part {
            Component::Normal(part) if !part.to_string_lossy().contains(char::is_control) => inside.push(part),
            Component::CurDir | Component::RootDir => {}
            Component::Normal(_) | Component::ParentDir | Component::Prefix(_) => {
                let what = format!("`{}` has no place in the workspace", clean_line(path.as_bytes(), 200));
                return Err(FlowError::refused(what, "name it there without `..` and control characters"));
            }
        }
    }
    Ok(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machines_path_has_its_place_below_ours() {
        for (path, place) in [
            ("out/model.bin", Some("out/model.bin")),
            ("~/out/m", Some("out/m")),
            ("/data/m", Some("data/m")),
            ("./a//b/", Some("a/b")),
            ("../m", None),
            ("a/../../m", None),
            ("a\u{1b}[2J/m", None),
        ] {
            assert_eq!(inside(path).ok(), place.map(PathBuf::from), "{path}");
        }
    }
}
