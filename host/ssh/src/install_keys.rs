//! Lets the owner's further keys in. Only plain public keys: no options, no commands, no certificates.

use russh::keys::{Algorithm, PublicKey};

use crate::clean::clean_line;
use crate::script::quote;
use crate::{Ssh, SshError, Target};

const KEYS_MAX: usize = 32;

impl Ssh {
    /// Appends each key to `authorized_keys` where it is not yet, whatever its comment.
    pub async fn install_keys(&self, at: &Target, lines: &[String]) -> Result<(), SshError> {
        if lines.len() > KEYS_MAX {
            return Err(SshError::input("keys", format!("{} keys, at most {KEYS_MAX} at once", lines.len())));
        }
        let keys = lines.iter().map(|line| plain_key(line)).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Ok(());
        }
        let mut script = String::from(
            "umask 077; cd \"$HOME\" && mkdir -p .ssh && f=.ssh/authorized_keys && touch \"$f\" || exit 1\n\
             [ -z \"$(tail -c 1 \"$f\")\" ] || echo >>\"$f\"\n",
        );
        for key in &keys {
            let (bare, line) = (quote(&key.bare), quote(&key.line));
            script.push_str(&format!("grep -qF -e {bare} \"$f\" || printf '%s\\n' {line} >>\"$f\" || exit 1\n"));
        }
        self.ask(at, "adding keys", &script, 20).await?.succeeded("adding keys").map(|_| ())
    }
}

struct PlainKey {
    /// Algorithm and key, without the comment.
    bare: String,
    line: String,
}

fn plain_key(line: &str) -> Result<PlainKey, SshError> {
    let refused = |why: &str| SshError::input("key", format!("`{}`: {why}", clean_line(line.as_bytes(), 60)));
    let line = line.trim();
    if line.lines().count() != 1 {
        return Err(refused("one key is one line"));
    }
    let mut key =
        PublicKey::from_openssh(line).map_err(|_| refused("not a plain public key like `ssh-ed25519 AAAA… name`"))?;
    let known = matches!(
        key.algorithm(),
        Algorithm::Ed25519
            | Algorithm::SkEd25519
            | Algorithm::Rsa { .. }
            | Algorithm::Ecdsa { .. }
            | Algorithm::SkEcdsaSha2NistP256
    );
    if !known {
        return Err(refused("its algorithm is not one of ed25519, ecdsa, rsa"));
    }
    let comment = clean_line(line.splitn(3, ' ').nth(2).unwrap_or_default().as_bytes(), 100);
    key.set_comment("");
    let bare = key.to_openssh().map_err(|_| refused("it cannot be written again"))?.trim().to_owned();
    Ok(PlainKey { line: format!("{bare} {comment}").trim().to_owned(), bare })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn only_plain_keys_are_let_in() {
        let cases = [
            (KEY.to_owned(), Some(KEY.to_owned())),
            (format!("  {KEY} me@home\n"), Some(format!("{KEY} me@home"))),
            (format!("{KEY} two words"), Some(format!("{KEY} two words"))),
            (format!("command=\"rm -rf /\" {KEY}"), None),
            (format!("{KEY} a\n{KEY} b"), None),
            ("ssh-ed25519 AAAA".to_owned(), None),
            ("ssh-dss AAAAB3NzaC1kc3M=".to_owned(), None),
            (String::new(), None),
        ];
        for (line, expected) in cases {
            assert_eq!(plain_key(&line).ok().map(|key| key.line), expected, "{line:?}");
        }
    }
}
