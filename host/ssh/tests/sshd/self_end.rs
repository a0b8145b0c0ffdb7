//! A clock on the machine that ends it from within, with a file in the place of the provider.

use std::fs;
use std::time::{Duration, Instant};

use bursar_ssh::SelfEnd;

use crate::machine::Machine;

fn ask(secs: u64) -> SelfEnd {
    SelfEnd {
        secs,
        check: "test -e own_key || { echo no key is here; exit 1; }".into(),
        run: "echo end >>ended".into(),
    }
}

fn with_key() -> Machine {
    Machine::start_with(|home| fs::write(home.join("own_key"), "good").unwrap())
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let by = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < by, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn clocks(machine: &Machine) -> usize {
    let mark = machine.home().join(".bursar/self_end/run");
    let runs = |pid: &fs::DirEntry| {
        let line = fs::read(pid.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).split('\0').any(|word| word == mark.to_str().unwrap())
    };
    fs::read_dir("/proc").unwrap().flatten().filter(runs).count()
}

#[tokio::test]
async fn a_clock_that_was_set_ends_the_machine_when_nobody_is_connected() {
    let machine = with_key();
    assert_eq!(machine.ssh.set_self_end(&machine.at(), &ask(1)).await.unwrap(), Ok(()));
    machine.ssh.forget("i1");
    let ended = machine.home().join("ended");
    until("it ends itself", || ended.exists()).await;
    until("its clock is gone", || clocks(&machine) == 0).await;
    assert_eq!(fs::read_to_string(ended).unwrap(), "end\n");
}

#[tokio::test]
async fn one_that_could_not_end_it_is_not_relied_on() {
    let machine = Machine::start();
    let refused = machine.ssh.set_self_end(&machine.at(), &ask(600)).await.unwrap();
    assert_eq!(refused, Err("no key is here".into()));
    assert_eq!(clocks(&machine), 0);
}

#[tokio::test]
async fn set_anew_there_is_one_clock_with_the_new_end() {
    let machine = with_key();
    for secs in [600, 900, 600] {
        assert_eq!(machine.ssh.set_self_end(&machine.at(), &ask(secs)).await.unwrap(), Ok(()));
        until("the old one is gone", || clocks(&machine) == 1).await;
    }
    let moved = SelfEnd { run: "test -e tried && echo end >>ended || { touch tried; false; }".into(), ..ask(0) };
    fs::write(machine.home().join("tried"), "").unwrap();
    machine.ssh.set_self_end(&machine.at(), &moved).await.unwrap().unwrap();
    until("the newest line is run", || machine.home().join("ended").exists()).await;
}
