//! A channel as a byte stream that says *exit status 0* before it closes, which `scp` and `sftp` wait for.

use std::pin::Pin;
use std::task::{Context, Poll};

use russh::server::{Handle, Msg};
use russh::{ChannelId, ChannelStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) struct Ending {
    stream: Option<ChannelStream<Msg>>,
    handle: Handle,
    id: ChannelId,
}

impl Ending {
    pub(super) fn new(stream: ChannelStream<Msg>, handle: Handle, id: ChannelId) -> Self {
        Self { stream: Some(stream), handle, id }
    }

    fn stream(&mut self) -> Pin<&mut ChannelStream<Msg>> {
        Pin::new(self.stream.as_mut().expect("the stream is taken out only when this is dropped"))
    }
}

impl AsyncRead for Ending {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        self.stream().poll_read(cx, buf)
    }
}

impl AsyncWrite for Ending {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.stream().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let (stream, handle, id) = (self.stream.take(), self.handle.clone(), self.id);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = handle.exit_status_request(id, 0).await;
                // Closes the channel.
                drop(stream);
            });
        }
    }
}
