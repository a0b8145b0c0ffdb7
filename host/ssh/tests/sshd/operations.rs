//! Every operation on one machine: a column of the table of odd machines. Each cell tells what was wrong, in words.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bursar_ssh::{Content, Env, JobRead, JobSpec, JobState, Run, SetUp, SetUpState, Upload};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::machine::{Machine, quiet, run};
use crate::trees::{ask, odd_folder, opened, picture};

/// Every operation on one machine.
pub(crate) async fn all_of_it(machine: &Machine) {
    let mut wrong = vec![];
    let data: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    cell(&mut wrong, "set up", set_up(machine).await);
    cell(&mut wrong, "run", run_works(machine).await);
    cell(&mut wrong, "time-out", time_out(machine).await);
    cell(&mut wrong, "upload", upload(machine, "a folder/it's.bin", &data).await);
    cell(&mut wrong, "download", download(machine, "a folder/it's.bin", &data).await);
    folders(machine, &mut wrong).await;
    let jobs = fs::read_dir(machine.home().join(".bursar/jobs")).map_or(0, Iterator::count);
    let name = format!("odd{jobs}");
    cell(&mut wrong, "job", job(machine, &name).await);
    cell(&mut wrong, "logs", logs(machine, &name).await);
    cell(&mut wrong, "forward", forward(machine).await);
    let _ = fs::remove_dir_all(machine.home().join("a folder"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

pub(crate) fn cell(wrong: &mut Vec<String>, operation: &str, done: Result<(), String>) {
    if let Err(why) = done {
        wrong.push(format!("{operation}: {why}"));
    }
}

pub(crate) async fn set_up(machine: &Machine) -> Result<(), String> {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        match machine.ssh.set_up(&machine.at(), &SetUp { gpu: false }).await.map_err(|error| error.to_string())? {
            SetUpState::Done { .. } => return Ok(()),
            SetUpState::Running { .. } if Instant::now() < until => {}
            other => return Err(format!("{other:?}")),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub(crate) async fn run_works(machine: &Machine) -> Result<(), String> {
    let ask = Run {
        stdin: Some(b"in\n".to_vec()),
        ..run("cat <<'E'\n$HOME it's \"x\" \\n !!\nE\ncat; echo err >&2; exit 7 # end")
    };
    let ran = machine.ssh.run(&machine.at(), &ask).await.map_err(|error| error.to_string())?;
    same(&ran.stdout, "$HOME it's \"x\" \\n !!\nin\n")?;
    // A login may print there; the command's own words come last.
    same(ran.stderr.lines().last().unwrap_or_default(), "err")?;
    same(&format!("{:?}", ran.exit), "Some(7)")
}

pub(crate) async fn time_out(machine: &Machine) -> Result<(), String> {
    let sleeper = format!("sleep 99{}", machine.at().port);
    let ask = Run {
        timeout: Duration::from_secs(1),
        ..run(&format!("echo begun; trap '' TERM; setsid {sleeper} & {sleeper}; {sleeper}"))
    };
    let ran = machine.ssh.run(&machine.at(), &ask).await.map_err(|error| error.to_string())?;
    same(&format!("{} {}", ran.timed_out, ran.stdout), "true begun\n")?;
    same(&machine.lives(&sleeper).to_string(), "false")
}

pub(crate) async fn upload(machine: &Machine, to: &str, data: &[u8]) -> Result<(), String> {
    let upload = Upload { content: Content::Bytes(data.to_vec()), remote_path: to.into(), name: None, mode: None };
    let copied = machine.ssh.upload(&machine.at(), upload, &mut quiet()).await.map_err(|error| error.to_string())?;
    same(&copied.bytes.to_string(), &data.len().to_string())?;
    match fs::read(machine.home().join(to)).is_ok_and(|there| there == data) {
        true => Ok(()),
        false => Err("what arrived differs".into()),
    }
}

pub(crate) async fn download(machine: &Machine, from: &str, data: &[u8]) -> Result<(), String> {
    let here = tempfile::NamedTempFile::new().unwrap();
    let mut file = here.reopen().unwrap();
    let got = machine.ssh.download(&machine.at(), from, &mut file, None, &mut quiet()).await;
    got.map_err(|error| error.to_string())?;
    match fs::read(here.path()).unwrap() == data {
        true => Ok(()),
        false => Err("what came differs".into()),
    }
}

/// A folder with every odd name goes there and back, and a second time nothing moves.
async fn folders(machine: &Machine, wrong: &mut Vec<String>) {
    let (here, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    odd_folder(here.path());
    let there = machine.home().join("a folder/of folders");
    cell(wrong, "folder up", folder_up(machine, here.path(), 14).await.and_then(|()| alike(&there, here.path())));
    cell(wrong, "folder up, unchanged", folder_up(machine, here.path(), 0).await);
    let down = folder_down(machine, back.path(), 14).await;
    cell(wrong, "folder down", down.and_then(|()| alike(back.path(), here.path())));
    cell(wrong, "folder down, unchanged", folder_down(machine, back.path(), 0).await);
    let beside = fs::read_dir(machine.home().join("a folder")).unwrap();
    let left = beside.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("part"));
    cell(wrong, "nothing half is left", same(&left.count().to_string(), "0"));
}

pub(crate) async fn folder_up(machine: &Machine, from: &Path, files: u64) -> Result<(), String> {
    let ask = ask("a folder/of folders");
    let sent = machine.ssh.upload_tree(&machine.at(), &opened(from), &ask, &mut quiet()).await;
    let sent = sent.map_err(|error| error.to_string())?;
    same(&format!("{} {}", sent.files, sent.checked), &format!("{files} true"))
}

pub(crate) async fn folder_down(machine: &Machine, into: &Path, files: u64) -> Result<(), String> {
    let ask = ask("a folder/of folders");
    let got = machine.ssh.download_tree(&machine.at(), &opened(into), &ask, &mut quiet()).await;
    let got = got.map_err(|error| error.to_string())?;
    same(&format!("{} {}", got.files, got.checked), &format!("{files} true"))
}

fn alike(one: &Path, other: &Path) -> Result<(), String> {
    if picture(one) == picture(other) { Ok(()) } else { Err(format!("{:?}, not {:?}", picture(one), picture(other))) }
}

pub(crate) async fn job(machine: &Machine, name: &str) -> Result<(), String> {
    let spec = JobSpec {
        name: name.into(),
        command: "echo one; sleep 0.3; echo two; exit 3".into(),
        workdir: None,
        save: vec![],
        env: Env::default(),
    };
    machine.ssh.start_job(&machine.at(), &spec).await.map_err(|error| error.to_string())?;
    let until = Instant::now() + Duration::from_secs(15);
    loop {
        let job =
            machine.ssh.get_job(&machine.at(), name, &JobRead::default()).await.map_err(|error| error.to_string())?;
        match job.state {
            JobState::Exited { code: 3 } => return Ok(()),
            state if !state.is_open() || Instant::now() > until => return Err(format!("{state:?}")),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

pub(crate) async fn logs(machine: &Machine, name: &str) -> Result<(), String> {
    for (from_offset, log) in [(None, "one\ntwo\n"), (Some(0), "one\ntwo\n"), (Some(4), "two\n"), (Some(8), "")] {
        let read = JobRead { from_offset, ..JobRead::default() };
        let job = machine.ssh.get_job(&machine.at(), name, &read).await.map_err(|error| error.to_string())?;
        same(&job.log, log)?;
    }
    Ok(())
}

pub(crate) async fn forward(machine: &Machine) -> Result<(), String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut from, mut to) = stream.split();
        tokio::io::copy(&mut from, &mut to).await
    });
    let mut stream = machine.ssh.port(&machine.at(), port).await.map_err(|error| error.to_string())?;
    let mut came = [0; 5];
    stream.write_all(b"hello").await.map_err(|error| error.to_string())?;
    stream.read_exact(&mut came).await.map_err(|error| error.to_string())?;
    same(&String::from_utf8_lossy(&came), "hello")
}

pub(crate) fn same(found: &str, wanted: &str) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{found:?}, not {wanted:?}")) }
}
