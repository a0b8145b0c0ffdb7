//! Ways to an instance beside commands and files: a port of its own loopback, one HTTP request, and the system's `ssh` by name.

use super::{FlowError, Rooms};
use bursar_core::instance::Stage;
use bursar_ssh::{HttpAnswer, HttpAsk, PortStream};
use std::path::PathBuf;

impl Rooms {
    /// Connects to a port of an instance's own loopback.
    pub async fn open_port(&self, principal: &str, name: &str, port: u16) -> Result<PortStream, FlowError> {
        let target = self.target(principal, name).await?;
        Ok(self.ssh.port(&target, port).await?)
    }

    /// Sends one HTTP request to a port of an instance's own loopback.
    pub async fn request_http(&self, principal: &str, name: &str, ask: &HttpAsk) -> Result<HttpAnswer, FlowError> {
        let target = self.target(principal, name).await?;
        Ok(self.ssh.request(&target, ask).await?)
    }

    /// The file for `Include` in which the system's `ssh` finds our instances by name, up to date.
    pub async fn ssh_config(&self) -> Result<PathBuf, FlowError> {
        self.tell_ssh().await?;
        Ok(self.ssh.config_file())
    }

    /// Writes that file anew where it no longer fits the ledger.
    async fn tell_ssh(&self) -> Result<(), FlowError> {
        let open = self.store.open_instances().await?;
        let reached = open.iter().filter(|instance| matches!(instance.stage, Stage::Made | Stage::Ready));
        let machines: Vec<_> = reached
            .filter_map(|instance| Some((instance.name.clone(), self.target_at(&instance.id, instance.ssh.as_ref()?))))
            .collect();
        Ok(self.ssh.write_config(&machines)?)
    }

    /// The same after an instance changed. Nothing of ours reads the file, so nothing fails for it.
    pub(super) async fn tell_ssh_of_change(&self) {
        if let Err(error) = self.tell_ssh().await {
            tracing::warn!(%error, "the file for the system's ssh is out of date");
        }
    }
}
