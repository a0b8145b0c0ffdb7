//! Runs one command, or a shell, for one channel: streams, signals, exit status. When the channel closes while the
//! command runs, its process group is ended; what it detached with setsid or tmux lives on.

use std::mem::discriminant;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use hyper::body::Bytes;
use russh::server::{Handle, Msg};
use russh::{Channel, ChannelId, ChannelMsg, ChannelReadHalf, Sig};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::terminal::{self, Size};
use crate::machines::Home;
use crate::machines::home::shell;

/// How long a process group has between hang-up and kill.
const GRACE: Duration = Duration::from_millis(300);

pub(super) struct Spec {
    pub(super) command: Option<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) terminal: Option<Size>,
}

/// A started command with what goes in and out.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) input: mpsc::UnboundedSender<Bytes>,
    pub(super) resize: Option<mpsc::UnboundedSender<Size>>,
    pub(super) pumps: JoinSet<()>,
}

pub(super) async fn run(channel: Channel<Msg>, handle: Handle, spec: Spec, home: Home) {
    let id = channel.id();
    let started = match spec.terminal {
        Some(size) => terminal::start(&channel, &spec, size, &home),
        None => start(&channel, &spec, &home),
    };
    let (mut read, write) = channel.split();
    match started {
        Ok(running) => follow(running, &mut read, &handle, id).await,
        Err(error) => {
            let text = format!("practice: the shell does not start: {error}\n");
            let _ = write.extended_data_bytes(1, text.into_bytes()).await;
            let _ = handle.exit_status_request(id, 255).await;
        }
    }
    let _ = write.eof().await;
    let _ = handle.close(id).await;
}

fn start(channel: &Channel<Msg>, spec: &Spec, home: &Home) -> std::io::Result<Running> {
    let mut child = Command::new(shell())
        .args(arguments(spec))
        .env_clear()
        .envs(home.environment())
        .envs(spec.environment.iter().cloned())
        .current_dir(&home.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let mut pumps = JoinSet::new();
    if let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) {
        pumps.spawn(pump(stdout, channel.make_writer()));
        pumps.spawn(pump(stderr, channel.make_writer_ext(Some(1))));
    }
    let (input, chunks) = mpsc::unbounded_channel();
    if let Some(stdin) = child.stdin.take() {
        tokio::spawn(feed(chunks, stdin));
    }
    Ok(Running { child, input, resize: None, pumps })
}

/// Returns what the shell is told: one command, or to be a login shell that reads from the channel.
pub(super) fn arguments(spec: &Spec) -> Vec<String> {
    match &spec.command {
        Some(command) => vec!["-c".into(), command.clone()],
        None => vec!["-l".into()],
    }
}

/// Stays with a command until it has ended and its output is sent, or the client has gone.
async fn follow(mut running: Running, read: &mut ChannelReadHalf, handle: &Handle, id: ChannelId) {
    let group = running.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let mut input = Some(running.input);
    let status = loop {
        tokio::select! {
            status = running.child.wait() => break status,
            message = read.wait() => match message {
                Some(ChannelMsg::Data { data }) => { input.as_ref().map(|input| input.send(data)); }
                Some(ChannelMsg::Eof) => input = None,
                Some(ChannelMsg::Signal { signal }) => send(group, number(&signal)),
                Some(ChannelMsg::WindowChange { col_width, row_height, .. }) => {
                    running.resize.as_ref().map(|resize| resize.send(Size::new(col_width, row_height)));
                }
                Some(ChannelMsg::Close) | None => return hang_up(group, running.child).await,
                Some(_) => {}
            },
        }
    };
    drop(input);
    report(status, handle, id).await;
    // A background child that kept the output open keeps the channel open too, as with sshd.
    loop {
        tokio::select! {
            pump = running.pumps.join_next() => if pump.is_none() { return },
            message = read.wait() => if matches!(message, Some(ChannelMsg::Close) | None) { return },
        }
    }
}

/// Ends what still runs in the foreground.
async fn hang_up(group: Option<Pid>, mut child: Child) {
    send(group, Some(Signal::HUP));
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        send(group, Some(Signal::KILL));
        let _ = child.wait().await;
        return;
    }
    send(group, Some(Signal::KILL));
}

async fn report(status: std::io::Result<ExitStatus>, handle: &Handle, id: ChannelId) {
    match status.as_ref().ok().and_then(ExitStatus::signal) {
        Some(number) => {
            let dumped = status.is_ok_and(|status| status.core_dumped());
            let _ = handle.exit_signal_request(id, name(number), dumped, String::new(), String::new()).await;
        }
        None => {
            let code = status.ok().and_then(|status| u32::try_from(status.code()?).ok()).unwrap_or(255);
            let _ = handle.exit_status_request(id, code).await;
        }
    }
}

/// Moves output to the client until there is no more. A terminal ends with an error, which is an end too.
pub(super) async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let _ = tokio::io::copy(&mut from, &mut to).await;
    let _ = to.flush().await;
}

/// Moves input to the command; its end closes the command's stdin.
pub(super) async fn feed(mut chunks: mpsc::UnboundedReceiver<Bytes>, mut to: impl AsyncWrite + Unpin) {
    while let Some(chunk) = chunks.recv().await {
        if to.write_all(&chunk).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

fn send(group: Option<Pid>, signal: Option<Signal>) {
    if let (Some(group), Some(signal)) = (group, signal) {
        let _ = kill_process_group(group, signal);
    }
}

fn number(signal: &Sig) -> Option<Signal> {
    TABLE.iter().find(|(sig, _)| discriminant(sig) == discriminant(signal)).map(|(_, signal)| *signal)
}

fn name(number: i32) -> Sig {
    let known = TABLE.iter().find(|(_, signal)| signal.as_raw() == number);
    known.map_or_else(|| Sig::Custom(format!("{number}@practice")), |(sig, _)| sig.clone())
}

const TABLE: [(Sig, Signal); 12] = [
    (Sig::ABRT, Signal::ABORT),
    (Sig::ALRM, Signal::ALARM),
    (Sig::FPE, Signal::FPE),
    (Sig::HUP, Signal::HUP),
    (Sig::ILL, Signal::ILL),
    (Sig::INT, Signal::INT),
    (Sig::KILL, Signal::KILL),
    (Sig::PIPE, Signal::PIPE),
    (Sig::QUIT, Signal::QUIT),
    (Sig::SEGV, Signal::SEGV),
    (Sig::TERM, Signal::TERM),
    (Sig::USR1, Signal::USR1),
];
