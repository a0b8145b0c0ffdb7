//! The drivers' room: the sandbox, the door, and everything a driver may touch.
//!
//! A driver is a stranger's component. It names routes of its manifest, selects and converts; the host writes every
//! request, sends it, and reads the answer itself. What frees or costs money is in what this room returns as *seen*, never
//! in what a driver says. This room never reads the ledger and opens no SSH connection.

mod admission;
mod audit;
mod authority;
mod bindings;
mod cache;
mod call;
mod config;
mod convert;
mod door;
mod driver;
mod error;
pub mod evidence;
#[doc(hidden)]
pub mod fuzzing;
mod ground;
mod hand;
mod inspect;
mod instance;
pub mod json;
mod listing;
mod lock;
pub mod manifest;
mod market;
mod order;
mod pace;
pub mod pointer;
mod precompiled;
mod record;
mod registry;
mod sandbox;
pub mod scrub;
mod shelf;
mod signing;
mod still;
pub mod template;
mod text;

pub use crate::{
    admission::NotAdmitted,
    audit::{Audit, Counters, DoorEvent, SpendAsk, What},
    call::At,
    config::{Config, Credentials},
    driver::Driver,
    error::{CallError, CallErrorKind, DriverError},
    inspect::{Inspection, Listed, Standing, Status},
    instance::{Ended, Resumed},
    listing::{Listing, Row},
    manifest::Manifest,
    order::{Created, Extended, KeyId, Outcome},
    record::Left,
    registry::Drivers,
    template::Cause,
};
