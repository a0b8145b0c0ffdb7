//! How long a reservation takes with its commit: four processes at once on one ledger, with every window in force and
//! all entries inside the longest, against an empty synced commit on the same disk, by four processes at once, too. And how
//! long a page of a long list takes.

mod list;

use anyhow::{Context, Result, ensure};
use bursar_core::{
    decide::decide_amount,
    instance::{Instance, InstanceId, Sightings, Stage, Tag},
    lease::Lease,
    ledger::Standing,
    limits::{LimitKey, Limits},
    money::Usd,
    offer::{Billing, Order, Price, Priced},
    time::Moment,
};
use bursar_store::{Store, Worker};
use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const NOW: Moment = Moment(1_900_000_000);
const PROCESSES: usize = 4;
const ROUNDS: usize = 50;
const WINDOWS: &str = "5m=9999999, 15m=9999999, 30m=9999999, 60m=9999999, 90m=9999999, 120m=9999999, 240m=9999999, \
                       300m=9999999, 360m=9999999, 400m=9999999, 460m=9999999, 520m=9999999, 640m=9999999, \
                       700m=9999999, 1440m=9999999, 48h=9999999, 72h=9999999";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["reserve", home] => part(reserve(Path::new(home)).await?),
        ["empty", home] => part(empty(Path::new(home)).await?),
        ["list"] => list::measure().await,
        ref sizes => {
            let sizes: Vec<u64> = sizes.iter().map(|size| size.parse()).collect::<Result<_, _>>()?;
            for size in if sizes.is_empty() { vec![1_000, 1_000_000] } else { sizes } {
                measure(size).await?;
            }
            list::measure().await
        }
    }
}

async fn measure(entries: u64) -> Result<()> {
    // Beside the sources: a temporary folder may be no disk at all.
    let dir = tempfile::tempdir_in(std::env::current_dir()?)?;
    let home = dir.path().join("home");
    drop(Store::open(&home, true, NOW).await?);
    // Here, not by the four: SQLite waits for nobody while it changes to a write-ahead log.
    let beside = SqliteConnectOptions::new().filename(home.join("empty.db")).create_if_missing(true);
    let mut beside = beside.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal).connect().await?;
    beside.execute("CREATE TABLE one (n INTEGER)").await?;
    beside.close().await?;
    let filled = Instant::now();
    fill(&home, entries / 2).await?;
    println!("{entries} entries, filled in {:.0} s", filled.elapsed().as_secs_f64());
    // In turns, so that a disk that is slow for a while is slow for both.
    let (mut empty, mut reserve) = (vec![], vec![]);
    for _ in 0..3 {
        empty.extend(all_at_once("empty", &home)?);
        reserve.extend(all_at_once("reserve", &home)?);
    }
    let (empty, reserve) = (show("an empty synced commit", empty)?, show("reserve() with its commit", reserve)?);
    println!("  reserve is {:.2} times the empty commit", reserve / empty);
    Ok(())
}

/// Writes so many holds and charges spread over the 72 hours before now, and sums them by the step that sums old ledgers.
async fn fill(home: &Path, pairs: u64) -> Result<()> {
    const SUMMED: &str = include_str!("../../../host/store/schema/0004_windows.sql");
    let sums = SUMMED.split_once("-- What was charged before.").context("the schema sums old charges")?.1;
    let mut bare = SqliteConnectOptions::new().filename(home.join("ledger.db")).connect().await?;
    bare.execute(sqlx::raw_sql("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN;")).await?;
    add(&mut bare, &instance("old0000000", Stage::Gone), pairs).await?;
    // By its trigger the database sums each charge as it is written: for a million of them in one go that takes long.
    let trigger: String = sqlx::query_scalar("SELECT sql FROM sqlite_schema WHERE name = 'charges_are_summed'")
        .fetch_one(&mut bare)
        .await?;
    bare.execute(sqlx::raw_sql("DROP TRIGGER charges_are_summed;")).await?;
    sqlx::query(
        "WITH RECURSIVE pair (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM pair WHERE n + 1 < ?1),
             entry (n, is_charge) AS (SELECT n, 0 FROM pair UNION ALL SELECT n, 1 FROM pair)
         INSERT INTO entries (seq, at, instance, kind, amount, reason, held, charged, paid_from, paid_until, paid_at_once)
         SELECT 2 * n + 1 + is_charge, ?2 + n * 259000 / ?1, 'old0000000', iif(is_charge, 'charge', 'hold'), 1000,
             '{\"reason\":\"reserved\"}', iif(is_charge, 0, 1000), (n + is_charge) * 1000,
             ?2 + n * 259000 / ?1 - 3600, ?2 + n * 259000 / ?1, 10
         FROM entry ORDER BY n, is_charge",
    )
    .bind(pairs as i64)
    .bind(NOW.0 as i64 - 259_000)
    .execute(&mut bare)
    .await?;
    bare.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(format!("{sums}; {trigger}; COMMIT;")))).await?;
    bare.execute(sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE);")).await?;
    Ok(bare.close().await?)
}

async fn add(bare: &mut SqliteConnection, old: &Instance, pairs: u64) -> Result<()> {
    sqlx::query(
        "INSERT INTO instances (id, tag, principal, provider, account, name, is_open, per_hour, held, charged, doc)
         VALUES (?, ?, 'owner', 'acme', 'one', 'old', 0, 0, 0, ?, '{}')",
    )
    .bind(&old.id.0)
    .bind(&old.tag.0)
    .bind(pairs as i64 * 1_000)
    .execute(bare)
    .await?;
    Ok(())
}

fn all_at_once(what: &str, home: &Path) -> Result<Vec<f64>> {
    let start = || Command::new(std::env::current_exe()?).arg(what).arg(home).stdout(Stdio::piped()).spawn();
    let parts: Vec<_> = (0..PROCESSES).map(|_| start()).collect::<Result<_, _>>()?;
    let mut all = vec![];
    for part in parts {
        let out = part.wait_with_output()?;
        ensure!(out.status.success(), "a process of `{what}` failed");
        all.extend(String::from_utf8(out.stdout)?.lines().map(str::parse).collect::<Result<Vec<f64>, _>>()?);
    }
    Ok(all)
}

fn part(times: Vec<Duration>) -> Result<()> {
    times.iter().for_each(|time| println!("{}", time.as_secs_f64() * 1e3));
    Ok(())
}

async fn reserve(home: &Path) -> Result<Vec<Duration>> {
    let store = Store::open(home, true, NOW).await?;
    let mut limits = Limits { max_total_spending: Usd::MAX, ..Limits::default() };
    limits.set(LimitKey::Windows, WINDOWS)?;
    let (lookback, me) = (limits.lookback("acme", "owner"), Worker("bench".to_owned()));
    let mut times = vec![];
    for n in 0..ROUNDS {
        let id = format!("{:07}{n:03}", std::process::id());
        let new = instance(&id, Stage::Requested);
        let fits = |standing: &Standing| decide_amount(&limits, standing, Usd(100), "owner", NOW);
        let began = Instant::now();
        store.reserve_within(&new, NOW, &me, &lookback, fits).await?;
        times.push(began.elapsed());
        let release = |i: &mut Instance| {
            i.stage = Stage::Gone;
            (bursar_core::settle::never_made(Usd(100), "bench"), ())
        };
        store.change(&new.id, NOW, release).await?;
    }
    Ok(times)
}

async fn empty(home: &Path) -> Result<Vec<Duration>> {
    let file = SqliteConnectOptions::new().filename(home.join("empty.db")).busy_timeout(Duration::from_secs(20));
    let mut bare = file.synchronous(sqlx::sqlite::SqliteSynchronous::Full).connect().await?;
    let mut times = vec![];
    for n in 0..2 * ROUNDS {
        let began = Instant::now();
        // A commit that writes nothing is not synced: this one writes a single row.
        bare.execute(sqlx::raw_sql("BEGIN IMMEDIATE; INSERT INTO one VALUES (1); COMMIT;")).await?;
        // Every other one stands where a reservation is released: as many commits get in each other's way.
        if n % 2 == 0 {
            times.push(began.elapsed());
        }
    }
    Ok(times)
}

fn show(what: &str, mut times: Vec<f64>) -> Result<f64> {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().context("nothing was measured");
    println!("  {what}: median {:.2} ms, 90 % within {:.2} ms", at(0.5)?, at(0.9)?);
    at(0.5)
}

fn instance(id: &str, stage: Stage) -> Instance {
    let zero = Usd::ZERO;
    let billing = Billing {
        step_secs: 3_600,
        on_the_clock: false,
        minimum_secs: 0,
        prepaid: false,
        refunds: false,
        month_cap: None,
        balance_secs: 0,
    };
    let price = Price {
        per_hour: Usd(100),
        per_hour_paused: zero,
        once: zero,
        per_gb_in: zero,
        per_gb_out: zero,
        gb_free: 0,
        billing,
    };
    let order = Order { provider: "acme".into(), offer: "small".into(), image: None, nodes: 1, length_secs: 3_600 };
    let lease = Lease { begins: NOW, ends: NOW.after(3_600), hold: Usd(100), per_hour: Usd(100) };
    Instance {
        id: InstanceId(id.into()),
        tag: Tag::new("ledger0000", &InstanceId(id.into())),
        name: id.into(),
        principal: "owner".into(),
        provider: "acme".into(),
        account: "one".into(),
        order,
        price,
        priced: Priced::Seen,
        asked: String::new(),
        asked_image: None,
        title: String::new(),
        gpu: false,
        stage,
        lease,
        handle: None,
        pending: None,
        ssh: None,
        ssh_keys: vec![],
        lands_until: NOW.after(300),
        stop_secs: 120,
        sightings: Sightings::default(),
        note: None,
    }
}
