//! Connections to providers, and the out-bound rules: what may be reached, how, and what is known when it fails.
//!
//! One request goes out on a connection that this crate dialled itself, to an address that it judged, under the granted
//! name. It follows no redirect, asks no proxy, and decodes nothing. It knows no driver, no ledger, and no credential but
//! the header it is handed.

mod base;
mod connection;
mod date;
mod dial;
mod exchange;
mod judge;
mod memory;
mod pool;
mod resolve;

pub use base::{BadBase, Base};
pub use date::parse as parse_date;
pub use http::{HeaderName, HeaderValue, Method};
pub use judge::judge_address;
#[doc(hidden)]
pub use memory::{Answering, AnsweringLater, Later};
pub use resolve::{Resolver, Table};

use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// The out-bound rules that differ between owners.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// Loopback may be reached, also without TLS. Only where the owner's configuration says so, as practice does.
    pub loopback: bool,
    /// For finding an address, connecting and TLS together.
    pub connect_timeout: Duration,
}

impl Default for Outbound {
    fn default() -> Outbound {
        Outbound { loopback: false, connect_timeout: Duration::from_secs(5) }
    }
}

/// Sends requests. Clones share the idle connections.
#[derive(Clone)]
pub struct Http {
    inner: Arc<Inner>,
}

struct Inner {
    dialler: dial::Dialler,
    pool: pool::Pool,
    memory: Option<memory::Memory>,
}

/// One request, whole but for what every request has.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub base: Base,
    pub method: Method,
    /// Path and query, already encoded, without the path of the base.
    pub target: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Option<Vec<u8>>,
    /// For spend and release: a connection of its own, so that *not sent* is certain.
    pub fresh: bool,
    pub deadline: Instant,
    /// No larger body is read.
    pub response_max: usize,
}

/// A whole answer, of any status.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Lower-case names; no cookies.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The provider's clock, in seconds since 1970.
    pub date: Option<u64>,
}

/// Why there is no answer, by what may have left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Against the out-bound rules; nothing was dialled.
    #[error("denied: {0}")]
    Denied(String),
    /// No byte of the request was handed to a connection.
    #[error("not sent: {0}")]
    NotSent(String),
    /// Something may have left, and no whole answer came.
    #[error("maybe sent: {0}")]
    MaybeSent(String),
}

impl Http {
    /// Asks the system for addresses. Nothing is opened or loaded before the first request.
    pub fn new(rules: Outbound) -> Http {
        Http::with_resolver(rules, Resolver::System)
    }

    pub fn with_resolver(rules: Outbound, resolver: Resolver) -> Http {
        Http::with_dialler(dial::Dialler::new(rules, resolver))
    }

    /// Answers from memory, and dials nothing: for measuring and fuzzing what lies above.
    #[doc(hidden)]
    pub fn answering(rules: Outbound, answering: Arc<Answering>) -> Http {
        Http::with_memory(rules, memory::Memory::AtOnce(answering))
    }

    /// Answers from memory after a while, and dials nothing: for simulating what lies above.
    #[doc(hidden)]
    pub fn answering_later(rules: Outbound, answering: Arc<AnsweringLater>) -> Http {
        Http::with_memory(rules, memory::Memory::Later(answering))
    }

    fn with_memory(rules: Outbound, memory: memory::Memory) -> Http {
        let dialler = dial::Dialler::new(rules, Resolver::System);
        Http { inner: Arc::new(Inner { dialler, pool: pool::Pool::default(), memory: Some(memory) }) }
    }

    fn with_dialler(dialler: dial::Dialler) -> Http {
        Http { inner: Arc::new(Inner { dialler, pool: pool::Pool::default(), memory: None }) }
    }

    /// Sends one request and reads its whole answer before the deadline.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Answer, SendError> {
        let request = exchange::Request::new(&outgoing)?;
        if let Some(memory) = &self.inner.memory {
            return memory.ask(&request, &outgoing).await;
        }
        if !outgoing.fresh
            && let Some(idle) = self.inner.pool.take(&outgoing.base)
        {
            match self.ask(idle, &request, &outgoing).await {
                Err(failed) if failed.may_repeat(&outgoing.method) => {}
                other => return other.map_err(exchange::Failed::into_error),
            }
        }
        let connection = self.inner.dialler.dial(&outgoing.base, outgoing.deadline).await?;
        self.ask(connection, &request, &outgoing).await.map_err(exchange::Failed::into_error)
    }

    /// Asks on one connection, and keeps it for the next read if it is still good.
    async fn ask(
        &self,
        connection: connection::Connection,
        request: &exchange::Request,
        outgoing: &Outgoing,
    ) -> Result<Answer, exchange::Failed> {
        let (answer, kept) = exchange::ask(connection, request, outgoing).await?;
        if let Some(connection) = kept {
            self.inner.pool.put(&outgoing.base, connection);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;
