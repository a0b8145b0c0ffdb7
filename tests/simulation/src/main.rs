//! Walks as many seeds as one likes, on all cores: `simulation [--walks N] [--from SEED]`; or one with its story told:
//! `simulation --seed SEED`.

use anyhow::{Context, Result, bail};
use simulation::{Template, soak, walk};
use std::{process::ExitCode, time::Instant};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| -> Result<Option<u64>> {
        let Some(at) = words.iter().position(|word| word == name) else { return Ok(None) };
        let word = words.get(at + 1).with_context(|| format!("{name} wants a number"))?;
        Ok(Some(word.parse().with_context(|| format!("{name} wants a number, not `{word}`"))?))
    };
    let template = Template::make()?;
    match number("--seed")? {
        Some(seed) => one(&template, seed),
        None => many(&template, number("--from")?.unwrap_or(0), number("--walks")?.unwrap_or(20_000)),
    }
}

fn one(template: &Template, seed: u64) -> Result<()> {
    let walked = walk(seed, template, true)?;
    walked.story.iter().for_each(|line| println!("{line}"));
    match walked.broken {
        None => println!("seed {seed}: no law is broken; {} machines were made", walked.machines),
        Some(law) => bail!("seed {seed}: {law}"),
    }
    Ok(())
}

fn many(template: &Template, from: u64, walks: u64) -> Result<()> {
    let began = Instant::now();
    let each = |done: u64| {
        if done.is_multiple_of(2_000) {
            println!("{done} walks, {:.0} a second", done as f64 / began.elapsed().as_secs_f64());
        }
    };
    let soaked = soak(template, from, walks, 20, each)?;
    for walked in &soaked.broken {
        println!("seed {}: {}", walked.seed, walked.broken.as_deref().unwrap_or_default());
    }
    let secs = began.elapsed().as_secs_f64();
    println!(
        "{} walks from seed {from} in {secs:.0} s: {} orders left, {} machines were made, {} walks broke a law",
        soaked.walks,
        soaked.orders,
        soaked.machines,
        soaked.broken.len()
    );
    match soaked.broken.is_empty() {
        true => Ok(()),
        false => bail!("look at one: cargo xtask soak --seed SEED"),
    }
}
