//! SFTP into one machine's home. Every access goes through a directory handle that no link leads out of.
//! It does not know the connection.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions, Permissions, PermissionsExt};
use russh::Channel;
use russh::server::{Handle as SshHandle, Msg};
use russh_sftp::protocol::{
    Attrs, Data, File as Row, FileAttributes, Handle, Name, OpenFlags, Packet, Status, StatusCode, Version,
};
use russh_sftp::server::Handler;

use super::ending::Ending;
use super::paths;
use crate::machines::Home;

const ROWS_AT_ONCE: usize = 200;
const READ_MAX: u32 = 256 * 1024;

pub(super) struct Files {
    home: PathBuf,
    dir: Dir,
    open: HashMap<String, Open>,
    next: u64,
}

enum Open {
    File(cap_std::fs::File),
    Rows(Vec<Row>),
}

/// Serves SFTP until the client closes the channel.
pub(super) async fn serve(channel: Channel<Msg>, handle: SshHandle, files: Files) {
    let id = channel.id();
    let stream = Ending::new(channel.into_stream(), handle, id);
    russh_sftp::server::run(stream, files).await;
}

impl Files {
    pub(super) fn open(home: &Home) -> std::io::Result<Self> {
        let dir = Dir::open_ambient_dir(&home.root, ambient_authority())?;
        Ok(Self { home: home.root.clone(), dir, open: HashMap::new(), next: 0 })
    }

    fn path(&self, asked: &str) -> Result<PathBuf, StatusCode> {
        paths::below(&self.home, asked).ok_or(StatusCode::NoSuchFile)
    }

    fn keep(&mut self, id: u32, open: Open) -> Handle {
        self.next += 1;
        let handle = self.next.to_string();
        self.open.insert(handle.clone(), open);
        Handle { id, handle }
    }

    fn file(&mut self, handle: &str) -> Result<&mut cap_std::fs::File, StatusCode> {
        match self.open.get_mut(handle) {
            Some(Open::File(file)) => Ok(file),
            _ => Err(StatusCode::Failure),
        }
    }

    fn rows(&self, path: &Path) -> std::io::Result<Vec<Row>> {
        let mut rows = Vec::new();
        for entry in self.dir.read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            rows.push(Row::new(name, attributes(&entry.metadata()?)));
        }
        let own = attributes(&self.dir.metadata(path)?);
        rows.push(Row::new(".", own.clone()));
        rows.push(Row::new("..", own));
        Ok(rows)
    }

    fn rename_over(&self, from: &str, to: &str) -> Result<(), StatusCode> {
        let (from, to) = (self.path(from)?, self.path(to)?);
        self.dir.rename(from, &self.dir, to).map_err(code)
    }
}

impl Handler for Files {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Result<Version, StatusCode> {
        let mut version = Version::new();
        for name in ["posix-rename@openssh.com", "fsync@openssh.com"] {
            version.extensions.insert(name.into(), "1".into());
        }
        Ok(version)
    }

    async fn open(
        &mut self,
        id: u32,
        name: String,
        flags: OpenFlags,
        attrs: FileAttributes,
    ) -> Result<Handle, StatusCode> {
        let path = self.path(&name)?;
        let file = self.dir.open_with(&path, &options(flags)).map_err(code)?;
        if let Some(mode) = attrs.permissions.filter(|_| flags.contains(OpenFlags::CREATE)) {
            file.set_permissions(Permissions::from_mode(mode & 0o7777)).map_err(code)?;
        }
        Ok(self.keep(id, Open::File(file)))
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, StatusCode> {
        self.open.remove(&handle).map(|_| done(id)).ok_or(StatusCode::Failure)
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Result<Data, StatusCode> {
        let file = self.file(&handle)?;
        file.seek(SeekFrom::Start(offset)).map_err(code)?;
        let mut data = Vec::new();
        file.take(u64::from(len.min(READ_MAX))).read_to_end(&mut data).map_err(code)?;
        if data.is_empty() { Err(StatusCode::Eof) } else { Ok(Data { id, data }) }
    }

    async fn write(&mut self, id: u32, handle: String, offset: u64, data: Vec<u8>) -> Result<Status, StatusCode> {
        let file = self.file(&handle)?;
        file.seek(SeekFrom::Start(offset)).map_err(code)?;
        file.write_all(&data).map_err(code)?;
        Ok(done(id))
    }

    async fn lstat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        let found = self.dir.symlink_metadata(self.path(&path)?).map_err(code)?;
        Ok(Attrs { id, attrs: attributes(&found) })
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        let found = self.dir.metadata(self.path(&path)?).map_err(code)?;
        Ok(Attrs { id, attrs: attributes(&found) })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, StatusCode> {
        let found = self.file(&handle)?.metadata().map_err(code)?;
        Ok(Attrs { id, attrs: attributes(&found) })
    }

    async fn setstat(&mut self, id: u32, path: String, attrs: FileAttributes) -> Result<Status, StatusCode> {
        let path = self.path(&path)?;
        if let Some(mode) = attrs.permissions {
            self.dir.set_permissions(&path, Permissions::from_mode(mode & 0o7777)).map_err(code)?;
        }
        if attrs.size.is_some() || attrs.mtime.is_some() {
            // Only these need the file itself, and a directory cannot be opened for writing.
            let writable = self.dir.open_with(&path, OpenOptions::new().write(true));
            let file = writable.or_else(|_| self.dir.open(&path)).map_err(code)?;
            set(&file.into_std(), &attrs).map_err(code)?;
        }
        Ok(done(id))
    }

    async fn fsetstat(&mut self, id: u32, handle: String, attrs: FileAttributes) -> Result<Status, StatusCode> {
        let file = self.file(&handle)?;
        if let Some(mode) = attrs.permissions {
            file.set_permissions(Permissions::from_mode(mode & 0o7777)).map_err(code)?;
        }
        set(&file.try_clone().map_err(code)?.into_std(), &attrs).map_err(code)?;
        Ok(done(id))
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, StatusCode> {
        let rows = self.rows(&self.path(&path)?).map_err(code)?;
        Ok(self.keep(id, Open::Rows(rows)))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Result<Name, StatusCode> {
        let Some(Open::Rows(rows)) = self.open.get_mut(&handle) else { return Err(StatusCode::Failure) };
        let files: Vec<Row> = rows.drain(..rows.len().min(ROWS_AT_ONCE)).collect();
        if files.is_empty() { Err(StatusCode::Eof) } else { Ok(Name { id, files }) }
    }

    async fn remove(&mut self, id: u32, name: String) -> Result<Status, StatusCode> {
        self.dir.remove_file(self.path(&name)?).map_err(code)?;
        Ok(done(id))
    }

    async fn mkdir(&mut self, id: u32, path: String, attrs: FileAttributes) -> Result<Status, StatusCode> {
        let path = self.path(&path)?;
        self.dir.create_dir(&path).map_err(code)?;
        if let Some(mode) = attrs.permissions {
            self.dir.set_permissions(&path, Permissions::from_mode(mode & 0o7777)).map_err(code)?;
        }
        Ok(done(id))
    }

    async fn rmdir(&mut self, id: u32, path: String) -> Result<Status, StatusCode> {
        self.dir.remove_dir(self.path(&path)?).map_err(code)?;
        Ok(done(id))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Result<Name, StatusCode> {
        let path = self.path(&path)?;
        Ok(Name { id, files: vec![Row::dummy(paths::shown(&path))] })
    }

    async fn rename(&mut self, id: u32, from: String, to: String) -> Result<Status, StatusCode> {
        // Version 3 of the protocol does not replace; the extension below does.
        if self.dir.symlink_metadata(self.path(&to)?).is_ok() {
            return Err(StatusCode::Failure);
        }
        self.rename_over(&from, &to)?;
        Ok(done(id))
    }

    async fn readlink(&mut self, id: u32, path: String) -> Result<Name, StatusCode> {
        let target = self.dir.read_link(self.path(&path)?).map_err(code)?;
        Ok(Name { id, files: vec![Row::dummy(target.display().to_string())] })
    }

    async fn symlink(&mut self, id: u32, link: String, target: String) -> Result<Status, StatusCode> {
        // OpenSSH, against the draft, sends the target first, and clients follow OpenSSH.
        let (target, link) = (link, self.path(&target)?);
        self.dir.symlink(target, link).map_err(code)?;
        Ok(done(id))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Result<Packet, StatusCode> {
        let mut rest = data.as_slice();
        match request.as_str() {
            "posix-rename@openssh.com" => {
                let (from, to) = text(&mut rest).zip(text(&mut rest)).ok_or(StatusCode::BadMessage)?;
                self.rename_over(&from, &to)?;
            }
            "fsync@openssh.com" => {
                let handle = text(&mut rest).ok_or(StatusCode::BadMessage)?;
                self.file(&handle)?.sync_all().map_err(code)?;
            }
            _ => return Err(StatusCode::OpUnsupported),
        }
        Ok(Packet::Status(done(id)))
    }
}

fn options(flags: OpenFlags) -> OpenOptions {
    let has = |flag| flags.contains(flag);
    let mut options = OpenOptions::new();
    options.read(has(OpenFlags::READ)).write(has(OpenFlags::WRITE)).append(has(OpenFlags::APPEND));
    options.truncate(has(OpenFlags::TRUNCATE) && !has(OpenFlags::EXCLUDE));
    options.create(has(OpenFlags::CREATE)).create_new(has(OpenFlags::CREATE) && has(OpenFlags::EXCLUDE));
    options
}

fn attributes(found: &Metadata) -> FileAttributes {
    FileAttributes {
        size: Some(found.len()),
        uid: Some(0),
        gid: Some(0),
        permissions: Some(found.mode()),
        atime: u32::try_from(found.atime()).ok(),
        mtime: u32::try_from(found.mtime()).ok(),
        ..FileAttributes::empty()
    }
}

fn set(file: &std::fs::File, attrs: &FileAttributes) -> std::io::Result<()> {
    if let Some(size) = attrs.size {
        file.set_len(size)?;
    }
    let at = |secs: u32| SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(secs));
    match (attrs.atime, attrs.mtime) {
        (Some(atime), Some(mtime)) => {
            file.set_times(std::fs::FileTimes::new().set_accessed(at(atime)).set_modified(at(mtime)))
        }
        _ => Ok(()),
    }
}

fn code(error: std::io::Error) -> StatusCode {
    match error.kind() {
        ErrorKind::NotFound => StatusCode::NoSuchFile,
        ErrorKind::PermissionDenied => StatusCode::PermissionDenied,
        _ => StatusCode::Failure,
    }
}

fn done(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: "Ok".into(), language_tag: "en-US".into() }
}

/// Takes one text with its length in front off the data of an extension.
fn text(rest: &mut &[u8]) -> Option<String> {
    let (length, tail) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (text, tail) = tail.split_at_checked(length)?;
    *rest = tail;
    Some(String::from_utf8_lossy(text).into_owned())
}
