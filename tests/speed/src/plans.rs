//! Catalogues of 50 plans: one that says what an offer needs, and one shaped as BitLaunch's answers are.

use serde_json::{Value, json};

pub(crate) fn plain() -> Vec<u8> {
    let plan = |n: u64| {
        json!({
            "id": format!("vc2-{n}c-{}gb", n + 1), "region": "fra", "title": format!("{n} vCPU, {} GB", n + 1),
            "vcpus": n + 1, "memory_mib": 1_024 * (n + 1), "disk_gib": 25 + n, "per_hour": 15_000 + n, "in_stock": true,
        })
    };
    json!({"plans": (0..50).map(plan).collect::<Vec<Value>>()}).to_string().into_bytes()
}

pub(crate) fn bitlaunch() -> Vec<u8> {
    let sizes: Vec<Value> = (0..50).map(size).collect();
    let version = |id: &str, what: &str| json!({"id": id, "description": what, "passwordUnsupported": false});
    let ubuntu = json!({
        "id": 0, "name": "Ubuntu", "type": "image", "minDiskSize": 10, "unavailableRegions": [], "unavailablePlans": [],
        "version": version("1743", "Ubuntu 22.04 LTS x64"), "extraCostPerMonth": 0, "windows": false,
        "versions": [version("1743", "Ubuntu 22.04 LTS x64"), version("2284", "Ubuntu 24.04 LTS x64")],
    });
    let place = json!({"id": "fra", "description": "Frankfurt", "slug": "fra", "unavailableSizes": ["vc2-3c-4gb"]});
    let answer = json!({
        "hostID": 1, "available": true, "bandwidthCost": 30, "image": [ubuntu], "size": sizes,
        "region": [{"id": 9, "name": "Frankfurt", "iso": "de", "subregion": place, "subregions": []}],
        "planTypes": [{"type": "gpu", "name": "Nvidia A40 GPU", "description": "", "hardwareGroup": "gpu1"}],
        "hostOptions": {"resize": true, "userScript": true},
    });
    answer.to_string().into_bytes()
}

fn size(n: u64) -> Value {
    let (id, kind, text) = match n % 2 {
        0 => (format!("vcg-a40-{n}c-{}g-{n}vram", 5 * n), "gpu", json!("1/24 GPU 2GB RAM")),
        _ => (format!("vc2-{n}c-{}gb", n + 1), "standard", Value::Null),
    };
    json!({
        "id": id, "slug": id, "bandwidthGB": 3_000, "cpuCount": n + 1, "diskGB": 90 + n,
        "disks": [{"type": "SSD", "count": 1, "size": "90", "unit": "GB"}], "memoryMB": 1_024 * (n + 1),
        "freeText": text, "costPerHr": 15 + n, "costPerMonth": 9.99 + n as f64, "planType": kind,
    })
}
