//! The host's side of `wit/`, generated on the world `all`. No `All` is ever made: each interface is looked up on its
//! own, so that a driver exports only what it can do.
#![allow(clippy::all, reason = "generated")]
#![allow(unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "all",
    imports: { "bursar:driver/http.send": async, "bursar:driver/http.send-all": async },
    exports: { default: async },
});

pub(crate) use self::{
    bursar::driver::{http, log, signer, types},
    exports::bursar::driver::{charges, extend, images, keys, lookup, pause, provider, restart, sites},
};
