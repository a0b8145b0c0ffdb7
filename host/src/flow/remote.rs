//! Work on a machine of ours: commands and files. Local paths stay inside the workspace.

use super::{CopyDone, FlowError, Place, Rooms, Workspace};
use bursar_core::instance::{Instance, Stage};
use bursar_ssh::{Content, Ran, Run, SshError, Streams, Target, TreeCopy, Upload};

/// What is sent to a machine.
pub enum Source {
    /// A path inside the workspace.
    File(String),
    Text(String),
}

impl Rooms {
    pub async fn run_command(&self, principal: &str, name: &str, run: &Run) -> Result<Ran, FlowError> {
        let target = self.target(principal, name).await?;
        Ok(self.ssh.run(&target, run).await?)
    }

    /// The same, byte for byte, as it comes.
    pub async fn run_through(
        &self,
        principal: &str,
        name: &str,
        run: &Run,
        streams: Streams,
    ) -> Result<Ran, FlowError> {
        let target = self.target(principal, name).await?;
        Ok(self.ssh.run_through(&target, run, streams).await?)
    }

    pub async fn upload_file(
        &self,
        principal: &str,
        name: &str,
        source: Source,
        remote_path: &str,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<CopyDone, FlowError> {
        let copy = TreeCopy { remote_path: remote_path.to_owned(), ..TreeCopy::default() };
        let text = match source {
            Source::File(path) => return self.upload(principal, name, &Place::Workspace(path), &copy, progress).await,
            Source::Text(text) => text,
        };
        let target = self.target(principal, name).await?;
        let upload = Upload {
            content: Content::Bytes(text.into_bytes()),
            remote_path: copy.remote_path,
            name: None,
            mode: None,
        };
        Ok(CopyDone::file(self.ssh.upload(&target, upload, progress).await?, None))
    }

    pub async fn download_file(
        &self,
        principal: &str,
        name: &str,
        remote_path: &str,
        local_path: &str,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<CopyDone, FlowError> {
        let copy = TreeCopy { remote_path: remote_path.to_owned(), ..TreeCopy::default() };
        self.download(principal, name, &Place::Workspace(local_path.to_owned()), &copy, progress).await
    }

    /// Returns the command line of the system's `ssh` that logs in to an instance.
    pub async fn terminal_command(&self, principal: &str, name: &str) -> Result<Vec<String>, FlowError> {
        let target = self.target(principal, name).await?;
        // The host key is pinned at first contact; a terminal must not be the first.
        self.ssh.answers(&target).await?;
        Ok(self.ssh.terminal_command(&target)?)
    }

    /// Returns where an instance of ours answers, or says why it does not yet, or no longer.
    pub(super) async fn target(&self, principal: &str, name: &str) -> Result<Target, FlowError> {
        let instance = self.named(principal, name).await?;
        match (&instance.ssh, instance.stage) {
            (Some(ssh), Stage::Made | Stage::Ready) => Ok(self.target_at(&instance.id, ssh)),
            _ => Err(unreachable(&instance)),
        }
    }

    pub(super) fn workspace(&self) -> Result<Workspace, FlowError> {
        Workspace::open(&self.settings.workspace, &self.settings.home)
    }
}

pub(super) fn unreachable(instance: &Instance) -> FlowError {
    let what = format!("`{}` cannot be worked on: it is {}", instance.name, instance.stage);
    let hint = match instance.stage {
        Stage::Gone => "what was kept of its jobs is told by get_job and list_jobs; rent another one".to_owned(),
        Stage::Stopping => "its end was asked; rent another one".to_owned(),
        _ => format!("call get_instance until it is ready ({})", instance.note.as_deref().unwrap_or("no address yet")),
    };
    FlowError::refused(what, hint)
}

impl FlowError {
    /// Returns what to do next, where the message does not say it already.
    pub fn hint(&self) -> Option<String> {
        match self {
            FlowError::Ssh(error) => Some(SshError::hint(error)),
            _ => None,
        }
    }
}
