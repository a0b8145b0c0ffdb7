//! A connection to a port of the machine's own loopback, through SSH. Nothing else of its network is reached this way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use russh::ChannelStream;
use russh::client::Msg;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connect::{Link, Opening, check_target};
use crate::{Ssh, SshError, Target};

/// Bytes to and from one port of a machine.
pub struct PortStream {
    stream: ChannelStream<Msg>,
    /// The connection lives as long as somebody uses it.
    _link: Arc<Link>,
}

impl Ssh {
    /// Connects to `port` on the machine itself.
    pub async fn port(&self, at: &Target, port: u16) -> Result<PortStream, SshError> {
        check_target(at)?;
        if port == 0 {
            return Err(SshError::input("port", "a port is a number from 1 to 65535"));
        }
        match self.open_warm(at, Opening::Port(port)).await? {
            Ok((link, channel)) => Ok(PortStream { stream: channel.into_stream(), _link: link }),
            Err(why) => Err(SshError::NoPort { address: at.address(), port, why: in_words(&why) }),
        }
    }
}

fn in_words(why: &str) -> String {
    match why {
        "ConnectFailed" => "nothing listens on it".to_owned(),
        "AdministrativelyProhibited" => "its SSH server forbids forwarding, or nothing listens on it".to_owned(),
        other => other.to_owned(),
    }
}

impl std::fmt::Debug for PortStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PortStream").finish_non_exhaustive()
    }
}

impl AsyncRead for PortStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for PortStream {
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
