//! Public keys at a provider that keeps them: the same key is known by its body and added once.

use crate::Result;
use crate::types::Error;

/// Returns the id under which the provider keeps this key. `kept` returns all that it keeps: ids and lines. A key that
/// is not among them is added and looked for again; also after a refusal, which may say that it is there already.
pub fn ensure_key<A>(
    line: &str,
    kept: impl Fn() -> Result<Vec<(String, String)>>,
    add: impl FnOnce() -> Result<A>,
) -> Result<String> {
    let find = || kept().map(|keys| keys.into_iter().find(|(_, known)| same_key(known, line)).map(|(id, _)| id));
    if let Some(id) = find()? {
        return Ok(id);
    }
    let added = add();
    match (find()?, added) {
        (Some(id), _) => Ok(id),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(Error::Failed("the key was accepted and is not in the list of keys".into())),
    }
}

/// Says whether two lines hold one key. Providers drop or change the comment, so only algorithm and body count.
pub fn same_key(one: &str, other: &str) -> bool {
    let mut words = (one.split_whitespace(), other.split_whitespace());
    (0..2).all(|_| words.0.next().is_some_and(|word| words.1.next() == Some(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_added_once_and_looked_for_again_whatever_was_said() {
        let refused = || Err(Error::Refused("400: exists".into()));
        let lost = || Err(Error::Failed("the key was accepted and is not in the list of keys".into()));
        // Kept before, what `add` says, kept after; what comes of it.
        let table: [(bool, Result<()>, bool, Result<String>); 5] = [
            (true, lost(), true, Ok("k1".into())),
            (false, Ok(()), true, Ok("k1".into())),
            (false, refused(), true, Ok("k1".into())),
            (false, refused(), false, refused().map(|()| String::new())),
            (false, Ok(()), false, lost().map(|()| String::new())),
        ];
        for (before, said, after, expected) in table {
            let added = std::cell::Cell::new(0);
            let kept = || {
                let there = if added.get() == 0 { before } else { after };
                Ok(vec![("k1".to_owned(), "ssh-ed25519 AAAA".to_owned())].into_iter().filter(|_| there).collect())
            };
            let add = || {
                added.set(added.get() + 1);
                said
            };
            assert_eq!(ensure_key("ssh-ed25519 AAAA me@here", kept, add), expected);
            assert_eq!(added.get(), u32::from(!before), "added only if it was not there");
        }
    }

    #[test]
    fn a_key_is_its_algorithm_and_its_body() {
        let table = [
            ("ssh-ed25519 AAAA me@here", "ssh-ed25519 AAAA", true),
            (" ssh-ed25519  AAAA\n", "ssh-ed25519 AAAA bursar", true),
            ("ssh-ed25519 AAAA", "ssh-ed25519 AAAB", false),
            ("ssh-rsa AAAA", "ssh-ed25519 AAAA", false),
            ("ssh-ed25519", "ssh-ed25519", false),
            ("", "", false),
        ];
        for (one, other, expected) in table {
            assert_eq!(same_key(one, other), expected, "{one} / {other}");
        }
    }
}
