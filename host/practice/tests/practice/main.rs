//! The practice from outside: real HTTP, real SSH clients, both kinds of machines.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod api;
mod client;
mod faults;
mod money;
mod openssh;
mod shims;
mod ssh;
mod support;
mod terminals;
mod tp;
mod vastai;
