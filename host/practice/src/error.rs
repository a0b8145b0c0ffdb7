//! Why a practice could not start. Each message says what happened, the numbers, and what to do.

use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum PracticeError {
    #[error("practice cannot listen on {address}; choose another address with --listen, port 0 for a free one")]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("practice cannot use {dir}; give it a directory that this user may write")]
    Directory {
        dir: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("another practice runs in {dir}; stop it, or give this one a directory of its own")]
    InUse { dir: PathBuf },
    #[error("practice finds no loopback address for its machines")]
    Loopback {
        #[source]
        source: std::io::Error,
    },
    /// Three parts of text, made where the reason is known.
    #[error("{0}")]
    Machines(String),
}
