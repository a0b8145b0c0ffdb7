//! Where the money is: what is charged, what is held, what is left, and whether something would still fit.

use super::{CreateInstance, FlowError, Rooms, create_instance::Wanted};
use bursar_core::{
    decide::{WindowState, decide_amount, window_states},
    exposure::{Exposure, exposure},
    instance::InstanceId,
    ledger::{Entry, Refusal, Totals},
    limits::Limits,
    money::Usd,
    offer::Order,
    quote::Quote,
};

/// The ledger against the limits, now.
#[derive(Debug, Clone)]
pub struct Spending {
    pub totals: Totals,
    pub limits: Limits,
    /// What `max_total_spending` leaves.
    pub left: Usd,
    /// Of everything open.
    pub per_hour: Usd,
    pub open: usize,
    /// What is charged when everything open runs to its end.
    pub if_all_runs: Usd,
    /// Every window, of every scope that has one.
    pub windows: Vec<WindowState>,
}

/// Whether an order would be taken now. Nothing was reserved.
#[derive(Debug, Clone)]
pub struct Fit {
    pub quote: Option<Quote>,
    /// What would be held.
    pub hold: Usd,
    pub refusal: Option<Refusal>,
    /// What it can cost if no keeper ever runs again.
    pub exposure: Option<Exposure>,
}

impl Rooms {
    pub async fn get_spending(&self) -> Result<Spending, FlowError> {
        let (limits, now) = (self.limits().await?, self.clock.now());
        let standing = self.store.standing_within(&limits.lookback_all(), now).await?;
        Ok(Spending {
            windows: window_states(&limits, &standing, now),
            if_all_runs: standing.totals.committed(),
            totals: standing.totals,
            left: limits.max_total_spending.minus(standing.totals.committed()).max(Usd::ZERO),
            per_hour: standing.open.iter().map(|open| open.per_hour).sum(),
            open: standing.open.len(),
            limits,
        })
    }

    /// Would this order fit? Asks prices and the account, changes nothing.
    pub async fn check_order(&self, ask: &CreateInstance) -> Result<Fit, FlowError> {
        let limits = self.limits().await?;
        let Wanted::Offer { provider, id } = &ask.wanted else {
            return Err(FlowError::refused("only one exact offer can be checked", "take an id from find_offers"));
        };
        let order = Order {
            provider: provider.clone(),
            offer: id.clone(),
            image: ask.image.clone(),
            nodes: ask.nodes,
            length_secs: ask.length_secs.unwrap_or(limits.default_lease_secs),
        };
        let priced = self.price_order(order).await?;
        let refusal = self.would_fit(&priced, &ask.principal).await?.err();
        let exposure = Some(exposure(&priced.quote, &priced.account));
        Ok(Fit { hold: priced.quote.hold, quote: Some(priced.quote), refusal, exposure })
    }

    /// Would a plain amount, spent by this principal at once, fit?
    pub async fn check_amount(&self, amount: Usd, principal: &str) -> Result<Fit, FlowError> {
        let (limits, now) = (self.limits().await?, self.clock.now());
        let lookback = limits.lookback("", principal).by(&self.worker.row().0);
        let standing = self.store.standing_within(&lookback, now).await?;
        let refusal = match decide_amount(&limits, &standing, amount, principal, now) {
            Ok(()) => None,
            Err(refusal) => Some(self.with_places(refusal).await?),
        };
        Ok(Fit { quote: None, hold: amount, refusal, exposure: None })
    }

    /// Returns what an instance is called.
    pub async fn name_of(&self, id: &InstanceId) -> Result<Option<String>, FlowError> {
        Ok(self.store.name_of(id).await?)
    }

    /// Returns a number that is another one when anything open has changed, as far as this process lives.
    pub async fn open_as_it_is(&self) -> Result<u64, FlowError> {
        Ok(self.store.open_as_it_is().await?)
    }

    /// Returns the ledger's newest entries.
    pub async fn entries(&self, instance: Option<&InstanceId>, limit: u32) -> Result<Vec<Entry>, FlowError> {
        Ok(self.store.entries(instance, limit).await?)
    }
}
