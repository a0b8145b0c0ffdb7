//! What the imitated io.net sells. Rows and prices are made up in the shapes of the fact sheet: ids of io.net's own supply
//! are numbers, those of others texts, and a price is that of the whole row.

use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Hardware {
    /// Names the row and nothing else.
    pub(crate) id: String,
    /// A number or a text; orders must give it in the same form.
    pub(crate) deploy_id: Value,
    pub(crate) name: &'static str,
    pub(crate) cards: u32,
    pub(crate) sold_out: bool,
    pub(crate) micros_per_hour: i64,
    pub(crate) vram_gb: u32,
    pub(crate) link: Option<&'static str>,
    pub(crate) storage_gb: u32,
    pub(crate) vcpu: u32,
    pub(crate) memory_gb: u32,
    pub(crate) location: &'static str,
}

pub(super) fn hardware() -> Vec<Hardware> {
    vec![
        own(12, "GeForce RTX 4090", 1, 300_000, (24, 1000, 19, 62), "US"),
        own(12, "GeForce RTX 4090", 2, 600_000, (24, 1000, 39, 125), "US"),
        own(12, "GeForce RTX 4090", 1, 320_000, (24, 1000, 19, 62), "NO"),
        Hardware { sold_out: true, ..own(15, "L40S", 1, 790_000, (48, 800, 32, 128), "US") },
        own(9, "H100 PCIe", 1, 2_190_000, (80, 1500, 28, 180), "US"),
        own(9, "H100 PCIe", 8, 17_520_000, (80, 1500, 224, 1440), "FI"),
        Hardware {
            id: "B200_sxm6x8__US".into(),
            deploy_id: json!("B200_sxm6x8"),
            link: Some("sxm6"),
            ..own(0, "B200", 8, 39_920_000, (192, 22528, 208, 2900), "US")
        },
    ]
}

fn own(
    id: u32,
    name: &'static str,
    cards: u32,
    micros_per_hour: i64,
    (vram_gb, storage_gb, vcpu, memory_gb): (u32, u32, u32, u32),
    location: &'static str,
) -> Hardware {
    let id_of_row = format!("{id}__{cards}__{location}");
    Hardware {
        id: id_of_row,
        deploy_id: json!(id),
        name,
        cards,
        sold_out: false,
        micros_per_hour,
        vram_gb,
        link: None,
        storage_gb,
        vcpu,
        memory_gb,
        location,
    }
}
