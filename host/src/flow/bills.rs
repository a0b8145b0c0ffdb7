//! What an instance is billed at, held against what was quoted: a rate that the host read, one that its driver tells where that
//! is higher, and what was paid for a block. Dearer than quoted is told, held and charged; dearer than the owner allows ends.

use super::{FlowError, Rooms};
use bursar_core::{
    instance::{Instance, View},
    money::Usd,
    quote::billed_secs,
};

impl Rooms {
    /// Notes what one look at an instance shows of its bill. `read` is what the host itself read.
    pub(super) async fn note_bill(&self, instance: &Instance, view: &View, read: Option<Usd>) -> Result<(), FlowError> {
        // Told only, a rate may raise a hold and never lower one.
        let rates = [read, view.per_hour, paid_per_hour(instance, view)];
        match rates.into_iter().flatten().max() {
            Some(rate) => self.note_rate(&instance.id, rate).await,
            None => Ok(()),
        }
    }

    /// Returns why an instance that is not ready yet must be ended for its price.
    pub(super) async fn too_dear(&self, instance: &Instance) -> Result<Option<String>, FlowError> {
        let most = self.limits().await?.max_price_per_hour;
        let dearer = instance.dearer().filter(|rate| *rate > most);
        Ok(dearer.map(|rate| {
            let quoted = instance.price.per_hour;
            format!("its provider bills {rate} USD/h; {quoted} USD/h were quoted, and `max_price_per_hour` allows {most} USD/h")
        }))
    }
}

/// What was paid for a block, by the hour, where that is more than was quoted. Not while a further one is being bought.
fn paid_per_hour(instance: &Instance, view: &View) -> Option<Usd> {
    let (lease, billing) = (&instance.lease, &instance.price.billing);
    let hours = billed_secs(billing, lease.ends.since(lease.begins)).div_ceil(3_600);
    let quoted = instance.price.per_hour.times(hours);
    let paid = view.spent.filter(|paid| billing.prepaid && lease.extending.is_none() && *paid > quoted)?;
    let hours = i64::try_from(hours.max(1)).ok()?;
    Some(Usd(paid.0.checked_add(hours - 1)? / hours))
}
