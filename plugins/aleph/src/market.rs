//! What the network sells: tiers that any node may run, and GPUs of nodes that have one free. Its tables tell what a unit is
//! and costs; no figure stands here.

use bursar_driver::prelude::*;

/// By the second, while a day of the whole burn stays on the balance.
pub(crate) const BILLING: Billing = Billing::SECONDS.with_balance_for(86_400);
/// The image that the manifest names.
const IMAGE: &str = "5330dcefe1857bcd97b7b7f24d1420a7d46232d53f27be280c8a7071d88bd84e";
const GPU_KINDS: [&str; 2] = ["instance_gpu_standard", "instance_gpu_premium"];

pub(crate) struct Market {
    data: Row,
}

/// One kind of machine: what a unit of it has and costs, and how many units are sold together.
struct Kind {
    vcpus: u64,
    memory_mib: u64,
    disk_mib: u64,
    per_unit: MicroUsd,
    tiers: Vec<Row>,
}

impl Market {
    pub(crate) fn read() -> Result<Market> {
        Ok(Market { data: route("tables").read::<Row>()?.get("data")? })
    }

    pub(crate) fn offers(&self) -> Result<Vec<Offer>> {
        let plain = self.kind("instance")?.ok_or_else(|| Error::Failed("the price table has no `instance`".into()))?;
        let mut offers = Vec::new();
        for tier in &plain.tiers {
            offers.push(plain.offer(tier.get("compute_units")?, None)?);
        }
        let mut kinds = Vec::new();
        for name in GPU_KINDS {
            kinds.extend(self.kind(name)?);
        }
        let settings: Row = self.data.maybe("settings")?.unwrap_or_default();
        let known = settings.readable("compatible_gpus", Ok)?;
        for device in Device::all()? {
            let ours = |row: &&Row| row.text("device_id") == device.id;
            let Some(model) = known.iter().find(ours).and_then(|row| row.filled("model")) else { continue };
            let tier = |kind: &Kind| kind.tiers.iter().find(|tier| tier.text("model") == model).cloned();
            let Some((kind, tier)) = kinds.iter().find_map(|kind| Some((kind, tier(kind)?))) else { continue };
            let gpu = Gpu::cards(&model, 1, tier.lenient("vram"));
            offers.push(kind.offer(tier.get("compute_units")?, Some((gpu, &device)))?);
        }
        Ok(offers)
    }

    fn kind(&self, name: &str) -> Result<Option<Kind>> {
        let Some(row) = self.data.get::<Row>("pricing")?.maybe::<Row>(name)? else { return Ok(None) };
        let (unit, price): (Row, Row) = (row.get("compute_unit")?, row.get("price")?);
        Ok(Some(Kind {
            vcpus: unit.get("vcpus")?,
            memory_mib: unit.get("memory_mib")?,
            disk_mib: unit.get("disk_mib")?,
            per_unit: price.get::<Row>("compute_unit")?.get("credit")?,
            tiers: row.list("tiers")?,
        }))
    }
}

/// Returns what credits by the second, told to the 18th place, come to in an hour: a place less is a credit more.
pub(crate) fn per_hour(cost: &str) -> Result<u64> {
    const PLACES: usize = 18;
    let (whole, part) = cost.split_once('.').unwrap_or((cost, ""));
    let digits = format!("{whole}{part:0<PLACES$}");
    let plain = !whole.is_empty() && part.len() <= PLACES && digits.bytes().all(|digit| digit.is_ascii_digit());
    let micros = digits.parse::<u128>().ok().filter(|_| plain).and_then(|amount| amount.checked_mul(3_600));
    let credits = micros.and_then(|amount| u64::try_from(amount.div_ceil(10_u128.pow(18))).ok());
    credits
        .ok_or_else(|| Error::Failed(format!("no cost by the second: {}", cost.chars().take(40).collect::<String>())))
}

impl Kind {
    /// So many units, on any node or beside a card of one. A disk of the usual size is in the price.
    fn offer(&self, units: u64, card: Option<(Gpu, &Device)>) -> Result<Offer> {
        let vcpus = self.vcpus.saturating_mul(units);
        let (memory_mib, disk_mib) = (self.memory_mib.saturating_mul(units), self.disk_mib.saturating_mul(units));
        let (device, node) = card.as_ref().map_or(("-", "-"), |(_, device)| (device.id.as_str(), device.node.as_str()));
        let what =
            card.as_ref().map_or_else(|| "any node".to_owned(), |(gpu, at)| format!("{} · {}", gpu.model, at.at));
        Ok(Offer {
            id: format!("{vcpus}/{memory_mib}/{disk_mib}/{device}/{node}"),
            title: format!("{vcpus} vCPU {memory_mib} MiB · {what}"),
            hardware: Hardware {
                vcpus: u32::try_from(vcpus).unwrap_or(u32::MAX),
                memory_mib,
                disk_gib: disk_mib / 1_024,
                gpu: card.map(|(gpu, _)| gpu),
            },
            price: Price::hourly(self.per_unit.times(units).cost(), BILLING),
            in_stock: Some(true),
            image: Some(IMAGE.to_owned()),
            ..Offer::default()
        })
    }
}

/// A card that is free on a node.
pub(crate) struct Device {
    id: String,
    node: String,
    at: String,
    names: [String; 3],
}

impl Device {
    /// Returns those of nodes that are active, run machines, and ask nobody to accept terms; each kind once a node.
    fn all() -> Result<Vec<Device>> {
        let mut found: Vec<Device> = Vec::new();
        for node in route("nodes").read::<Row>()?.readable("crns", Ok)? {
            let works = node.lenient("qemu_support") != Some(false) && node.filled("inactive_since").is_none();
            if !works || node.filled("terms_and_conditions").is_some() {
                continue;
            }
            for card in node.readable("compatible_available_gpus", Ok)? {
                let device = Device {
                    id: card.text("device_id"),
                    node: node.text("hash"),
                    at: node.text("name"),
                    names: ["vendor", "device_name", "device_class"].map(|name| card.text(name)),
                };
                if !found.iter().any(|known| known.node == device.node && known.id == device.id) {
                    found.push(device);
                }
            }
        }
        Ok(found)
    }

    /// Returns the card that an order names, if it is still free there.
    pub(crate) fn of(order: &Order) -> Result<Option<Device>> {
        let [_, _, _, gpu, node] = order.parts()?;
        if gpu == "-" {
            return Ok(None);
        }
        let found = Device::all()?.into_iter().find(|device| device.id == gpu && device.node == node);
        found.map(Some).ok_or_else(|| Error::OutOfStock(format!("no {gpu} is free on node {node}")))
    }

    /// Gives a route the names of the card; without one they are left out.
    pub(crate) fn named(device: Option<&Device>, route: Route) -> Route {
        let Some(Device { names: [vendor, name, class], .. }) = device else { return route };
        route.with("vendor", vendor).with("device_name", name).with("device_class", class)
    }
}
