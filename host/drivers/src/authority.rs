//! The sandbox's whole authority on one screen: what a component may import, what those imports can reach, and the
//! limits it runs under. Whatever is not on this page, a driver does not have.

use crate::{
    bindings::{http, log, signer},
    hand::Hand,
    still::Still,
};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store, StoreLimits,
    StoreLimitsBuilder, UpdateDeadline,
    component::{HasSelf, Linker},
};
use wasmtime_wasi::{Deterministic, WasiCtx, WasiCtxBuilder};

pub(crate) const MEMORY_MAX: usize = 32 << 20;
/// Of one crossing from the driver to the host: the arguments of a send, or the result of a call.
pub(crate) const CROSSING_MAX: usize = 4 << 20;
pub(crate) const TICK_MS: u64 = 10;
/// 250 ms of computing.
pub(crate) const TICKS_MAX: u32 = 25;
/// Sandboxes alive at once, over all drivers.
pub(crate) const POOL: u32 = 64;
/// Changes whenever this page changes what compiled code may assume.
pub(crate) const POLICY: u32 = 1;

/// Our own interfaces: the door, public addresses, the debug log. `types` holds no function.
const OURS: [&str; 4] = ["http", "log", "signer", "types"];

/// What the runtimes of other languages import whether they use it or not. All of it is linked **empty** (`nothing`).
const WASI: &str = "cli/environment cli/exit cli/stderr cli/stdin cli/stdout cli/terminal-input cli/terminal-output \
    cli/terminal-stderr cli/terminal-stdin cli/terminal-stdout clocks/monotonic-clock clocks/wall-clock \
    filesystem/preopens filesystem/types io/error io/poll io/streams random/insecure random/insecure-seed \
    random/random sockets/instance-network sockets/ip-name-lookup sockets/network sockets/tcp \
    sockets/tcp-create-socket sockets/udp sockets/udp-create-socket";

/// Returns whether a component that imports this may be compiled at all.
pub(crate) fn allows(import: &str) -> bool {
    let Some((name, version)) = import.split_once('@') else { return false };
    match name.split_once(':') {
        Some(("bursar", ours)) => {
            ours.strip_prefix("driver/").is_some_and(|ours| OURS.contains(&ours)) && version.starts_with("0.1.")
        }
        Some(("wasi", wasi)) => WASI.split(' ').any(|known| known == wasi) && version.starts_with("0.2."),
        _ => false,
    }
}

/// No arguments, no environment, no preopened folder, input closed, output dropped, every address and look-up denied,
/// clocks that stand still, and random numbers that are none.
pub(crate) fn nothing() -> WasiCtx {
    let zeros = || Deterministic::new(vec![0]);
    WasiCtxBuilder::new()
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .socket_addr_check(|_, _| Box::pin(async { false }))
        .secure_random(zeros())
        .insecure_random(zeros())
        .insecure_random_seed(0)
        .max_random_size(64 << 10)
        .wall_clock(Still)
        .monotonic_clock(Still)
        .build()
}

pub(crate) fn linker(engine: &Engine) -> Result<Linker<Hand>> {
    let mut linker = Linker::new(engine);
    http::add_to_linker::<Hand, HasSelf<Hand>>(&mut linker, |hand| hand)?;
    signer::add_to_linker::<Hand, HasSelf<Hand>>(&mut linker, |hand| hand)?;
    log::add_to_linker::<Hand, HasSelf<Hand>>(&mut linker, |hand| hand)?;
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    Ok(linker)
}

pub(crate) fn engine() -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(POOL).total_stacks(POOL).total_memories(POOL);
    pool.total_core_instances(POOL * 8).total_tables(POOL * 8);
    pool.max_core_instances_per_component(64).max_tables_per_component(64).table_elements(64 << 10);
    pool.max_memories_per_component(1).max_memory_size(MEMORY_MAX);
    pool.max_component_instance_size(1 << 20).max_core_instance_size(1 << 20);
    // Where the kernel names the pages that a call touched, these alone are cleared by hand: giving pages back and
    // faulting them in anew costs more than most calls compute. Where it does not, the first ones are, touched or not.
    let keep = if PoolingAllocationConfig::is_pagemap_scan_available() { 1 << 20 } else { 256 << 10 };
    pool.pagemap_scan(Enabled::Auto).linear_memory_keep_resident(keep).table_keep_resident(16 << 10);
    pool.max_unused_warm_slots(8);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool)).epoch_interruption(true);
    config.wasm_memory64(false).wasm_multi_memory(false).wasm_relaxed_simd(false);
    Engine::new(&config)
}

/// A store for one call. It is dropped after it, whatever happened.
pub(crate) fn store(engine: &Engine, hand: Hand) -> Store<Hand> {
    let mut store = Store::new(engine, hand);
    store.limiter(|hand| &mut hand.limits);
    store.set_hostcall_fuel(CROSSING_MAX);
    store.set_epoch_deadline(1);
    // From its second tick on a driver lets others run, so that time limits hold also while it computes. The first one
    // may meet the shortest call, which then would wait behind all the others with its seat taken.
    store.epoch_deadline_callback(|mut store| match store.data_mut().spend_tick() {
        0..=1 => Ok(UpdateDeadline::Continue(1)),
        2..=TICKS_MAX => Ok(UpdateDeadline::Yield(1)),
        _ => Ok(UpdateDeadline::Interrupt),
    });
    store
}

pub(crate) fn limits() -> StoreLimits {
    StoreLimitsBuilder::new().memory_size(MEMORY_MAX).memories(1).tables(64).instances(64).build()
}
