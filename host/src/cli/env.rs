//! `--env`: variables for a command on a machine. `NAME` alone takes this process's own value, so that a secret stands on no
//! command line, here or there.

use crate::flow::Env;

#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct EnvAsk {
    /// A variable for the command; NAME alone takes its value here, so that no command line shows it. May be given again
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = here)]
    env: Vec<Variable>,
}

/// Its value is in no output.
#[derive(Clone)]
struct Variable {
    name: String,
    value: String,
}

impl std::fmt::Debug for Variable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl EnvAsk {
    pub(super) fn read(&self) -> Env {
        Env(self.env.iter().map(|variable| (variable.name.clone(), variable.value.clone())).collect())
    }
}

fn here(given: &str) -> Result<Variable, String> {
    one(given, |name| std::env::var(name).ok())
}

fn one(given: &str, here: impl Fn(&str) -> Option<String>) -> Result<Variable, String> {
    let (name, value) = given.split_once('=').map_or((given, None), |(name, value)| (name, Some(value.to_owned())));
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(plain) {
        return Err("a variable's name has letters, digits and _ only; nothing was run".to_owned());
    }
    let unset = || format!("{name} is not set here; set it first, or write --env {name}=VALUE; nothing was run");
    Ok(Variable { name: name.to_owned(), value: value.or_else(|| here(name)).ok_or_else(unset)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_takes_its_value_here() {
        let here = |name: &str| (name == "TOKEN").then(|| "secret".to_owned());
        for (given, expected) in [
            ("A=b=c", Some(("A", "b=c"))),
            ("A=", Some(("A", ""))),
            ("TOKEN", Some(("TOKEN", "secret"))),
            ("OTHER", None),
            ("A B=c", None),
            ("1A=c", None),
            ("=c", None),
        ] {
            let read = one(given, here).ok();
            assert_eq!(read.as_ref().map(|read| (&*read.name, &*read.value)), expected, "{given}");
        }
        assert_eq!(format!("{:?}", one("TOKEN", here).unwrap()), "TOKEN");
    }
}
