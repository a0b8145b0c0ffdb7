//! What a machine costs on the imitated network: units, storage beyond what comes with them, all to the 18th decimal place,
//! floored. Pure.

use serde_json::{Value, json};

/// 10^18: one credit.
const ONE: u128 = 1_000_000_000_000_000_000;
/// Credits for a MiB and an hour.
const STORAGE: u128 = 179_674_890_306_261_080;

/// What is sold: name, vCPUs, MiB of memory and of disk of a unit, credits of a unit and hour.
const KINDS: [(&str, u64, u64, u64, u128); 3] = [
    ("instance", 1, 2_048, 20_480, 14_250),
    ("instance_gpu_standard", 1, 6_144, 61_440, 43_125),
    ("instance_gpu_premium", 1, 6_144, 61_440, 86_250),
];

/// Cards: device, model, kind, units, MiB.
pub(super) const CARDS: [(&str, &str, &str, u64, u64); 3] = [
    ("10de:2684", "RTX 4090", "instance_gpu_standard", 6, 24_576),
    ("10de:26b9", "L40S", "instance_gpu_standard", 12, 49_152),
    ("10de:2330", "H100", "instance_gpu_premium", 24, 81_920),
];

/// Returns credits a second, in 10^-18, or why it cannot be priced.
pub(super) fn per_second(content: &Value) -> Result<u128, String> {
    let number =
        |pointer: &str| content.pointer(pointer).and_then(Value::as_u64).ok_or(format!("{pointer} is missing"));
    let (vcpus, memory, disk) =
        (number("/resources/vcpus")?, number("/resources/memory")?, number("/rootfs/size_mib")?);
    let device = content.pointer("/requirements/gpu/0/device_id").and_then(Value::as_str);
    let card =
        device.map(|device| CARDS.iter().find(|card| card.0 == device).ok_or(format!("{device} is not compatible")));
    let card = card.transpose()?;
    let name = card.map_or("instance", |card| card.2);
    let (_, _, unit_memory, unit_disk, credit) =
        KINDS.into_iter().find(|kind| kind.0 == name).ok_or("there is no such kind")?;
    let units = vcpus.max(memory.div_ceil(unit_memory)).max(card.map_or(0, |card| card.3));
    let volume = (u128::from(disk) * STORAGE / 3_600).max(ONE / 3_600);
    let free = u128::from(units * unit_disk) * STORAGE / 3_600;
    Ok(u128::from(units) * credit * ONE / 3_600 + volume - volume.min(free))
}

/// Writes an amount as the network does.
pub(super) fn written(amount: u128) -> String {
    format!("{}.{:018}", amount / ONE, amount % ONE)
}

/// Returns whole credits for so many milliseconds, rounded up.
pub(super) fn credits(per_second: u128, ms: u128) -> i64 {
    i64::try_from((per_second * ms).div_ceil(ONE * 1_000)).unwrap_or(i64::MAX)
}

/// Returns the tables that the network publishes.
pub(super) fn tables() -> Value {
    let tiers = |kind: &str| -> Vec<Value> {
        let cards = CARDS.iter().filter(|card| card.2 == kind);
        let cards: Vec<Value> = cards
            .map(|card| json!({ "id": card.1, "compute_units": card.3, "model": card.1, "vram": card.4 }))
            .collect();
        let plain = [1, 2, 4, 6, 8, 12].map(|units| json!({ "id": format!("tier-{units}"), "compute_units": units }));
        if kind == "instance" { plain.into() } else { cards }
    };
    let kind = |(name, vcpus, memory, disk, credit): (&str, u64, u64, u64, u128)| {
        let price = json!({
            "compute_unit": { "payg": "0.055", "holding": "1000", "credit": credit.to_string() },
            "storage": { "payg": "0.000000977", "holding": "0.05", "credit": "0.17967489030626108" },
        });
        let unit = json!({ "vcpus": vcpus, "memory_mib": memory, "disk_mib": disk });
        (name.to_owned(), json!({ "price": price, "compute_unit": unit, "tiers": tiers(name) }))
    };
    let gpu = |card: &(&str, &str, &str, u64, u64)| json!({ "name": card.1, "model": card.1, "vendor": "NVIDIA", "device_id": card.0 });
    let pricing: serde_json::Map<String, Value> = KINDS.into_iter().map(kind).collect();
    json!({ "pricing": pricing, "settings": { "compatible_gpus": CARDS.iter().map(gpu).collect::<Vec<_>>(), "last_crn_version": "1.14.0" } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_those_of_the_nodes_own_code() {
        let text = include_str!("../../../../plugins/aleph/fixtures/vectors.json");
        let vectors: Value = serde_json::from_str(text).unwrap();
        let samples = &vectors["ccn_server_samples"]["price_estimates"];
        let mut seen = 0;
        for message in vectors["messages"].as_array().unwrap() {
            let Some(sample) = samples.get(message["name"].as_str().unwrap()) else { continue };
            let content: Value = serde_json::from_str(message["item_content"].as_str().unwrap()).unwrap();
            assert_eq!(written(per_second(&content).unwrap()), sample["response"]["cost"], "{}", message["name"]);
            seen += 1;
        }
        assert_eq!(seen, 3);
    }
}
