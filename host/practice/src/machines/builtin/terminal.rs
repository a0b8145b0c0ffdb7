//! A command or shell on a pseudo-terminal, for `ssh` without a command and `ssh -t`.

use pty_process::{Command, OwnedWritePty, Size as PtySize};
use russh::Channel;
use russh::server::Msg;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::exec::{Running, Spec, arguments, pump};
use crate::machines::Home;
use crate::machines::home::shell;

/// Columns and rows, as the client's window has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    columns: u16,
    rows: u16,
}

impl Size {
    pub(super) fn new(columns: u32, rows: u32) -> Self {
        let number = |n: u32, fallback| u16::try_from(n).ok().filter(|&n| n > 0).unwrap_or(fallback);
        Self { columns: number(columns, 80), rows: number(rows, 24) }
    }
}

impl From<Size> for PtySize {
    fn from(size: Size) -> Self {
        PtySize::new(size.rows, size.columns)
    }
}

pub(super) fn start(channel: &Channel<Msg>, spec: &Spec, size: Size, home: &Home) -> std::io::Result<Running> {
    let (pty, pts) = pty_process::open().map_err(std::io::Error::other)?;
    pty.resize(size.into()).map_err(std::io::Error::other)?;
    let child = Command::new(shell())
        .args(arguments(spec))
        .env_clear()
        .envs(home.environment())
        .envs(spec.environment.iter().cloned())
        .current_dir(&home.root)
        .spawn(pts)
        .map_err(std::io::Error::other)?;
    let (output, typed) = pty.into_split();
    let mut pumps = JoinSet::new();
    pumps.spawn(pump(output, channel.make_writer()));
    let (input, chunks) = mpsc::unbounded_channel();
    let (resize, sizes) = mpsc::unbounded_channel();
    tokio::spawn(serve(typed, chunks, sizes));
    Ok(Running { child, input, resize: Some(resize), pumps })
}

/// Types what the client types and follows its window, until both have ended.
async fn serve(
    mut typed: OwnedWritePty,
    mut chunks: mpsc::UnboundedReceiver<hyper::body::Bytes>,
    mut sizes: mpsc::UnboundedReceiver<Size>,
) {
    loop {
        tokio::select! {
            Some(chunk) = chunks.recv() => if typed.write_all(&chunk).await.is_err() { return },
            Some(size) = sizes.recv() => drop(typed.resize(size.into())),
            else => return,
        }
    }
}
