//! The real core, the real flows and the real store, walked through a simulated world: providers that lose, lie and lag,
//! processes that are killed and stopped, clocks that leap. After every step the laws are held against the provider's
//! own truth. A seed is a walk: the same one each time.

mod book;
mod dialect;
mod dice;
mod faults;
mod laws;
mod provider;
mod soak;
mod steps;
mod template;
mod walk;
mod world;

pub use soak::{Soaked, soak};
pub use template::Template;
pub use walk::{Walked, walk};
