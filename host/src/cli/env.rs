//! `--env`: variables for a command on a machine. `NAME` alone takes this process's own value, so that a secret stands on no
//! command line, here or there.

use crate::flow::{Env, FlowError};

#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct EnvAsk {
    /// A variable for the command; NAME alone takes its value here, so that no command line shows it. May be given again
    #[arg(long, value_name = "NAME[=VALUE]", conflicts_with = "job")]
    env: Vec<String>,
}

impl EnvAsk {
    pub(super) fn read(&self) -> Result<Env, FlowError> {
        self.env.iter().map(|given| one(given, |name| std::env::var(name).ok())).collect::<Result<_, _>>().map(Env)
    }
}

fn one(given: &str, here: impl Fn(&str) -> Option<String>) -> Result<(String, String), FlowError> {
    match given.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => here(given).map(|value| (given.to_owned(), value)).ok_or_else(|| {
            let what = format!("--env {given} takes the value of a variable that is not set here");
            FlowError::refused(what, format!("set it first, or write --env {given}=VALUE; nothing was run"))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_takes_its_value_here() {
        let here = |name: &str| (name == "TOKEN").then(|| "secret".to_owned());
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        for (given, expected) in
            [("A=b=c", pair("A", "b=c")), ("A=", pair("A", "")), ("TOKEN", pair("TOKEN", "secret")), ("OTHER", None)]
        {
            assert_eq!(one(given, here).ok(), expected, "{given}");
        }
    }
}
