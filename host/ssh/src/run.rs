//! Runs one command of the caller on a machine: any text, any login shell, bounded output, and an end that is a real end.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::env::Env;
use crate::error::SshError;
use crate::exec::{Input, Running, Until};
use crate::gather::{Gather, Sink};
use crate::key::random_hex;
use crate::script::quote;
use crate::{Ssh, Target};

/// Linux takes no single argument above 128 KiB.
const COMMAND_MAX: usize = 120_000;
const LIB: &str = include_str!("lib.sh");

/// One command to run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Any text that bash (or sh, where bash is missing) understands.
    pub command: String,
    pub timeout: Duration,
    pub stdin: Option<Vec<u8>>,
    /// The most bytes kept of each stream: head and tail stay, the middle is left out and counted.
    pub max_output: usize,
    /// The folder it runs in; `~/` and relative paths begin at the home folder.
    pub workdir: Option<String>,
    pub env: Env,
}

/// Where the streams of a command go as they are, byte for byte.
pub struct Streams {
    /// Pieces of its input; it ends when the sender is gone.
    pub stdin: mpsc::Receiver<Vec<u8>>,
    pub stdout: Sink,
    pub stderr: Sink,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub stdout: String,
    pub stderr: String,
    pub exit: Option<i32>,
    pub signal: Option<String>,
    /// The time was up: the command's processes were ended, and the output is what came until then.
    pub timed_out: bool,
    /// Nobody took its output any more: the command's processes were ended.
    pub unwanted: bool,
    /// The real sizes, whatever was left out of the texts.
    pub stdout_bytes: u64,
    pub stderr_bytes: u64,
}

impl Ssh {
    /// Returns when the machine answers, takes our key, and runs a command.
    pub async fn answers(&self, at: &Target) -> Result<(), SshError> {
        self.ask(at, "answering", "true", 15).await?.succeeded("answering").map(|_| ())
    }

    /// Runs a command to its end, or ends it when the time is up or the caller goes away.
    pub async fn run(&self, at: &Target, run: &Run) -> Result<Ran, SshError> {
        let stdin = Input::Whole(run.stdin.clone().unwrap_or_default());
        self.run_with(at, run, stdin, Gather::folding(run.max_output), Gather::folding(run.max_output)).await
    }

    /// The same, with its streams passed through: the texts in the answer stay empty. It is ended, too, when nobody takes
    /// its output any more.
    pub async fn run_through(&self, at: &Target, run: &Run, streams: Streams) -> Result<Ran, SshError> {
        let Streams { stdin, stdout, stderr } = streams;
        self.run_with(at, run, Input::Pieces(stdin), Gather::through(stdout), Gather::through(stderr)).await
    }

    async fn run_with(&self, at: &Target, run: &Run, stdin: Input, out: Gather, err: Gather) -> Result<Ran, SshError> {
        let token = random_hex();
        let script = script(run, &token)?;
        let running = self.begin(at, &script, stdin, out, err).await?;
        let mut ending = EndOnDrop { ssh: self.clone(), at: at.clone(), token: token.clone(), running: Some(running) };
        let running = ending.running.as_mut().expect("set one line above");
        let until = running.until(Instant::now() + run.timeout).await;
        let timed_out = until == Until::TimeUp;
        if timed_out || until == Until::Unwanted {
            // A machine under load may not have told it yet.
            running.until_known(Duration::from_secs(5)).await;
            if let Some(pid) = running.pid {
                running.take_during(self.end_session(at, pid, &token)).await;
            }
            running.until(Instant::now() + Duration::from_secs(1)).await;
        }
        let running = ending.running.take().expect("set above and taken only here");
        match until {
            // A time-out of what never began is none: nobody knows where it is.
            Until::Broken | Until::TimeUp if until == Until::Broken || !running.is_confirmed() => {
                self.drop_link(at, running.link()).await;
                Err(SshError::Lost { address: at.address(), doing: "running a command" })
            }
            Until::Unwanted => Ok(Ran { exit: None, signal: None, unwanted: true, ..ran(running, false) }),
            _ => Ok(ran(running, timed_out)),
        }
    }

    /// Ends every process of a session of ours, and those that left it and still carry its token.
    async fn end_session(&self, at: &Target, session: u32, token: &str) {
        let script = format!("{LIB}\nend_all {session} '' {token} 2 ''");
        match self.ask(at, "ending a command", &script, 15).await {
            Ok(answer) if answer.exit == Some(0) => {}
            Ok(answer) => tracing::warn!(session, stderr = answer.stderr, "a command that took too long may still run"),
            Err(error) => tracing::warn!(session, %error, "a command that took too long may still run"),
        }
    }
}

fn ran(mut running: Running, timed_out: bool) -> Ran {
    let take = |gather: &mut Gather| std::mem::replace(gather, Gather::exact(0));
    let (stdout, stderr) = (take(&mut running.stdout), take(&mut running.stderr));
    Ran {
        stdout_bytes: stdout.total(),
        stderr_bytes: stderr.total(),
        stdout: stdout.into_text(),
        stderr: stderr.into_text(),
        exit: if timed_out { None } else { running.exit },
        signal: running.signal.take(),
        timed_out,
        unwanted: false,
    }
}

/// The shell becomes the command (`exec`), so exit codes and signals are the command's own, and it leads a session of its
/// own, so that its end can be the end of all it started. What leaves the session keeps the token in its environment, under
/// the name that jobs use. The caller's variables come last: they may have the names of ours.
fn script(run: &Run, token: &str) -> Result<String, SshError> {
    let command = checked("command", &run.command)?;
    if command.len() > COMMAND_MAX {
        let why = format!(
            "{} bytes, and a machine takes {COMMAND_MAX} at once; upload it as a file and run that",
            command.len()
        );
        return Err(SshError::input("command", why));
    }
    Ok(format!(
        "{}\nshell=sh; command -v bash >/dev/null 2>&1 && shell=bash\n\
         BURSAR_JOB_TOKEN={token}; export BURSAR_JOB_TOKEN\n\
         group=$$; {{ read -r line </proc/$$/stat && set -- ${{line##*) }} && group=$3; }} 2>/dev/null\n\
         set -- $shell; if [ \"$group\" != $$ ] && command -v setsid >/dev/null 2>&1; then set -- setsid $shell; fi\n\
         {}exec \"$@\" -c {quoted}",
        enter(run.workdir.as_deref())?,
        run.env.script()?,
        quoted = quote(command),
    ))
}

/// Returns the lines that go to the working folder, with the path that the set-up's tools need.
pub(crate) fn enter(workdir: Option<&str>) -> Result<String, SshError> {
    // Below level 2 bash takes a session of sshd for a login and reads `.bashrc` once more, with all that it prints.
    let mut lines = String::from("PATH=$PATH:$HOME/.local/bin; SHLVL=1; export PATH SHLVL\ncd \"$HOME\" 2>/dev/null");
    if let Some(workdir) = workdir {
        let to = crate::script::quote(checked("workdir", workdir)?);
        lines.push_str(&format!(
            "\nw={to}; case $w in '~') w=$HOME;; '~/'*) w=$HOME/${{w#'~/'}};; esac\n\
             case $w in -*) w=./$w;; esac\ncd \"$w\" || exit 1"
        ));
    }
    Ok(lines)
}

pub(crate) fn checked<'a>(what: &'static str, text: &'a str) -> Result<&'a str, SshError> {
    match text.contains('\0') || text.trim().is_empty() {
        true => Err(SshError::input(what, "it is empty or holds a zero byte")),
        false => Ok(text),
    }
}

/// A caller that goes away takes its command along.
struct EndOnDrop {
    ssh: Ssh,
    at: Target,
    token: String,
    running: Option<Running>,
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let Some(pid) = self.running.take().and_then(|running| running.pid) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (ssh, at, token) = (self.ssh.clone(), self.at.clone(), self.token.clone());
        runtime.spawn(async move { ssh.end_session(&at, pid, &token).await });
    }
}
