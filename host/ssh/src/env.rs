//! Variables for a command: they travel as input of the connection, so no list of processes shows them, neither here nor on
//! the machine, and `Debug` shows their names only.

use crate::error::SshError;
use crate::script::{SECRET, quote};

/// Linux takes no single variable above 128 KiB.
const VALUE_MAX: usize = 100_000;
const COUNT_MAX: usize = 200;

/// Names and values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env(pub Vec<(String, String)>);

impl Env {
    /// Returns lines of shell that export all of them, in a script that is then no word of any command line.
    pub(crate) fn script(&self) -> Result<String, SshError> {
        if self.0.len() > COUNT_MAX {
            return Err(SshError::input("env", format!("{} variables, at most {COUNT_MAX}", self.0.len())));
        }
        if self.0.is_empty() {
            return Ok(String::new());
        }
        let lines = self.0.iter().map(|(name, value)| export(name, value)).collect::<Result<Vec<_>, _>>()?;
        Ok(SECRET.to_owned() + &lines.concat())
    }
}

fn export(name: &str, value: &str) -> Result<String, SshError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(plain) {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        return Err(SshError::input("env", format!("`{shown}` is no name; use letters, digits and _")));
    }
    if value.contains('\0') || value.len() > VALUE_MAX {
        let why = format!("the value of {name} has {} bytes (at most {VALUE_MAX}) or holds a zero byte", value.len());
        return Err(SshError::input("env", why));
    }
    Ok(format!("{name}={}; export {name}\n", quote(value)))
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_one_assignment_or_none() {
        for (name, value, line) in [
            ("A_1", "it's\n$x", Some("A_1='it'\\''s\n$x'; export A_1\n")),
            ("_", "", Some("_=''; export _\n")),
            ("1A", "x", None),
            ("A B", "x", None),
            ("A;id", "x", None),
            ("", "x", None),
            ("A", "x\0", None),
        ] {
            assert_eq!(export(name, value).ok().as_deref(), line, "{name:?}");
        }
    }

    #[test]
    fn a_secret_is_not_in_what_is_logged() {
        let env = Env(vec![("TOKEN".into(), "secret".into())]);
        assert_eq!(format!("{env:?}"), "[\"TOKEN\"]");
    }
}
