//! Signing is attaching: the host signs what it has written from the manifest as it sends it, and no signature enters the
//! sandbox. Keys are read where they are stored, never kept longer than they are the same, and shown to nobody. This
//! module sends nothing and decides nothing.

mod key;
mod message;
mod operation;
#[cfg(test)]
mod tests;

pub(crate) use key::{Key, Session};
pub(crate) use message::message;
pub(crate) use operation::operation;

/// A signer of the manifest: its key, and the short-lived one that signs for it.
pub(crate) struct Signer {
    pub(crate) key: Key,
    pub(crate) session: Session,
}

/// Writes a text as JSON does that keeps to ASCII, as the reference client's does.
fn ascii_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            other => other.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    out.push('"');
    out
}
