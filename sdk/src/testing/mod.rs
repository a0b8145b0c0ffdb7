//! The test door: recorded replies instead of a provider, and the manifest's rules instead of a host.
//!
//! [`Recorded`] runs a driver natively, call by call. Whatever the real door would refuse ends the test with a sentence:
//! an unknown route, a word that this call does not know, a value that is missing or nobody asked for, an effect that
//! is not open, an address or image out of nowhere. It does not sign, fill bodies or judge addresses, and it is not
//! built into components.

mod abilities;
mod door;
mod evidence;
mod judge;
mod manifest;
mod recorded;
mod reply;
mod rules;

pub(crate) use door::{log, send, signer};
pub use evidence::Shown;
pub use recorded::Recorded;
pub use reply::Reply;

#[cfg(test)]
mod tests;
