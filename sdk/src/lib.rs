//! What a driver author writes against: the types of the interface, the door, money, and a test door.
//!
//! A driver implements [`Driver`] and whichever of the optional traits its provider can do, and says so in one line of
//! [`driver!`]. It never builds a request: it names a route of its manifest, selects, and converts. This crate knows
//! neither the host nor any provider.

#[doc(hidden)]
pub mod bindings;

mod door;
mod driver;
mod error;
mod exports;
mod json;
mod keys;
#[cfg(target_family = "wasm")]
mod memory;
mod money;
mod offers;
mod pages;
mod route;
mod row;
mod ssh;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod time;
mod types;

pub use door::{log, signer};
pub use driver::{Charges, Driver, Extend, Images, Keys, Lookup, Packed, Pause, Restart, Sites};
pub use error::{OrGone, Result};
#[doc(hidden)]
pub use exports::Exports;
pub use json::{lenient, readable, some};
pub use keys::{ensure_key, same_key};
pub use money::{Cent, MicroUsd, MilliUsd, Money, Usd};
pub use pages::{Page, cursor, pages};
pub use route::{Answer, Route, route, together};
pub use row::Row;
/// For the body of a free read, and for settings that hold JSON. Amounts of money are read with [`Money`].
pub use serde_json::{Value, json};
pub use time::{Moment, Month};
pub use types::*;

/// Everything a driver usually needs: `use bursar_driver::prelude::*;`.
pub mod prelude {
    pub use crate::types::*;
    pub use crate::{
        Answer, Cent, Charges, Driver, Extend, Images, Keys, Lookup, MicroUsd, MilliUsd, Moment, Month, OrGone, Page,
        Pause, Restart, Result, Route, Row, Sites, Usd, Value, cursor, driver, ensure_key, json, lenient, log,
        offer_parts, pages, readable, route, signer, some, together,
    };
    pub use serde::Deserialize;
}

/// Packs the manifest into the driver and exports what the driver can do.
///
/// `driver!(Acme, "../driver.toml", keys, restart);` exports `provider`, `keys` and `restart`, and no other interface:
/// what a component exports is what its owner sees as its abilities. The path is relative to the file of the call.
#[macro_export]
macro_rules! driver {
    (@export $name:ident provider) => { $crate::bindings::driver::export_provider!($name); };
    (@export $name:ident keys) => { $crate::bindings::keys::export_keys!($name); };
    (@export $name:ident images) => { $crate::bindings::images::export_images!($name); };
    (@export $name:ident restart) => { $crate::bindings::restart::export_restart!($name); };
    (@export $name:ident pause) => { $crate::bindings::pause::export_pause!($name); };
    (@export $name:ident extend) => { $crate::bindings::extend::export_extend!($name); };
    (@export $name:ident charges) => { $crate::bindings::charges::export_charges!($name); };
    (@export $name:ident lookup) => { $crate::bindings::lookup::export_lookup!($name); };
    (@export $name:ident sites) => { $crate::bindings::sites::export_sites!($name); };
    // A native build exports nothing, and still wants each named ability to be there.
    (@check $name:ident keys) => { $crate::driver!(@has $name Keys); };
    (@check $name:ident images) => { $crate::driver!(@has $name Images); };
    (@check $name:ident restart) => { $crate::driver!(@has $name Restart); };
    (@check $name:ident pause) => { $crate::driver!(@has $name Pause); };
    (@check $name:ident extend) => { $crate::driver!(@has $name Extend); };
    (@check $name:ident charges) => { $crate::driver!(@has $name Charges); };
    (@check $name:ident lookup) => { $crate::driver!(@has $name Lookup); };
    (@check $name:ident sites) => { $crate::driver!(@has $name Sites); };
    (@has $name:ident $ability:ident) => {
        const _: () = {
            const fn has<T: $crate::$ability>() {}
            has::<$name>();
        };
    };
    ($name:ident, $manifest:literal $(, $ability:ident)* $(,)?) => {
        impl $crate::Packed for $name {
            const MANIFEST: &'static str = include_str!($manifest);
        }

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "generated: the component's exported functions")]
        const _: () = {
            type Exported = $crate::Exports<$name>;
            $crate::driver!(@export Exported provider);
            $( $crate::driver!(@export Exported $ability); )*
        };

        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            $( $crate::driver!(@check $name $ability); )*
        };
    };
}
