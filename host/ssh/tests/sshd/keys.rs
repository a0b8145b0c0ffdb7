//! A key of its own for one instance: the ledger's key opens it no longer, and nothing in between locks anybody out.

use std::fs;
use std::process::Command;

use bursar_ssh::{Ssh, SshError};

use crate::machine::Machine;

#[tokio::test]
async fn an_instance_with_a_key_of_its_own_takes_no_other() {
    let machine = Machine::start();
    let at = machine.at();
    machine.ssh.answers(&at).await.unwrap();
    for _ in 0..2 {
        machine.ssh.own_key(&at).await.unwrap();
    }
    let keys = fs::read_to_string(machine.home().join(".ssh/authorized_keys")).unwrap();
    assert_eq!(keys.lines().count(), 1, "{keys}");
    assert!(!keys.contains(machine.ssh.public_key().unwrap().split(' ').nth(1).unwrap()));
    machine.cut();
    assert_eq!(machine.run("echo well").await.stdout, "well\n");
    let another_process = Ssh::open(&machine.state(), None).unwrap();
    another_process.answers(&at).await.unwrap();

    machine.ssh.write_config(&[("box".to_owned(), at.clone())]).unwrap();
    let file = machine.ssh.config_file();
    let out = Command::new("ssh").arg("-F").arg(file).args(["-o", "BatchMode=yes", "box", "echo in"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout), "in\n", "{}", String::from_utf8_lossy(&out.stderr));

    // The ledger's key alone is not enough, and with the instance its key goes.
    machine.ssh.forget("i1");
    assert!(!machine.state().join("keys/i1").exists());
    assert!(matches!(machine.ssh.answers(&at).await, Err(SshError::Denied { .. })));
}

#[tokio::test]
async fn a_change_of_keys_that_was_interrupted_is_finished() {
    let machine = Machine::start();
    let at = machine.at();
    // The key was made, and the process died before the machine heard of it.
    let elsewhere = Ssh::open(&machine.state().join("elsewhere"), None).unwrap();
    elsewhere.public_key().unwrap();
    fs::create_dir_all(machine.state().join("keys")).unwrap();
    fs::copy(machine.state().join("elsewhere/id_ed25519"), machine.state().join("keys/i1")).unwrap();
    assert_eq!(machine.run("echo well").await.stdout, "well\n");
    machine.ssh.own_key(&at).await.unwrap();
    let keys = fs::read_to_string(machine.home().join(".ssh/authorized_keys")).unwrap();
    assert_eq!(keys.lines().count(), 1, "{keys}");
    machine.cut();
    assert_eq!(machine.run("echo well").await.stdout, "well\n");
}
