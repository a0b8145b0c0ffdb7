//! The types that TensorPool sells. There is no list of them to ask for, only a price for each.

use bursar_driver::prelude::*;

/// The memory of one card, in GiB.
const CARDS: [(&str, u64); 5] = [("B300", 288), ("B200", 192), ("H200", 141), ("H100", 80), ("L40S", 48)];
/// Asked for in this order.
pub(crate) const TYPES: [&str; 19] = [
    "1xL40S", "32xCPU", "64xCPU", "1xH100", "2xH100", "4xH100", "8xH100", "1xH200", "2xH200", "4xH200", "8xH200",
    "1xB200", "2xB200", "4xB200", "8xB200", "1xB300", "2xB300", "4xB300", "8xB300",
];
/// Those of which several nodes make one cluster.
const MANY_NODES: [&str; 2] = ["8xH200", "8xB200"];
const NODES_MAX: u32 = 16;

/// Returns the offer of a type; what an hour costs is not in it yet.
pub(crate) fn offer(kind: &str, per_hour: u64) -> Offer {
    let (count, model) = kind.split_once('x').unwrap_or(("1", kind));
    let count: u32 = count.parse().unwrap_or(1);
    let card = CARDS.iter().find(|(name, _)| *name == model);
    let gpu = card.map(|(_, gib)| Gpu::cards(model, count, Some(gib * 1024)));
    let vcpus = if model == "CPU" { count } else { 0 };
    Offer {
        id: kind.to_owned(),
        title: format!("{count}x {}", if model == "CPU" { "vCPU" } else { model }),
        hardware: Hardware { gpu, vcpus, ..Hardware::default() },
        price: Price::hourly(per_hour, Billing::SECONDS),
        nodes_max: if MANY_NODES.contains(&kind) { NODES_MAX } else { 1 },
        ..Offer::default()
    }
}
