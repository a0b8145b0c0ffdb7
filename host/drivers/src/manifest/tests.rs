//! The five providers' manifests parse, and each rule refuses what breaks it.

use super::*;

mod fixtures;
mod rules;
mod widening;

pub(crate) use fixtures::*;
