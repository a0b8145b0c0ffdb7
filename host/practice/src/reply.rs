//! What an imitated provider answers, before it becomes HTTP, and the body that can be cut on purpose.
//! It knows nothing of providers and faults.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use serde_json::{Value, json};

/// One request, read whole, with the path inside the provider (`/servers`, not `/bitlaunch/api/servers`).
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// The body as JSON, or null where there was none or it was something else.
    pub(crate) body: Value,
    /// By their lower-case names.
    pub(crate) headers: Vec<(String, String)>,
}

impl Ask {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Content,
    /// Send half of the body and cut the connection.
    pub(crate) cut: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Empty,
    Json(Value),
    Text { mime: &'static str, text: String },
}

impl Reply {
    pub(crate) fn json(value: Value) -> Self {
        Self::new(200, Content::Json(value))
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, Content::Empty)
    }

    /// Returns an error in BitLaunch's shape.
    pub(crate) fn message(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, Content::Json(json!({ "message": message.into() })))
    }

    pub(crate) fn text(status: u16, mime: &'static str, text: impl Into<String>) -> Self {
        Self::new(status, Content::Text { mime, text: text.into() })
    }

    pub(crate) fn new(status: u16, body: Content) -> Self {
        Self { status, headers: Vec::new(), body, cut: false }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns the body as JSON, where it is JSON.
    pub(crate) fn as_json(&self) -> Option<&Value> {
        match &self.body {
            Content::Json(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn bytes(&self) -> (Option<&'static str>, Bytes) {
        match &self.body {
            Content::Empty => (None, Bytes::new()),
            Content::Json(value) => (Some("application/json; charset=utf-8"), Bytes::from(value.to_string())),
            Content::Text { mime, text } => (Some(mime), Bytes::from(text.clone())),
        }
    }
}

/// A body that is sent whole, or whose second half never comes.
pub(crate) struct Sent {
    left: Option<Bytes>,
    promised: u64,
    cut: bool,
}

impl Sent {
    pub(crate) fn new(bytes: Bytes, cut: bool) -> Self {
        let promised = bytes.len() as u64;
        let left = if cut { bytes.slice(..bytes.len() / 2) } else { bytes };
        Self { left: Some(left).filter(|bytes| !bytes.is_empty()), promised, cut }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        match self.left.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None if self.cut => Poll::Ready(Some(Err(std::io::Error::other("cut on purpose")))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_none() && !self.cut
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
