//! The one folder whose files an agent may send or receive. Nothing outside it is opened, whatever a path says.

use super::FlowError;
use cap_std::{
    ambient_authority,
    fs::{Dir, MetadataExt as _, OpenOptions},
};
use std::{
    ffi::OsString,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// So many copies may run to one name at once.
const AT_ONCE_MAX: u32 = 16;

/// The owner's folder, opened once; every path is resolved inside it, links included.
pub struct Workspace {
    dir: Dir,
    path: PathBuf,
}

impl Workspace {
    /// Opens the folder, making it if it is missing; refuses one that holds our state.
    pub fn open(path: &Path, home: &Path) -> Result<Workspace, FlowError> {
        let bad = |why: String| {
            let what = format!("the workspace {} cannot be used: {why}", path.display());
            FlowError::refused(
                what,
                "set `workspace` in bursar.toml, or BURSAR_WORKSPACE, to a folder for the agent's files",
            )
        };
        if is_of_the_system(path) {
            return Err(bad("it is a folder of the system".to_owned()));
        }
        std::fs::create_dir_all(path).map_err(|error| bad(error.to_string()))?;
        let real = path.canonicalize().map_err(|error| bad(error.to_string()))?;
        let state = home.canonicalize().unwrap_or_else(|_| home.to_owned());
        if real.starts_with(&state) || state.starts_with(&real) {
            return Err(bad("it holds, or lies in, Bursar's own state".to_owned()));
        }
        let dir = Dir::open_ambient_dir(&real, ambient_authority()).map_err(|error| bad(error.to_string()))?;
        Ok(Workspace { dir, path: real })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file to be sent.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<std::fs::File, FlowError> {
        let path = path.as_ref();
        let inside = self.inside(path)?;
        let file = self.dir.open(&inside).map_err(|error| self.bad(path, &error))?;
        let kind = file.metadata().map_err(|error| self.bad(path, &error))?;
        if !kind.is_file() {
            return Err(FlowError::refused(
                format!("{} is no regular file", path.display()),
                "only files and folders can be sent",
            ));
        }
        Ok(file.into_std())
    }

    /// Returns the folder that holds an owner's path, and the name in it. For his terminal: an agent names no such path.
    pub fn around(path: &Path) -> Result<(Workspace, PathBuf), FlowError> {
        let bad =
            |why: String| FlowError::refused(format!("{} cannot be used: {why}", path.display()), "check the path");
        let whole = match path.canonicalize() {
            Ok(real) => real,
            Err(_) => std::path::absolute(path).map_err(|error| bad(error.to_string()))?,
        };
        let (Some(folder), Some(name)) = (whole.parent(), whole.file_name()) else {
            return Err(bad("name a file or a folder below `/`".to_owned()));
        };
        std::fs::create_dir_all(folder).map_err(|error| bad(error.to_string()))?;
        let dir = Dir::open_ambient_dir(folder, ambient_authority()).map_err(|error| bad(error.to_string()))?;
        Ok((Workspace { dir, path: folder.to_owned() }, PathBuf::from(name)))
    }

    pub fn is_folder(&self, path: impl AsRef<Path>) -> Result<bool, FlowError> {
        let path = path.as_ref();
        match self.inside_or_whole(path)? {
            None => Ok(true),
            Some(inside) => Ok(self.dir.metadata(&inside).map_err(|error| self.bad(path, &error))?.is_dir()),
        }
    }

    /// Opens a folder to be sent; the workspace itself, too.
    pub fn folder(&self, path: impl AsRef<Path>) -> Result<Dir, FlowError> {
        let path = path.as_ref();
        let opened = match self.inside_or_whole(path)? {
            None => self.dir.try_clone(),
            Some(inside) => self.dir.open_dir(&inside),
        };
        opened.map_err(|error| self.bad(path, &error))
    }

    /// Opens a folder to be received into, made where it is missing, and returns where it is.
    pub fn make_folder(&self, path: impl AsRef<Path>) -> Result<(Dir, PathBuf), FlowError> {
        let path = path.as_ref();
        let Some(inside) = self.inside_or_whole(path)? else { return Ok((self.folder(path)?, self.path.clone())) };
        self.dir.create_dir_all(&inside).map_err(|error| self.bad(path, &error))?;
        Ok((self.folder(path)?, self.path.join(inside)))
    }

    /// Makes a file to be received under a name of its own; `finish` gives it its final one. It may hold what an earlier
    /// attempt received, and is nobody else's meanwhile.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<Receiving<'_>, FlowError> {
        let path = path.as_ref();
        let target = self.inside(path)?;
        if let Some(parent) = target.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            self.dir.create_dir_all(parent).map_err(|error| self.bad(path, &error))?;
        }
        let name = target.file_name().unwrap_or_default();
        for n in 0..AT_ONCE_MAX {
            let another = if n == 0 { String::new() } else { format!("{n}.") };
            let mut fresh = OsString::from(".bursar-");
            fresh.push(name);
            fresh.push(format!(".{another}part"));
            let fresh = target.with_file_name(fresh);
            if let Some(file) = self.own(&fresh).map_err(|error| self.bad(path, &error))? {
                return Ok(Receiving { workspace: self, fresh, target, file, is_first: n == 0, kept: false });
            }
        }
        let hint = "wait until one has ended, or choose another name";
        Err(FlowError::refused(format!("{} is being received {AT_ONCE_MAX} times already", path.display()), hint))
    }

    /// Opens a file for this process alone; nothing where another one has it.
    fn own(&self, fresh: &Path) -> std::io::Result<Option<std::fs::File>> {
        let options = OpenOptions::new().read(true).write(true).create(true).clone();
        let file = self.dir.open_with(fresh, &options)?.into_std();
        if file.try_lock().is_err() {
            return Ok(None);
        }
        // Whoever had it may have given it its final name a moment ago: then it is no longer ours to write.
        let (ours, named) = (file.metadata()?, self.dir.symlink_metadata(fresh));
        Ok(named.is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())).then_some(file))
    }

    /// Returns how many bytes the files in a folder have.
    pub fn bytes_in(&self, path: impl AsRef<Path>) -> Result<u64, FlowError> {
        let path = path.as_ref();
        fn sum(dir: &Dir) -> std::io::Result<u64> {
            let mut bytes = 0;
            for entry in dir.entries()? {
                let entry = entry?;
                bytes += match entry.file_type()? {
                    kind if kind.is_dir() => sum(&entry.open_dir()?)?,
                    kind if kind.is_file() => entry.metadata()?.len(),
                    _ => 0,
                };
            }
            Ok(bytes)
        }
        sum(&self.make_folder(path)?.0).map_err(|error| self.bad(path, &error))
    }

    /// Gives what lies at a path another name, `PATH.1` and so on, where something does.
    pub fn set_aside(&self, path: &Path) -> Result<(), FlowError> {
        let inside = self.inside(path)?;
        if self.dir.symlink_metadata(&inside).is_err() {
            return Ok(());
        }
        let named = |n: u32| PathBuf::from(format!("{}.{n}", inside.display()));
        let free = (1..10_000).map(named).find(|name| self.dir.symlink_metadata(name).is_err());
        let free = free.ok_or_else(|| self.bad(path, &std::io::Error::other("too many older ones lie there")))?;
        self.dir.rename(&inside, &self.dir, &free).map_err(|error| self.bad(path, &error))
    }

    /// Returns a path as one inside the folder; nothing where it is the folder itself.
    fn inside_or_whole(&self, path: &Path) -> Result<Option<PathBuf>, FlowError> {
        let path = if path.as_os_str().is_empty() { Path::new("/") } else { path };
        match path == Path::new(".") || path == self.path {
            true => Ok(None),
            false => self.inside(path).map(Some),
        }
    }

    /// Returns a path as one inside the folder. An absolute path is taken if it lies inside.
    fn inside(&self, asked: &Path) -> Result<PathBuf, FlowError> {
        let inside = match asked.is_absolute() {
            true => asked.strip_prefix(&self.path).ok(),
            false => Some(asked),
        };
        match inside {
            Some(inside) if inside.file_name().is_some() => Ok(inside.to_owned()),
            Some(inside) if inside.as_os_str().is_empty() || inside == Path::new(".") => {
                Err(FlowError::refused(format!("{} is the workspace itself", asked.display()), "name a file in it"))
            }
            _ => Err(self.outside(asked)),
        }
    }

    fn outside(&self, path: &Path) -> FlowError {
        let what = format!("{} is not in the workspace {}", path.display(), self.path.display());
        FlowError::refused(what, "use a path inside it; only the owner can change `workspace` in bursar.toml")
    }

    fn bad(&self, path: &Path, error: &std::io::Error) -> FlowError {
        match error.kind() {
            std::io::ErrorKind::NotFound => FlowError::refused(
                format!("there is no {} in {}", path.display(), self.path.display()),
                "check the name; nothing was sent",
            ),
            std::io::ErrorKind::PermissionDenied => self.outside(path),
            _ => FlowError::failed(
                format!("{} cannot be used: {error}", path.display()),
                "check the file and the disk, and try again",
            ),
        }
    }
}

/// A file on its way in. Dropped before `finish`, it leaves nothing unless what came is kept.
pub struct Receiving<'a> {
    workspace: &'a Workspace,
    fresh: PathBuf,
    target: PathBuf,
    pub file: std::fs::File,
    /// Of several copies to one place at once, only the first leaves something for a later attempt.
    is_first: bool,
    kept: bool,
}

impl Receiving<'_> {
    /// With `true` what came stays for the next attempt, if anything came.
    pub fn keep_half(&mut self, keep: bool) {
        self.kept = keep && self.is_first && self.file.metadata().is_ok_and(|meta| meta.len() > 0);
    }

    /// Gives the whole file its name, and returns where it is.
    pub fn finish(mut self) -> Result<PathBuf, FlowError> {
        let dir = &self.workspace.dir;
        let bad = |error| self.workspace.bad(&self.target, &error);
        self.file.sync_all().map_err(bad)?;
        dir.rename(&self.fresh, dir, &self.target).map_err(bad)?;
        self.kept = true;
        Ok(self.workspace.path.join(&self.target))
    }
}

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        if !self.kept {
            drop(self.workspace.dir.remove_file(&self.fresh));
        }
    }
}

/// Folders that no agent's files belong into, whoever named them.
fn is_of_the_system(path: &Path) -> bool {
    let theirs = ["/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/sbin", "/sys", "/usr"];
    path == Path::new("/") || theirs.iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn nothing_outside_the_workspace_is_opened_whatever_the_path() {
        let root = tempfile::tempdir().unwrap();
        let (work, home) = (root.path().join("work"), root.path().join("home"));
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(root.path().join("secret"), "s").unwrap();
        let workspace = Workspace::open(&work, &home).unwrap();
        std::fs::write(work.join("ok"), "1").unwrap();
        std::os::unix::fs::symlink(root.path().join("secret"), work.join("link")).unwrap();
        std::os::unix::fs::symlink(root.path(), work.join("up")).unwrap();
        for path in ["../secret", "link", "up/secret", "/etc/passwd", "", "..", "a/../../secret", "."] {
            assert!(workspace.read(path).is_err(), "read {path}");
        }
        for path in ["../new", "up/new", "/etc/new", "", "..", "a/../../new"] {
            assert!(workspace.write(path).is_err(), "write {path}");
        }
        assert!(workspace.read("ok").is_ok());
        assert!(workspace.read(work.canonicalize().unwrap().join("ok").to_str().unwrap()).is_ok());
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let root = tempfile::tempdir().unwrap();
        let (work, home) = (root.path().join("work"), root.path().join("home"));
        let workspace = Workspace::open(&work, &home).unwrap();
        let mut half = workspace.write("sub/out.bin").unwrap();
        half.file.write_all(b"half").unwrap();
        drop(half);
        assert_eq!(std::fs::read_dir(work.join("sub")).unwrap().count(), 0);
        let mut whole = workspace.write("sub/out.bin").unwrap();
        whole.file.write_all(b"whole").unwrap();
        whole.finish().unwrap();
        assert_eq!(std::fs::read(work.join("sub/out.bin")).unwrap(), b"whole");
    }

    #[test]
    fn two_copies_to_one_name_both_end_with_a_whole_file() {
        let root = tempfile::tempdir().unwrap();
        let (work, home) = (root.path().join("work"), root.path().join("home"));
        let workspace = Workspace::open(&work, &home).unwrap();
        let (mut one, mut other) = (workspace.write("out").unwrap(), workspace.write("out").unwrap());
        one.file.write_all(b"one").unwrap();
        other.file.write_all(b"the other").unwrap();
        one.finish().unwrap();
        let mut third = workspace.write("out").unwrap();
        third.file.write_all(b"third").unwrap();
        assert_eq!(std::fs::read(work.join("out")).unwrap(), b"one");
        other.finish().unwrap();
        assert_eq!(std::fs::read(work.join("out")).unwrap(), b"the other");
        third.finish().unwrap();
        assert_eq!(std::fs::read(work.join("out")).unwrap(), b"third");
        assert_eq!(std::fs::read_dir(&work).unwrap().count(), 1);
    }

    #[test]
    fn a_workspace_that_holds_the_state_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        std::fs::create_dir_all(home.join("inner")).unwrap();
        assert!(Workspace::open(root.path(), &home).is_err());
        for folder in ["/", "/etc", "/usr/share/x"] {
            assert!(Workspace::open(Path::new(folder), &home).is_err(), "{folder}");
        }
        assert!(Workspace::open(&home.join("inner"), &home).is_err());
    }
}
