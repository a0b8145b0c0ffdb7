//! How long remote work takes beside the tools that people use today: each figure is measured in turns against the real
//! program over the same line, without delay and with 30 ms each way. It judges nothing; it prints ratios.
//!
//! `remote-speed [commands | copies] [WORDS]`: with WORDS only the measurements whose title holds them. `BURSAR_BENCH_ROUNDS`
//! and `BURSAR_BENCH_MIB` copy less than 3 rounds of 1024 MiB; `BURSAR_BENCH_DELAY` (in ms) measures with that delay alone.

mod commands;
mod copies;
mod line;
mod machine;
mod show;

use anyhow::Result;
use line::Line;
use machine::{Machine, Master};
use std::time::Duration;

/// Each way, where there is a delay.
const DELAY_MS: u64 = 30;

/// What one turn of measurements needs.
struct Bench<'a> {
    machine: &'a Machine,
    runtime: &'a tokio::runtime::Runtime,
    line: &'a Line,
    master: &'a Master,
    /// Only what has these words in its title.
    only: &'a str,
}

fn main() -> Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |what: &str| asked.first().is_none_or(|word| word == what);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let machine = Machine::start()?;
    if wanted("copies") {
        copies::prepare(&machine)?;
    }
    let delays = number("BURSAR_BENCH_DELAY").map_or(vec![0, DELAY_MS], |alone| vec![alone]);
    for delay in delays.into_iter().map(Duration::from_millis) {
        let line = Line::open(machine.port(), delay)?;
        let master = Master::open(&machine, line.port())?;
        let only = asked.get(1).map_or("", String::as_str);
        let bench = Bench { machine: &machine, runtime: &runtime, line: &line, master: &master, only };
        println!("delay of {} ms each way: {}", delay.as_millis(), line.in_words());
        if wanted("commands") {
            commands::measure(&bench)?;
        }
        if wanted("copies") {
            copies::measure(&bench)?;
        }
    }
    Ok(())
}

/// Returns a number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
