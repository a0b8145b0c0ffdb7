//! Commands and output for people. Every command goes through the flows; this room keeps no state and knows no provider.

mod args;
mod audit;
mod completions;
mod cp;
mod demo;
mod doctor;
mod down;
mod drivers;
mod env;
mod exit;
mod extend;
mod forward;
mod inspection;
mod install;
mod keeper_log;
mod limits;
mod login;
mod logs;
mod ls;
mod mcp;
mod offers;
mod open;
mod out;
mod panic;
mod pause;
mod practice;
mod progress;
mod public_key;
mod ready;
mod recover;
mod refused;
mod run_command;
mod scratch;
mod settle;
mod spending;
mod ssh_config;
mod stop;
mod terminal;
mod text;
mod up;
mod values;
mod watch;

use crate::flow::FlowError;
use args::{Args, Command, DriverCommand, LimitsCommand};
use clap::Parser;
use exit::Code;
use out::Out;
use std::process::ExitCode;

/// What a command ends with when nothing went wrong that it could not say itself.
type Done = Result<Code, FlowError>;

/// Runs the command that this process was started with.
pub async fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return not_understood(&error),
    };
    let out = Out::new(args.json);
    start_log(&args.command);
    let code = match dispatch(args.command, &out).await {
        Ok(code) => code,
        Err(error) => {
            out.error(&error);
            Code::of(&error)
        }
    };
    code.into()
}

/// Help and versions are answers; what cannot be understood is told the way answers were asked for.
fn not_understood(error: &clap::Error) -> ExitCode {
    let asked_json = std::env::args().take_while(|word| word != "--").any(|word| word == "--json");
    match error.use_stderr() && asked_json {
        true => Out::new(true).document(&refused::usage(&error.render().to_string())),
        false => drop(error.print()),
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Each command is a future of its own on the heap: the compiler need not lay all of them out as one.
async fn dispatch(command: Command, out: &Out) -> Done {
    match command {
        Command::Mcp => Box::pin(mcp::mcp()).await,
        Command::Watch(ask) => Box::pin(watch::watch(out, ask)).await,
        Command::Demo(ask) => Box::pin(demo::demo(out, ask)).await,
        Command::Practice(ask) => Box::pin(practice::practice(out, ask)).await,
        Command::Offers(ask) => Box::pin(offers::offers(out, ask)).await,
        Command::Up(ask) => Box::pin(up::up(out, ask)).await,
        Command::Ls(ask) => Box::pin(ls::ls(out, ask)).await,
        Command::Extend(ask) => Box::pin(extend::extend(out, ask)).await,
        Command::Pause(ask) => Box::pin(pause::pause(out, ask)).await,
        Command::Resume(ask) => Box::pin(pause::resume(out, ask)).await,
        Command::Down(ask) => Box::pin(down::down(out, ask)).await,
        Command::Ssh(ask) => Box::pin(terminal::ssh(out, ask)).await,
        Command::Forward(ask) => Box::pin(forward::forward(out, ask)).await,
        Command::SshConfig => Box::pin(ssh_config::ssh_config(out)).await,
        Command::Run(ask) => Box::pin(run_command::run(out, ask)).await,
        Command::Cp(ask) => Box::pin(cp::cp(out, ask)).await,
        Command::Logs(ask) => Box::pin(logs::logs(out, ask)).await,
        Command::Stop(ask) => Box::pin(stop::stop(out, ask)).await,
        Command::Spending(ask) => Box::pin(spending::spending(out, ask)).await,
        Command::Doctor => Box::pin(doctor::doctor(out)).await,
        Command::Login(ask) => Box::pin(login::login(out, ask)).await,
        Command::Limits { command: LimitsCommand::Show } => Box::pin(limits::show(out)).await,
        Command::Limits { command: LimitsCommand::Set { key, value } } => Box::pin(limits::set(out, key, &value)).await,
        Command::Audit { command } => Box::pin(audit::audit(out, command)).await,
        Command::Recover(ask) => Box::pin(recover::recover(out, ask)).await,
        Command::Panic(ask) => Box::pin(panic::panic(out, ask)).await,
        Command::Thaw => Box::pin(panic::thaw(out)).await,
        Command::Settle(ask) => Box::pin(settle::settle(out, ask)).await,
        Command::Driver { command: DriverCommand::List } => Box::pin(drivers::list(out)).await,
        Command::Driver { command: DriverCommand::Inspect { file } } => Box::pin(drivers::inspect(out, &file)).await,
        Command::Driver { command: DriverCommand::Allow { name } } => Box::pin(drivers::allow(out, &name)).await,
        Command::Completions { shell } => completions::completions(shell),
    }
}

/// Logs go to stderr, so that stdout holds answers only; those of the unseen keeper to a file. `BURSAR_LOG=debug` shows
/// more.
fn start_log(command: &Command) {
    let lasts = matches!(command, Command::Mcp | Command::Watch(_));
    let usual = if lasts { "warn,bursar=info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("BURSAR_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    if let Command::Watch(args::Watch { keeper: true, .. }) = command
        && let Ok(settings) = crate::settings::Settings::read()
    {
        let file = keeper_log::KeeperLog::new(settings.home.join("keeper.log"));
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || file.clone());
        return log.with_ansi(false).with_target(false).init();
    }
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    log.with_ansi(colours).with_target(false).without_time().init();
}
