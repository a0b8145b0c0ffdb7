//! The command line: what can be asked, and how it is written. Nothing here does anything.

use super::exit;
use bursar_core::{
    limits::{BadLimit, read_length},
    money::Usd,
    scope::LimitName,
};
use clap::{Parser, Subcommand};
use std::{ffi::OsString, path::PathBuf};

mod practice;
pub(super) use practice::{Demo, Machines, Practice};

/// Rents GPU machines inside limits that their owner set, for him and for his AI agents.
#[derive(Debug, Parser)]
#[command(name = "bursar", version, propagate_version = true, arg_required_else_help = true, after_long_help = exit::HELP)]
#[command(after_help = "Try `bursar demo` first: it costs nothing. `--help` (not -h) lists the exit codes.")]
pub(super) struct Args {
    /// Answer with one JSON document on stdout
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve MCP on stdin and stdout; an agent's client starts this
    Mcp,
    /// Keep: end what is due, until Ctrl-C; with --install as a service of your own that outlives logout and restart
    Watch(Watch),
    /// Walk the whole loop before your eyes against an imitated provider; costs nothing, leaves nothing
    Demo(Demo),
    /// Serve the imitated providers on this computer until Ctrl-C
    Practice(Practice),
    /// List what can be rented now, cheapest first
    Offers(Offers),
    /// Rent a machine and wait until it is ready
    Up(Up),
    /// List your machines, their cost and their end
    Ls(Ls),
    /// Make the lease of a machine longer, inside the same limits
    Extend(Extend),
    /// Pause a machine where its provider can: it costs less, and its lease goes on
    Pause(super::pause::Which),
    /// Let a paused machine run again, inside the same limits, and wait until it is ready
    Resume(super::pause::Which),
    /// End a machine and wait until its provider's lists are without it
    Down(Down),
    /// Open a terminal on a machine, or run a command there with your own terminal
    Ssh(Ssh),
    /// Reach a port of a machine from this computer, until Ctrl-C
    Forward(super::forward::Forward),
    /// Say what makes `ssh NAME` work in a terminal
    SshConfig,
    /// Run a command on a machine, or start it as a job that outlives every connection
    Run(Run),
    /// Copy a file or folder to or from a machine: only what changed, checked, and resumed after a break
    Cp(Cp),
    /// Show the jobs of a machine, or the output of one
    Logs(Logs),
    /// End a job of a machine, with every process that it started
    Stop(Stop),
    /// Show what is charged, what is held, and what is left
    Spending(Spending),
    /// Look at everything that can be wrong, and say what to do
    Doctor,
    /// Store a provider's key, readable by you only
    Login(Login),
    /// Show the limits, or set one
    Limits {
        #[command(subcommand)]
        command: LimitsCommand,
    },
    /// Settle what is in doubt: look at every account once, or enter your own word about one machine
    Settle(super::settle::Settle),
    /// End everything of ours on every account, and let nothing be rented until `thaw`
    Panic(Panic),
    /// Let things be rented again after `panic`
    Thaw,
    /// Enter again what is ours at the providers and lost here
    Recover(super::recover::Recover),
    /// Show who asked what, what was decided and what was sent, or see that none of it was changed
    Audit {
        #[command(subcommand)]
        command: super::audit::AuditCommand,
    },
    /// Look at drivers: the sandboxed components that know the providers
    Driver {
        #[command(subcommand)]
        command: DriverCommand,
    },
    /// Print a shell's completions
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, clap::Args)]
pub(super) struct Watch {
    /// Make it a service of systemd's that starts with this computer, and say what was done
    #[arg(long)]
    pub(super) install: bool,
    /// As whoever spends starts it: unseen, until nothing is open
    #[arg(long, hide = true, conflicts_with = "install")]
    pub(super) keeper: bool,
}

/// What a machine must have.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Wanted {
    /// Part of the GPU's model, such as a40, or h100-80gb with its memory
    #[arg(long, value_name = "MODEL")]
    pub(super) gpu: Option<String>,
    /// At least so many GPUs, or slices of one
    #[arg(long, value_name = "N")]
    pub(super) gpus: Option<u32>,
    /// At least so much memory on each GPU, in GiB
    #[arg(long, value_name = "GIB")]
    pub(super) vram: Option<u64>,
    /// At most this price, in USD per hour
    #[arg(long, value_name = "USD")]
    pub(super) max_price: Option<Usd>,
    /// Of these providers only, with commas between
    #[arg(long, value_name = "NAME")]
    pub(super) provider: Option<String>,
    /// In these places: ids, parts of names, or countries, with commas between
    #[arg(long, value_name = "SITE")]
    pub(super) site: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Offers {
    #[command(flatten)]
    pub(super) wanted: Wanted,
    /// Show all, also what is sold out
    #[arg(long)]
    pub(super) all: bool,
    /// Show at most so many
    #[arg(long, value_name = "N", default_value = "20", conflicts_with = "all", value_parser = some)]
    pub(super) limit: usize,
}

#[derive(Debug, clap::Args)]
pub(super) struct Up {
    /// Its name: letters, digits, - and _; asked again with the same arguments it is the same machine
    pub(super) name: String,
    /// One exact offer, as `bursar offers` shows it: PROVIDER:ID
    #[arg(long, value_name = "OFFER", value_parser = offer, conflicts_with_all = ["gpu", "gpus", "vram", "max_price", "provider", "site"])]
    pub(super) offer: Option<OfferId>,
    #[command(flatten)]
    pub(super) wanted: Wanted,
    /// How long it may live, such as 90m, 4h or 2d [default: the limit default_lease]
    #[arg(long = "for", value_name = "LENGTH", value_parser = length, allow_hyphen_values = true)]
    pub(super) length: Option<u64>,
    /// An image by its id or its name
    #[arg(long)]
    pub(super) image: Option<String>,
    /// A further public key that may log in: a file or the line itself; may be given again
    #[arg(long, value_name = "FILE|LINE")]
    pub(super) ssh_key: Vec<String>,
    /// Machines of a cluster, where the provider has such; they stand behind a jump host
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(super) nodes: u32,
    /// Price it and decide, but rent nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Return when the provider has named it; `run`, `ssh`, `up` again or `bursar mcp` make it ready
    #[arg(long)]
    pub(super) no_wait: bool,
}

/// `PROVIDER:ID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OfferId {
    pub(super) provider: String,
    pub(super) id: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct Ls {
    /// Show those that ended, too
    #[arg(long)]
    pub(super) all: bool,
    /// Ask the providers first
    #[arg(long)]
    pub(super) refresh: bool,
    /// Show what else lives on the accounts; it is never touched
    #[arg(long)]
    pub(super) foreign: bool,
    /// Show so many at once
    #[arg(long, value_name = "N", default_value = "200", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: u32,
    /// Go on where the page before ended, as it says itself
    #[arg(long, value_name = "CURSOR")]
    pub(super) cursor: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Extend {
    /// Name or id of the machine
    pub(super) name: String,
    /// How long its whole lease shall be, counted from its begin, such as 6h or 2d
    #[arg(long = "for", value_name = "LENGTH", value_parser = length, allow_hyphen_values = true)]
    pub(super) length: u64,
}

#[derive(Debug, clap::Args)]
pub(super) struct Down {
    /// Name or id of the machine
    pub(super) name: String,
    /// Wait at most so many seconds for its provider's lists to be without it
    #[arg(long, value_name = "SECS", default_value_t = 120)]
    pub(super) wait: u64,
}

#[derive(Debug, clap::Args)]
pub(super) struct Ssh {
    /// Name or id of the machine
    pub(super) name: String,
    /// A command instead of a shell; words are joined with blanks, as ssh does
    #[arg(trailing_var_arg = true)]
    pub(super) command: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// Name or id of the machine
    pub(super) name: String,
    /// End it after this long
    #[arg(long, value_name = "LENGTH", default_value = "10m", value_parser = seconds)]
    pub(super) timeout: u64,
    /// The folder it runs in, on the machine
    #[arg(long, value_name = "DIR")]
    pub(super) workdir: Option<String>,
    /// Start it as a job of this name and return at once; the name stays its own. See `bursar logs`
    #[arg(long, value_name = "JOB", conflicts_with = "timeout")]
    pub(super) job: Option<String>,
    #[command(flatten)]
    pub(super) env: super::env::EnvAsk,
    /// Fetch this file or folder of the machine when the job ends, into `saved/NAME/JOB/` of the workspace
    #[arg(long, value_name = "PATH", requires = "job")]
    pub(super) save: Vec<String>,
    /// The command, options of this one before it; one word is taken as a whole line of shell, several are quoted
    #[arg(trailing_var_arg = true, required = true)]
    pub(super) command: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Cp {
    /// What to copy: a path here, or NAME:PATH on a machine
    #[arg(value_name = "FROM")]
    pub(super) from: OsString,
    /// What it becomes, the other way round: a folder like the one it is copied from; a file in a folder keeps its name
    #[arg(value_name = "TO")]
    pub(super) to: OsString,
    /// Leave out what matches, as a line in .gitignore; may be given again
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(super) ignore: Vec<String>,
    /// Remove in the target what the source does not have, but never what --ignore and .gitignore name
    #[arg(long)]
    pub(super) delete: bool,
    /// Compare checksums, not sizes and times
    #[arg(long)]
    pub(super) hash: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Logs {
    /// Name or id of the machine
    pub(super) name: String,
    /// The job; without it the jobs are listed
    pub(super) job: Option<String>,
    /// The last lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub(super) lines: usize,
    /// Go on until the job ends
    #[arg(short, long, requires = "job")]
    pub(super) follow: bool,
    /// Every byte from this offset on, as it was written (0: the whole log)
    #[arg(long, value_name = "BYTE", requires = "job", conflicts_with = "lines")]
    pub(super) from: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Stop {
    /// Name or id of the machine
    pub(super) name: String,
    /// The job, as `bursar logs NAME` lists it
    pub(super) job: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct Spending {
    /// Show the newest entries of the ledger
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) entries: u32,
}

#[derive(Debug, clap::Args)]
pub(super) struct Login {
    pub(super) provider: String,
    /// Which key, where the provider has several
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Read the key from stdin instead of asking for it
    #[arg(long)]
    pub(super) key_from_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum LimitsCommand {
    /// Show every limit, what it bounds, and what may narrow it
    Show,
    /// Set one limit for every bursar on this ledger
    Set {
        #[arg(value_parser = limit)]
        key: LimitName,
        value: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Panic {
    /// Wait at most so many seconds until two complete lists of every account are without anything of ours
    #[arg(long, value_name = "SECS", default_value_t = 300)]
    pub(super) wait: u64,
}

#[derive(Debug, Subcommand)]
pub(super) enum DriverCommand {
    /// List every driver and where it stands
    List,
    /// Say what a driver is and the worst that it may do, without trusting it
    Inspect {
        /// A .wasm file, or the name of a driver
        file: PathBuf,
    },
    /// Let in a dropped driver as it lies there now
    Allow { name: String },
}

impl Wanted {
    pub(super) fn is_empty(&self) -> bool {
        let Wanted { gpu, gpus, vram, max_price, provider, site } = self;
        gpu.is_none() && gpus.is_none() && vram.is_none() && max_price.is_none() && provider.is_none() && site.is_none()
    }
}

fn offer(text: &str) -> Result<OfferId, String> {
    match text.split_once(':') {
        Some((provider, id)) if !provider.is_empty() && !id.is_empty() => {
            Ok(OfferId { provider: provider.to_owned(), id: id.to_owned() })
        }
        _ => Err("an offer is written PROVIDER:ID, as `bursar offers` shows it".to_owned()),
    }
}

fn length(text: &str) -> Result<u64, String> {
    read_length(text)
        .ok_or_else(|| "write a length with its unit, such as 90m, 4h or 2d; at least one minute".to_owned())
}

fn some(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "write a whole number from 1, or use --all".to_owned())
}

/// A time-out may be shorter than a lease.
fn seconds(text: &str) -> Result<u64, String> {
    let secs = text.strip_suffix('s').and_then(|digits| digits.parse().ok()).filter(|secs| *secs > 0);
    secs.or_else(|| read_length(text)).ok_or_else(|| "write a length with its unit, such as 30s, 10m or 2h".to_owned())
}

fn limit(text: &str) -> Result<LimitName, BadLimit> {
    LimitName::named(text)
}

#[cfg(test)]
mod tests;
