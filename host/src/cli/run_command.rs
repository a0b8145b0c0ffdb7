//! `bursar run`: one command on a machine, ended with this process, or started as a job that outlives everything.

use super::{
    Done, args, exit::Code, logs::moment, open::open, out::Out, progress::Waiting, ready::ready_first, refused,
};
use crate::flow::{FlowError, JobSpec, LOCAL_PRINCIPAL, Ran, Rooms, Run, Sink, Streams};
use bursar_core::time::human;
use serde_json::json;
use std::{
    io::{IsTerminal, Read, Write},
    time::Duration,
};
use tokio::sync::mpsc;

/// Of each stream in a JSON answer; the middle of what is longer is left out. Without `--json` every byte is passed on.
const OUTPUT_MAX: usize = 8 << 20;

pub(super) async fn run(out: &Out, ask: args::Run) -> Done {
    let done = run_or_start(out, &ask).await;
    match done {
        // Its own code would be taken for the command's.
        Err(error) if ask.job.is_none() => {
            out.error(&error);
            Ok(Code::NotRun)
        }
        done => done,
    }
}

async fn run_or_start(out: &Out, ask: &args::Run) -> Done {
    let rooms = open(out).await?;
    if !ready_first(&rooms, &ask.name).await? {
        return Ok(Code::Left);
    }
    let command = shell_line(&ask.command);
    match &ask.job {
        Some(job) => start_job(out, &rooms, ask, job, command).await,
        None => run_now(out, &rooms, ask, command).await,
    }
}

async fn run_now(out: &Out, rooms: &Rooms, ask: &args::Run, command: String) -> Done {
    let timeout = Duration::from_secs(ask.timeout);
    let (workdir, env) = (ask.workdir.clone(), ask.env.read());
    let run = Run { command, timeout, stdin: None, max_output: OUTPUT_MAX, workdir, env };
    let waiting = Waiting::new(&format!("running on `{}`", ask.name));
    // In a task of its own: a reader of our output that is slow holds up this task, and never Ctrl-C.
    let mut task = tokio::spawn({
        let (rooms, name, waiting) = (rooms.clone(), ask.name.clone(), waiting.clone());
        let json = out.json;
        async move {
            match json {
                true => rooms.run_command(LOCAL_PRINCIPAL, &name, &run).await,
                false => rooms.run_through(LOCAL_PRINCIPAL, &name, &run, streams(&waiting)).await,
            }
        }
    });
    let ran = tokio::select! {
        ran = &mut task => Some(ran),
        _ = tokio::signal::ctrl_c() => None,
    };
    waiting.done();
    let Some(ran) = ran else {
        // Dropping it ends it over there; give that word time to leave.
        task.abort();
        tokio::time::sleep(Duration::from_millis(500)).await;
        out.aside("left: the command was told to end; look before you repeat it");
        return Ok(Code::Left);
    };
    let broke = |error| FlowError::failed(format!("running it broke down: {error}"), "look before you repeat it");
    let ran = ran.map_err(broke)??;
    show(out, &ran);
    let (code, why) = ended(&ran, ask);
    if let Some(why) = why {
        out.aside(refused::message(&why));
    }
    Ok(code)
}

fn show(out: &Out, ran: &Ran) {
    if out.json {
        out.document(&json!({
            "stdout": ran.stdout, "stderr": ran.stderr, "exit": ran.exit, "signal": ran.signal, "timed_out": ran.timed_out,
            "stdout_bytes": ran.stdout_bytes, "stderr_bytes": ran.stderr_bytes,
        }));
    }
}

/// This process's own streams, byte for byte. The spinner goes when the first byte comes.
fn streams(waiting: &Waiting) -> Streams {
    Streams { stdin: stdin(), stdout: sink(waiting, std::io::stdout()), stderr: sink(waiting, std::io::stderr()) }
}

fn sink(waiting: &Waiting, mut to: impl Write + Send + 'static) -> Sink {
    let waiting = waiting.clone();
    Box::new(move |bytes| {
        waiting.done();
        to.write_all(bytes).and_then(|()| to.flush()).is_ok()
    })
}

/// What is piped in, read by a thread that never holds up the end of this process; a terminal is for `bursar ssh`.
fn stdin() -> mpsc::Receiver<Vec<u8>> {
    let (send, pieces) = mpsc::channel(4);
    if !std::io::stdin().is_terminal() {
        std::thread::spawn(move || {
            let mut piece = vec![0; 64 * 1024];
            while let Ok(some @ 1..) = std::io::stdin().read(&mut piece) {
                if send.blocking_send(piece[..some].to_vec()).is_err() {
                    return;
                }
            }
        });
    }
    pieces
}

/// Returns the exit code, and what is to be said beside it: as `timeout` and shells do.
fn ended(ran: &Ran, ask: &args::Run) -> (Code, Option<FlowError>) {
    if ran.timed_out {
        let what = format!("the command did not end within {} and was ended", human(ask.timeout));
        let hint =
            format!("allow more with --timeout, or start it as a job: bursar run {} --job NAME -- COMMAND", ask.name);
        return (Code::TimedOut, Some(FlowError::failed(what, hint)));
    }
    match (ran.exit, &ran.signal) {
        (Some(code), _) => (Code::Remote(u8::try_from(code).unwrap_or(255)), None),
        // Whoever read our output went away; shells tell that so.
        (None, None) if ran.unwanted => (Code::Remote(141), None),
        (None, Some(signal)) => {
            let what = format!("the command was killed by {signal} on the machine");
            (Code::Remote(by_signal(signal)), Some(FlowError::failed(what, "look for what ended it there")))
        }
        (None, None) => {
            let what = "it is not known how the command ended";
            (Code::NotRun, Some(FlowError::failed(what, "look on the machine before you repeat it")))
        }
    }
}

/// 128 and the signal's number; SSH tells signals by name, and only these.
fn by_signal(name: &str) -> u8 {
    let numbers = [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("ILL", 4),
        ("ABRT", 6),
        ("FPE", 8),
        ("KILL", 9),
        ("USR1", 10),
        ("SEGV", 11),
        ("PIPE", 13),
        ("ALRM", 14),
        ("TERM", 15),
    ];
    128 + numbers.iter().find(|(known, _)| *known == name).map_or(0, |(_, number)| *number)
}

async fn start_job(out: &Out, rooms: &Rooms, ask: &args::Run, job: &str, command: String) -> Done {
    let (workdir, save, env) = (ask.workdir.clone(), ask.save.clone(), ask.env.read());
    let spec = JobSpec { name: job.to_owned(), command, workdir, save, env };
    let started = rooms.start_job(LOCAL_PRINCIPAL, &ask.name, &spec).await?;
    let (name, state) = (&started.name, &started.state);
    out.answer(
        || json!({ "job": name, "state": state, "started_at": moment(started.started_at) }),
        || match state.is_open() {
            true => format!("job `{name}` is {state}; follow it: bursar logs {} {name} -f", ask.name),
            false => format!("job `{name}` has ended already: {state}; read it: bursar logs {} {name}", ask.name),
        },
    );
    Ok(Code::Done)
}

/// One word is a line of shell already; several are a program and its arguments.
fn shell_line(words: &[String]) -> String {
    match words {
        [line] => line.clone(),
        words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,-=".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn one_word_is_shell_and_several_are_arguments() {
        for (words, line) in [
            (&["cd x && ls | wc -l"][..], "cd x && ls | wc -l"),
            (&["nvidia-smi", "-L"], "nvidia-smi -L"),
            (&["echo", "a b", "$HOME", ""], "echo 'a b' '$HOME' ''"),
            (&["echo", "it's"], r"echo 'it'\''s'"),
        ] {
            let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
            assert_eq!(shell_line(&words), line);
        }
    }

    #[test]
    fn a_command_on_a_machine_needs_no_dashes_and_keeps_its_own_options() {
        for (line, timeout, words) in [
            ("run box --timeout 5s ls -l --json", 5, "ls -l --json"),
            ("run box --timeout 5s -- ls -l", 5, "ls -l"),
            ("run --timeout 5s box ls --timeout 9s", 5, "ls --timeout 9s"),
            ("run box -- -x", 600, "-x"),
        ] {
            let parsed = args::Args::try_parse_from(["bursar"].into_iter().chain(line.split_whitespace())).unwrap();
            let args::Command::Run(run) = &parsed.command else { panic!("{line}") };
            assert_eq!((run.timeout, run.command.join(" ").as_str(), parsed.json), (timeout, words, false), "{line}");
        }
    }

    fn ran(exit: Option<i32>, signal: Option<&str>, timed_out: bool) -> Ran {
        let (stdout, stderr) = (String::new(), String::new());
        Ran {
            stdout,
            stderr,
            exit,
            signal: signal.map(str::to_owned),
            timed_out,
            stdout_bytes: 0,
            stderr_bytes: 0,
            unwanted: false,
        }
    }

    #[test]
    fn it_ends_as_the_command_ended() {
        let ask = args::Run {
            name: "box".into(),
            timeout: 60,
            workdir: None,
            job: None,
            save: vec![],
            env: Default::default(),
            command: vec![],
        };
        for (exit, signal, timed_out, code, told) in [
            (Some(0), None, false, Code::Remote(0), false),
            (Some(3), None, false, Code::Remote(3), false),
            (None, Some("KILL"), false, Code::Remote(137), true),
            (None, Some("TERM"), false, Code::Remote(143), true),
            (None, Some("odd"), false, Code::Remote(128), true),
            (None, None, false, Code::NotRun, true),
            (Some(0), None, true, Code::TimedOut, true),
        ] {
            let (seen, why) = ended(&ran(exit, signal, timed_out), &ask);
            assert_eq!((seen, why.is_some()), (code, told), "{exit:?} {signal:?} {timed_out}");
        }
    }
}
