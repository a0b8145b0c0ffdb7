//! One HTTP/1.1 connection and the task that drives it. When it is dropped, the task and its socket go, too.

use crate::SendError;
use http_body_util::Full;
use hyper::{
    body::Bytes,
    client::conn::http1::{Builder, SendRequest},
};
use hyper_util::rt::TokioIo;
use std::time::Instant;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::AbortHandle,
};

/// The head of an answer is not larger than this.
const HEAD_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 100;

pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    /// When it was last put away.
    pub(crate) idle_since: Instant,
    task: AbortHandle,
}

impl Connection {
    pub(crate) async fn over<S>(stream: S) -> Result<Connection, SendError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let made = Builder::new().max_buf_size(HEAD_MAX).max_headers(HEADERS_MAX).handshake(TokioIo::new(stream)).await;
        let (sender, driver) = made.map_err(|error| SendError::NotSent(format!("no HTTP connection: {error}")))?;
        let task = tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        Ok(Connection { sender, idle_since: Instant::now(), task: task.abort_handle() })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}
