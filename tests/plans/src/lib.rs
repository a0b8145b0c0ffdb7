//! Sells what its provider lists, and does nothing else.

use bursar_driver::prelude::*;

/// The driver; public for whoever runs it natively.
pub struct Shop;
driver!(Shop, "../driver.toml");

#[derive(Deserialize)]
struct Plans<'a> {
    #[serde(borrow)]
    plans: Vec<Plan<'a>>,
}

#[derive(Deserialize)]
struct Plan<'a> {
    id: &'a str,
    region: &'a str,
    title: String,
    vcpus: u32,
    memory_mib: u64,
    disk_gib: u64,
    per_hour: MicroUsd,
    in_stock: bool,
}

impl From<Plan<'_>> for Offer {
    fn from(plan: Plan<'_>) -> Offer {
        let Plan { vcpus, memory_mib, disk_gib, .. } = plan;
        Offer {
            id: [plan.id, plan.region].join("/"),
            title: plan.title,
            hardware: Hardware { gpu: None, vcpus, memory_mib, disk_gib },
            price: Price::hourly(plan.per_hour.cost(), Billing::CLOCK_HOURS),
            in_stock: Some(plan.in_stock),
            ..Offer::default()
        }
    }
}

impl Driver for Shop {
    fn account(_: &Call) -> Result<AccountInfo> {
        Err(none())
    }

    fn offers(_: &Call, _: &Wish, _: Option<String>) -> Result<OffersPage> {
        let answer = route("plans").ok()?;
        let listed: Plans<'_> = answer.read()?;
        Ok(OffersPage { items: listed.plans.into_iter().map(Offer::from).collect(), next: None })
    }

    fn quote(_: &Call, _: &Order) -> Result<Terms> {
        Err(none())
    }

    fn create(_: &Call, _: &Order, _: &Key) -> Result<Outcome> {
        Err(none())
    }

    fn get(_: &Call, _: &Handle) -> Result<Instance> {
        Err(none())
    }

    fn list(_: &Call, _: Option<String>) -> Result<InstancesPage> {
        Err(none())
    }
}

fn none() -> Error {
    Error::Unsupported("this driver is only measured".into())
}
