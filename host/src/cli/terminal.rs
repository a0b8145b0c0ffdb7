//! `bursar ssh`: becomes the system's `ssh`, with our key and the pinned host key and nothing else.

use super::{Done, args::Ssh, exit::Code, open::open, out::Out, ready::ready_first};
use crate::flow::{FlowError, LOCAL_PRINCIPAL};
use std::os::unix::process::CommandExt;

pub(super) async fn ssh(out: &Out, ask: Ssh) -> Done {
    let rooms = open(out).await?;
    if !ready_first(&rooms, &ask.name).await? {
        return Ok(Code::Left);
    }
    let mut words = rooms.terminal_command(LOCAL_PRINCIPAL, &ask.name).await?;
    if !ask.command.is_empty() {
        // Behind `--` nothing of the command is an option of ssh.
        let host = words.pop().unwrap_or_default();
        words.extend(["--".to_owned(), host]);
        words.extend(ask.command);
    }
    let (program, rest) =
        words.split_first().ok_or_else(|| FlowError::failed("there is no ssh command", "report this"))?;
    // Returns only where the program could not be started.
    let error = std::process::Command::new(program).args(rest).exec();
    Err(FlowError::failed(
        format!("`{program}` could not be started: {error}"),
        format!("install the OpenSSH client, or use `bursar run {} -- COMMAND`, which needs none", ask.name),
    ))
}
