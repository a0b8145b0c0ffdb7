//! Names the files under a path on a machine: the file itself, or all regular files of a folder. Links are not followed.

use crate::error::SshError;
use crate::run::checked;
use crate::script::quote;
use crate::{Ssh, Target};

const FILES_MAX: usize = 5_000;

/// One regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileUnder {
    /// The full path on the machine.
    pub path: String,
    /// Its path below the one that was asked; empty where that is the file.
    pub below: String,
}

impl Ssh {
    /// Returns the files under `path`, which may be a file or a folder; `~/` and relative paths begin at the home folder.
    pub async fn files_under(&self, at: &Target, path: &str) -> Result<Vec<FileUnder>, SshError> {
        let doing = "looking for files";
        let given = quote(checked("path", path)?);
        let script = format!(
            "p={given}\ncase $p in '~') p=$HOME;; '~/'*) p=$HOME/${{p#'~/'}};; /*) ;; *) p=$HOME/$p;; esac\n\
             if [ -f \"$p\" ]; then printf 'F %s\\n' \"$p\"\n\
             elif [ -d \"$p\" ]; then cd -- \"$p\" && pwd -P | sed 's/^/D /' && find . -type f | head -n {}\n\
             else echo \"no file or folder $p\" >&2; exit 1; fi",
            FILES_MAX + 1
        );
        let text = self.ask(at, doing, &script, 30).await?.succeeded(doing)?.text();
        let machine = |why: String| SshError::Machine { doing, why };
        let mut lines = text.lines();
        match lines.next().and_then(|line| line.split_once(' ')) {
            Some(("F", path)) => Ok(vec![FileUnder { path: path.to_owned(), below: String::new() }]),
            Some(("D", folder)) => {
                let files: Vec<_> = lines.filter_map(|line| line.strip_prefix("./")).collect();
                if files.len() > FILES_MAX {
                    return Err(machine(format!("more than {FILES_MAX} files; pack them into one there")));
                }
                let file = |below: &str| FileUnder { path: format!("{folder}/{below}"), below: below.to_owned() };
                Ok(files.into_iter().map(file).collect())
            }
            _ => Err(machine("it named no files".to_owned())),
        }
    }
}
