//! The set-up of a machine, with imitated package tools: the machine that runs the tests is never changed.

use std::fs;
use std::time::{Duration, Instant};

use bursar_ssh::{Gpu, SetUp, SetUpState};

use crate::machine::Machine;

const PLAIN: SetUp = SetUp { gpu: false };
const WITH_GPU: SetUp = SetUp { gpu: true };
/// What every machine has before its set-up.
const BASE: [&str; 25] = [
    "sh", "bash", "cat", "chmod", "date", "env", "find", "grep", "head", "id", "mkdir", "mv", "rm", "rmdir", "sed",
    "setsid", "sleep", "sort", "sync", "tail", "timeout", "touch", "tr", "uname", "wc",
];

/// A bare machine whose apt-get installs by writing shims, and fails as often as the file `locked` says.
fn bare() -> Machine {
    let mut machine = Machine::start();
    machine.only(&BASE);
    let home = machine.home();
    fs::create_dir_all(home.join("pci/0000:01:00.0")).unwrap();
    machine.set_env(&[("BURSAR_SET_UP_PAUSE", "0"), ("BURSAR_SET_UP_PCI", home.join("pci").to_str().unwrap())]);
    let apt = r#"echo "apt-get $*" >>"$HOME/calls"
[ -e "$HOME/slow" ] && sleep 1000
n=$(cat "$HOME/locked" 2>/dev/null || echo 0)
if [ "$n" -gt 0 ]; then echo $((n - 1)) >"$HOME/locked"; echo "E: Could not get lock" >&2; exit 100; fi
case " $* " in *" install "*) ;; *) exit 0;; esac
here=${0%/*}
for word in "$@"; do case $word in
  tmux|git|curl|rsync) [ -e "$HOME/no-$word" ] || { printf '#!/bin/sh\n' >"$here/$word"; chmod 755 "$here/$word"; };;
  nvidia-driver-*) cp=1; printf '#!/bin/sh\n[ -e "$HOME/booted" ] && echo "NVIDIA A40, 46068 MiB, 580.1"\n' >"$here/nvidia-smi"; chmod 755 "$here/nvidia-smi";;
  ubuntu-drivers-common) printf '#!/bin/sh\necho "nvidia-driver-535-server, (kernel modules)"\necho nvidia-driver-580-server\necho nvidia-driver-590\n' >"$here/ubuntu-drivers"; chmod 755 "$here/ubuntu-drivers";;
esac; done"#;
    machine.shim("apt-get", apt);
    machine.shim("uv", "");
    machine.shim("systemctl", "echo \"systemctl $*\" >>\"$HOME/calls\"");
    machine
}

fn calls(machine: &Machine) -> String {
    fs::read_to_string(machine.home().join("calls")).unwrap_or_default()
}

/// Asks until the set-up is no longer running.
async fn settled(machine: &Machine, ask: &SetUp) -> SetUpState {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let state = machine.ssh.set_up(&machine.at(), ask).await.unwrap();
        if !matches!(state, SetUpState::Running { .. }) {
            return state;
        }
        assert!(Instant::now() < until, "{state:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

// Peer weakness 20: ready means that the set-up has finished, not that SSH answers.
#[tokio::test]
async fn a_bare_machine_gets_its_tools_however_long_apt_is_locked() {
    let machine = bare();
    fs::write(machine.home().join("locked"), "4").unwrap();
    let first = machine.ssh.set_up(&machine.at(), &PLAIN).await.unwrap();
    assert!(matches!(first, SetUpState::Running { .. } | SetUpState::Done { .. }), "{first:?}");
    assert_eq!(settled(&machine, &PLAIN).await, SetUpState::Done { gpu: Gpu::NotAsked, missing: vec![] });
    let calls = calls(&machine);
    assert!(calls.contains("ca-certificates tmux git curl rsync"), "{calls}");
    for tool in ["tmux", "git", "curl", "rsync"] {
        assert_eq!(machine.run(&format!("command -v {tool} >/dev/null")).await.exit, Some(0), "{tool}");
    }
}

#[tokio::test]
async fn where_everything_is_there_nothing_is_touched() {
    let machine = bare();
    for tool in ["tmux", "git", "curl", "rsync"] {
        machine.shim(tool, "");
    }
    machine.shim("nvidia-smi", "echo 'NVIDIA A40, 46068 MiB, 580.1'");
    let Some(text) = gpu_text(settled(&machine, &WITH_GPU).await) else { panic!("the GPU works") };
    assert_eq!(text, "NVIDIA A40, 46068 MiB, 580.1");
    assert_eq!(calls(&machine), "");
    let before = fs::read_to_string(machine.home().join(".bursar/setup/log")).unwrap();
    settled(&machine, &WITH_GPU).await;
    assert_eq!(
        fs::read_to_string(machine.home().join(".bursar/setup/log")).unwrap(),
        before,
        "asking again starts nothing"
    );
}

// Peer weakness 21: the restart for the driver is part of the set-up, and it goes on after it.
#[tokio::test]
async fn a_gpu_without_driver_gets_one_with_a_restart() {
    let machine = bare();
    fs::write(machine.home().join("pci/0000:01:00.0/vendor"), "0x10de\n").unwrap();
    assert_eq!(settled(&machine, &WITH_GPU).await, SetUpState::Rebooting);
    let asked = calls(&machine);
    assert!(asked.contains("nvidia-driver-580-server nvidia-utils-580-server"), "{asked}");
    crate::run::until(|| calls(&machine).contains("systemctl reboot")).await;

    // The machine comes back with another boot.
    fs::write(machine.home().join("booted"), "").unwrap();
    end_script(&machine).await;
    fs::write(machine.home().join(".bursar/setup/boot"), "the boot before\n").unwrap();
    let text = gpu_text(settled(&machine, &WITH_GPU).await);
    assert_eq!(text.as_deref(), Some("NVIDIA A40, 46068 MiB, 580.1"));
    assert_eq!(calls(&machine).matches("systemctl reboot").count(), 1);
}

#[tokio::test]
async fn what_is_not_essential_is_missing_and_does_not_fail() {
    let machine = bare();
    fs::write(machine.home().join("pci/0000:01:00.0/vendor"), "0x8086\n").unwrap();
    machine.shim("uv", "exit 0");
    machine.run("rm \"$(command -v uv)\"").await;
    let SetUpState::Done { gpu, missing } = settled(&machine, &WITH_GPU).await else { panic!("it is done") };
    assert_eq!(missing, ["uv", "nvidia-driver"]);
    assert!(matches!(gpu, Gpu::NotWorking { .. }), "{gpu:?}");
}

#[tokio::test]
async fn what_is_essential_fails_with_its_step_and_log() {
    let machine = bare();
    fs::write(machine.home().join("no-git"), "").unwrap();
    let SetUpState::Failed { step, log_tail } = settled(&machine, &PLAIN).await else { panic!("it fails") };
    assert_eq!(step, "installing tools: could not install git");
    assert!(log_tail.contains("== installing tools"), "{log_tail}");
}

#[tokio::test]
async fn it_goes_on_after_a_restart_of_either_side() {
    let mut machine = bare();
    // The first try stands still in apt-get, and dies there.
    fs::write(machine.home().join("slow"), "").unwrap();
    let state = machine.ssh.set_up(&machine.at(), &PLAIN).await.unwrap();
    assert!(matches!(&state, SetUpState::Running { .. }), "{state:?}");
    machine.down();
    machine.up();
    assert!(matches!(machine.ssh.set_up(&machine.at(), &PLAIN).await.unwrap(), SetUpState::Running { .. }));
    end_script(&machine).await;
    fs::remove_file(machine.home().join("slow")).unwrap();
    assert_eq!(settled(&machine, &PLAIN).await, SetUpState::Done { gpu: Gpu::NotAsked, missing: vec![] });
}

#[tokio::test]
async fn many_callers_start_it_once() {
    let machine = bare();
    fs::write(machine.home().join("locked"), "3").unwrap();
    let (ssh, at) = (machine.ssh.clone(), machine.at());
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (ssh, at) = (ssh.clone(), at.clone());
            tokio::spawn(async move { ssh.set_up(&at, &PLAIN).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    settled(&machine, &PLAIN).await;
    let log = fs::read_to_string(machine.home().join(".bursar/setup/log")).unwrap();
    assert_eq!(log.matches("== installing tools").count(), 1, "{log}");
}

fn gpu_text(state: SetUpState) -> Option<String> {
    match state {
        SetUpState::Done { gpu: Gpu::Working { text }, missing } if missing.is_empty() => Some(text),
        other => panic!("{other:?}"),
    }
}

/// Ends the set-up as a restart of the machine does.
async fn end_script(machine: &Machine) {
    let pid = fs::read_to_string(machine.home().join(".bursar/setup/pid")).unwrap();
    machine.run(&format!("kill -9 -- -{}", pid.split(' ').next().unwrap())).await;
}
