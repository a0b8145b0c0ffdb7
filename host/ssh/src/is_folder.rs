//! Tells a folder of a machine from a file.

use crate::error::SshError;
use crate::run::checked;
use crate::script::quote;
use crate::{Ssh, Target};

impl Ssh {
    /// Returns whether `path` is a folder there, and fails where nothing is; `~/` and relative paths begin at the home folder.
    pub async fn is_folder(&self, at: &Target, path: &str) -> Result<bool, SshError> {
        let doing = "looking for what is to be saved";
        let given = quote(checked("path", path)?);
        let script = format!(
            "p={given}\ncase $p in '~') p=$HOME;; '~/'*) p=$HOME/${{p#'~/'}};; /*) ;; *) p=$HOME/$p;; esac\n\
             if [ -d \"$p\" ]; then echo folder; elif [ -e \"$p\" ]; then echo file\n\
             else echo \"there is no $p\" >&2; exit 1; fi"
        );
        let text = self.ask(at, doing, &script, 30).await?.succeeded(doing)?.text();
        Ok(text.trim_end() == "folder")
    }
}
