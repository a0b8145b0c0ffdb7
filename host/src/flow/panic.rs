//! The owner's panic: freeze what costs, wait out what may still land, end everything of ours on every account, and believe
//! only complete lists. What could not be ended is said. Only a thaw lifts the freeze.

use super::{FlowError, Rooms};
use bursar_core::{
    instance::{Instance, Stage, Tag},
    settle::LIST_GAP_SECS,
};
use bursar_drivers::{Listing, Row};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::Instant;

/// How far a panic came.
#[derive(Debug, Clone, Default)]
pub struct Panicked {
    /// Open by the book, although everything was tried; each with why.
    pub left: Vec<(Instance, String)>,
    /// Accounts that two complete lists in a row showed without anything of ours.
    pub clear: Vec<String>,
    /// Accounts of which that is not known, and why.
    pub unclear: BTreeMap<String, String>,
    /// Rows with this ledger's tag that the ledger does not know.
    pub unknown: Vec<(String, String)>,
}

impl Panicked {
    pub fn is_all_gone(&self) -> bool {
        self.left.is_empty() && self.unclear.is_empty() && self.unknown.is_empty()
    }
}

impl Rooms {
    /// Freezes spending and ends everything; returns after `wait` at the latest, and the keeper goes on.
    pub async fn panic(&self, wait: Duration, tell: impl Fn(&str)) -> Result<Panicked, FlowError> {
        // First the freeze: whoever has not sent his order by now does not send it.
        self.store.set_frozen(true, "the owner said panic", self.clock.now()).await?;
        self.say_owner("panic", "freeze all spending and end everything").await;
        tell("frozen: no order leaves any more");
        let began = Instant::now();
        for instance in self.store.open_instances().await? {
            self.begin_stop(&instance.id, "the owner said panic").await?;
        }
        if let Err(error) = self.replace_keeper().await {
            tell(&format!("no keeper goes on with it when this ends: {error}"));
        }
        let mut lists: BTreeMap<String, u32> = BTreeMap::new();
        loop {
            let found = self.panic_round(&mut lists).await?;
            if found.is_all_gone() || began.elapsed() >= wait {
                return Ok(found);
            }
            tell(&format!(
                "{} of ours are open, {} accounts are not known to be clear",
                found.left.len(),
                found.unclear.len()
            ));
            tokio::time::sleep(Duration::from_secs(LIST_GAP_SECS)).await;
        }
    }

    /// Lifts the freeze.
    pub async fn thaw(&self) -> Result<bool, FlowError> {
        let was = self.store.frozen().await?.is_some();
        if was {
            self.store.set_frozen(false, "the owner thawed it", self.clock.now()).await?;
            self.say_owner("thaw", "let things be rented again").await;
        }
        Ok(was)
    }

    /// Returns why spending is frozen, if it is.
    pub async fn frozen(&self) -> Result<Option<String>, FlowError> {
        Ok(self.store.frozen().await?.map(|(at, why)| format!("{why}, {at}")))
    }

    async fn panic_round(&self, lists: &mut BTreeMap<String, u32>) -> Result<Panicked, FlowError> {
        let mut found = Panicked::default();
        let open = self.store.open_instances().await?;
        let ends = open.iter().map(|instance| self.settle_one(&instance.id));
        for error in futures::future::join_all(ends).await.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "not ended yet");
        }
        for provider in self.accounts_to_clear(&open).await {
            match self.driver_list(&provider).await {
                Ok(listing) => self.judge(&provider, &listing, lists, &mut found).await?,
                Err(error) => {
                    lists.remove(&provider);
                    found.unclear.insert(provider, error.to_string());
                }
            }
        }
        for instance in self.store.open_instances().await? {
            let why = match (instance.stage, &instance.note) {
                (Stage::Requested | Stage::InDoubt, _) => {
                    "it may still land: it is looked for until that is over".to_owned()
                }
                (_, Some(note)) => note.clone(),
                (_, None) => "its end is not seen yet".to_owned(),
            };
            found.left.push((instance, why));
        }
        Ok(found)
    }

    /// Every account that has something open, and every other one that there is a key for.
    pub(super) async fn accounts_to_clear(&self, open: &[Instance]) -> BTreeSet<String> {
        let mut providers: BTreeSet<String> = open.iter().map(|instance| instance.provider.clone()).collect();
        for provider in self.list_providers().await {
            let missing = |place: &super::CredentialPlace| *place == super::CredentialPlace::Missing;
            let no_key = provider.credentials.iter().any(|(_, _, place)| missing(place));
            if provider.problem.is_none() && !no_key {
                providers.insert(provider.driver.name);
            }
        }
        providers
    }

    async fn driver_list(&self, provider: &str) -> Result<Listing, FlowError> {
        Ok(self.driver(provider).await?.list(&self.at()).await?)
    }

    /// A list counts where it is complete and shows nothing of ours.
    async fn judge(
        &self,
        provider: &str,
        listing: &Listing,
        lists: &mut BTreeMap<String, u32>,
        found: &mut Panicked,
    ) -> Result<(), FlowError> {
        let ours = |row: &&Row| Tag::instance_of(row.tag.as_deref().unwrap_or_default(), self.store.ledger_id());
        for row in &listing.rows {
            let Some(id) = ours(&row) else { continue };
            if self.store.instance(&id).await?.is_none() {
                found.unknown.push((provider.to_owned(), row.id.clone()));
            }
        }
        let here = listing.rows.iter().filter(|row| ours(row).is_some()).count();
        let why = match (&listing.complete, here) {
            (Err(why), _) => Some(format!("its list cannot be trusted: {why}")),
            (Ok(()), 0) => None,
            (Ok(()), n) => Some(format!("{n} of ours are still listed")),
        };
        if let Some(why) = why {
            lists.remove(provider);
            found.unclear.insert(provider.to_owned(), why);
            return Ok(());
        }
        let times = lists.entry(provider.to_owned()).or_default();
        *times += 1;
        match *times >= 2 {
            true => found.clear.push(provider.to_owned()),
            false => drop(
                found.unclear.insert(provider.to_owned(), "one list shows nothing of ours; a second is asked".into()),
            ),
        }
        Ok(())
    }
}
