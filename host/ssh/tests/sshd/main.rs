//! This room against a real OpenSSH server on loopback: each test has a server, a home folder and a key of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod broken_login;
mod connect;
mod copy;
mod cuts;
mod env;
mod http;
mod job_args;
mod job_cuts;
mod job_ends;
mod jobs;
mod keys;
mod links;
mod machine;
mod names;
mod odd;
mod operations;
mod proxy;
mod releases;
mod run;
mod self_end;
mod set_up;
mod trees;
mod twice;
