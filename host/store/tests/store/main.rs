//! The store from outside: real database files, several processes, a naive model beside it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod auditing;
mod chain;
mod changes;
mod corrections;
mod damage;
mod help;
mod opening;
mod pages;
mod processes;
mod reading;
mod reserving;
mod sides;
mod walk;
mod windows;
