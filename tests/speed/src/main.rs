//! Measures one driver call as the host makes it: a fresh sandbox, the door, the limits, and 50 plans that the provider
//! answers from memory; beside it the same driver compiled natively, on the SDK's own door. First a driver as small as one
//! can be, then BitLaunch. Prints figures, and judges nothing. `speed plans SECONDS` and `speed bitlaunch SECONDS` make
//! calls and nothing else, for a profiler.

mod plans;

use anyhow::{Context, Result, ensure};
use bursar_core::{offer::Wish, time::Moment};
use bursar_driver::testing::Recorded;
use bursar_drivers::{At, Config, Driver, Drivers};
use bursar_http::{Http, Outbound};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

const DRIVERS: &[(&str, &[u8])] = &[
    ("plans.wasm", include_bytes!(concat!(env!("OUT_DIR"), "/plans.wasm"))),
    ("bitlaunch.wasm", include_bytes!(concat!(env!("OUT_DIR"), "/bitlaunch.wasm"))),
];
const ROUNDS: usize = 20_000;
const AT_ONCE: usize = 64;
const NOW: u64 = 1_795_154_400;

fn main() -> Result<()> {
    let home = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    let only = std::env::args().nth(1);
    for (name, route, body) in [("plans", "plans", plans::plain()), ("bitlaunch", "options", plans::bitlaunch())] {
        let driver = runtime.block_on(driver(&home, name, body.clone()))?;
        let native = |body: String| match name {
            "plans" => natively::<::plans::Shop>(route, body),
            _ => natively::<bitlaunch::BitLaunch>(route, body),
        };
        match &only {
            None => measure(&runtime, name, &driver, native(String::from_utf8(body)?))?,
            Some(wanted) if wanted == name => keep_calling(&runtime, &driver)?,
            Some(_) => {}
        }
    }
    Ok(())
}

type Native = Box<dyn FnMut() -> usize>;

fn measure(runtime: &Runtime, name: &str, driver: &Arc<Driver>, native: Native) -> Result<()> {
    println!("driver {name}");
    let (call, native) = runtime.block_on(in_turns(driver, native))?;
    show("  one call", &call);
    show("  the same driver natively", &native);
    println!("  ratio of the medians: {:.2}", micros(at(&call, 50)) / micros(at(&native, 50)));
    at_once(runtime, driver, 2)?;
    at_once(runtime, driver, AT_ONCE)
}

fn keep_calling(runtime: &Runtime, driver: &Driver) -> Result<()> {
    let secs = std::env::args().nth(2).unwrap_or_default().parse().unwrap_or(10);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(secs) {
        runtime.block_on(one(driver))?;
    }
    Ok(())
}

fn natively<T: bursar_driver::Driver + 'static>(route: &str, body: String) -> Native {
    let mut recorded = Recorded::<T>::new().reply(route, body).setting("hosts", "1");
    let wish = wish();
    Box::new(move || {
        let page = recorded.unjudged("offers", |call| T::offers(call, &wish, None));
        page.map_or(0, |page| page.items.len())
    })
}

async fn driver(home: &tempfile::TempDir, name: &str, body: Vec<u8>) -> Result<Arc<Driver>> {
    let answering = move |_| {
        let mut response = http::Response::new(body.clone());
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
        Ok(response)
    };
    let outbound = Outbound { loopback: true, ..Outbound::default() };
    let settings = BTreeMap::from([("bitlaunch".to_owned(), BTreeMap::from([("hosts".to_owned(), "1".to_owned())]))]);
    let config = Config {
        home: home.path().join("state"),
        plugins: None,
        bundled: DRIVERS,
        // Practice, for it keeps no gaps between requests. Nothing is dialled.
        practice: Some("http://127.0.0.1:9".to_owned()),
        settings,
        credentials: Arc::new(|_, _, _| Some("a-token-of-usual-length-0123456789abcdef".to_owned())),
        audit: Arc::new(()),
        key_name: "bursar-speed".to_owned(),
    };
    let drivers = Drivers::open_with(config, Http::answering(outbound, Arc::new(answering)))?;
    Ok(drivers.driver(name).await?)
}

async fn one(driver: &Driver) -> Result<usize> {
    let offers = driver.offers(&At { now: Moment(NOW), tag: None }, &Wish::default()).await?;
    ensure!(offers.len() == 50, "{} offers came back, not 50", offers.len());
    Ok(offers.len())
}

/// Measures both in turns, so that whatever else the machine does meets both.
async fn in_turns(driver: &Driver, mut native: Native) -> Result<(Vec<Duration>, Vec<Duration>)> {
    let (mut calls, mut natives) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    for n in 0..ROUNDS + ROUNDS / 10 {
        let began = Instant::now();
        one(driver).await?;
        let (call, began) = (began.elapsed(), Instant::now());
        let found = native();
        let took = began.elapsed();
        ensure!(found == 50, "natively {found} offers came back, not 50");
        // The first tenth warms caches.
        if n >= ROUNDS / 10 {
            calls.push(call);
            natives.push(took);
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
fn at_once(runtime: &Runtime, driver: &Arc<Driver>, tasks: usize) -> Result<()> {
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
    show(&format!("  {tasks} tasks on two threads: {per_sec:.0} calls per second; one call"), &took);
    println!("    memory: {} KiB before, {} KiB after {} calls", before, resident_kib()?, took.len());
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
