//! A command on a warm connection, beside `ssh` over a ControlMaster socket that is already open.

use crate::{Line, Machine, show};
use anyhow::{Context, Result, ensure};
use bursar_ssh::{Env, Run, Target};
use std::{
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

const ROUNDS: usize = 40;

pub fn measure(machine: &Machine, line: &Line) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let at = machine.at(line.port())?;
    let master = Master::open(machine, line)?;
    for (what, command) in
        [("command `true`", "true"), ("command with 64 kB of output", "head -c 65536 /dev/zero | tr '\\0' x")]
    {
        let (mut ours, mut theirs) = (vec![], vec![]);
        // The first of each dials; it is not counted.
        for round in 0..=ROUNDS {
            let began = Instant::now();
            runtime.block_on(ours_once(machine, &at, command))?;
            let own = began.elapsed();
            let began = Instant::now();
            let output = master.run(command)?;
            ensure!(output.status.success(), "ssh failed: {}", String::from_utf8_lossy(&output.stderr));
            if round > 0 {
                ours.push(own);
                theirs.push(began.elapsed());
            }
        }
        show::beside(what, &mut ours, "ssh over a ControlMaster socket", &mut theirs);
    }
    Ok(())
}

async fn ours_once(machine: &Machine, at: &Target, command: &str) -> Result<()> {
    let run = Run {
        command: command.to_owned(),
        timeout: Duration::from_secs(30),
        stdin: None,
        max_output: 1 << 20,
        workdir: None,
        env: Env::default(),
    };
    let ran = machine.ssh().run(at, &run).await?;
    ensure!(ran.exit == Some(0), "the command failed: {ran:?}");
    Ok(())
}

/// An `ssh` in the background that keeps its connection for others.
struct Master {
    words: Vec<String>,
}

impl Master {
    fn open(machine: &Machine, line: &Line) -> Result<Master> {
        let socket = machine.dir().join(format!("master-{}", line.port()));
        let mut words = machine.ssh_options();
        words.extend(["-S".to_owned(), socket.display().to_string(), "-p".to_owned(), line.port().to_string()]);
        let mut open = Command::new("ssh");
        open.args(&words).args(["-M", "-N", "-f", "127.0.0.1"]).stdin(Stdio::null()).stderr(Stdio::null());
        ensure!(open.status().context("ssh: apt-get install openssh-client")?.success(), "ssh -M did not log in");
        Ok(Master { words })
    }

    fn run(&self, command: &str) -> Result<Output> {
        Ok(Command::new("ssh").args(&self.words).args(["127.0.0.1", command]).stdin(Stdio::null()).output()?)
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = Command::new("ssh").args(&self.words).args(["-O", "exit", "127.0.0.1"]).stderr(Stdio::null()).status();
    }
}
