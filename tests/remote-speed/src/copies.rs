//! Copies of a large file and of many small ones, beside `scp`, `rsync -a` and `tar` over `ssh`. All of them use the same cipher
//! and connections that are warm already.

use crate::{Bench, Machine, number, show};
use anyhow::{Context, Result, ensure};
use bursar_ssh::{Content, Ssh, Target, TreeCopy, Upload};
use cap_std::{ambient_authority, fs::Dir};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const SMALL_FILES: usize = 10_000;

/// Makes what is copied, and the folders that it goes between.
pub fn prepare(machine: &Machine) -> Result<()> {
    fs::create_dir(machine.path("back"))?;
    fill(&machine.path("local/big"), mib() << 20)?;
    for n in 0..SMALL_FILES {
        fill(&machine.path(&format!("local/many/d{}/f{n}", n % 100)), 4096)?;
    }
    Ok(())
}

pub fn measure(bench: &Bench<'_>) -> Result<()> {
    let machine = bench.machine;
    let (ssh, scp) = (bench.master.line("ssh"), bench.master.line("scp -q"));
    let (l, r, b) = (machine.path("local"), machine.path("home"), machine.path("back"));
    let (l, r, b) = (l.display(), r.display(), b.display());
    let up = || [r.to_string() + "/big", r.to_string() + "/many"].iter().try_for_each(|path| remove(Path::new(path)));
    let down = || remove(&machine.path("back")).and_then(|()| Ok(fs::create_dir(machine.path("back"))?));
    let keep = || Ok(());
    let turns = |what: &str, clean: &dyn Fn() -> Result<()>, ours, peers: &[(&'static str, String)]| {
        turns(bench, what, clean, ours, peers)
    };
    let mib = mib();
    turns(&format!("{mib} MiB up"), &up, Copy::Up, &[("scp", format!("{scp} {l}/big machine:{r}/big"))])?;
    turns(&format!("{mib} MiB down"), &down, Copy::Down, &[("scp", format!("{scp} machine:{r}/big {b}/big"))])?;
    let rsync_up = format!("rsync -a -e '{ssh}' {l}/many machine:{r}/");
    let tar_up = format!("tar -cf - -C {l} many | {ssh} machine 'tar -xf - -C {r}'");
    let rsync_down = format!("rsync -a -e '{ssh}' machine:{r}/many {b}/");
    let tar_down = format!("{ssh} machine 'tar -cf - -C {r} many' | tar -xf - -C {b}");
    let (many, again) = ("10,000 files of 4 KiB", "nothing changed");
    let peers = [("rsync -a", rsync_up), ("tar over ssh", tar_up)];
    turns(&format!("{many} up"), &up, Copy::ManyUp, &peers)?;
    turns(&format!("{many} up again, {again}"), &keep, Copy::ManyUp, &peers[..1])?;
    let peers = [("rsync -a", rsync_down), ("tar over ssh", tar_down)];
    turns(&format!("{many} down"), &down, Copy::ManyDown, &peers)?;
    turns(&format!("{many} down again, {again}"), &keep, Copy::ManyDown, &peers[..1])
}

/// Measures ours and the peers in turns, each on a clean place.
fn turns(
    bench: &Bench<'_>,
    what: &str,
    clean: &dyn Fn() -> Result<()>,
    ours: Copy,
    peers: &[(&'static str, String)],
) -> Result<()> {
    if !what.contains(bench.only) {
        return Ok(());
    }
    let (mut own, mut theirs) = (vec![], peers.iter().map(|(name, _)| (*name, vec![])).collect::<Vec<_>>());
    for _ in 0..number("BURSAR_BENCH_ROUNDS").unwrap_or(3) {
        for ((_, line), (_, times)) in peers.iter().zip(&mut theirs) {
            clean()?;
            times.push(timed(|| sh(line))?);
        }
        clean()?;
        let (ssh, at) = (bench.machine.ssh().clone(), bench.machine.at(bench.line.port()));
        let (local, back) = (bench.machine.path("local"), bench.machine.path("back"));
        // In a task, as the host's own copies run.
        own.push(timed(|| bench.runtime.block_on(bench.runtime.spawn(copy(ours, ssh, at, local, back)))?)?);
    }
    show::beside(what, &mut own, &mut theirs);
    Ok(())
}

#[derive(Clone, Copy)]
enum Copy {
    Up,
    Down,
    ManyUp,
    ManyDown,
}

async fn copy(what: Copy, ssh: Ssh, at: Target, local: PathBuf, back: PathBuf) -> Result<()> {
    let tell = &mut |_, _| {};
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let ask = TreeCopy { remote_path: "many".into(), now: Some(now), ..TreeCopy::default() };
    let checked = match what {
        Copy::Up => {
            let content = Content::File(fs::File::open(local.join("big"))?);
            let upload = Upload { content, remote_path: "big".into(), name: None, mode: None };
            ssh.upload(&at, upload, tell).await?.checked
        }
        Copy::Down => {
            let options = fs::File::options().read(true).write(true).create(true).truncate(true).clone();
            let mut file = options.open(back.join("big"))?;
            ssh.download(&at, "big", &mut file, None, tell).await?.checked
        }
        Copy::ManyUp => ssh.upload_tree(&at, &folder(&local.join("many"))?, &ask, tell).await?.checked,
        Copy::ManyDown => {
            fs::create_dir_all(back.join("many"))?;
            ssh.download_tree(&at, &folder(&back.join("many"))?, &ask, tell).await?.checked
        }
    };
    ensure!(checked, "the machine computed no checksum");
    Ok(())
}

fn mib() -> usize {
    number("BURSAR_BENCH_MIB").and_then(|mib| mib.try_into().ok()).unwrap_or(1024)
}

/// Makes a file of bytes that nothing can compress.
fn fill(path: &Path, bytes: usize) -> Result<()> {
    fs::create_dir_all(path.parent().context("a name in a folder")?)?;
    let mut file = std::io::BufWriter::new(fs::File::create(path)?);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ bytes as u64;
    for _ in 0..bytes / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes())?;
    }
    Ok(file.flush()?)
}

fn folder(path: &Path) -> Result<Dir> {
    Dir::open_ambient_dir(path, ambient_authority()).context("opening a folder")
}

fn remove(path: &Path) -> Result<()> {
    match path.is_dir() {
        true => fs::remove_dir_all(path)?,
        false => drop(fs::remove_file(path)),
    }
    Ok(())
}

fn sh(line: &str) -> Result<()> {
    let status = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).status()?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}
