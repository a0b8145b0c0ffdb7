//! Who asked what, and what was decided and why, in the trail beside what the door says. No secret stands in it.

use super::{CreateInstance, FlowError, Rooms, price_order::Priced};
use bursar_core::{instance::Tag, time::human};
use bursar_store::{AuditLine, ChainHealth};

/// Of any text in a line, in characters.
const TEXT_MAX: usize = 600;

/// One thing that somebody asked for, and what came of it.
pub(super) struct Said<'a> {
    pub provider: &'a str,
    /// Such as `create_instance`.
    pub call: &'a str,
    /// `allowed`, `denied` or `asked`.
    pub what: &'a str,
    pub asked: String,
    pub why: Option<String>,
    pub tag: Option<&'a Tag>,
}

impl Rooms {
    /// Writes it down. A trail that cannot be written stops nothing, and is said aloud.
    pub(super) async fn say(&self, said: Said<'_>) {
        let short =
            |text: &str| text.chars().filter(|c| !c.is_control() || *c == '\n').take(TEXT_MAX).collect::<String>();
        let line = AuditLine {
            at: self.clock.now(),
            driver: said.provider.to_owned(),
            call: said.call.to_owned(),
            route: "decide".to_owned(),
            effect: None,
            tag: said.tag.map(|tag| tag.0.clone()),
            provider_id: None,
            what: said.what.to_owned(),
            status: None,
            cause: None,
            asked: Some(short(&said.asked)),
            why: said.why.as_deref().map(short),
            way: None,
            who: Some(self.caller.to_owned()),
        };
        if let Err(error) = self.store.append_audit(&[line]).await {
            tracing::error!(%error, "who asked what could not be written to the trail");
        }
    }

    /// Writes down what was decided about an order.
    pub(super) async fn say_decided(
        &self,
        ask: &CreateInstance,
        priced: &Priced,
        tag: Option<&Tag>,
        refusal: Option<String>,
    ) {
        let quote = &priced.quote;
        let (offer, hold, length) = (&quote.order.offer, quote.hold, human(quote.order.length_secs));
        let asked = format!("`{}`: {offer} for {length}, {} USD/h, {hold} USD to be held", ask.name, quote.per_hour);
        let what = if refusal.is_none() { "allowed" } else { "denied" };
        let provider = quote.order.provider.as_str();
        self.say(Said { provider, call: "create_instance", what, asked, why: refusal, tag }).await;
    }

    /// Writes down what the owner did in a terminal.
    pub(super) async fn say_owner(&self, call: &str, asked: impl Into<String>) {
        let provider = "-";
        self.say(Said { provider, call, what: "asked", asked: asked.into(), why: None, tag: None }).await;
    }

    /// Folds the whole trail again; `noted` is a hash that the owner kept.
    pub async fn verify_audit(&self, noted: Option<&str>) -> Result<ChainHealth, FlowError> {
        Ok(self.store.verify_audit(noted).await?)
    }
}
