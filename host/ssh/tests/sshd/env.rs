//! Variables of a command, which no list of processes shows, and the end of what left its command.

use std::fs;
use std::time::Duration;

use bursar_ssh::{Env, Run};

use crate::machine::{Machine, run};
use crate::run::until;

#[tokio::test]
async fn variables_arrive_as_they_are() {
    let machine = Machine::start();
    let values = ["it's \"here\" $HOME `id`", "two\nlines\n", "\\0134 %b é", ""];
    for value in values {
        let ask = Run {
            env: Env(vec![("A_VALUE".into(), value.into())]),
            ..run("printf '%s|' \"$A_VALUE\"; env | grep -c ^A_VALUE=")
        };
        let ran = machine.ssh.run(&machine.at(), &ask).await.unwrap();
        assert_eq!((ran.stdout, ran.exit), (format!("{value}|1\n"), Some(0)));
    }
    let odd = Run { env: Env(vec![("A;id".into(), "x".into())]), ..run("true") };
    assert!(machine.ssh.run(&machine.at(), &odd).await.is_err());
}

// Both ends of the connection are this computer, so its list of processes is that of the machine, too.
#[tokio::test]
async fn a_secret_stands_on_no_command_line_while_its_command_runs() {
    let machine = Machine::start();
    let secret =
        format!("secret-{:x}", fs::metadata(machine.home()).unwrap().len() + u64::from(std::process::id()) * 7919);
    let (ssh, at) = (machine.ssh.clone(), machine.at());
    let ask = Run {
        env: Env(vec![("API_TOKEN".into(), secret.clone())]),
        stdin: Some(format!("{secret}\n").into_bytes()),
        ..run("cat >/dev/null; echo \"$API_TOKEN\" >seen; sleep 7.31")
    };
    let task = tokio::spawn(async move { ssh.run(&at, &ask).await });
    until(|| machine.lives("sleep 7.31") && machine.home().join("seen").exists()).await;
    assert!(!machine.lives(&secret), "a command line shows it");
    assert_eq!(fs::read_to_string(machine.home().join("seen")).unwrap(), format!("{secret}\n"));
    task.abort();
    until(|| !machine.lives("sleep 7.31")).await;
}

#[tokio::test]
async fn a_time_out_ends_what_left_the_session_and_what_ignores_it() {
    let machine = Machine::start();
    let command = "echo begun; printf 'half a line'\n\
        setsid sh -c 'trap \"\" TERM HUP INT; sleep 4411; sleep 4412' &\n\
        (setsid setsid sleep 4413 &)\n\
        trap '' TERM HUP; sleep 4414; sleep 4415";
    let ask = Run { timeout: Duration::from_secs(2), ..run(command) };
    let ran = machine.ssh.run(&machine.at(), &ask).await.unwrap();
    assert!(ran.timed_out && ran.exit.is_none(), "{ran:?}");
    assert!(ran.stdout.starts_with("begun\nhalf a line"), "{ran:?}");
    for sleeper in ["sleep 4411", "sleep 4412", "sleep 4413", "sleep 4414", "sleep 4415"] {
        assert!(!machine.lives(sleeper), "{sleeper} still runs");
    }
    assert_eq!(machine.run("echo well").await.stdout, "well\n");
}
