//! Connections: jump hosts, the session in reserve, the system's `ssh` by name, and ports of the machine.

use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use bursar_ssh::{Hop, Run, SshError, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::machine::{Machine, run};

/// A machine that is reached through another one.
struct Behind {
    machine: Machine,
    hop: Machine,
    at: Target,
}

fn behind() -> Behind {
    let (machine, hop) = (Machine::start(), Machine::start());
    let keys = hop.home().join(".ssh/authorized_keys");
    fs::write(keys, machine.ssh.public_key().unwrap() + "\n").unwrap();
    let Target { host, port, user, .. } = hop.at();
    let at = Target { jump: Some(Hop { host, port, user }), ..machine.at() };
    Behind { machine, hop, at }
}

#[tokio::test]
async fn a_machine_behind_a_jump_host_is_reached_and_both_are_pinned() {
    let Behind { machine, mut hop, at } = behind();
    let ssh = &machine.ssh;
    let first = ssh.run(&at, &run("echo $SSH_CONNECTION")).await.unwrap().stdout;
    assert!(first.starts_with("127.0.0.1 "), "{first}");
    let names = || -> Vec<String> {
        let pins = fs::read_to_string(machine.state().join("known_hosts")).unwrap();
        pins.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(), ["i1.hop", "i1"]);
    // What the jump host's death does is mended silently.
    hop.cut();
    let anew = ssh.run(&at, &run("echo $SSH_CONNECTION")).await.unwrap().stdout;
    assert!(!anew.is_empty() && anew != first, "{anew}");
    hop.down();
    let error = ssh.answers(&at).await.unwrap_err();
    assert!(matches!(error, SshError::Unreachable { .. }) && error.to_string().contains("jump host"), "{error}");
    hop.new_host_key();
    hop.up();
    let error = ssh.answers(&at).await.unwrap_err();
    assert!(matches!(&error, SshError::HostKeyChanged { instance, .. } if instance == "i1.hop"), "{error}");
    assert!(error.hint().contains("i1.hop"), "{}", error.hint());
    ssh.forget("i1");
    ssh.answers(&at).await.unwrap();
    ssh.forget("i1");
    assert_eq!(names(), [""; 0]);
}

#[tokio::test]
async fn a_changed_key_behind_a_jump_host_is_refused() {
    let Behind { mut machine, hop: _hop, at } = behind();
    machine.ssh.answers(&at).await.unwrap();
    machine.down();
    machine.new_host_key();
    machine.up();
    let error = machine.ssh.answers(&at).await.unwrap_err();
    assert!(matches!(&error, SshError::HostKeyChanged { instance, .. } if instance == "i1"), "{error}");
}

#[tokio::test]
async fn the_systems_ssh_reaches_machines_by_name_and_through_jump_hosts() {
    let Behind { machine, hop: _hop, at } = behind();
    machine.ssh.answers(&at).await.unwrap();
    let plain = Target { instance: "i2".into(), ..machine.at() };
    machine.ssh.answers(&plain).await.unwrap();
    let machines = [("trainer".to_owned(), plain.clone()), ("far".to_owned(), at.clone()), ("*".to_owned(), plain)];
    machine.ssh.write_config(&machines).unwrap();
    let file = machine.ssh.config_file();
    assert!(!fs::read_to_string(&file).unwrap().contains("Host *"));
    for name in ["trainer", "far"] {
        let out = Command::new("ssh").arg("-F").arg(&file).args(["-o", "BatchMode=yes", name, "echo in"]).output();
        said(&out.unwrap(), "in\n");
    }
    let command = machine.ssh.terminal_command(&at).unwrap();
    said(
        &Command::new(&command[0]).args(&command[1..]).args(["-o", "BatchMode=yes", "echo", "in"]).output().unwrap(),
        "in\n",
    );
    // A key that changed is refused there, too.
    machine.ssh.forget("i1");
    let out = Command::new("ssh").arg("-F").arg(&file).args(["-o", "BatchMode=yes", "far", "echo in"]).output();
    assert!(!out.unwrap().status.success(), "without a pin it must not log in");
}

fn said(out: &Output, text: &str) {
    assert_eq!(String::from_utf8_lossy(&out.stdout), text, "{}", String::from_utf8_lossy(&out.stderr));
}

#[tokio::test]
async fn a_machine_that_allows_one_session_at_a_time_runs_everything() {
    let mut machine = Machine::start();
    machine.configure("MaxSessions 1");
    for n in 0..4 {
        assert_eq!(machine.run(&format!("echo {n}")).await.stdout, format!("{n}\n"));
    }
    let (one, two, three) =
        tokio::join!(machine.run("sleep 0.3; echo 1"), machine.run("echo 2"), machine.run("echo 3"));
    assert_eq!((one.stdout, two.stdout, three.stdout), ("1\n".into(), "2\n".into(), "3\n".into()));
}

#[tokio::test]
async fn a_session_in_reserve_that_the_machine_closed_is_not_used() {
    let mut machine = Machine::start();
    // It would end a command that is silent for as long, too.
    machine.configure("ChannelTimeout session:*=4s session=4s");
    assert_eq!(machine.run("echo one").await.stdout, "one\n");
    tokio::time::sleep(Duration::from_secs(6)).await;
    for n in 0..2 {
        assert_eq!(machine.run(&format!("echo {n}")).await.stdout, format!("{n}\n"));
    }
}

/// A way to a machine that can fall silent without closing anything, as when a laptop changes its network.
async fn way_that_can_freeze(to: u16) -> (u16, tokio::sync::watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (freeze, frozen) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut frozen = frozen.clone();
            frozen.mark_unchanged();
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = frozen.changed() => std::future::pending().await,
                }
            });
        }
    });
    (port, freeze)
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_said_and_made_anew() {
    let machine = Machine::start();
    let (port, freeze) = way_that_can_freeze(machine.at().port).await;
    let at = Target { port, ..machine.at() };
    for _ in 0..2 {
        assert_eq!(machine.ssh.run(&at, &run("echo well")).await.unwrap().stdout, "well\n");
    }
    freeze.send(true).unwrap();
    let short = Run { timeout: Duration::from_secs(1), ..run("echo lost") };
    let error = machine.ssh.run(&at, &short).await.unwrap_err();
    assert!(matches!(error, SshError::Lost { .. }), "nothing is known of it: {error}");
    assert_eq!(machine.ssh.run(&at, &run("echo anew")).await.unwrap().stdout, "anew\n");
}

#[tokio::test]
async fn a_port_of_the_machine_is_reached_and_one_that_nobody_serves_is_said() {
    let machine = Machine::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    let echo = async |text: Vec<u8>| {
        let (mut from, mut to) = tokio::io::split(machine.ssh.port(&machine.at(), port).await.unwrap());
        let sending = async {
            to.write_all(&text).await.unwrap();
            to.shutdown().await.unwrap();
        };
        let mut came = vec![];
        let (_, read) = tokio::join!(sending, from.read_to_end(&mut came));
        read.unwrap();
        came == text
    };
    let large: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    assert!(echo(b"hello".to_vec()).await);
    assert!(echo(large.clone()).await);
    machine.cut();
    assert!(echo(b"again".to_vec()).await, "a connection that died is made anew");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = machine.ssh.port(&machine.at(), nobody).await.unwrap_err();
    assert!(matches!(&error, SshError::NoPort { port, .. } if *port == nobody), "{error}");
    assert!(error.to_string().contains("nothing listens"), "{error}");
}

#[tokio::test]
async fn a_machine_that_forbids_forwarding_says_so() {
    let mut machine = Machine::start();
    machine.configure("AllowTcpForwarding no");
    let error = machine.ssh.port(&machine.at(), 80).await.unwrap_err();
    assert!(error.to_string().contains("forbids forwarding"), "{error}");
    assert_eq!(machine.run("echo well").await.stdout, "well\n");
}
