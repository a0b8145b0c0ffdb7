//! What a job is given beside its command, and what is read behind the end of its log.

use std::fs;
use std::time::Duration;

use bursar_ssh::{Env, FollowFrom, JobRead, JobSpec, LogPart};

use crate::machine::Machine;
use crate::run::until;

fn spec(name: &str, command: &str, env: &[(&str, &str)]) -> JobSpec {
    let env = Env(env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect());
    JobSpec { name: name.into(), command: command.into(), workdir: None, save: vec![], env }
}

/// In tmux and without: values arrive as they are, also under names that our own scripts use, and stand on no command line
/// and in no file once the command runs.
#[tokio::test]
async fn a_job_has_its_variables_and_nothing_shows_them() {
    let machine = Machine::start();
    for name in ["tmux", "bare"] {
        if name == "bare" {
            machine.shim("tmux", "exit 1");
        }
        let secret = format!("it's {name} $HOME\nsecret-{:x}", u64::from(std::process::id()) * 7919);
        let env = [("TOKEN", secret.as_str()), ("d", "/nowhere"), ("shell", "no-shell"), ("code", "7"), ("vars", "x")];
        let command =
            format!("printf '%s' \"$TOKEN\" >~/{name}; echo \"$d $shell $code $vars\"; sleep 8.{}", name.len());
        machine.ssh.start_job(&machine.at(), &spec(name, &command, &env)).await.unwrap();
        let sleeper = format!("sleep 8.{}", name.len());
        until(|| machine.lives(&sleeper)).await;
        assert_eq!(fs::read_to_string(machine.home().join(name)).unwrap(), secret);
        let (_, last) = secret.split_once('\n').unwrap();
        assert!(!machine.lives(last), "a command line shows it");
        let left = machine.run(&format!("grep -rl -- {last} ~/.bursar")).await;
        assert_eq!(left.stdout, "", "a file shows it");
        let job = machine.ssh.get_job(&machine.at(), name, &JobRead::default()).await.unwrap();
        assert_eq!(job.log, "/nowhere no-shell 7 x\n");
        machine.ssh.stop_job(&machine.at(), name).await.unwrap();
    }
    let bad = machine.ssh.start_job(&machine.at(), &spec("bad", "true", &[("A;id", "x")])).await;
    assert!(bad.is_err());
    // Asked again while it runs it is the same job; with another value it is another one.
    let first = machine.ssh.start_job(&machine.at(), &spec("one", "sleep 60", &[("A", "1")])).await.unwrap();
    let again = machine.ssh.start_job(&machine.at(), &spec("one", "sleep 60", &[("A", "1")])).await.unwrap();
    assert_eq!(first.run, again.run);
    assert!(machine.ssh.start_job(&machine.at(), &spec("one", "sleep 60", &[("A", "2")])).await.is_err());
    // A folder that is not there ends it before its variables are read: they go all the same.
    let nowhere = JobSpec { workdir: Some("/no/such".into()), ..spec("nowhere", "true", &[("A", "1")]) };
    machine.ssh.start_job(&machine.at(), &nowhere).await.unwrap();
    until(|| machine.home().join(".bursar/jobs/nowhere/exit").exists()).await;
    assert!(!machine.home().join(".bursar/jobs/nowhere/vars").exists());
}

#[tokio::test]
async fn behind_the_end_of_a_log_there_is_nothing() {
    let machine = Machine::start();
    machine.ssh.start_job(&machine.at(), &spec("short", "printf 12345", &[])).await.unwrap();
    until(|| machine.home().join(".bursar/jobs/short/exit").exists()).await;
    for offset in [5, 6, 1_000_000] {
        let part = LogPart::From { offset, max: 100 };
        let piece = machine.ssh.read_log(&machine.at(), "short", part, Duration::ZERO).await.unwrap();
        assert_eq!((piece.from, piece.bytes.as_slice(), piece.is_last()), (5, &b""[..], true), "{offset}");
        let mut got = Vec::new();
        let from = FollowFrom { offset, run: None };
        let take = &mut |piece: &bursar_ssh::LogPiece| {
            got.extend_from_slice(&piece.bytes);
            true
        };
        machine.ssh.follow_log(&machine.at(), "short", from, take).await.unwrap();
        assert!(got.is_empty(), "{offset}");
    }
}
