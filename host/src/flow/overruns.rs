//! Instances that do not die: what they cost is held hour by hour, and everybody is told, whoever listens.

use super::{FlowError, Rooms};
use bursar_core::{instance::Instance, overrun, time::Moment};
use std::{process::Stdio, time::Duration};

/// What the owner's command may take before it is ended.
const NOTIFY_BY: Duration = Duration::from_secs(20);

impl Rooms {
    /// Holds what an overrun costs next, and tells it each time that more is held. One process does it: whoever claims.
    pub(super) async fn look_at_overrun(&self, instance: &Instance, now: Moment) -> Result<(), FlowError> {
        if !overrun::is_late(instance, now) {
            return Ok(());
        }
        let totals = self.store.held(&instance.id).await?;
        if overrun::hold(instance, totals, now).is_empty() {
            return Ok(());
        }
        let (id, standing) = (instance.id.clone(), totals);
        let held = |instance: &mut Instance| {
            // Between reading and writing nobody else holds: the row says whether it is as it was.
            let movements = overrun::hold(instance, standing, now);
            let is_more = !movements.is_empty();
            (movements, is_more)
        };
        let (instance, is_more) = self.store.change(&id, now, held).await?;
        if is_more {
            let totals = self.store.held(&id).await?;
            let text = overrun::in_words(&instance, totals, now);
            tracing::error!(instance = %id, "{text}");
            self.notify("overrun", &instance, &text);
        }
        Ok(())
    }

    /// Refuses to rent while the owner froze it, or while something on the account outlives its hold.
    pub(super) async fn refuse_while_it_leaks(&self, provider: &str, account: &str) -> Result<(), FlowError> {
        if let Some(why) = self.frozen().await? {
            let what = format!("all spending is frozen ({why})");
            return Err(FlowError::refused(what, "nothing was reserved; only the owner lifts it: bursar thaw"));
        }
        let now = self.clock.now();
        for open in self.store.open_instances().await? {
            if open.provider == provider && open.account == account && overrun::is_late(&open, now) {
                let what = overrun::in_words(&open, self.store.held(&open.id).await?, now);
                return Err(FlowError::refused(what, "nothing is rented on this account until that one is gone"));
            }
        }
        Ok(())
    }

    /// Runs the owner's `notify` command, with what happened in its environment. Nothing waits for it.
    pub(super) fn notify(&self, event: &'static str, instance: &Instance, text: &str) {
        self.notify_about(event, &instance.name, text);
    }

    /// The same about an account, by its provider's name.
    pub(super) fn notify_about(&self, event: &'static str, name: &str, text: &str) {
        let Some(command) = self.settings.notify.clone() else { return };
        let mut shell = tokio::process::Command::new("sh");
        shell
            .arg("-c")
            .arg(command)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        shell.env("BURSAR_EVENT", event).env("BURSAR_INSTANCE", name).env("BURSAR_TEXT", text);
        crate::task::spawn(async move {
            match tokio::time::timeout(NOTIFY_BY, shell.status()).await {
                Ok(Ok(status)) if status.success() => {}
                Ok(Ok(status)) => tracing::error!(event, %status, "the owner's `notify` command failed"),
                Ok(Err(error)) => tracing::error!(event, %error, "the owner's `notify` command could not be started"),
                Err(_) => {
                    tracing::error!(event, "the owner's `notify` command was ended after {} s", NOTIFY_BY.as_secs())
                }
            }
        });
    }
}
