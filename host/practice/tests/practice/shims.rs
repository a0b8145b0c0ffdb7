//! What a machine imitates beside its SSH server: its own boots, and tmux on computers that have none.

use serde_json::json;

use crate::ssh::until;
use crate::support::{place, processes_of};

#[tokio::test]
async fn every_boot_has_its_own_id() {
    let place = place().await;
    let (id, address) = place.machine("a").await;
    let boot_id = "cat /proc/sys/kernel/random/boot_id";
    let before = place.run(&address, boot_id).await;
    assert_eq!(place.run(&address, boot_id).await, before);
    assert_ne!(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default(), before);
    place.control("POST", "/machines/a/reboot", json!({})).await;
    place.until("it has rebooted", |state| state["servers"][0]["boots"] == 1).await;
    place.until_up(&id).await;
    assert_ne!(place.run(&address, boot_id).await, before);
    assert_eq!(place.run(&address, "printf 1 > a; printf 2 | cat a -").await, "12");
}

#[tokio::test]
async fn the_imitated_tmux_keeps_detached_sessions() {
    let place = place().await;
    let (id, address) = place.machine("a").await;
    let tmux = async |words: &str| place.on(&address, &format!("~/../tmux.shim -L own {words}")).await;
    assert!(!tmux("list-sessions").await.status.success());
    let started = tmux("new-session -d -s job env A=1 sh -c 'echo $A > out; exec sleep 301'").await;
    assert!(started.status.success(), "{started:?}");
    until(|| processes_of(&id) == 1).await;
    assert!(tmux("has-session -t =job").await.status.success());
    assert_eq!(tmux("list-sessions -F '#S'").await.stdout, b"job\n");
    let twice = tmux("new -d -s job 'sleep 302'").await;
    assert_eq!(twice.stderr, b"duplicate session: job\n");
    assert_eq!(place.run(&address, "cat out").await, "1\n");
    assert!(tmux("kill-session -t =job").await.status.success());
    until(|| processes_of(&id) == 0).await;
    assert_eq!(tmux("kill-session -t job").await.stderr, b"can't find session: job\n");
}

#[tokio::test]
async fn tools_answer_as_set_up_scripts_expect() {
    let place = place().await;
    let (_, address) = place.machine("a").await;
    let table = [
        (
            "sudo -n -E apt-get -o X::Y=1 -y -qq install ca-certificates | tail -n 1",
            "Setting up ca-certificates (practice) ...\n",
        ),
        ("uv --version", "uv 0.9.0 (practice)\n"),
        ("cloud-init status --wait", "status: done\n"),
        ("systemctl is-system-running", "running\n"),
        ("sudo -u root A=2 sh -c 'echo $A'", "2\n"),
        ("lspci | grep -c NVIDIA", "1\n"),
        ("cat $BURSAR_SET_UP_PCI/*/vendor", "0x10de\n"),
        ("bash -lc 'command -v nvidia-smi | sed s,.*/bin/,,'", "nvidia-smi\n"),
    ];
    for (command, expected) in table {
        assert_eq!(place.run(&address, command).await, expected, "{command}");
    }
}
