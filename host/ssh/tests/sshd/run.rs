//! Commands of the caller: any text, bounded output, real ends.

use std::fs;
use std::time::{Duration, Instant};

use bursar_ssh::{Run, Sink, Streams};

use crate::machine::{Machine, run};

#[tokio::test]
async fn any_command_text_survives() {
    let machine = Machine::start();
    let cases = [
        ("echo one # a comment at the end", "one\n", 0),
        ("cat <<'E'\n$HOME `id` \\n it's \"here\"\nE", "$HOME `id` \\n it's \"here\"\n", 0),
        ("cat <<E\nto the end\nE\n", "to the end\n", 0),
        ("printf '%s\\n' \"a'b\" 'c\"d' '!x' '\\' '%b\\012'", "a'b\nc\"d\n!x\n\\\n%b\\012\n", 0),
        ("for n in 1 2\ndo\n  echo $n\ndone", "1\n2\n", 0),
        ("[[ x == x ]] && echo bash", "bash\n", 0),
        ("echo é 日本 🦀", "é 日本 🦀\n", 0),
        ("exit 7", "", 7),
        ("false", "", 1),
        ("cat", "", 0),
        ("no_such_program_here", "", 127),
        ("(exit 3); echo $?; ((", "", 1),
    ];
    for (command, stdout, exit) in cases {
        let ran = machine.run(command).await;
        // A text bash cannot read is bash's own error, told with bash's own code.
        if command.ends_with("((") {
            assert!(ran.exit != Some(0) && !ran.stderr.is_empty(), "{ran:?}");
            continue;
        }
        assert_eq!((ran.stdout.as_str(), ran.exit), (stdout, Some(exit)), "{command}: {ran:?}");
    }
}

#[tokio::test]
async fn streams_are_passed_through_byte_for_byte() {
    let machine = Machine::start();
    let sent: Vec<u8> = (0..9_000_000_u32).map(|n| (n % 251) as u8 ^ (n / 251) as u8).collect();
    let (pieces, stdin) = tokio::sync::mpsc::channel(2);
    let (taken, mut came) = tokio::sync::mpsc::unbounded_channel::<Vec<u8>>();
    let stdout: Sink = Box::new(move |bytes| taken.send(bytes.to_vec()).is_ok());
    let streams = Streams { stdin, stdout, stderr: Box::new(|_| true) };
    let feeding = tokio::spawn({
        let sent = sent.clone();
        async move {
            for piece in sent.chunks(100_000) {
                pieces.send(piece.to_vec()).await.unwrap();
            }
        }
    });
    let ran = machine.ssh.run_through(&machine.at(), &run("cat"), streams).await.unwrap();
    feeding.await.unwrap();
    let mut got = vec![];
    while let Some(piece) = came.recv().await {
        got.extend(piece);
    }
    assert!(got == sent, "{} bytes of {}", got.len(), sent.len());
    assert_eq!((ran.exit, ran.stdout_bytes, ran.stdout.as_str()), (Some(0), 9_000_000, ""));
}

#[tokio::test]
async fn a_command_whose_output_nobody_takes_is_ended() {
    let machine = Machine::start();
    let (_open, stdin) = tokio::sync::mpsc::channel(1);
    let streams = Streams { stdin, stdout: Box::new(|_| false), stderr: Box::new(|_| true) };
    let ran = machine.ssh.run_through(&machine.at(), &run("yes unwanted-words"), streams).await.unwrap();
    assert!(ran.unwanted && ran.exit.is_none(), "{ran:?}");
    assert!(!machine.lives("yes unwanted-words"));
}

#[tokio::test]
async fn the_login_shell_does_not_matter() {
    // A login that prints and a shell that is not bash change nothing of the answer.
    let machine = Machine::start_with(|home| fs::write(home.join(".bashrc"), "echo welcome; echo hint >&2\n").unwrap());
    let ran = machine.run("echo it; cat <<E\nhere\nE").await;
    assert_eq!(ran.stdout, "it\nhere\n");
    assert_eq!(ran.stdout_bytes, 8);
}

#[tokio::test]
async fn input_folder_and_signals_are_passed_on() {
    let machine = Machine::start();
    let at = machine.at();
    let ran = machine
        .ssh
        .run(&at, &Run { stdin: Some(b"line one\n\x00\xffbinary".to_vec()), ..run("wc -c; pwd") })
        .await
        .unwrap();
    assert_eq!(ran.stdout, format!("17\n{}\n", machine.home().display()));
    let large = vec![b'x'; 5_000_000];
    let ran = machine.ssh.run(&at, &Run { stdin: Some(large), ..run("cat | tee /dev/stderr | wc -c") }).await.unwrap();
    assert_eq!((ran.stdout.as_str(), ran.stderr_bytes), ("5000000\n", 5_000_000));
    fs::create_dir(machine.home().join("it's a folder")).unwrap();
    for folder in ["it's a folder", "~/it's a folder"] {
        let ran =
            machine.ssh.run(&at, &Run { workdir: Some(folder.into()), ..run("basename \"$PWD\"") }).await.unwrap();
        assert_eq!(ran.stdout, "it's a folder\n");
    }
    let ran = machine.ssh.run(&at, &Run { workdir: Some("/no/such".into()), ..run("echo not here") }).await.unwrap();
    assert_eq!((ran.stdout.as_str(), ran.exit), ("", Some(1)));
    assert!(ran.stderr.contains("/no/such"), "{}", ran.stderr);
    let ran = machine.run("kill -9 $$").await;
    assert_eq!((ran.exit, ran.signal.as_deref()), (None, Some("KILL")));
}

// Peer weakness 28.
#[tokio::test]
async fn fifty_megabytes_are_cut_and_counted() {
    let machine = Machine::start();
    let command = "echo first; head -c 50000000 /dev/zero | tr '\\0' x; echo; echo last; echo complaint >&2";
    let ran = machine.ssh.run(&machine.at(), &Run { max_output: 10_000, ..run(command) }).await.unwrap();
    assert_eq!(ran.stdout_bytes, 50_000_012);
    assert!(ran.stdout.len() < 10_100, "{}", ran.stdout.len());
    assert!(ran.stdout.starts_with("first\nxxx") && ran.stdout.ends_with("xxx\nlast\n"));
    assert!(ran.stdout.contains("… 49,990,012 bytes left out …"), "{}", &ran.stdout[4_990..5_050]);
    assert_eq!((ran.stderr.as_str(), ran.exit), ("complaint\n", Some(0)));
}

// Peer weaknesses 28 and 29.
#[tokio::test]
async fn progress_bars_fold_and_bytes_that_are_no_text_are_shown() {
    let machine = Machine::start();
    let ran = machine
        .run("for n in 10 50 100; do printf '\\r%d%%' $n; done; echo; printf 'a\\377b\\033[1mbold\\033[0m\\007\\n'")
        .await;
    assert_eq!(ran.stdout, "100%\na\\xffbbold\n");
    assert_eq!(ran.exit, Some(0));
}

// Peer weakness 30.
#[tokio::test]
async fn a_time_out_ends_the_processes_and_keeps_the_output() {
    let machine = Machine::start();
    let command =
        "echo begun; trap '' TERM HUP; (nohup sleep 4321 &) ; timeout 5000 sleep 5321 & sleep 6321; sleep 7321";
    let start = Instant::now();
    let ran = machine.ssh.run(&machine.at(), &Run { timeout: Duration::from_secs(1), ..run(command) }).await.unwrap();
    assert!(ran.timed_out && ran.exit.is_none(), "{ran:?}");
    assert!(ran.stdout.starts_with("begun\n"), "{ran:?}");
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    for sleeper in ["sleep 4321", "sleep 5321", "sleep 6321", "sleep 7321"] {
        assert!(!machine.lives(sleeper), "{sleeper} still runs");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_its_command_along() {
    let machine = Machine::start();
    machine.ssh.answers(&machine.at()).await.unwrap();
    let (ssh, at) = (machine.ssh.clone(), machine.at());
    let task = tokio::spawn(async move { ssh.run(&at, &run("sleep 8421; true")).await });
    until(|| machine.lives("sleep 8421")).await;
    task.abort();
    until(|| !machine.lives("sleep 8421")).await;
}

#[tokio::test]
async fn a_server_left_in_the_background_does_not_hold_the_answer() {
    let machine = Machine::start();
    let start = Instant::now();
    let ran = machine.run("sleep 30 & echo started").await;
    assert_eq!((ran.stdout.as_str(), ran.exit, ran.timed_out), ("started\n", Some(0), false));
    assert!(start.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn a_command_too_large_for_a_machine_is_refused_with_its_size() {
    let machine = Machine::start();
    let ran = machine.run(&format!("echo {} | wc -c", "x".repeat(100_000))).await;
    assert_eq!(ran.stdout, "100001\n");
    let error = machine.try_run(&format!("echo {}", "x".repeat(200_000))).await.unwrap_err();
    assert!(error.to_string().contains("200005 bytes"), "{error}");
}

/// Waits until `what` holds, at most 15 s.
pub(crate) async fn until(what: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(15);
    while !what() {
        assert!(Instant::now() < end, "it did not happen within 15 s");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
