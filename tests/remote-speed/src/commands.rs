//! A command on a warm connection, beside `ssh` over a ControlMaster socket that is already open.

use crate::{Bench, show};
use anyhow::{Result, ensure};
use bursar_ssh::{Env, Run, Ssh, Target};
use std::time::{Duration, Instant};

const ROUNDS: usize = 40;

pub fn measure(bench: &Bench<'_>) -> Result<()> {
    let at = bench.machine.at(bench.line.port());
    for (what, command) in
        [("command `true`", "true"), ("command with 64 kB of output", "head -c 65536 /dev/zero | tr '\\0' x")]
    {
        if !what.contains(bench.only) {
            continue;
        }
        let (mut ours, mut theirs) = (vec![], vec![]);
        // The first of each dials; it is not counted.
        for round in 0..=ROUNDS {
            let began = Instant::now();
            bench.runtime.block_on(ours_once(bench.machine.ssh(), &at, command))?;
            let own = began.elapsed();
            let began = Instant::now();
            bench.master.run(command)?;
            if round > 0 {
                ours.push(own);
                theirs.push(began.elapsed());
            }
        }
        show::beside(what, &mut ours, &mut [("ssh over a ControlMaster socket", theirs)]);
    }
    Ok(())
}

async fn ours_once(ssh: &Ssh, at: &Target, command: &str) -> Result<()> {
    let run = Run {
        command: command.to_owned(),
        timeout: Duration::from_secs(30),
        stdin: None,
        max_output: 1 << 20,
        workdir: None,
        env: Env::default(),
    };
    let ran = ssh.run(at, &run).await?;
    ensure!(ran.exit == Some(0), "the command failed: {ran:?}");
    Ok(())
}
