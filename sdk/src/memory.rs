//! Where a driver's memory comes from: one piece of the size it may have, there from the start. A call is over before much
//! of it is used, so finding memory must be quick, and growing it in the middle of a call would cost more than most calls.

use std::mem::MaybeUninit;
use talc::wasm::{WasmArenaTalc, new_wasm_arena_allocator};

/// Of the 32 MiB of a sandbox; the rest is for the stack and for constants. What is never touched is never there.
const SIZE: usize = 28 << 20;

#[global_allocator]
#[allow(unsafe_code, reason = "an allocator is one")]
static MEMORY: WasmArenaTalc = {
    static mut ARENA: [MaybeUninit<u8>; SIZE] = [MaybeUninit::uninit(); SIZE];
    // SAFETY: nobody else knows the array.
    unsafe { new_wasm_arena_allocator(&raw mut ARENA) }
};
