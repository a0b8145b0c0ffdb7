//! Logging in: pinned host keys, the warm connection, and what is said when it does not work.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use bursar_ssh::{Ssh, SshError, Target};

use crate::machine::{Machine, run};

#[tokio::test]
async fn a_machine_answers_and_its_host_key_is_pinned_to_the_instance() {
    let machine = Machine::start();
    machine.ssh.answers(&machine.at()).await.unwrap();
    let pins = fs::read_to_string(machine.state().join("known_hosts")).unwrap();
    assert!(pins.starts_with("i1 ssh-ed25519 AAAA"), "{pins}");
}

// Peer weakness 12.
#[tokio::test]
async fn a_changed_host_key_is_refused_until_the_instance_is_forgotten() {
    let mut machine = Machine::start();
    machine.ssh.answers(&machine.at()).await.unwrap();
    machine.down();
    machine.new_host_key();
    machine.up();
    let error = machine.ssh.answers(&machine.at()).await.unwrap_err();
    assert!(matches!(error, SshError::HostKeyChanged { .. }), "{error}");
    assert!(error.to_string().contains("SHA256:") && error.hint().contains("i1"), "{error} {}", error.hint());
    let another = Target { instance: "i2".into(), ..machine.at() };
    machine.ssh.answers(&another).await.unwrap();
    machine.ssh.forget("i1");
    machine.ssh.answers(&machine.at()).await.unwrap();
}

#[tokio::test]
async fn a_machine_that_refuses_our_key_is_not_pinned() {
    let machine = Machine::start_with(|home| fs::write(home.join(".ssh/authorized_keys"), "").unwrap());
    let error = machine.ssh.answers(&machine.at()).await.unwrap_err();
    assert!(matches!(error, SshError::Denied { .. }) && error.may_pass(), "{error}");
    assert!(!machine.state().join("known_hosts").exists());
}

#[tokio::test]
async fn nobody_there_is_said_soon() {
    let machine = Machine::start();
    let nobody = Target { port: 1, ..machine.at() };
    let start = Instant::now();
    let error = machine.ssh.answers(&nobody).await.unwrap_err();
    assert!(matches!(error, SshError::Unreachable { .. }), "{error}");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = Target { port: silent.local_addr().unwrap().port(), ..machine.at() };
    let error = machine.ssh.answers(&silent).await.unwrap_err();
    assert!(matches!(error, SshError::Unreachable { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

// Peer weakness 31.
#[tokio::test]
async fn calls_share_one_connection_and_it_is_made_anew_when_it_died() {
    let machine = Machine::start();
    let first = machine.run("echo $SSH_CONNECTION").await.stdout;
    let (second, third) = tokio::join!(machine.run("echo $SSH_CONNECTION"), machine.run("echo $SSH_CONNECTION"));
    assert_eq!((&second.stdout, &third.stdout), (&first, &first));
    machine.cut();
    let anew = machine.run("echo $SSH_CONNECTION").await.stdout;
    assert!(!anew.is_empty() && anew != first, "{anew}");
}

#[tokio::test]
async fn more_commands_at_once_than_one_connection_takes_all_run() {
    let machine = Machine::start();
    let (ssh, at) = (machine.ssh.clone(), machine.at());
    let tasks: Vec<_> = (0..25)
        .map(|n| {
            let (ssh, at) = (ssh.clone(), at.clone());
            tokio::spawn(async move { ssh.run(&at, &run(&format!("sleep 0.5; echo {n}"))).await.unwrap().stdout })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap(), format!("{n}\n"));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_command_says_that_it_may_go_on() {
    let machine = Machine::start();
    machine.ssh.answers(&machine.at()).await.unwrap();
    let cut = async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        machine.cut();
    };
    let (ran, ()) = tokio::join!(machine.try_run("sleep 20"), cut);
    let error = ran.unwrap_err();
    assert!(matches!(error, SshError::Lost { .. }), "{error}");
    assert!(error.hint().contains("job"), "{}", error.hint());
}

#[tokio::test]
async fn further_keys_are_let_in_once() {
    let machine = Machine::start_with(|home| {
        let file = home.join(".ssh/authorized_keys");
        let without_end = fs::read_to_string(&file).unwrap().trim_end().to_owned();
        fs::write(file, without_end).unwrap();
    });
    let other = Ssh::open(&machine.state().join("other"), None).unwrap();
    assert!(matches!(other.answers(&machine.at()).await, Err(SshError::Denied { .. })));
    let line = other.public_key().unwrap().replace(" bursar", " it's me");
    for _ in 0..2 {
        machine.ssh.install_keys(&machine.at(), &[line.clone(), line.replace("it's me", "again")]).await.unwrap();
    }
    other.answers(&machine.at()).await.unwrap();
    let keys = fs::read_to_string(machine.home().join(".ssh/authorized_keys")).unwrap();
    assert_eq!(keys.lines().count(), 2, "{keys}");
}

#[tokio::test]
async fn the_systems_ssh_logs_in_with_our_key_and_our_pin() {
    let machine = Machine::start();
    machine.ssh.answers(&machine.at()).await.unwrap();
    let command = machine.ssh.terminal_command(&machine.at()).unwrap();
    let log_in =
        || Command::new(&command[0]).args(&command[1..]).args(["-o", "BatchMode=yes", "echo", "in"]).output().unwrap();
    let out = log_in();
    assert_eq!(String::from_utf8_lossy(&out.stdout), "in\n", "{}", String::from_utf8_lossy(&out.stderr));
    machine.ssh.forget("i1");
    assert!(!log_in().status.success(), "without a pin it must not log in");
}

#[tokio::test]
async fn a_target_that_could_be_an_option_is_refused() {
    let machine = Machine::start();
    for host in ["-oProxyCommand=x", "a b", ""] {
        let odd = Target { host: host.into(), ..machine.at() };
        assert!(matches!(machine.ssh.terminal_command(&odd), Err(SshError::Input { .. })), "{host}");
        assert!(matches!(machine.ssh.answers(&odd).await, Err(SshError::Input { .. })), "{host}");
    }
}
