//! The imports of a driver: the door, public addresses of signers, the log.
//!
//! In a component they are the host's. In a native build they are the test door's, so that `cargo test` needs no sandbox.

use crate::bindings::driver::bursar::driver::http::{Request, Response, SendError};
use crate::bindings::driver::bursar::driver::log::Level;
use crate::{Result, types::Error};

pub(crate) fn send(request: &Request) -> std::result::Result<Response, SendError> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::driver::bursar::driver::http::send(request);
    #[cfg(not(target_family = "wasm"))]
    return crate::testing::send(request);
}

pub(crate) fn send_all(requests: &[Request]) -> Vec<std::result::Result<Response, SendError>> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::driver::bursar::driver::http::send_all(requests);
    #[cfg(not(target_family = "wasm"))]
    return requests.iter().map(crate::testing::send).collect();
}

/// Returns the public address of a signer named in the manifest. No function signs: the door does, as it sends.
pub fn signer(name: &str) -> Result<String> {
    #[cfg(target_family = "wasm")]
    let address = crate::bindings::driver::bursar::driver::signer::address(name);
    #[cfg(not(target_family = "wasm"))]
    let address = crate::testing::signer(name);
    address.map_err(Error::NotSent)
}

/// Lines for whoever debugs a driver; an agent never sees them unasked. 200 lines of 1 KiB a call, the rest is dropped.
pub mod log {
    use super::{Level, write};

    /// Says that a condition was met.
    pub fn debug(message: &str) {
        write(Level::Debug, message);
    }

    /// Says what changed.
    pub fn info(message: &str) {
        write(Level::Info, message);
    }

    /// Says what is odd and still fine, such as an answer with an unknown word in it.
    pub fn warn(message: &str) {
        write(Level::Warn, message);
    }

    /// Says what a person should look at.
    pub fn error(message: &str) {
        write(Level::Error, message);
    }
}

fn write(level: Level, message: &str) {
    #[cfg(target_family = "wasm")]
    crate::bindings::driver::bursar::driver::log::write(level, message);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::log(level, message);
}
