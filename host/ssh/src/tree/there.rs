//! What a machine has of a folder that is sent to it: the target, what an earlier attempt left beside it, and what its tools
//! take.

use super::list::{self, List};
use crate::error::SshError;

/// Clocks of file systems lag behind by less.
const FRESH_SECS: i64 = 2;

/// What the machine has already.
pub(super) struct There {
    pub(super) path: String,
    /// Where what arrives waits.
    pub(super) stage: String,
    pub(super) exists: bool,
    /// Its `tar` takes what is told of a file beyond the format's oldest fields.
    pub(super) takes_more: bool,
    pub(super) list: List,
    /// What an earlier attempt left in the stage.
    pub(super) staged: List,
}

impl There {
    /// Reads what the machine told. Nothing where it told something else.
    pub(super) fn read(text: &[u8]) -> Option<Result<There, SshError>> {
        let mut at = 0;
        let mut word = || {
            let end = at + text.get(at..)?.iter().position(|byte| *byte == 0)?;
            let word = &text[at..end];
            at = end + 1;
            Some((word, at))
        };
        let text_of = |word: &[u8]| String::from_utf8(word.to_vec()).ok().filter(|path| path.starts_with('/'));
        let (path, stage) = (text_of(word()?.0)?, text_of(word()?.0)?);
        let exists = word()?.0 == b"yes";
        let (takes_more, begin) = word()?;
        let takes_more = takes_more == b"yes";
        let (mut end, mut next) = (begin, begin);
        loop {
            let (first, _) = word()?;
            let (_, after) = word()?;
            next = after.max(next);
            if first == b"=" {
                break;
            }
            end = after;
        }
        let lists = list::read(&text[begin..end]).and_then(|list| Ok((list, list::read(&text[next..])?)));
        Some(lists.map(|(list, staged)| There { path, stage, exists, takes_more, list, staged }))
    }

    /// Returns whether what waits in the stage belongs to what is sent now.
    pub(super) fn resumes(&self, here: &List) -> bool {
        self.staged.iter().all(|(path, entry)| here.get(path).is_some_and(|own| own.is_dir() == entry.is_dir()))
    }

    /// Returns from when on files get all of their time.
    pub(super) fn fresh_since(&self, now: Option<u64>) -> i64 {
        match self.takes_more {
            true => now.map_or(0, |now| now.cast_signed().saturating_sub(FRESH_SECS)),
            false => i64::MAX,
        }
    }
}
