//! What the book says of instances, with their money, and on request what the provider shows.

use super::{FlowError, Rooms, find_offers::NoAnswer};
use bursar_core::{
    instance::{Instance, Stage, View},
    ledger::Totals,
    money::Usd,
    settle,
    time::Moment,
};
use bursar_drivers::{At, Row};
use bursar_store::Place;
use std::collections::BTreeSet;

/// One instance, as the book has it at a moment.
#[derive(Debug, Clone)]
pub struct InstanceState {
    pub instance: Instance,
    pub totals: Totals,
    /// What it has cost so far as billed; an estimate until it is gone.
    pub accrued: Usd,
    pub as_of: Moment,
    /// What the provider shows now, where it was asked.
    pub view: Option<View>,
}

/// A live row on an account that does not carry our tag. It counts for guards and is never touched.
#[derive(Debug, Clone)]
pub struct Foreign {
    pub provider: String,
    pub row: Row,
}

#[derive(Debug, Default)]
pub struct Listed {
    pub instances: Vec<InstanceState>,
    pub foreign: Vec<Foreign>,
    pub no_answer: Vec<NoAnswer>,
    /// What ends what is open if no keeper ever runs again, in words, one line for each account.
    pub backstops: Vec<String>,
    /// What accounts took beyond their quotes, in words, and whether nothing more is made there.
    pub complaints: Vec<(String, bool)>,
    /// Where the list goes on, for `cursor`; nothing where this is all of it.
    pub next: Option<String>,
}

/// What of the list is wanted.
#[derive(Debug, Clone, Default)]
pub struct ListAsk {
    /// So many ended ones, too, on all pages together.
    pub ended: u32,
    /// Ask the providers first.
    pub refresh: bool,
    pub foreign: bool,
    /// So many on one page.
    pub limit: u32,
    /// `next` of the page before; it knows how many ended ones are still wanted.
    pub cursor: Option<String>,
}

impl Rooms {
    /// Lists our instances from the ledger; `refresh` asks the providers first.
    pub async fn list_instances(&self, ended: u32, refresh: bool, foreign: bool) -> Result<Listed, FlowError> {
        let mut listed = Listed::default();
        if refresh || foreign {
            self.refresh(&mut listed, foreign).await?;
        }
        listed.backstops = self.backstops().await?;
        listed.complaints = self.complaints().await?;
        let as_of = self.clock.now();
        let all = self.store.page(Place::begin(ended), u32::MAX).await?;
        listed.instances =
            all.rows.into_iter().map(|(instance, totals)| state(instance, totals, None, as_of)).collect();
        Ok(listed)
    }

    /// Lists one page of our instances: what is open, oldest first, then what ended, newest first.
    pub async fn list_page(&self, ask: &ListAsk) -> Result<Listed, FlowError> {
        let from = match ask.cursor.as_deref().map(str::parse::<Place>) {
            None => Place::begin(ask.ended),
            Some(Ok(place)) => place,
            Some(Err(())) => {
                let what = "that is no cursor of a list of instances";
                return Err(FlowError::refused(what, "take `next` of the page before as it stands, or leave it out"));
            }
        };
        let mut listed = Listed::default();
        if ask.refresh || ask.foreign {
            self.refresh(&mut listed, ask.foreign).await?;
        }
        listed.backstops = self.backstops().await?;
        listed.complaints = self.complaints().await?;
        let as_of = self.clock.now();
        let page = self.store.page(from, ask.limit).await?;
        listed.instances =
            page.rows.into_iter().map(|(instance, totals)| state(instance, totals, None, as_of)).collect();
        listed.next = page.next.map(|place| place.to_string());
        Ok(listed)
    }

    async fn refresh(&self, listed: &mut Listed, foreign: bool) -> Result<(), FlowError> {
        let open = self.store.open_instances().await?;
        let mut providers: BTreeSet<String> = open.into_iter().map(|instance| instance.provider).collect();
        if foreign {
            providers.extend(self.accounts_to_clear(&[]).await);
        }
        for provider in providers {
            match self.observe(&provider).await {
                Ok(observed) => {
                    let rows = observed.listing.rows.into_iter();
                    let strange =
                        rows.filter(|row| !row.tag.as_deref().is_some_and(|t| t.starts_with(self.store.ledger_id())));
                    listed.foreign.extend(strange.map(|row| Foreign { provider: provider.clone(), row }));
                }
                Err(error) => listed.no_answer.push(NoAnswer { provider, why: error.to_string() }),
            }
        }
        if !foreign {
            listed.foreign.clear();
        }
        Ok(())
    }

    /// Returns one instance by name or id; asks the provider about it if it may live.
    pub async fn get_instance(&self, principal: &str, name: &str, refresh: bool) -> Result<InstanceState, FlowError> {
        let instance = self.named(principal, name).await?;
        let view = match (&instance.handle, refresh && instance.stage.is_open()) {
            (Some(handle), true) => {
                let at = At { now: self.clock.now(), tag: Some(instance.tag.clone()) };
                self.driver(&instance.provider).await?.get_seen(&at, handle).await.ok()
            }
            _ => None,
        };
        let Some((view, rate)) = view else { return self.state_of(instance, None).await };
        self.note_bill(&instance, &view, rate).await?;
        self.state_of(self.require(&instance.id).await?, Some(view)).await
    }

    /// Restarts an instance of ours, where its driver can.
    pub async fn restart_instance(&self, principal: &str, name: &str) -> Result<InstanceState, FlowError> {
        let instance = self.named(principal, name).await?;
        let driver = self.driver(&instance.provider).await?;
        let Some(handle) = instance.handle.as_ref().filter(|_| instance.stage.is_open()) else {
            let what = format!("`{}` cannot be restarted: it is {}", instance.name, instance.stage);
            return Err(FlowError::refused(what, "only an instance that its provider has named can be"));
        };
        let at = At { now: self.clock.now(), tag: Some(instance.tag.clone()) };
        driver.restart(&at, handle).await?;
        let again = |instance: &mut Instance| {
            // It is ready again only when SSH answers again.
            if instance.stage == Stage::Ready {
                instance.stage = Stage::Made;
            }
            // Its clock does not outlive that.
            instance.sightings.self_ends = None;
            instance.note = Some("restarted".to_owned());
            (vec![], ())
        };
        self.store.change(&instance.id, self.clock.now(), again).await?;
        self.state_of(self.require(&instance.id).await?, None).await
    }

    pub(super) async fn named(&self, principal: &str, name: &str) -> Result<Instance, FlowError> {
        match self.store.find(principal, name).await? {
            Some(instance) => Ok(instance),
            None => {
                let open = self.store.open_instances().await?;
                let names: Vec<String> = open.into_iter().map(|instance| instance.name).collect();
                let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
                let there =
                    if names.is_empty() { "none is open".to_owned() } else { format!("open: {}", names.join(", ")) };
                Err(FlowError::refused(
                    format!("there is no instance `{shown}`; {there}"),
                    "see list_instances (`bursar ls`)",
                ))
            }
        }
    }

    pub(super) async fn state_of(
        &self,
        mut instance: Instance,
        view: Option<View>,
    ) -> Result<InstanceState, FlowError> {
        if let Some(ssh) = &mut instance.ssh {
            // In practice all of them answer at one port of this computer.
            ssh.port = self.ssh_port(ssh.port);
        }
        let totals = self.store.held(&instance.id).await?;
        Ok(state(instance, totals, view, self.clock.now()))
    }
}

fn state(instance: Instance, totals: Totals, view: Option<View>, as_of: Moment) -> InstanceState {
    let accrued = if instance.stage.is_open() { settle::accrued(&instance, as_of) } else { totals.charged };
    InstanceState { instance, totals, accrued, as_of, view }
}
