//! Files and folders between this computer and a machine: which of the two it is, and where it may lie here.

use super::{FlowError, Rooms, Workspace};
use crate::clock::Clock;
use bursar_ssh::{Content, Copied, TreeCopied, TreeCopy, Upload};
use std::path::{Path, PathBuf};

/// Where something lies on this computer.
#[derive(Debug, Clone)]
pub enum Place {
    /// A path inside the workspace: all that an agent can name.
    Workspace(String),
    /// Any path: the owner's word, in his terminal.
    Own(PathBuf),
}

/// A file or a folder that was copied.
#[derive(Debug, Clone)]
pub struct CopyDone {
    pub remote_path: String,
    pub local_path: Option<PathBuf>,
    pub bytes: u64,
    /// Of a file.
    pub sha256: Option<String>,
    pub checked: bool,
    /// Of a folder.
    pub folder: Option<TreeCopied>,
}

/// The most that one call takes to this computer.
pub(super) const DOWNLOAD_MAX: u64 = 16 << 30;

type Tell<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

impl Rooms {
    /// Sends a file or a folder, whatever lies at `from`.
    pub async fn upload(
        &self,
        principal: &str,
        name: &str,
        from: &Place,
        copy: &TreeCopy,
        progress: Tell<'_>,
    ) -> Result<CopyDone, FlowError> {
        let target = self.target(principal, name).await?;
        let (workspace, path) = self.place(from)?;
        if workspace.is_folder(&path)? {
            let folder = workspace.folder(&path)?;
            let copy = TreeCopy { now: Some(Clock::file_secs()), ..copy.clone() };
            return Ok(CopyDone::folder(self.ssh.upload_tree(&target, &folder, &copy, progress).await?, None));
        }
        only_folders(copy)?;
        let content = Content::File(workspace.read(&path)?);
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let upload = Upload { content, remote_path: copy.remote_path.clone(), name, mode: None };
        Ok(CopyDone::file(self.ssh.upload(&target, upload, progress).await?, None))
    }

    /// Fetches a file or a folder, whatever lies there.
    pub async fn download(
        &self,
        principal: &str,
        name: &str,
        to: &Place,
        copy: &TreeCopy,
        progress: Tell<'_>,
    ) -> Result<CopyDone, FlowError> {
        let target = self.target(principal, name).await?;
        let (workspace, path) = self.place(to)?;
        if self.ssh.is_folder(&target, &copy.remote_path).await? {
            let (folder, local_path) = workspace.make_folder(&path)?;
            if copy.delete && is_where_one_works(&local_path, workspace.path()) {
                return Err(FlowError::refused(
                    format!(
                        "`delete` would empty {}: it would keep nothing there but the machine's folder",
                        local_path.display()
                    ),
                    "nothing was copied; name a folder in it, such as `./out`, or leave `delete` out",
                ));
            }
            let copy = TreeCopy { max_bytes: Some(DOWNLOAD_MAX), ..copy.clone() };
            let copied = self.ssh.download_tree(&target, &folder, &copy, progress).await?;
            return Ok(CopyDone::folder(copied, Some(local_path)));
        }
        only_folders(copy)?;
        let path = in_folder(&workspace, to, path, &copy.remote_path);
        let mut receiving = workspace.write(&path)?;
        let fetched = self.ssh.download(&target, &copy.remote_path, &mut receiving.file, Some(DOWNLOAD_MAX), progress);
        let copied = match fetched.await {
            Ok(copied) => copied,
            Err(error) => {
                // What came before a break is where the next call goes on.
                receiving.keep_half(error.may_pass());
                return Err(error.into());
            }
        };
        Ok(CopyDone::file(copied, Some(receiving.finish()?)))
    }

    fn place(&self, place: &Place) -> Result<(Workspace, PathBuf), FlowError> {
        match place {
            Place::Workspace(path) => Ok((self.workspace()?, PathBuf::from(path))),
            Place::Own(path) => Workspace::around(path),
        }
    }
}

/// Returns where a file gets its name: in a folder that is there, or that is written as one, it keeps its own.
fn in_folder(workspace: &Workspace, asked: &Place, path: PathBuf, remote_path: &str) -> PathBuf {
    let asked = match asked {
        Place::Workspace(path) => path.as_ref(),
        Place::Own(path) => path.as_os_str(),
    };
    match asked.as_encoded_bytes().ends_with(b"/") || workspace.is_folder(&path).unwrap_or(false) {
        true => path.join(remote_path.rsplit('/').next().unwrap_or_default()),
        false => path,
    }
}

/// The workspace, the folder one stands in, one's home, and whatever holds one of them.
fn is_where_one_works(folder: &Path, workspace: &Path) -> bool {
    let home = std::env::home_dir().unwrap_or_default();
    let here = std::env::current_dir().unwrap_or_default();
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = real(folder);
    [&*home, &*here].iter().any(|place| !place.as_os_str().is_empty() && real(place).starts_with(&folder))
        || folder == real(workspace)
}

impl CopyDone {
    pub(super) fn file(copied: Copied, local_path: Option<PathBuf>) -> CopyDone {
        let Copied { bytes, sha256, checked, remote_path } = copied;
        CopyDone { remote_path, local_path, bytes, sha256: Some(sha256), checked, folder: None }
    }

    fn folder(copied: TreeCopied, local_path: Option<PathBuf>) -> CopyDone {
        CopyDone {
            remote_path: copied.remote_path.clone(),
            local_path,
            bytes: copied.bytes,
            sha256: None,
            checked: copied.checked,
            folder: Some(copied),
        }
    }
}

fn only_folders(copy: &TreeCopy) -> Result<(), FlowError> {
    match copy.ignore.is_empty() && !copy.delete && !copy.hash {
        true => Ok(()),
        false => Err(FlowError::refused(
            "`ignore`, `delete` and `hash` are for folders, and this is a file",
            "nothing was copied; call again without them, or name a folder",
        )),
    }
}
