//! The rules of Bursar: money, offers, limits, the ledger's arithmetic, and the decision to spend.
//!
//! Everything here is plain data and pure functions. This crate never reads a clock, a file or the network, is not
//! asynchronous, and has no floating-point money.

mod block;
pub mod bounds;
pub mod capability;
pub mod decide;
pub mod exposure;
pub mod extend;
pub mod gpu;
pub mod instance;
pub mod job;
pub mod lease;
pub mod ledger;
pub mod limits;
pub mod money;
pub mod offer;
pub mod overrun;
pub mod quote;
pub mod reconcile;
pub mod scope;
pub mod settle;
pub mod time;
pub mod window;
