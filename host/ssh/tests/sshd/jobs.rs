//! Jobs: they outlive every connection, and each way to end has its own state.

use std::fs;
use std::time::{Duration, Instant};

use bursar_ssh::{Env, Job, JobRead, JobSpec, JobState, JobSummary, Ssh, SshError};

use crate::machine::Machine;

fn spec(name: &str, command: &str) -> JobSpec {
    JobSpec { name: name.into(), command: command.into(), workdir: None, save: vec![], env: Env::default() }
}

async fn start(machine: &Machine, name: &str, command: &str) -> JobSummary {
    machine.ssh.start_job(&machine.at(), &spec(name, command)).await.unwrap()
}

async fn get(machine: &Machine, name: &str) -> Job {
    machine.ssh.get_job(&machine.at(), name, &JobRead::default()).await.unwrap()
}

/// Waits until the job has ended.
async fn ended(machine: &Machine, name: &str) -> Job {
    let until = Instant::now() + Duration::from_secs(15);
    loop {
        let job = get(machine, name).await;
        if !job.state.is_open() {
            return job;
        }
        assert!(Instant::now() < until, "{job:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the job's log holds `text`.
async fn says(machine: &Machine, name: &str, text: &str) -> Job {
    let until = Instant::now() + Duration::from_secs(15);
    loop {
        let job = get(machine, name).await;
        if job.log.contains(text) {
            return job;
        }
        assert!(Instant::now() < until, "{job:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

// Peer weakness 24.
#[tokio::test]
async fn any_command_text_is_a_job() {
    let machine = Machine::start();
    let cases = [
        ("comment", "echo one # at the end", "one\n", 0),
        ("here", "cat <<'E'\n$HOME it's\nE", "$HOME it's\n", 0),
        ("quotes", "echo \"a'b\" 'c\"d' \\\\ %b é", "a'b c\"d \\ %b é\n", 0),
        ("code", "echo out; echo err >&2; exit 3", "out\nerr\n", 3),
        ("open", "echo 'unclosed", "", 2),
    ];
    for (name, command, ..) in &cases {
        start(&machine, name, command).await;
    }
    for (name, _, log, code) in cases {
        let job = ended(&machine, name).await;
        assert_eq!(job.state, JobState::Exited { code }, "{job:?}");
        assert!(if name == "open" { job.log.contains("unexpected EOF") } else { job.log == log }, "{job:?}");
    }
}

#[tokio::test]
async fn a_job_outlives_every_connection_and_the_process_that_started_it() {
    let mut machine = Machine::start();
    let job = start(&machine, "long", "echo begun; sleep 2; echo over").await;
    assert_eq!(job.state, JobState::Running);
    assert!(job.started_at.is_some());
    machine.down();
    machine.up();
    let another_process = Ssh::open(&machine.state(), None).unwrap();
    let job = another_process.get_job(&machine.at(), "long", &JobRead::default()).await.unwrap();
    assert_eq!(job.state, JobState::Running);
    let job = ended(&machine, "long").await;
    assert_eq!((job.state, job.log.as_str()), (JobState::Exited { code: 0 }, "begun\nover\n"));
    assert!(job.ended_at.unwrap() >= job.started_at.unwrap() + 2);
}

#[tokio::test]
async fn a_job_runs_in_tmux_and_without_tmux() {
    let machine = Machine::start();
    start(&machine, "inside", "sleep 30").await;
    let listed = machine.run("tmux -L bursar list-sessions").await;
    assert!(listed.stdout.starts_with("inside:"), "{listed:?}");
    // Even the end of tmux does not end it.
    machine.run("tmux -L bursar kill-server").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(get(&machine, "inside").await.state, JobState::Running);
    assert!(machine.ssh.stop_job(&machine.at(), "inside").await.unwrap().was_running);

    let mut bare = Machine::start();
    let tools = [
        "sh", "bash", "cat", "date", "env", "find", "grep", "head", "mkdir", "mv", "rm", "sed", "setsid", "sleep",
        "sort", "tail", "wc", "basename", "id",
    ];
    bare.only(&tools);
    start(&bare, "outside", "echo here; sleep 30").await;
    says(&bare, "outside", "here").await;
    bare.down();
    bare.up();
    assert_eq!(get(&bare, "outside").await.state, JobState::Running);
    let stopped = bare.ssh.stop_job(&bare.at(), "outside").await.unwrap();
    assert!(stopped.was_running && stopped.left == 0 && stopped.job.state == JobState::Stopped, "{stopped:?}");
}

// Peer weakness 25.
#[tokio::test]
async fn killed_stopped_restarted_and_vanished_are_told_apart() {
    let machine = Machine::start();
    start(&machine, "killed", "kill -9 $$").await;
    assert_eq!(ended(&machine, "killed").await.state, JobState::Killed { signal: "KILL".into() });

    start(&machine, "stopped", "sleep 1000").await;
    machine.ssh.stop_job(&machine.at(), "stopped").await.unwrap();
    let job = get(&machine, "stopped").await;
    assert_eq!(job.state, JobState::Stopped);
    assert!(job.ended_at.is_some());

    let folder = |name: &str| machine.home().join(".bursar/jobs").join(name);
    start(&machine, "restarted", "sleep 1000").await;
    fs::write(folder("restarted").join("boot"), "another boot\n").unwrap();
    let JobState::Lost { why } = get(&machine, "restarted").await.state else { panic!() };
    assert!(why.contains("restarted"), "{why}");

    start(&machine, "vanished", "sleep 1000").await;
    let pid = fs::read_to_string(folder("vanished").join("pid")).unwrap();
    machine.run(&format!("kill -9 {}", pid.split(' ').next().unwrap())).await;
    let JobState::Lost { why } = ended(&machine, "vanished").await.state else { panic!() };
    assert!(why.contains("vanished"), "{why}");

    // A stranger has the number of a job that is over: it is neither running nor ended with it.
    let start_of_init = machine.run("cut -d' ' -f22 /proc/$PPID/stat; sleep 0; echo $PPID").await.stdout;
    let stranger = start_of_init.lines().last().unwrap().to_owned();
    fs::write(folder("vanished").join("pid"), format!("{stranger} 1\n")).unwrap();
    assert!(matches!(get(&machine, "vanished").await.state, JobState::Lost { .. }));
}

// Peer weakness 26.
#[tokio::test]
async fn stopping_ends_every_process_and_says_what_it_found() {
    let machine = Machine::start();
    let command = "trap '' TERM HUP\n(nohup sleep 1111 &)\nsetsid sleep 2222 &\nbash -c \"trap '' TERM HUP INT; echo ready; while :; do sleep 3333; done\"";
    start(&machine, "stubborn", command).await;
    says(&machine, "stubborn", "ready").await;
    let stopped = machine.ssh.stop_job(&machine.at(), "stubborn").await.unwrap();
    assert!(stopped.was_running && stopped.ended >= 4 && stopped.left == 0, "{stopped:?}");
    for sleeper in ["sleep 1111", "sleep 2222", "sleep 3333"] {
        assert!(!machine.lives(sleeper), "{sleeper} still runs");
    }
    assert_eq!(get(&machine, "stubborn").await.state, JobState::Stopped);
    let again = machine.ssh.stop_job(&machine.at(), "stubborn").await.unwrap();
    assert!(!again.was_running && again.ended == 0, "{again:?}");

    start(&machine, "done", "setsid sleep 4444 & sleep 0.2; exit 5").await;
    ended(&machine, "done").await;
    let late = machine.ssh.stop_job(&machine.at(), "done").await.unwrap();
    assert_eq!((late.was_running, late.ended, late.job.state), (false, 1, JobState::Exited { code: 5 }));
    assert!(!machine.lives("sleep 4444"));

    let error = machine.ssh.stop_job(&machine.at(), "unknown").await.unwrap_err();
    assert!(matches!(&error, SshError::NoSuchJob { known, .. } if known.contains("stubborn")), "{error}");
    assert!(matches!(
        machine.ssh.get_job(&machine.at(), "unknown", &JobRead::default()).await,
        Err(SshError::NoSuchJob { .. })
    ));
}

// Peer weakness 27.
#[tokio::test]
async fn a_name_stays_with_its_job_and_its_log() {
    let machine = Machine::start();
    start(&machine, "train", "echo first; sleep 2").await;
    let error = machine.ssh.start_job(&machine.at(), &spec("train", "echo second")).await.unwrap_err();
    assert!(matches!(&error, SshError::JobRuns { started_at, .. } if started_at.0 > 0), "{error}");
    assert!(error.hint().contains("stop_job"), "{}", error.hint());
    ended(&machine, "train").await;
    start(&machine, "train-2", "true").await;
    for command in ["echo second", "echo first; sleep 2"] {
        let error = machine.ssh.start_job(&machine.at(), &spec("train", command)).await.unwrap_err();
        assert!(matches!(&error, SshError::JobEnded { state, .. } if state == "exited 0"), "{error}");
        assert!(error.hint().contains("`train-3`"), "{}", error.hint());
    }
    assert_eq!(get(&machine, "train").await.log, "first\n");
    let long = "x".repeat(64);
    start(&machine, &long, "true").await;
    ended(&machine, &long).await;
    let error = machine.ssh.start_job(&machine.at(), &spec(&long, "true")).await.unwrap_err();
    assert!(error.hint().contains("a shorter one"), "{}", error.hint());
}

#[tokio::test]
async fn many_starts_at_once_are_one_job_where_they_ask_for_the_same() {
    let machine = Machine::start();
    let (ssh, at) = (machine.ssh.clone(), machine.at());
    let tasks: Vec<_> = (0..6)
        .map(|n| {
            let (ssh, at) = (ssh.clone(), at.clone());
            let command = format!("echo {} >>~/began; sleep 20", n % 2);
            tokio::spawn(async move { ssh.start_job(&at, &spec("one", &command)).await })
        })
        .collect();
    let mut runs = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(job) => runs.push(job.run),
            Err(error) => assert!(matches!(error, SshError::JobRuns { .. }), "{error}"),
        }
    }
    assert_eq!(runs.len(), 3, "{runs:?}");
    runs.dedup();
    assert_eq!(runs.len(), 1);
    crate::run::until(|| machine.home().join("began").exists()).await;
    assert_eq!(machine.run("wc -l <began").await.stdout.trim(), "1");
}

// Peer weakness 28.
#[tokio::test]
async fn a_log_of_megabytes_is_read_in_bounded_pieces() {
    let machine = Machine::start();
    let command = "for n in $(seq 1 60000); do printf '\\rstep %d of 60000, loss 0.123456789' $n; done; echo; seq 1 20000; echo last";
    start(&machine, "bar", command).await;
    let job = ended(&machine, "bar").await;
    assert!(job.log_bytes > 2_000_000, "{}", job.log_bytes);
    assert!(job.log.len() < 1_000 && job.log.ends_with("20000\nlast\n"), "{}", job.log.len());
    assert_eq!(job.log.lines().count(), 100);
    assert_eq!(job.next_offset, job.log_bytes);

    let mut all = String::new();
    let mut from = 0;
    loop {
        let read = JobRead { from_offset: Some(from), max_bytes: 200_000, ..JobRead::default() };
        let piece = machine.ssh.get_job(&machine.at(), "bar", &read).await.unwrap();
        assert!(piece.log.len() <= 200_100 && piece.next_offset - from <= 200_000);
        all.push_str(&piece.log);
        if piece.next_offset == from {
            break;
        }
        from = piece.next_offset;
    }
    assert!(all.ends_with("\n20000\nlast\n") && all.contains("\n1\n2\n3\n"));

    let tail = JobRead { tail_lines: 1, ..JobRead::default() };
    start(
        &machine,
        "painting",
        "for n in $(seq 1 40000); do printf '\\rstep %d of 40000, loss 0.123456789' $n; done; sleep 20",
    )
    .await;
    says(&machine, "painting", "step 40000").await;
    let job = machine.ssh.get_job(&machine.at(), "painting", &tail).await.unwrap();
    assert_eq!(job.log, "step 40000 of 40000, loss 0.123456789");
}

#[tokio::test]
async fn an_agent_follows_a_log_without_loss() {
    let machine = Machine::start();
    start(&machine, "follow", "for n in 1 2 3 4 5 6; do echo line $n é; sleep 0.2; done").await;
    let (mut from, mut all) = (0, String::new());
    let until = Instant::now() + Duration::from_secs(15);
    while Instant::now() < until {
        let read = JobRead { from_offset: Some(from), max_bytes: 16, ..JobRead::default() };
        let job = machine.ssh.get_job(&machine.at(), "follow", &read).await.unwrap();
        all.push_str(&job.log);
        from = job.next_offset;
        if !job.state.is_open() && from == job.log_bytes {
            break;
        }
    }
    assert_eq!(all, "line 1 é\nline 2 é\nline 3 é\nline 4 é\nline 5 é\nline 6 é\n");
}

#[tokio::test]
async fn all_jobs_are_listed_with_their_states() {
    let machine = Machine::start();
    assert_eq!(machine.ssh.list_jobs(&machine.at()).await.unwrap(), []);
    start(&machine, "b-done", "true").await;
    start(&machine, "a_runs", "sleep 30").await;
    ended(&machine, "b-done").await;
    let jobs = machine.ssh.list_jobs(&machine.at()).await.unwrap();
    let states: Vec<_> = jobs.iter().map(|job| (job.name.as_str(), job.state.clone())).collect();
    assert_eq!(states, [("a_runs", JobState::Running), ("b-done", JobState::Exited { code: 0 })]);
}

#[tokio::test]
async fn a_job_has_its_folder_and_a_normal_world() {
    let machine = Machine::start();
    fs::create_dir(machine.home().join("work dir")).unwrap();
    let job = JobSpec {
        workdir: Some("~/work dir".into()),
        ..spec("where", "umask 022; pwd; umask; touch made; read x || echo no input; echo ~")
    };
    machine.ssh.start_job(&machine.at(), &job).await.unwrap();
    let home = machine.home().display().to_string();
    assert_eq!(ended(&machine, "where").await.log, format!("{home}/work dir\n0022\nno input\n{home}\n"));
    assert!(machine.home().join("work dir/made").exists());
    let nowhere = JobSpec { workdir: Some("/no/such".into()), ..spec("nowhere", "echo never") };
    machine.ssh.start_job(&machine.at(), &nowhere).await.unwrap();
    let job = ended(&machine, "nowhere").await;
    assert_eq!(job.state, JobState::Exited { code: 1 });
    assert!(job.log.contains("/no/such") && !job.log.contains("never"), "{job:?}");
}
