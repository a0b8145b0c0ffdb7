//! The interface of `wit/`, generated: one `generate!` per world, all on the types of the first.
//!
//! Nothing here is written by hand; what makes the types pleasant is in `types.rs`.
#![allow(unsafe_code, unreachable_pub, clippy::all, reason = "generated")]
#![allow(missing_docs, dead_code, unused_imports, reason = "generated")]

pub mod driver {
    wit_bindgen::generate!({
        path: "../wit",
        world: "driver",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_provider",
        default_bindings_module: "::bursar_driver::bindings::driver",
        runtime_path: "::wit_bindgen::rt",
    });
}

/// One optional interface: the world that exports it, and the name of its export macro.
macro_rules! ability {
    ($module:ident, $world:literal, $export:literal, $bindings:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "../wit",
                world: $world,
                with: { "bursar:driver/types@0.1.0": crate::bindings::driver::bursar::driver::types },
                generate_all,
                additional_derives: [PartialEq],
                pub_export_macro: true,
                export_macro_name: $export,
                default_bindings_module: $bindings,
            });
        }
    };
}

ability!(keys, "with-keys", "export_keys", "::bursar_driver::bindings::keys");
ability!(images, "with-images", "export_images", "::bursar_driver::bindings::images");
ability!(restart, "with-restart", "export_restart", "::bursar_driver::bindings::restart");
ability!(pause, "with-pause", "export_pause", "::bursar_driver::bindings::pause");
ability!(extend, "with-extend", "export_extend", "::bursar_driver::bindings::extend");
ability!(charges, "with-charges", "export_charges", "::bursar_driver::bindings::charges");
ability!(lookup, "with-lookup", "export_lookup", "::bursar_driver::bindings::lookup");
ability!(sites, "with-sites", "export_sites", "::bursar_driver::bindings::sites");
