//! The sandbox, attacked: hostile guests, family by family, dropped files, and the numbered cases. Everything goes through the
//! public side of the drivers' room, over real HTTP on loopback.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "../../host/drivers/tests/common/mod.rs"]
mod common;
mod family;
mod files;
mod ideas;
mod numbers;
mod scan;
mod world;
