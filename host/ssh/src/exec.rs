//! Runs one script on a machine over a channel: input in, output gathered in bounds, exit told, every wait with an end.
//! This module does not know what the script is for.

use std::sync::Arc;
use std::time::Duration;

use russh::ChannelMsg;
use russh::client::Msg;
use russh::{ChannelReadHalf, ChannelWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::clean::clean_line;
use crate::connect::Link;
use crate::error::SshError;
use crate::gather::Gather;
use crate::script::{self, MARK};
use crate::{Ssh, Target};

/// Answers of our own scripts are short.
const ANSWER_MAX: usize = 2 * 1024 * 1024;
/// A background child may hold the output open after the command has ended; then nothing more is waited for.
const IDLE_AFTER_EXIT: Duration = Duration::from_millis(700);
const MOST_AFTER_EXIT: Duration = Duration::from_secs(10);
/// Noise of a login before the mark; more is no noise.
const NOISE_MAX: usize = 64 * 1024;
/// A machine says at once that it started something. One that does not is gone, and the connection with it.
const CONFIRM_SECS: u64 = 10;

/// Some servers (dropbear) close a session that was opened and is still idle when another one ends. Nothing was started then,
/// so the command is asked for again.
const START_TRIES: u32 = 4;
/// The word that it started is waited for this long; what is slower is waited for with the rest.
const START_WAIT: Duration = Duration::from_secs(2);

/// A script that runs, and what came of it so far.
pub(crate) struct Running {
    read: ChannelReadHalf,
    feeder: JoinHandle<()>,
    /// The connection lives as long as somebody uses it.
    link: Arc<Link>,
    began: Instant,
    /// The machine said that it started the script.
    confirmed: bool,
    opening: Option<Vec<u8>>,
    pub(crate) pid: Option<u32>,
    pub(crate) stdout: Gather,
    pub(crate) stderr: Gather,
    pub(crate) exit: Option<i32>,
    pub(crate) signal: Option<String>,
    exited_at: Option<Instant>,
    /// The end is the channel's own end, whatever the exit says: a server may tell the exit before the last bytes.
    pub(crate) to_the_last_byte: bool,
}

/// What a command reads.
pub(crate) enum Input {
    Whole(Vec<u8>),
    /// Pieces, until the sender is gone.
    Pieces(mpsc::Receiver<Vec<u8>>),
}

impl Input {
    fn whole(&self) -> Option<Vec<u8>> {
        match self {
            Input::Whole(bytes) => Some(bytes.clone()),
            Input::Pieces(_) => None,
        }
    }
}

/// How waiting ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Until {
    Ended,
    TimeUp,
    /// Nobody takes the output any more.
    Unwanted,
    /// The connection broke.
    Broken,
}

/// What a script of ours answered.
pub(crate) struct Answer {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) exit: Option<i32>,
    pub(crate) signal: Option<String>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Returns the answer where the script succeeded, and its complaint where not.
    pub(crate) fn succeeded(self, doing: &'static str) -> Result<Answer, SshError> {
        if self.exit == Some(0) {
            return Ok(self);
        }
        let code = match (self.exit, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("it was killed there by {signal}"),
            (None, None) => "no exit code".to_owned(),
        };
        let why = match self.stderr.is_empty() {
            true => code,
            false => clean_line(self.stderr.as_bytes(), 600),
        };
        Err(SshError::Machine { doing, why })
    }
}

impl Ssh {
    /// Runs a script of ours to its end.
    pub(crate) async fn ask(
        &self,
        at: &Target,
        doing: &'static str,
        script: &str,
        secs: u64,
    ) -> Result<Answer, SshError> {
        let mut running = self
            .begin(at, script, Input::Whole(Vec::new()), Gather::exact(ANSWER_MAX), Gather::folding(8 * 1024))
            .await?;
        match running.until(Instant::now() + Duration::from_secs(secs)).await {
            Until::Ended => running.answer(doing),
            Until::TimeUp => Err(SshError::TooSlow { address: at.address(), doing, secs }),
            Until::Broken | Until::Unwanted => {
                self.drop_link(at, &running.link).await;
                Err(SshError::Lost { address: at.address(), doing })
            }
        }
    }

    /// Starts a script whose input is `stdin`, to its end.
    pub(crate) async fn begin(
        &self,
        at: &Target,
        script: &str,
        stdin: Input,
        stdout: Gather,
        stderr: Gather,
    ) -> Result<Running, SshError> {
        let (request, line) = script::start(script);
        let mut opened = self.session(at).await?;
        let mut tries = START_TRIES;
        loop {
            let (link, channel) = opened;
            let (mut read, write) = channel.split();
            let began = Instant::now();
            let starting = write.exec(true, request.clone());
            let lost = || SshError::Lost { address: at.address(), doing: "starting a command" };
            timeout_at(began + Duration::from_secs(10), starting).await.map_err(|_| lost())?.map_err(|_| lost())?;
            let (go, may_go) = oneshot::channel();
            let whole = stdin.whole();
            let more = whole.is_none().then_some(may_go);
            let feeder = tokio::spawn(feed(write, line.clone(), whole.unwrap_or_default(), more));
            let first = first_word(&mut read, began + START_WAIT).await;
            tries -= 1;
            if matches!(first, Some(None | Some(ChannelMsg::Close | ChannelMsg::Eof))) && tries > 0 && !link.is_closed()
            {
                tracing::debug!(instance = at.instance, "the machine closed a session before it started the command");
                feeder.abort();
                opened = self.channel(at).await?;
                continue;
            }
            // Pieces come once, so they wait until somebody reads them.
            if let Input::Pieces(pieces) = stdin {
                drop(go.send(pieces));
            }
            let mut running = Running::new(read, feeder, link, began, (stdout, stderr));
            if let Some(Some(message)) = first {
                running.take(message);
            }
            return Ok(running);
        }
    }
}

/// Waits for the first word about what was asked: nothing where none came in time, an inner nothing where none will come.
async fn first_word(read: &mut ChannelReadHalf, deadline: Instant) -> Option<Option<ChannelMsg>> {
    loop {
        match timeout_at(deadline, read.wait()).await {
            Ok(Some(ChannelMsg::WindowAdjusted { .. })) => {}
            other => return other.ok(),
        }
    }
}

/// Writes beside the reading: a command that answers before it has read everything must not stand still.
async fn feed(
    write: ChannelWriteHalf<Msg>,
    line: Vec<u8>,
    whole: Vec<u8>,
    more: Option<oneshot::Receiver<mpsc::Receiver<Vec<u8>>>>,
) {
    let all = async {
        if !line.is_empty() {
            write.data(&line[..]).await?;
        }
        if !whole.is_empty() {
            write.data_bytes(whole).await?;
        }
        if let Some(more) = more
            && let Ok(mut pieces) = more.await
        {
            while let Some(piece) = pieces.recv().await {
                write.data_bytes(piece).await?;
            }
        }
        write.eof().await
    };
    if let Err(why) = all.await {
        tracing::trace!(%why, "the command ended before it read all of its input");
    }
    // Dropping the half would close nothing; it is kept until the reader is done and aborts this task.
    std::future::pending::<()>().await;
}

impl Running {
    fn new(
        read: ChannelReadHalf,
        feeder: JoinHandle<()>,
        link: Arc<Link>,
        began: Instant,
        (stdout, stderr): (Gather, Gather),
    ) -> Running {
        Running {
            read,
            feeder,
            link,
            began,
            confirmed: false,
            opening: Some(Vec::new()),
            pid: None,
            stdout,
            stderr,
            exit: None,
            signal: None,
            exited_at: None,
            to_the_last_byte: false,
        }
    }

    /// Reads until the command has ended, `deadline` has come or the connection broke. May be called again after the time was up.
    pub(crate) async fn until(&mut self, deadline: Instant) -> Until {
        let mut confirm_by = self.began + Duration::from_secs(CONFIRM_SECS);
        loop {
            let exited_at = self.exited_at.filter(|_| !self.to_the_last_byte);
            let end = match exited_at {
                Some(at) => (Instant::now() + IDLE_AFTER_EXIT).min(at + MOST_AFTER_EXIT),
                None if self.confirmed => deadline,
                None => deadline.min(confirm_by),
            };
            match timeout_at(end, self.read.wait()).await {
                Ok(Some(ChannelMsg::Close)) | Err(_) if exited_at.is_some() => return self.ended(),
                // A copy over a slow line is in front of the request; as long as something comes, it is not gone.
                Err(_) if end == confirm_by && end != deadline => match self.link.pulse().silent_secs() {
                    ..CONFIRM_SECS => confirm_by = Instant::now() + Duration::from_secs(1),
                    _ => return Until::Broken,
                },
                Err(_) => return Until::TimeUp,
                Ok(Some(ChannelMsg::Close)) if !self.confirmed => return Until::Broken,
                Ok(Some(ChannelMsg::Close)) => return self.ended(),
                Ok(None) if exited_at.is_some() => return self.ended(),
                Ok(None) => return Until::Broken,
                Ok(Some(message)) => self.take(message),
            }
            if self.stdout.is_shut() || self.stderr.is_shut() {
                return Until::Unwanted;
            }
        }
    }

    /// Waits until the number of the process is known, at most `wait`.
    pub(crate) async fn until_known(&mut self, wait: Duration) {
        let end = Instant::now() + wait;
        while self.pid.is_none() && self.exited_at.is_none() {
            match timeout_at(end, self.read.wait()).await {
                Ok(Some(message)) => self.take(message),
                _ => return,
            }
        }
    }

    /// Whether the machine said that it started the script.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Goes on taking what comes until `other` is done: output that nobody takes holds up the whole connection.
    pub(crate) async fn take_during(&mut self, other: impl Future<Output = ()>) {
        let mut other = std::pin::pin!(other);
        loop {
            tokio::select! {
                () = &mut other => return,
                message = self.read.wait() => match message {
                    Some(message) => self.take(message),
                    None => return other.await,
                },
            }
        }
    }

    fn ended(&mut self) -> Until {
        if let Some(noise) = self.opening.take() {
            self.stdout.push(&noise);
        }
        Until::Ended
    }

    fn take(&mut self, message: ChannelMsg) {
        self.confirmed |= !matches!(message, ChannelMsg::WindowAdjusted { .. } | ChannelMsg::Eof);
        match message {
            ChannelMsg::Data { data } => self.take_stdout(&data),
            ChannelMsg::ExtendedData { data, .. } => self.stderr.push(&data),
            ChannelMsg::ExitStatus { exit_status } => {
                self.exit = i32::try_from(exit_status).ok();
                self.exited_at = Some(Instant::now());
            }
            ChannelMsg::ExitSignal { signal_name, .. } => {
                self.signal = Some(clean_line(format!("{signal_name:?}").as_bytes(), 32));
                self.exited_at = Some(Instant::now());
            }
            ChannelMsg::Failure => {
                self.stderr.push(b"the machine's SSH server refused to start a command\n");
                self.exited_at = Some(Instant::now());
            }
            _ => {}
        }
    }

    /// Drops what came before the mark, and reads the process's number from it.
    fn take_stdout(&mut self, data: &[u8]) {
        let Some(mut opening) = self.opening.take() else {
            return self.stdout.push(data);
        };
        opening.extend_from_slice(data);
        match split_mark(&opening) {
            Some((pid, rest)) => {
                self.pid = Some(pid);
                self.stdout.push(rest);
            }
            None if opening.len() > NOISE_MAX => self.stdout.push(&opening),
            None => self.opening = Some(opening),
        }
    }

    /// Returns the exit code and every byte of the other stream.
    pub(crate) fn into_stderr(mut self) -> (Option<i32>, Vec<u8>) {
        (self.exit, std::mem::replace(&mut self.stderr, Gather::exact(0)).into_bytes().unwrap_or_default())
    }

    pub(crate) fn answer(mut self, doing: &'static str) -> Result<Answer, SshError> {
        let none = || Gather::exact(0);
        let stdout = std::mem::replace(&mut self.stdout, none()).into_bytes();
        let stderr = std::mem::replace(&mut self.stderr, none()).into_text();
        let stdout = stdout.ok_or_else(|| SshError::Machine { doing, why: "it answered more than is taken".into() })?;
        Ok(Answer { stdout, stderr, exit: self.exit, signal: self.signal.take() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.feeder.abort();
    }
}

fn split_mark(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mark = MARK.as_bytes();
    let at = bytes.windows(mark.len()).position(|window| window == mark)? + mark.len();
    let line = at + bytes[at..].iter().position(|byte| *byte == b'\n')?;
    let pid = std::str::from_utf8(&bytes[at..line]).ok()?.parse().ok()?;
    Some((pid, &bytes[line + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_noisy_login_prints_is_not_the_answer() {
        assert_eq!(split_mark(b"\x02bursar 12\nout"), Some((12, &b"out"[..])));
        assert_eq!(split_mark(b"welcome!\n\x02bursar 12\nout\n"), Some((12, &b"out\n"[..])));
        assert_eq!(split_mark(b"\x02bursar 1"), None);
        assert_eq!(split_mark(b"no mark\n"), None);
    }
}
