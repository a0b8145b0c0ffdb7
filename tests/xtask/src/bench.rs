//! What starting costs: time to the first answer, idle memory, the size of the tool list. With `BURSAR_BENCH_PEER` set to
//! another stdio server's command line, both are measured in turns and shown as ratios.

use crate::{cargo, run as must, say, target, tools};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

const ROUNDS: usize = 30;

/// What is measured: the name of the part, the package that measures it and what that is told, and words for people.
const PARTS: [(&str, &str, &[&str], &str); 5] = [
    ("start", "bursar", &[], "what starting costs"),
    ("call", "speed", &[], "one driver call: fresh sandbox, door and limits, 50 plans answered from memory"),
    (
        "ledger",
        "ledger-speed",
        &[],
        "reserving with its commit, four processes at once, all entries inside the longest window; a page of 10,000 instances",
    ),
    ("remote", "remote-speed", &["commands"], "commands on machines, in turns with ssh over the same line"),
    ("files", "remote-speed", &["copies"], "copies of files and folders, in turns with scp, rsync and tar over ssh"),
];

/// Builds everything in one go: one by one, cargo would compile what they share again with other features.
pub fn run(part: Option<&str>) -> Result<()> {
    let parts: Vec<_> = PARTS.iter().filter(|(name, ..)| part.is_none_or(|part| part == *name)).collect();
    ensure!(!parts.is_empty(), "cargo xtask bench [start | call | ledger | remote | files]");
    tools::wasm_target()?;
    tools::for_tests()?;
    tools::for_bench()?;
    // The list of the ledger is asked of the server, too.
    let server = parts.iter().any(|(name, ..)| *name == "ledger").then_some(["--package", "bursar"]);
    let packages = parts.iter().map(|(_, package, ..)| ["--package", package]).chain(server).flatten();
    cargo(&["build", "--locked", "--release"].into_iter().chain(packages).collect::<Vec<_>>())?;
    for (name, package, words, what) in parts {
        say(what);
        let built = target().join("release").join(package);
        match *name {
            "start" => start(&built)?,
            _ => must(Command::new(built).args(*words))?,
        }
    }
    Ok(())
}

fn start(binary: &Path) -> Result<()> {
    let ours = vec![binary.display().to_string(), "mcp".to_owned()];
    let home = std::env::temp_dir().join(format!("bursar-bench-{}", std::process::id()));
    let measured = measure(&ours, &home);
    std::fs::remove_dir_all(&home).ok();
    measured
}

fn measure(ours: &[String], home: &Path) -> Result<()> {
    say("first start ever, drivers compile behind it");
    let mut cold = Vec::new();
    for n in 0..10 {
        cold.push(Server::start(ours, &home.join(format!("cold-{n}")))?.initialized);
    }
    show("start to initialize, nothing cached", &mut cold, None);
    let warm_home = home.join("warm");
    let mut first = Server::start(ours, &warm_home)?;
    std::thread::sleep(Duration::from_secs(5));
    let list = first.ask(2, "tools/list", json!({}))?;
    drop(first);
    let peer: Option<Vec<String>> =
        std::env::var("BURSAR_BENCH_PEER").ok().map(|line| line.split_whitespace().map(str::to_owned).collect());
    say("starts with everything cached, in turns with the peer if one is named");
    let (mut warm, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        warm.push(Server::start(ours, &warm_home)?.initialized);
        if let Some(peer) = &peer {
            peers.push(Server::start(peer, &warm_home)?.initialized);
        }
    }
    let peer_median = peer.as_ref().map(|_| show("peer: start to initialize", &mut peers, None));
    show("start to initialize, all cached", &mut warm, peer_median);
    idle(ours, &warm_home, "idle memory")?;
    if let Some(peer) = &peer {
        idle(peer, &warm_home, "peer: idle memory")?;
    }
    let tools = list["result"]["tools"].as_array().context("tools/list has no tools")?.len();
    let bytes = list["result"].to_string().len();
    println!("tools/list: {tools} tools, {bytes} bytes, about {} tokens (4 bytes each)", bytes / 4);
    Ok(())
}

fn idle(command: &[String], home: &Path, what: &str) -> Result<()> {
    let server = Server::start(command, home)?;
    std::thread::sleep(Duration::from_secs(10));
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id()))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS: unknown");
    println!("{what}: {}", line.trim_start_matches("VmRSS:").trim());
    Ok(())
}

fn show(what: &str, times: &mut [Duration], against: Option<Duration>) -> Duration {
    times.sort();
    let (least, median, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    print!("{what}: median {:.1} ms ({:.1} to {:.1}, {} runs)", ms(median), ms(least), ms(most), times.len());
    match against {
        Some(other) => println!(", {:.0} times faster than the peer", ms(other) / ms(median)),
        None => println!(),
    }
    median
}

/// A stdio server that has answered `initialize`.
struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    initialized: Duration,
}

impl Server {
    fn start(command: &[String], home: &Path) -> Result<Server> {
        let began = Instant::now();
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .env("BURSAR_HOME", home)
            // A folder without settings, whoever measures.
            .env("XDG_CONFIG_HOME", home)
            .env_remove("BURSAR_CONFIG")
            .env_remove("BITLAUNCH_API_KEY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let (input, output) = (child.stdin.take().context("stdin")?, child.stdout.take().context("stdout")?);
        let mut server = Server { child, input, output: BufReader::new(output), initialized: Duration::ZERO };
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}});
        let answer = server.ask(1, "initialize", params)?;
        server.initialized = began.elapsed();
        ensure!(answer["result"]["serverInfo"].is_object(), "no answer to initialize: {answer}");
        server.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Ok(server)
    }

    fn ask(&mut self, id: u32, method: &str, params: Value) -> Result<Value> {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        loop {
            let mut line = String::new();
            ensure!(self.output.read_line(&mut line)? > 0, "the server ended");
            let answer: Value = serde_json::from_str(&line)?;
            if answer["id"] == id {
                return Ok(answer);
            }
        }
    }

    fn send(&mut self, message: &Value) -> Result<()> {
        writeln!(self.input, "{message}")?;
        Ok(self.input.flush()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
