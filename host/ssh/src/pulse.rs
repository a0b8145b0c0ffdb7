//! Whether a connection lives, told by what came over it and by its socket, without asking the machine: a question would
//! cost the round trip that the warm connection is there to save. This module never writes.

use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A living connection is heard of at each keepalive; what was silent for longer is asked first.
const FRESH_SECS: u64 = 20;

/// What a connection runs over: a socket, or a channel through a jump host.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Io for S {}

/// Tells of one connection while it is used.
#[derive(Clone)]
pub(crate) struct Pulse {
    heard: Arc<AtomicU64>,
    /// The socket once more: of a connection through a jump host, that of the jump host.
    socket: Arc<std::net::TcpStream>,
}

impl Pulse {
    pub(crate) fn of(socket: &TcpStream) -> std::io::Result<Pulse> {
        use std::os::fd::AsFd;
        let socket = socket.as_fd().try_clone_to_owned()?.into();
        Ok(Pulse { heard: Arc::new(AtomicU64::new(seconds())), socket: Arc::new(socket) })
    }

    /// The pulse of another connection over the same socket.
    pub(crate) fn another(&self) -> Pulse {
        Pulse { heard: Arc::new(AtomicU64::new(seconds())), socket: self.socket.clone() }
    }

    /// Returns the stream, listened to by this pulse.
    pub(crate) fn watch<S: Io>(&self, stream: S) -> Watched<S> {
        Watched { stream, heard: self.heard.clone() }
    }

    /// Returns for how long nothing came over it.
    pub(crate) fn silent_secs(&self) -> u64 {
        seconds().saturating_sub(self.heard.load(Ordering::Relaxed))
    }

    /// Returns whether it was heard of lately and nothing says that the other side has gone. Only then is something sent
    /// over it without asking first.
    pub(crate) fn is_fresh(&self) -> bool {
        // The socket never blocks. What waits in it unread may be a farewell.
        let quiet = matches!(self.socket.peek(&mut [0]), Err(why) if why.kind() == ErrorKind::WouldBlock);
        self.silent_secs() < FRESH_SECS && quiet
    }
}

/// Seconds since the computer started, those in which it slept included: a laptop that wakes up has dead connections.
fn seconds() -> u64 {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    u64::try_from(rustix::time::clock_gettime(clock).tv_sec).unwrap_or(0)
}

/// A stream that notes when something came.
pub(crate) struct Watched<S> {
    stream: S,
    heard: Arc<AtomicU64>,
}

impl<S: Io> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.heard.store(seconds(), Ordering::Relaxed);
        }
        read
    }
}

impl<S: Io> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn a_connection_that_the_other_side_left_is_not_fresh() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        let pulse = Pulse::of(&near).unwrap();
        assert!(pulse.is_fresh());
        far.write_all(b"farewell").await.unwrap();
        drop(far);
        near.readable().await.unwrap();
        assert!(!pulse.is_fresh());
        let mut watched = pulse.watch(near);
        tokio::io::copy(&mut watched, &mut tokio::io::sink()).await.unwrap();
        assert!(!pulse.is_fresh());
    }

    #[tokio::test]
    async fn what_was_silent_for_long_is_not_fresh() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let pulse = Pulse::of(&near).unwrap();
        pulse.heard.store(seconds().saturating_sub(FRESH_SECS), Ordering::Relaxed);
        assert!(!pulse.is_fresh());
    }
}
