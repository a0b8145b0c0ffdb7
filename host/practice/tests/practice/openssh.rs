//! Machines with a real sshd. They need root and openssh-server, which the project's test command installs.

use crate::ssh::{files_round_trip, until};
use crate::support::{Place, openssh_place, processes_of};

#[tokio::test]
async fn commands_run_in_the_machines_own_home() {
    let place = openssh_place().await;
    let (id, address) = place.machine("a").await;
    let root = place.dir.path().canonicalize().unwrap().join("machines").join(&id).join("root");
    let output = place.on(&address, "pwd; echo $HOME; hostname; echo err >&2; exit 3").await;
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{0}\n{0}\na\n", root.display()));
    assert_eq!((output.stderr.as_slice(), output.status.code()), (&b"err\n"[..], Some(3)));
    assert!(place.run(&address, "nvidia-smi").await.contains("NVIDIA A40-2Q"));
    place.stop_cleanly(&id).await;
}

#[tokio::test]
async fn files_and_terminals_and_reboots_work() {
    let place = openssh_place().await;
    let (id, address) = place.machine("a").await;
    files_round_trip(&place, &id, &address).await;
    let shell = place.ssh(&address).args(["-tt", "tty; echo $TERM"]).env("TERM", "xterm").output().await.unwrap();
    assert!(String::from_utf8_lossy(&shell.stdout).contains("/dev/pts/"), "{shell:?}");
    place.run(&address, "tmux new -d -s job 'sleep 301'").await;
    place.on(&address, "reboot").await;
    place.until("it has rebooted", |state| state["servers"][0]["boots"] == 1).await;
    place.until("it is away", |state| state["servers"][0]["ssh"]["up"] == false).await;
    place.until_up(&id).await;
    assert_eq!(place.run(&address, "ls; tmux has-session -t job 2>/dev/null || echo gone").await, "up.bin\ngone\n");
    place.stop_cleanly(&id).await;
}

#[tokio::test]
async fn destroy_and_drop_leave_no_sshd() {
    let place = openssh_place().await;
    let (id, address) = place.machine("a").await;
    let (other, _) = place.machine("b").await;
    place.run(&address, "tmux new -d -s job 'sleep 301'").await;
    let mut client = place.ssh(&address).arg("sleep 302").spawn().unwrap();
    until(|| processes_of(&id) >= 3).await;
    place.delete(&format!("/servers/{id}")).await;
    until(|| processes_of(&id) == 0 && sshds(&id) == 0).await;
    assert!(!client.wait().await.unwrap().success());
    assert_eq!(sshds(&other), 1);
    drop(place);
    assert_eq!(sshds(&other), 0);
}

/// Returns how many sshd processes were started for a machine, which their titles tell.
fn sshds(id: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let titles = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    titles
        .map(|title| String::from_utf8_lossy(&title).into_owned())
        .filter(|title| title.contains("sshd") && title.contains(id))
        .count()
}

impl Place {
    async fn stop_cleanly(self, id: &str) {
        self.practice.stop().await;
        assert_eq!((processes_of(id), sshds(id)), (0, 0));
    }
}
