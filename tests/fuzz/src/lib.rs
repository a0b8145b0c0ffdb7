//! Two fuzz targets: `door` hands arbitrary requests to the door, `results` runs a component that does and returns
//! arbitrary things. In both the provider answers arbitrarily, from memory, and every request that leaves is held
//! against the manifest by a reader of its own (`oracle`), which shares no code with the host.
//!
//! `tests/replay.rs` runs the corpus as ordinary tests; `cargo xtask fuzz` goes on from there.

mod answers;
#[doc(hidden)]
pub mod bytes;
mod checks;
mod door;
mod oracle;
mod provider;
mod results;
mod secret;
mod tested;

pub use door::door;
pub use results::results;

/// The manifest of the guest: every kind of route and template once.
const MANIFEST: &str = include_str!("../guest/driver.toml");
const NOW: u64 = 1_790_000_000;
const TAG: &str = "bursarfuz0inst000001";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcI bursar";
const KEY_NAME: &str = "bursar-bursarfuz0";

/// Ids of instances as a provider may have shown them: the host knows them, and they must not get out of their place.
const INSTANCES: [&str; 8] = ["id-1", "id-2", "..", "a/b", "a\"b\\c", "é x", "%2e%2e", "1e3"];
