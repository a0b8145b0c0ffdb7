//! Prices one exact order and looks at the account it would be made on, without changing anything anywhere.

use super::{FlowError, Rooms};
use bursar_core::{
    bounds::Lookback,
    decide::{AccountView, decide},
    ledger::Refusal,
    limits::Limits,
    offer::{Offer, Order},
    quote::Quote,
};
use bursar_drivers::Driver;
use std::sync::Arc;

/// An order that can be decided on: its price now, and what its account shows now.
pub struct Priced {
    pub driver: Arc<Driver>,
    pub offer: Offer,
    pub quote: Quote,
    pub account: AccountView,
    /// How long a lost create may still appear.
    pub late_secs: u64,
}

impl Rooms {
    /// Asks for the offer, its exact terms, the account and everything that lives on it.
    pub(super) async fn price_order(&self, order: Order) -> Result<Priced, FlowError> {
        let driver = self.driver(&order.provider).await?;
        let offer = self.offer(&driver, &order.offer, order.nodes).await?;
        let image = self.image(&driver, &order).await?;
        let order = Order { image: image.or_else(|| offer.image.clone()), ..order };
        let terms = driver.quote(&self.at(), &order).await?;
        let manifest = driver.manifest();
        let quote = Quote::new(&order, &terms, manifest.stop_secs, self.clock.now())?;
        // Before the balance is asked: what is charged after this moment may not be in it.
        let position = self.store.position().await?;
        let account = driver.account(&self.at()).await?;
        if let Some(why) = account.blocked {
            let what = format!("{} makes nothing on this account now: {why}", order.provider);
            return Err(FlowError::refused(what, "nothing was reserved; settle it at the provider, then ask again"));
        }
        let observed = self.observe(&order.provider).await?;
        if let Err(why) = &observed.listing.complete {
            let what = format!("the list of what runs on the account cannot be trusted: {why}");
            return Err(FlowError::refused(what, "nothing was reserved; try again, or look at the provider's page"));
        }
        if observed.listing.identity != account.identity {
            let what =
                format!("two answers named two accounts, {} and {}", account.identity, observed.listing.identity);
            return Err(FlowError::refused(what, "nothing was reserved; check which key is set: bursar doctor"));
        }
        let account = AccountView {
            provider: order.provider,
            identity: account.identity,
            balance: account.balance,
            position,
            burn_per_hour: account.burn_per_hour,
            foreign: observed.foreign,
        };
        let late_secs = manifest.late_secs;
        Ok(Priced { offer, quote, account, late_secs, driver })
    }

    /// Decides without writing: would this fit now?
    pub(super) async fn would_fit(&self, priced: &Priced, principal: &str) -> Result<Result<(), Refusal>, FlowError> {
        let limits = self.limits().await?;
        let lookback = self.lookback(&limits, &priced.account, principal);
        let standing = self.store.standing_within(&lookback, self.clock.now()).await?;
        match decide(&limits, &standing, &priced.quote, &priced.account, principal) {
            Ok(()) => Ok(Ok(())),
            Err(refusal) => Ok(Err(self.with_places(refusal).await?)),
        }
    }

    /// Returns what of the past a decision about an order on this account needs.
    pub(super) fn lookback(&self, limits: &Limits, account: &AccountView, principal: &str) -> Lookback {
        let lookback = limits.lookback(&account.provider, principal).on(account);
        match limits.max_session_spending {
            Some(_) => lookback.by(&self.worker.row().0),
            None => lookback,
        }
    }

    async fn offer(&self, driver: &Driver, id: &str, nodes: u32) -> Result<Offer, FlowError> {
        let offer = driver.find_offer(&self.at(), id).await?.ok_or_else(|| {
            let what = format!("{} has no offer `{id}` now", driver.name());
            FlowError::refused(what, "take an id that find_offers (`bursar offers`) shows, as it stands there")
        })?;
        if !(offer.nodes_min..=offer.nodes_max).contains(&nodes) {
            let what = format!(
                "{}:{id} is sold as {} to {} nodes, not {nodes}",
                driver.name(),
                offer.nodes_min,
                offer.nodes_max
            );
            return Err(FlowError::refused(what, "nothing was reserved; take another number or another offer"));
        }
        match offer.in_stock {
            Some(false) => {
                let what = format!("{}:{id} is sold out", driver.name());
                Err(FlowError::refused(what, "nothing was reserved; take another site or size that is in stock"))
            }
            _ => Ok(offer),
        }
    }

    /// Returns the id of the image that an order names by id or by name.
    async fn image(&self, driver: &Driver, order: &Order) -> Result<Option<String>, FlowError> {
        let Some(wanted) = &order.image else { return Ok(None) };
        let images = match driver.capabilities().images {
            true => driver.images(&self.at(), &order.offer).await?,
            false => return Ok(Some(wanted.clone())),
        };
        if images.iter().any(|image| image.id == *wanted) {
            return Ok(Some(wanted.clone()));
        }
        let lower = wanted.to_lowercase();
        let named: Vec<_> = images.iter().filter(|image| image.name.to_lowercase().contains(&lower)).collect();
        let names = |some: &mut dyn Iterator<Item = &str>| some.take(20).collect::<Vec<_>>().join("; ");
        match &named[..] {
            [one] => Ok(Some(one.id.clone())),
            [] => {
                let what = format!(
                    "no image is called `{wanted}`; there are: {}",
                    names(&mut images.iter().map(|i| &*i.name))
                );
                Err(FlowError::refused(what, "name one of them, or leave the image out"))
            }
            _ => {
                let what = format!("`{wanted}` fits several images: {}", names(&mut named.iter().map(|i| &*i.name)));
                Err(FlowError::refused(what, "name one of them exactly"))
            }
        }
    }
}
