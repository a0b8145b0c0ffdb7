//! Requests as the manifest holds them: texts with names in braces, which the host fills from the call in hand.
//!
//! A driver has no path, header or body to build: it fills the few names that are left to it, and only those. This module
//! does not send anything and does not count requests.

mod body;
mod fill;
mod offer;
mod refused;
mod text;
mod words;

pub use body::Node;
pub use fill::{Filled, fill};
pub use offer::{Cut, OfferShape};
pub use refused::{Cause, Refused};
pub use text::{Hole, Kind, Name, Text};
pub use words::{CallKind, Word, Words};

pub(crate) use fill::{asked, free_names};
pub(crate) use refused::NO_LINE;
pub(crate) use text::is_name;

/// No value is longer than this.
pub(crate) const VALUE_MAX: usize = 4_096;
/// No body is larger than this.
pub(crate) const BODY_MAX: usize = 256 * 1024;

/// Returns whether a text can stand as one segment of a path: an id, a part of an offer.
pub fn is_segment(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~:@+-".contains(&b);
    (1..=128).contains(&text.len()) && text.bytes().all(plain) && text != "." && text != ".."
}

#[cfg(test)]
mod tests;
