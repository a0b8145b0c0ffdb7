//! How long a page of a list takes in a ledger of 10,000 instances: the page itself, and what an agent waits for it from
//! the real server, where that is built.

use crate::{NOW, instance};
use anyhow::{Context, Result, ensure};
use bursar_core::instance::{Instance, Stage};
use bursar_store::{Place, Store};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, Executor, sqlite::SqliteConnectOptions};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

const INSTANCES: usize = 10_000;
const PAGE: u32 = 50;
const ROUNDS: usize = 200;

pub async fn measure() -> Result<()> {
    let dir = tempfile::tempdir_in(std::env::current_dir()?)?;
    let (open, ended) = (dir.path().join("open"), dir.path().join("ended"));
    println!("{INSTANCES} instances, pages of {PAGE}");
    let store = fill(&open, Stage::Ready).await?;
    let first = pages(&store, Place::begin(0)).await?;
    crate::show("the first page of what is open, with what ends it", first)?;
    let middle: Place = format!("open.{}.0", INSTANCES / 2).parse().ok().context("no place")?;
    crate::show("a page in the middle", pages(&store, middle).await?)?;
    let store = fill(&ended, Stage::Gone).await?;
    crate::show("the last page of what ended", pages(&store, Place::begin(PAGE)).await?)?;
    drop(store);
    let server = std::env::current_exe()?.with_file_name("bursar");
    match server.exists() {
        true => crate::show("list_instances, asked of `bursar mcp`", asked(&server, &ended)?).map(drop),
        false => {
            println!("  list_instances was not asked of `bursar mcp`: it is not built beside this program");
            Ok(())
        }
    }
}

async fn fill(home: &Path, stage: Stage) -> Result<Store> {
    let store = Store::open(home, false, NOW).await?;
    let mut bare = SqliteConnectOptions::new().filename(home.join("ledger.db")).connect().await?;
    bare.execute("BEGIN").await?;
    for n in 0..INSTANCES {
        let id = format!("i{n:09}");
        let one = Instance { title: "a machine with a title as long as they are".into(), ..instance(&id, stage) };
        let held = if stage.is_open() { 100 } else { 0 };
        sqlx::query(
            "INSERT INTO instances (id, tag, principal, provider, account, name, is_open, per_hour, held, charged, doc)
             VALUES (?, ?, 'owner', 'acme', 'one', ?, ?, 100, ?, 0, ?)",
        )
        .bind(&one.id.0)
        .bind(&one.tag.0)
        .bind(&one.name)
        .bind(stage.is_open())
        .bind(held)
        .bind(serde_json::to_string(&one)?)
        .execute(&mut bare)
        .await?;
    }
    bare.execute("COMMIT").await?;
    bare.close().await?;
    Ok(store)
}

async fn pages(store: &Store, from: Place) -> Result<Vec<f64>> {
    let mut times = vec![];
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let (page, accounts) = (store.page(from, PAGE).await?, store.open_accounts().await?);
        times.push(began.elapsed().as_secs_f64() * 1e3);
        ensure!(page.rows.len() == PAGE as usize && accounts.len() <= 1, "not what was asked for");
    }
    Ok(times)
}

fn asked(server: &Path, home: &Path) -> Result<Vec<f64>> {
    let mut server = Server::start(server, home)?;
    server.ask(
        "initialize",
        json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "bench", "version": "1" } }),
    )?;
    server.write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
    let ask = json!({ "name": "list_instances", "arguments": { "ended": INSTANCES, "limit": PAGE } });
    let mut times = vec![];
    // The first answers wait for the server to be open.
    for n in 0..ROUNDS + 20 {
        let began = Instant::now();
        let answer = server.ask("tools/call", ask.clone())?;
        let rows = answer["result"]["structuredContent"]["instances"].as_array().map(Vec::len);
        ensure!(rows == Some(PAGE as usize), "not what was asked for: {answer}");
        if n >= 20 {
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(times)
}

struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    asked: u64,
}

impl Server {
    fn start(server: &Path, home: &Path) -> Result<Server> {
        let mut command = Command::new(server);
        command
            .arg("mcp")
            .env_clear()
            .env("HOME", home)
            .env("BURSAR_HOME", home)
            .env("BURSAR_WORKSPACE", home.join("work"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (stdin, stdout) = (child.stdin.take().context("no stdin")?, child.stdout.take().context("no stdout")?);
        Ok(Server { child, stdin, stdout: BufReader::new(stdout), asked: 0 })
    }

    fn write(&mut self, message: &Value) -> Result<()> {
        writeln!(self.stdin, "{message}")?;
        Ok(self.stdin.flush()?)
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<Value> {
        self.asked += 1;
        let id = self.asked;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let mut line = String::new();
            ensure!(self.stdout.read_line(&mut line)? > 0, "the server ended");
            let answer: Value = serde_json::from_str(&line)?;
            if answer["id"] == id {
                return Ok(answer);
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
