//! A clock on the machine that ends it from within when nobody else did: the backstop of providers whose machines carry a
//! key of their own. The lines it runs are the manifest's, granted by the owner. The script beside this file does the work.

use crate::clean::{clean, clean_line};
use crate::error::SshError;
use crate::gather::fold;
use crate::script::quote;
use crate::{Ssh, Target};

const SCRIPT: &str = include_str!("self_end.sh");

/// What a machine can do to end itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfEnd {
    /// From now.
    pub secs: u64,
    /// A line of shell that succeeds where the machine's own key is good.
    pub check: String,
    /// A line of shell that ends it.
    pub run: String,
}

impl Ssh {
    /// Sets the clock, in the place of one that was set before; the inner error says why it cannot be relied on.
    pub async fn set_self_end(&self, at: &Target, ask: &SelfEnd) -> Result<Result<(), String>, SshError> {
        let SelfEnd { secs, check, run } = ask;
        let script = format!("secs={secs}\ncheck={}\nrun={}\n{SCRIPT}", quote(check), quote(run));
        let answer = self.ask(at, "setting its own end", &script, 60).await?.succeeded("setting its own end")?;
        let text = clean(&fold(&answer.stdout));
        Ok(match text.trim() {
            "armed" => Ok(()),
            other => Err(clean_line(other.strip_prefix("no ").unwrap_or(other).as_bytes(), 300)),
        })
    }
}
