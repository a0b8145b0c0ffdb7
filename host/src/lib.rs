//! Bursar: lets an AI agent rent GPU machines inside limits that its owner set and the agent cannot move. This is all of
//! the program; `main.rs` starts it, and `tests/simulation` walks its flows.

mod bundled;
mod cli;
mod clock;
mod flow;
mod mcp;
mod settings;
#[doc(hidden)]
pub mod simulation;
mod task;

pub use cli::run;
