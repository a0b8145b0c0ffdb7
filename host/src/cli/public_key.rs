//! Further keys that may log in to a machine: public lines, given as they are or as a file. A private key is never taken.

use crate::flow::FlowError;

/// Returns the line of a public key that was given as it is or as a file.
pub(super) fn public_key(given: &str) -> Result<String, FlowError> {
    let text = match is_key_line(given) {
        true => given.to_owned(),
        false => std::fs::read_to_string(given).map_err(|error| {
            let what = format!("--ssh-key {given} is neither a public key nor a file that can be read: {error}");
            FlowError::refused(what, "name the .pub file; nothing was rented")
        })?,
    };
    let line = text.trim();
    match is_key_line(line) && !line.contains('\n') {
        true => Ok(line.to_owned()),
        false => {
            let hint = "name the .pub file with one line such as `ssh-ed25519 AAAA… me`, never the private key; nothing was rented";
            Err(FlowError::refused(format!("{given} holds no public key"), hint))
        }
    }
}

fn is_key_line(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let kind = words.next().unwrap_or_default();
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| kind.starts_with(start))
        && words.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_keys_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        for (given, taken) in [
            ("ssh-ed25519 AAAAC3Nz me".to_owned(), true),
            (file("a.pub", "ssh-ed25519 AAAAC3Nz me\n"), true),
            (file("a", "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"), false),
            (file("two", "ssh-ed25519 A\nssh-ed25519 B\n"), false),
            (file("empty", ""), false),
            ("ssh-ed25519".to_owned(), false),
            ("/no/such/file".to_owned(), false),
        ] {
            assert_eq!(public_key(&given).is_ok(), taken, "{given}");
        }
    }
}
