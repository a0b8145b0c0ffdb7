//! Measures one driver call as the host makes it: a fresh sandbox, the door, the limits, and 50 plans that the provider
//! answers from memory; beside it the same driver compiled natively. Prints figures, and judges nothing.
//! `speed loop SECONDS` makes calls and nothing else, for a profiler.

mod plans;

use anyhow::{Context, Result, ensure};
use bitlaunch::BitLaunch;
use bursar_core::{offer::Wish, time::Moment};
use bursar_driver::{Driver as _, testing::Recorded};
use bursar_drivers::{At, Config, Driver, Drivers};
use bursar_http::{Http, Outbound};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

const DRIVER: &[(&str, &[u8])] = &[("bitlaunch.wasm", include_bytes!(concat!(env!("OUT_DIR"), "/bitlaunch.wasm")))];
const ROUNDS: usize = 20_000;
const AT_ONCE: usize = 64;
const NOW: u64 = 1_795_154_400;

fn main() -> Result<()> {
    let home = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    let body = plans::fifty();
    let driver = runtime.block_on(driver(&home, body.clone()))?;
    if std::env::args().nth(1).as_deref() == Some("loop") {
        let secs = std::env::args().nth(2).unwrap_or_default().parse().unwrap_or(10);
        let (began, call) = (Instant::now(), || async { one(&driver).await.map(drop) });
        while began.elapsed() < Duration::from_secs(secs) {
            runtime.block_on(call())?;
        }
        return Ok(());
    }
    println!("the catalogue: 50 plans, {} bytes", body.len());
    let (call, native) = runtime.block_on(in_turns(&driver, &body))?;
    show("one call", &call);
    show("the same driver natively, on the SDK's door", &native);
    println!("ratio of the medians: {:.2}", micros(at(&call, 50)) / micros(at(&native, 50)));
    at_once(&runtime, &driver, 2)?;
    at_once(&runtime, &driver, AT_ONCE)
}

async fn driver(home: &tempfile::TempDir, body: Vec<u8>) -> Result<Arc<Driver>> {
    let answering = move |_| {
        let mut response = http::Response::new(body.clone());
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
        Ok(response)
    };
    let outbound = Outbound { loopback: true, ..Outbound::default() };
    let settings = BTreeMap::from([("bitlaunch".to_owned(), BTreeMap::from([("hosts".to_owned(), "1".to_owned())]))]);
    let config = Config {
        audit: std::sync::Arc::new(()),
        home: home.path().join("state"),
        plugins: None,
        bundled: DRIVER,
        // Practice, for it keeps no gaps between requests. Nothing is dialled.
        practice: Some("http://127.0.0.1:9".to_owned()),
        settings,
        credentials: Arc::new(|_, _, _| Some("a-token-of-usual-length-0123456789abcdef".to_owned())),
        key_name: "bursar-speed".to_owned(),
    };
    let drivers = Drivers::open_with(config, Http::answering(outbound, Arc::new(answering)))?;
    Ok(drivers.driver("bitlaunch").await?)
}

async fn one(driver: &Driver) -> Result<usize> {
    let offers = driver.offers(&At { now: Moment(NOW), tag: None }, &Wish::default()).await?;
    ensure!(offers.len() == 50, "{} offers came back, not 50", offers.len());
    Ok(offers.len())
}

/// Measures both in turns, so that whatever else the machine does meets both.
async fn in_turns(driver: &Driver, body: &[u8]) -> Result<(Vec<Duration>, Vec<Duration>)> {
    let body = String::from_utf8(body.to_vec())?;
    let mut recorded = Recorded::<BitLaunch>::new().reply("options", body).setting("hosts", "1");
    let wish = bursar_driver::Wish { limit: 0, ..wish() };
    let (mut calls, mut natives) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    for n in 0..ROUNDS + ROUNDS / 10 {
        let began = Instant::now();
        one(driver).await?;
        let (call, began) = (began.elapsed(), Instant::now());
        let page = recorded.unjudged("offers", |call| BitLaunch::offers(call, &wish, None));
        let native = began.elapsed();
        ensure!(page.is_ok_and(|page| page.items.len() == 50), "natively it does not find 50 offers");
        // The first tenth warms caches.
        if n >= ROUNDS / 10 {
            calls.push(call);
            natives.push(native);
        }
    }
    calls.sort();
    natives.sort();
    Ok((calls, natives))
}

fn wish() -> bursar_driver::Wish {
    bursar_driver::Wish {
        gpu: None,
        gpus_min: 0,
        vram_mib_min: 0,
        per_hour_max: None,
        disk_gib: 0,
        nodes: 0,
        site: None,
        limit: 0,
    }
}

/// So many tasks, each calling again and again.
fn at_once(runtime: &tokio::runtime::Runtime, driver: &Arc<Driver>, tasks: usize) -> Result<()> {
    let (rounds, before, began) = (2 * ROUNDS / tasks, resident_kib()?, Instant::now());
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let driver = driver.clone();
            runtime.spawn(async move {
                let mut took = Vec::with_capacity(rounds);
                for _ in 0..rounds {
                    let began = Instant::now();
                    one(&driver).await?;
                    took.push(began.elapsed());
                    tokio::task::yield_now().await;
                }
                anyhow::Ok(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in running {
        took.extend(runtime.block_on(task)??);
    }
    let per_sec = took.len() as f64 / began.elapsed().as_secs_f64();
    took.sort();
    show(&format!("{tasks} tasks on two threads: {per_sec:.0} calls per second; one call"), &took);
    println!("  memory: {} KiB before, {} KiB after {} calls", before, resident_kib()?, took.len());
    Ok(())
}

fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn show(what: &str, sorted: &[Duration]) {
    let [least, median, p99, most] = [0, 50, 99, 100].map(|percent| micros(at(sorted, percent)));
    println!("{what}: median {median:.1} µs (least {least:.1}, p99 {p99:.1}, most {most:.0}; {} calls)", sorted.len());
}

fn resident_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
