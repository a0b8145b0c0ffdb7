//! Copies one file to or from a machine. A file appears under its name only when all of it has arrived and its checksum fits.
//! Local files come opened by the caller; this module opens no local path.

use std::io::SeekFrom;
use std::time::Duration;

use russh_sftp::client::SftpSession;
use russh_sftp::protocol::OpenFlags;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::clean::{clean, clean_line};
use crate::error::SshError;
use crate::key::random_hex;
use crate::run::checked;
use crate::script::quote;
use crate::{Ssh, Target};

const CHUNK: usize = 256 * 1024;
/// No byte for this long means that the copy stands still.
const STALL_SECS: u64 = 45;
/// A checksum of a large file on a slow disk takes its time.
const CHECK_SECS: u64 = 1_800;

/// What is sent, and where to.
#[derive(Debug)]
pub struct Upload {
    pub content: Content,
    /// `~/` and relative paths begin at the home folder. Missing parent folders are made.
    pub remote_path: String,
    /// Permissions like 0o755. Without, an existing file keeps its own.
    pub mode: Option<u32>,
}

/// The bytes to send.
#[derive(Debug)]
pub enum Content {
    Bytes(Vec<u8>),
    /// A file that the caller opened, from where it stands.
    File(std::fs::File),
}

/// A copy that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub bytes: u64,
    /// Of what was sent or kept here, in hexadecimal.
    pub sha256: String,
    /// Whether the machine computed the same checksum; false where it has no tool for it.
    pub checked: bool,
    /// The full path on the machine.
    pub remote_path: String,
}

type Progress<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// Sets `p` to the full path, and where it is a link, to what the link names.
const RESOLVE: &str = "case $p in '~/'*) p=$HOME/${p#'~/'};; /*) ;; *) p=$HOME/$p;; esac\n\
    [ -L \"$p\" ] && p=$(readlink -f -- \"$p\")\n\
    if [ -d \"$p\" ]; then echo \"$p is a folder; name a file\" >&2; exit 1; fi";

const SUM: &str = "if command -v sha256sum >/dev/null 2>&1; then sum() { sha256sum; }\n\
    elif command -v shasum >/dev/null 2>&1; then sum() { shasum -a 256; }\nelse sum() { cat >/dev/null; echo none; }; fi";

impl Ssh {
    /// Sends a file. It is written beside its place, checked and renamed, so nobody meets half a file.
    pub async fn upload(&self, at: &Target, what: Upload, progress: Progress<'_>) -> Result<Copied, SshError> {
        let given = checked_path(&what.remote_path)?;
        let prepare = format!(
            "p={given}\n{RESOLVE}\ncase $p in */*) mkdir -p -- \"${{p%/*}}/\" || exit 1;; esac\nprintf '%s\\n' \"$p\""
        );
        let path = self.one_line(at, "making the folder", &prepare).await?;
        let part = format!("{path}.{}.part", random_hex());
        let sent = match what.content {
            Content::Bytes(bytes) => {
                let total = bytes.len() as u64;
                self.send(at, &part, &mut &bytes[..], total, progress).await
            }
            Content::File(file) => {
                let (mut file, total) = opened(file).await?;
                self.send(at, &part, &mut file, total, progress).await
            }
        };
        let put = match sent {
            Ok(sum) => self.put(at, &part, &path, sum, what.mode).await,
            Err(error) => Err(error),
        };
        if put.is_err() {
            let remove = format!("rm -f -- {}", quote(&part));
            if let Err(error) = self.ask(at, "removing half a copy", &remove, 10).await {
                tracing::debug!(%error, part, "half a copy stays on the machine");
            }
        }
        put
    }

    /// Fetches a file of at most `max_bytes` into `into`, which must be empty and open for writing.
    pub async fn download(
        &self,
        at: &Target,
        remote_path: &str,
        into: &mut std::fs::File,
        max_bytes: Option<u64>,
        progress: Progress<'_>,
    ) -> Result<Copied, SshError> {
        let given = checked_path(remote_path)?;
        let resolve = format!(
            "p={given}\n{RESOLVE}\n[ -f \"$p\" ] || {{ echo \"no file $p\" >&2; exit 1; }}\nprintf '%s\\n' \"$p\""
        );
        let path = self.one_line(at, "finding the file", &resolve).await?;
        let sftp = self.sftp(at).await?;
        let mut file = sftp.open(&path).await.map_err(|why| failed("opening the file", why))?;
        let meta = file.metadata().await.map_err(|why| failed("reading the file's size", why))?;
        let bytes = meta.size.unwrap_or(0);
        if let Some(max) = max_bytes.filter(|max| bytes > *max) {
            return Err(SshError::TooLarge { bytes, max });
        }
        let own = into.try_clone().map_err(local)?;
        let mut own = tokio::fs::File::from_std(own);
        let sum = pump(&mut (&mut file).take(bytes), &mut own, bytes, "fetching a file", progress).await?;
        drop(file);
        // What grew meanwhile is not part of the copy, so only as much is summed up there.
        let script = format!("{SUM}\nhead -c {bytes} -- {} | sum", quote(&path));
        let theirs = self.ask(at, "checking the copy", &script, CHECK_SECS).await?.succeeded("checking the copy")?;
        let checked = same_sum(&sum, &theirs.text())?;
        Ok(Copied { bytes, sha256: sum.sha256, checked, remote_path: clean(path.as_bytes()) })
    }

    /// Writes `from` into a new file on the machine that only its owner can read.
    async fn send<R: AsyncRead + Unpin>(
        &self,
        at: &Target,
        part: &str,
        from: &mut R,
        total: u64,
        progress: Progress<'_>,
    ) -> Result<Sum, SshError> {
        let sftp = self.sftp(at).await?;
        let flags = OpenFlags::CREATE | OpenFlags::EXCLUDE | OpenFlags::WRITE;
        let mut file = sftp.open_with_flags(part, flags).await.map_err(|why| failed("making the file", why))?;
        let sum = pump(from, &mut file, total, "sending a file", progress).await?;
        file.close().await.map_err(|why| failed("closing the file", why))?;
        Ok(sum)
    }

    /// Checks what arrived and moves it to its place.
    async fn put(&self, at: &Target, part: &str, path: &str, sum: Sum, mode: Option<u32>) -> Result<Copied, SshError> {
        let chmod = match mode {
            Some(mode) => format!("chmod {:o} \"$t\" || exit 1", mode & 0o7777),
            None => "[ -e \"$p\" ] && chmod \"$(stat -c %a -- \"$p\" 2>/dev/null || stat -f %Lp -- \"$p\")\" \"$t\" 2>/dev/null".into(),
        };
        let script = format!(
            "t={} p={}\n{SUM}\nn=$(wc -c <\"$t\") || exit 1\ns=$(sum <\"$t\")\n\
             if [ \"${{s%% *}}\" != {} ] && [ \"$s\" != none ] || [ \"$n\" -ne {} ]; then echo \"$s\"; echo \"$n\"; exit 0; fi\n\
             {chmod}\nmv -f -- \"$t\" \"$p\" || exit 1\necho \"$s\"; echo \"$n\"",
            quote(part),
            quote(path),
            sum.sha256,
            sum.bytes,
        );
        let theirs =
            self.ask(at, "checking the copy", &script, CHECK_SECS).await?.succeeded("checking the copy")?.text();
        let size = theirs.lines().nth(1).and_then(|line| line.trim().parse::<u64>().ok());
        if size != Some(sum.bytes) {
            let why = format!("{} bytes were sent, {} arrived", sum.bytes, size.unwrap_or(0));
            return Err(SshError::Damaged { why });
        }
        let checked = same_sum(&sum, &theirs)?;
        Ok(Copied { bytes: sum.bytes, sha256: sum.sha256, checked, remote_path: clean(path.as_bytes()) })
    }

    async fn one_line(&self, at: &Target, doing: &'static str, script: &str) -> Result<String, SshError> {
        let text = self.ask(at, doing, script, 20).await?.succeeded(doing)?.text();
        match text.strip_suffix('\n') {
            Some(line) if line.starts_with('/') && !line.contains('\n') => Ok(line.to_owned()),
            _ => Err(SshError::Machine { doing, why: format!("it answered `{}`", clean_line(text.as_bytes(), 200)) }),
        }
    }

    async fn sftp(&self, at: &Target) -> Result<SftpSession, SshError> {
        let (_, channel) = self.channel(at).await?;
        let start = async {
            channel.request_subsystem(true, "sftp").await.map_err(|why| failed("starting SFTP", why))?;
            let config = russh_sftp::client::Config { request_timeout_secs: STALL_SECS, ..Default::default() };
            let session = SftpSession::new_with_config(channel.into_stream(), config).await;
            session.map_err(|why| failed("starting SFTP", why))
        };
        let slow = |_| SshError::TooSlow { address: at.address(), doing: "starting SFTP", secs: 15 };
        timeout(Duration::from_secs(15), start).await.map_err(slow)?
    }
}

/// What went through, counted and summed on our side.
struct Sum {
    bytes: u64,
    sha256: String,
}

async fn pump<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    from: &mut R,
    to: &mut W,
    total: u64,
    doing: &'static str,
    progress: Progress<'_>,
) -> Result<Sum, SshError> {
    let mut buffer = vec![0; CHUNK];
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let stall = Duration::from_secs(STALL_SECS);
    let stalled = |_| SshError::Machine { doing, why: format!("no byte moved for {STALL_SECS} s") };
    loop {
        let step = async {
            let got = from.read(&mut buffer).await?;
            to.write_all(&buffer[..got]).await.map(|()| got)
        };
        let got = timeout(stall, step).await.map_err(stalled)?.map_err(|why| failed(doing, why))?;
        if got == 0 {
            break;
        }
        hash.update(&buffer[..got]);
        bytes += got as u64;
        progress(bytes, total);
    }
    timeout(stall, to.flush()).await.map_err(stalled)?.map_err(|why| failed(doing, why))?;
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Sum { bytes, sha256 })
}

/// Returns whether the machine's checksum confirms ours; one that differs is an error.
fn same_sum(ours: &Sum, theirs: &str) -> Result<bool, SshError> {
    match theirs.split_whitespace().next().unwrap_or_default() {
        "none" | "" => Ok(false),
        sum if sum == ours.sha256 => Ok(true),
        sum => Err(SshError::Damaged {
            why: format!("sha256 {} here, {} on the machine", ours.sha256, clean_line(sum.as_bytes(), 64)),
        }),
    }
}

async fn opened(file: std::fs::File) -> Result<(tokio::fs::File, u64), SshError> {
    let mut file = tokio::fs::File::from_std(file);
    let size = file.metadata().await.map_err(local)?.len();
    let at = file.seek(SeekFrom::Current(0)).await.map_err(local)?;
    Ok((file, size.saturating_sub(at)))
}

fn checked_path(path: &str) -> Result<String, SshError> {
    let path = checked("remote path", path)?;
    if path.contains('\n') || path.ends_with('/') || path == "~" {
        return Err(SshError::input("remote path", "name a file, not a folder, without line breaks"));
    }
    Ok(quote(path))
}

fn failed(doing: &'static str, why: impl std::fmt::Display) -> SshError {
    SshError::Machine { doing, why: clean_line(why.to_string().as_bytes(), 300) }
}

fn local(why: std::io::Error) -> SshError {
    SshError::input("local file", why.to_string())
}
