//! `bursar demo` and `bursar practice`, as they are written.

use std::{net::SocketAddr, path::PathBuf};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Demo {
    /// Do not pause between the steps
    #[arg(long)]
    pub(in crate::cli) quick: bool,
    /// Which imitated provider
    #[arg(long, default_value = "bitlaunch", value_parser = imitated())]
    pub(in crate::cli) provider: String,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Practice {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8400", value_name = "ADDR")]
    pub(in crate::cli) listen: SocketAddr,
    /// Print the KEY=VALUE lines that point bursar here, and serve on
    #[arg(long)]
    pub(in crate::cli) env: bool,
    /// Where the machines and the practice's ledger live [default: a folder of its own, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) dir: Option<PathBuf>,
    /// Which SSH server answers on the machines; openssh needs root and openssh-server
    #[arg(long, value_enum, default_value = "built-in")]
    pub(in crate::cli) machines: Machines,
    /// Whose keys are printed; all are served. May be given several times
    #[arg(long, default_value = "bitlaunch", value_parser = imitated())]
    pub(in crate::cli) provider: Vec<String>,
}

fn imitated() -> clap::builder::PossibleValuesParser {
    bursar_practice::providers().into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Machines {
    BuiltIn,
    #[value(name = "openssh")]
    OpenSsh,
}
