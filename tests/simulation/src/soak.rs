//! Many walks, one after the other on every core.

use crate::{Template, Walked, walk};
use anyhow::{Result, bail};
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

/// What came of many walks.
#[derive(Debug, Default)]
pub struct Soaked {
    pub walks: u64,
    pub machines: u64,
    pub orders: u64,
    /// Those that broke a law, in the order of their seeds.
    pub broken: Vec<Walked>,
}

/// Walks so many seeds, until so many have broken a law. `each` hears of every hundredth walk.
pub fn soak(
    template: &Template,
    from: u64,
    walks: u64,
    broken_max: usize,
    each: impl Fn(u64) + Sync,
) -> Result<Soaked> {
    let (next, enough, soaked) = (AtomicU64::new(from), AtomicBool::new(false), Mutex::new(Soaked::default()));
    let work = || -> Result<()> {
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= from + walks || enough.load(Relaxed) {
                return Ok(());
            }
            let walked = walk(seed, template, false)?;
            let mut soaked = soaked.lock().unwrap_or_else(PoisonError::into_inner);
            soaked.walks += 1;
            soaked.machines += walked.machines as u64;
            soaked.orders += walked.orders as u64;
            if walked.broken.is_some() {
                soaked.broken.push(walked);
                enough.fetch_or(soaked.broken.len() >= broken_max, Relaxed);
            }
            if soaked.walks.is_multiple_of(100) {
                each(soaked.walks);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let ended: Vec<Result<()>> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a walk broke down; see above")))
            .collect()
    });
    ended.into_iter().collect::<Result<Vec<()>>>()?;
    let mut soaked = soaked.into_inner().unwrap_or_else(PoisonError::into_inner);
    soaked.broken.sort_by_key(|walked| walked.seed);
    Ok(soaked)
}
