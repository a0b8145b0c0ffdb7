//! How a job ended is told apart after the machine lost its power, and after whoever started it did.

use std::fs;
use std::time::{Duration, Instant};

use bursar_ssh::{Env, FollowFrom, JobSpec, JobState, JobSummary, LogPart, Ssh, SshError};

use crate::machine::Machine;

/// Without tmux, and without much else.
const BARE: [&str; 19] = [
    "sh", "bash", "cat", "date", "env", "find", "grep", "head", "mkdir", "mv", "rm", "sed", "setsid", "sleep", "sort",
    "tail", "wc", "basename", "id",
];

fn spec(name: &str, command: &str) -> JobSpec {
    JobSpec { name: name.into(), command: command.into(), workdir: None, save: vec![], env: Env::default() }
}

async fn start(machine: &Machine, name: &str, command: &str) -> JobSummary {
    machine.ssh.start_job(&machine.at(), &spec(name, command)).await.unwrap()
}

/// Asks as a process would that knows nothing of what was before.
async fn state(machine: &Machine, name: &str) -> JobState {
    let stranger = Ssh::open(&machine.state(), None).unwrap();
    stranger.read_log(&machine.at(), name, LogPart::Tail, Duration::ZERO).await.unwrap().job.state
}

async fn until(machine: &Machine, name: &str, wanted: JobState) {
    let until = Instant::now() + Duration::from_secs(15);
    while state(machine, name).await != wanted {
        assert!(Instant::now() < until, "{name}: {:?}", state(machine, name).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// From now on the machine tells another start.
fn boot_anew(machine: &mut Machine, id: &str) {
    machine.power_off();
    let cat = ["/bin/cat", "/usr/bin/cat"].into_iter().find(|path| fs::metadata(path).is_ok()).unwrap();
    machine.shim("cat", &format!("case $1 in */boot_id) echo {id};; *) exec {cat} \"$@\";; esac"));
    machine.up();
}

async fn a_restart_of_the_machine_is_told(mut machine: Machine) {
    start(&machine, "exited", "exit 7").await;
    start(&machine, "killed", "kill -9 $$").await;
    start(&machine, "stopped", "sleep 1000").await;
    start(&machine, "ran", "echo so far; sleep 1000").await;
    // Written down, and the power went before it began.
    start(&machine, "waiting", "sleep 1000").await;
    let waiting = machine.home().join(".bursar/jobs/waiting");
    until(&machine, "exited", JobState::Exited { code: 7 }).await;
    until(&machine, "killed", JobState::Killed { signal: "KILL".into() }).await;
    machine.ssh.stop_job(&machine.at(), "stopped").await.unwrap();
    fs::remove_file(waiting.join("pid")).unwrap();
    assert_eq!(state(&machine, "waiting").await, JobState::Queued);
    assert_eq!(state(&machine, "ran").await, JobState::Running);

    boot_anew(&mut machine, "another-start");
    let lost = JobState::Lost { why: "the machine restarted while it ran".into() };
    for (name, expected) in [
        ("exited", JobState::Exited { code: 7 }),
        ("killed", JobState::Killed { signal: "KILL".into() }),
        ("stopped", JobState::Stopped),
        ("ran", lost.clone()),
        ("waiting", lost),
    ] {
        assert_eq!(state(&machine, name).await, expected, "{name}");
    }
    let piece = machine.ssh.read_log(&machine.at(), "ran", LogPart::Tail, Duration::ZERO).await.unwrap();
    assert_eq!(piece.bytes, b"so far\n");
    start(&machine, "ran-2", "exit 4").await;
    until(&machine, "ran-2", JobState::Exited { code: 4 }).await;
}

#[tokio::test]
async fn a_restart_of_the_machine_is_told_with_tmux() {
    a_restart_of_the_machine_is_told(Machine::start()).await;
}

#[tokio::test]
async fn a_restart_of_the_machine_is_told_without_tmux() {
    let mut machine = Machine::start();
    machine.only(&BARE);
    a_restart_of_the_machine_is_told(machine).await;
}

// A power cut where the boot's number stays, as in a container: the first process's start would tell; here, nothing is left.
#[tokio::test]
async fn processes_that_are_gone_without_a_word_are_lost() {
    let mut machine = Machine::start();
    start(&machine, "ran", "sleep 1000").await;
    machine.power_off();
    machine.up();
    assert_eq!(
        state(&machine, "ran").await,
        JobState::Lost { why: "its process vanished without an exit code".into() }
    );
}

#[tokio::test]
async fn an_exit_code_is_kept_where_no_file_can_be_written() {
    let machine = Machine::start();
    start(&machine, "full", "while [ ! -e go ]; do sleep 0.1; done; exit 9").await;
    // What a full disk does to the file, this folder in its place does, too.
    fs::create_dir(machine.home().join(".bursar/jobs/full/exit.new")).unwrap();
    fs::write(machine.home().join("go"), "").unwrap();
    until(&machine, "full", JobState::Exited { code: 9 }).await;
    assert!(machine.home().join(".bursar/jobs/full/over-9").exists());
}

/// The second question of a start whose answer got lost does what was left undone, and nothing twice.
#[tokio::test]
async fn a_start_that_was_cut_off_is_finished_by_the_next_question() {
    let machine = Machine::start();
    // The connection breaks when the start begins: the first tmux kills the road and waits for its end.
    machine.shim(
        "tmux",
        "if [ ! -e ~/cut ]; then : >~/cut; kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); sleep 2; exit 1; fi\nexec /usr/bin/tmux \"$@\"",
    );
    let job = start(&machine, "once", "echo begun >>~/begun; sleep 1000").await;
    assert_eq!(job.state, JobState::Running);
    assert!(machine.home().join("cut").exists());
    let until = Instant::now() + Duration::from_secs(5);
    while !machine.home().join("begun").exists() {
        assert!(Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(fs::read_to_string(machine.home().join("begun")).unwrap(), "begun\n");
}

#[tokio::test]
async fn whoever_follows_a_job_that_was_replaced_hears_it() {
    let machine = Machine::start();
    let first = start(&machine, "train", "echo first").await;
    until(&machine, "train", JobState::Exited { code: 0 }).await;
    machine.run("rm -r ~/.bursar/jobs/train").await;
    let second = start(&machine, "train", "echo second").await;
    assert_ne!(first.run, second.run);
    let from = FollowFrom { offset: 0, run: Some(first.run) };
    let error = machine.ssh.follow_log(&machine.at(), "train", from, &mut |_| true).await.unwrap_err();
    assert!(matches!(error, SshError::JobReplaced { .. }), "{error}");
}

#[tokio::test]
async fn paths_to_save_are_kept_beside_the_job() {
    let machine = Machine::start();
    let save = vec!["out/model.bin".to_owned(), "/tmp/a b/it's.txt".to_owned()];
    machine.ssh.start_job(&machine.at(), &JobSpec { save: save.clone(), ..spec("train", "true") }).await.unwrap();
    start(&machine, "other", "true").await;
    // Whoever changes them there changes nothing that is shown.
    let file = machine.home().join(".bursar/jobs/train/save");
    let kept = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("\u{1b}]0;title\u{7}x\n{kept}")).unwrap();
    let jobs = machine.ssh.list_jobs(&machine.at()).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.save.clone()).collect::<Vec<_>>(), [vec![], save]);
    for bad in ["", "a\nb", "x\0", "a\u{1b}[2Jb", "a\u{202e}b"] {
        let job = JobSpec { save: vec![bad.to_owned()], ..spec("bad", "true") };
        assert!(matches!(machine.ssh.start_job(&machine.at(), &job).await, Err(SshError::Input { .. })), "{bad:?}");
    }
}
