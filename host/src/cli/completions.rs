//! Completions for a shell, on stdout.

use super::{Done, args::Args, exit::Code};
use clap::CommandFactory;
use clap_complete::Shell;

pub(super) fn completions(shell: Shell) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "bursar", &mut script);
    super::out::Out::new(false).raw(&String::from_utf8_lossy(&script));
    Ok(Code::Done)
}
