//! Where the money is: what is charged, what is held, what is left, and whether something would still fit.

use super::{CreateInstance, FlowError, Rooms, create_instance::Wanted};
use bursar_core::{
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
        let (standing, limits) = (self.store.standing().await?, self.limits().await?);
        Ok(Spending {
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
        let refusal = self.would_fit(&priced).await?.err();
        let exposure = Some(exposure(&priced.quote, &priced.account));
        Ok(Fit { hold: priced.quote.hold, quote: Some(priced.quote), refusal, exposure })
    }

    /// Would a plain amount fit into what is left?
    pub async fn check_amount(&self, amount: Usd) -> Result<Fit, FlowError> {
        let spending = self.get_spending().await?;
        let fits = amount <= spending.left;
        let refusal = (!fits).then(|| {
            let limit = bursar_core::limits::LimitKey::MaxTotalSpending;
            let Totals { held, charged } = spending.totals;
            Refusal {
                over: vec![bursar_core::ledger::Over {
                    limit,
                    allowed: spending.limits.show(limit),
                    would_be: format!("{amount} USD would come to {charged} USD charged and {held} USD held"),
                    hint: format!("{} USD are left", spending.left),
                    narrowed_by: None,
                }],
            }
        });
        let refusal = match refusal {
            Some(refusal) => Some(self.with_places(refusal).await?),
            None => None,
        };
        Ok(Fit { quote: None, hold: amount, refusal, exposure: None })
    }

    /// Returns the ledger's newest entries.
    pub async fn entries(&self, instance: Option<&InstanceId>, limit: u32) -> Result<Vec<Entry>, FlowError> {
        Ok(self.store.entries(instance, limit).await?)
    }
}
