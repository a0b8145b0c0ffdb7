//! `cargo xtask bench`, part files: copies against `scp`, `rsync -a` and `tar` over `ssh`, in turns, against one real sshd on
//! loopback; without delay, and with 30 ms each way. All of them use the same cipher and connections that are warm already.
//! A word measures only what has it in its title. Set `BURSAR_BENCH_ROUNDS` and `BURSAR_BENCH_MIB` for less than 3 rounds of 1024 MiB.

mod machine;
mod slow;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bursar_ssh::{Content, Ssh, Target, TreeCopy, Upload};
use cap_std::{ambient_authority, fs::Dir};
use machine::Machine;

const DELAY: Duration = Duration::from_millis(30);
const SMALL_FILES: usize = 10_000;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let number = |name, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (rounds, mib) = (number("BURSAR_BENCH_ROUNDS", 3), number("BURSAR_BENCH_MIB", 1024));
    let machine = Machine::start()?;
    machine.fill("local/big", mib << 20)?;
    for n in 0..SMALL_FILES {
        machine.fill(&format!("local/many/d{}/f{n}", n % 100), 4096)?;
    }
    for delay in [Duration::ZERO, DELAY] {
        println!("{} ms each way, {rounds} rounds, medians:", delay.as_millis());
        let bench = Bench { machine: &machine, runtime: &runtime, port: slow::before(machine.port, delay)?, rounds };
        bench.all(mib)?;
    }
    Ok(())
}

struct Bench<'a> {
    machine: &'a Machine,
    runtime: &'a tokio::runtime::Runtime,
    port: u16,
    rounds: usize,
}

impl Bench<'_> {
    fn all(&self, mib: usize) -> Result<()> {
        self.machine.connect(self.port)?;
        self.ours("true")?;
        let ssh = self.machine.ssh_line(self.port);
        let (local, remote) = (self.machine.path("local"), self.machine.path("home"));
        let (l, r) = (local.display(), remote.display());
        let scp = ssh.replacen("ssh", "scp -q", 1);
        let clean_up = || self.machine.remove("home/big").and_then(|()| self.machine.remove("home/many"));
        let clean_down = || self.machine.remove("back");
        let keep = || Ok(());
        self.turns(&format!("{mib} MiB up"), &clean_up, "up", &[("scp", format!("{scp} {l}/big bench:{r}/big"))])?;
        self.turns(
            &format!("{mib} MiB down"),
            &clean_down,
            "down",
            &[("scp", format!("{scp} bench:{r}/big {l}/../back/big"))],
        )?;
        self.turns(
            "10,000 files of 4 KiB up",
            &clean_up,
            "many-up",
            &[
                ("rsync -a", format!("rsync -a -e '{ssh}' {l}/many bench:{r}/")),
                ("tar", format!("tar -cf - -C {l} many | {ssh} bench 'tar -xf - -C {r}'")),
            ],
        )?;
        let rsync = format!("rsync -a -e '{ssh}' {l}/many bench:{r}/");
        self.turns("the same again, nothing changed", &keep, "many-up", &[("rsync -a", rsync)])?;
        self.turns(
            "10,000 files of 4 KiB down",
            &clean_down,
            "many-down",
            &[
                ("rsync -a", format!("rsync -a -e '{ssh}' bench:{r}/many {l}/../back/")),
                ("tar", format!("{ssh} bench 'tar -cf - -C {r} many' | tar -xf - -C {l}/../back")),
            ],
        )?;
        let rsync = format!("rsync -a -e '{ssh}' bench:{r}/many {l}/../back/");
        self.turns("the same again, nothing changed", &keep, "many-down", &[("rsync -a", rsync)])
    }

    /// Measures ours and the peers in turns, each on a clean place.
    fn turns(
        &self,
        what: &str,
        clean: &dyn Fn() -> Result<()>,
        ours: &'static str,
        peers: &[(&str, String)],
    ) -> Result<()> {
        if std::env::args().nth(1).is_some_and(|only| !what.contains(&only)) {
            return Ok(());
        }
        let mut times = vec![Vec::new(); peers.len() + 1];
        for _ in 0..self.rounds {
            for (at, (_, line)) in peers.iter().enumerate() {
                clean()?;
                times[at + 1].push(timed(|| self.machine.sh(line))?);
            }
            clean()?;
            times[0].push(timed(|| self.ours(ours))?);
        }
        let median = |times: &mut Vec<Duration>| {
            times.sort();
            times[times.len() / 2].as_secs_f64()
        };
        let own = median(&mut times[0]);
        let against = peers.iter().zip(&mut times[1..]).map(|((name, _), times)| {
            let theirs = median(times);
            format!("{name} {theirs:.2} s ({:.2}×)", theirs / own)
        });
        println!("  {what}: {own:.2} s; {}", against.collect::<Vec<_>>().join(", "));
        Ok(())
    }

    /// In a task, as the host's own copies run.
    fn ours(&self, what: &'static str) -> Result<()> {
        let (ssh, at) = (self.machine.ssh.clone(), self.machine.target(self.port));
        let (local, back) = (self.machine.path("local"), self.machine.path("back"));
        self.runtime.block_on(self.runtime.spawn(copy(what, ssh, at, local, back)))?
    }
}

async fn copy(what: &str, ssh: Ssh, at: Target, local: PathBuf, back: PathBuf) -> Result<()> {
    let tell = &mut |_, _| {};
    match what {
        "up" => {
            let content = Content::File(std::fs::File::open(local.join("big"))?);
            let upload = Upload { content, remote_path: "big".into(), mode: None };
            ensure!(ssh.upload(&at, upload, tell).await?.checked);
        }
        "down" => {
            let options = std::fs::File::options().read(true).write(true).create(true).truncate(true).clone();
            let mut file = options.open(back.join("big"))?;
            ensure!(ssh.download(&at, "big", &mut file, None, tell).await?.checked);
        }
        "many-up" => {
            let from = folder(&local.join("many"))?;
            ensure!(ssh.upload_tree(&at, &from, &ask(), tell).await?.checked);
        }
        "many-down" => {
            std::fs::create_dir_all(back.join("many"))?;
            let into = folder(&back.join("many"))?;
            ensure!(ssh.download_tree(&at, &into, &ask(), tell).await?.checked);
        }
        _ => ssh.answers(&at).await?,
    }
    Ok(())
}

fn ask() -> TreeCopy {
    TreeCopy { remote_path: "many".into(), ..TreeCopy::default() }
}

fn folder(path: &Path) -> Result<Dir> {
    Dir::open_ambient_dir(path, ambient_authority()).context("opening a folder")
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}
