//! The whole system from outside: the real binary, real SSH, real HTTP, a real database; only the data centre is imitated.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod agent;
mod blocks;
mod clusters;
mod demo;
mod direction;
mod faults;
mod folders;
mod injection;
mod job_progress;
mod jobs;
mod keeper;
mod keeper_odd;
mod kills;
mod laws;
mod lies;
mod links;
mod market;
mod newcomer;
mod parallel;
mod providers;
mod real_costs;
mod self_end;
mod sync;
mod terminal;
mod whole_loop;
mod world;
