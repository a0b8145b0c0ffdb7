//! How long remote work takes beside the tools that people use today: each figure is measured in turns against the real
//! program over the same line, without delay and with 30 ms each way. It judges nothing; it prints ratios.

mod commands;
mod line;
mod machine;
mod show;

use anyhow::Result;
use line::Line;
use machine::Machine;
use std::time::Duration;

/// Each way, where there is a delay.
const DELAY: Duration = Duration::from_millis(30);

fn main() -> Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |what: &str| asked.is_empty() || asked.iter().any(|word| word == what);
    for delay in [Duration::ZERO, DELAY] {
        let machine = Machine::start()?;
        let line = Line::open(machine.port(), delay)?;
        println!("delay of {} ms each way: {}", delay.as_millis(), line.in_words());
        if wanted("commands") {
            commands::measure(&machine, &line)?;
        }
    }
    Ok(())
}
