//! This room against a real OpenSSH server on loopback: each test has a server, a home folder and a key of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod connect;
mod copy;
mod cuts;
mod jobs;
mod machine;
mod run;
mod set_up;
mod trees;
