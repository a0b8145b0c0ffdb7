//! The rows of the imitated catalogue: hosts, sizes, regions, images. Prices follow the formula of the fact sheet
//! (`ceil(month * 1000 / H)`, H = 672 on hosts 0, 1 and 2, 744 on host 4). Rows that nobody has seen are invented.

use serde_json::{Value, json};

use super::catalogue::{Host, Image, Region, Size, Subregion, Version};

/// Sold out everywhere, as in June 2026.
const SOLD_OUT: [&str; 2] = ["vcg-a40-12c-60g-24vram", "vcg-a40-24c-120g-48vram"];

pub(crate) fn hosts() -> Vec<Host> {
    vec![digital_ocean(), vultr(), linode(), bitlaunch()]
}

fn vultr() -> Host {
    Host {
        id: 1,
        word: "vultr",
        available: true,
        bandwidth_cost: 30,
        images: vec![
            image("Ubuntu", &[("2284", "Ubuntu 24.04 LTS x64"), ("1743", "Ubuntu 22.04 LTS x64")], true),
            image("Debian", &[("2136", "Debian 12 x64 (bookworm)")], false),
            Image { kind: "app", min_disk_gb: 25, ..image("Docker", &[("37", "Docker on Ubuntu 24.04")], false) },
            Image {
                windows: true,
                extra_usd_per_month: 20,
                min_disk_gb: 60,
                unavailable_regions: vec!["blr"],
                unavailable_plans: vec!["vcg-a40-1c-5g-2vram", "vcg-a40-2c-10g-4vram", "vcg-a40-4c-20g-8vram"],
                ..image("Windows", &[("501", "Windows 2022 Standard x64")], false)
            },
        ],
        regions: vec![
            region("Los Angeles", "us", &["lax"], &SOLD_OUT),
            region("New York ", "us", &["ewr"], &SOLD_OUT),
            region("London", "gb", &["lhr"], &SOLD_OUT),
            region("Frankfurt", "de", &["fra"], &SOLD_OUT),
            region("Tokyo", "jp", &["nrt", "itm"], &SOLD_OUT),
            region("Sydney", "au", &["syd"], &SOLD_OUT),
            region("Bangalore", "in", &["blr"], &SOLD_OUT),
            region("Paris", "", &["cdg"], &["vcg-a40-4c-20g-8vram", "vcg-a40-8c-40g-16vram", SOLD_OUT[0], SOLD_OUT[1]]),
        ],
        sizes: vec![
            gpu("vcg-a40-1c-5g-2vram", "1/24 GPU 2GB RAM", (1, 5120, 90), 164, 110),
            gpu("vcg-a40-2c-10g-4vram", "1/12 GPU 4GB RAM", (2, 10240, 180), 313, 210),
            gpu("vcg-a40-4c-20g-8vram", "1/6 GPU 8GB RAM", (4, 20480, 360), 625, 420),
            gpu("vcg-a40-8c-40g-16vram", "1/3 GPU 16GB RAM", (8, 40960, 720), 1250, 840),
            gpu("vcg-a40-12c-60g-24vram", "1/2 GPU 24GB RAM", (12, 61440, 700), 1875, 1260),
            gpu("vcg-a40-24c-120g-48vram", "1 GPU 48GB RAM", (24, 122880, 1400), 3721, 2500),
            plan("vc2-1c-1gb", "standard", (1, 1024, 25), 15, 10),
            plan("vc2-2c-4gb", "standard", (2, 4096, 80), 60, 40),
            plan("vhf-2c-4gb", "cpu", (2, 4096, 128), 72, 48),
        ],
        plan_types: json!([
            { "type": "gpu", "name": "Nvidia A40 GPU", "description": "", "hardwareGroup": "gpu1" },
            { "type": "standard", "name": "Cloud Compute", "description": "Shared vCPU", "hardwareGroup": "std1" },
            { "type": "cpu", "name": "High Frequency", "description": "", "hardwareGroup": "cpu1" },
        ]),
        options: json!({ "resize": true, "userScript": true, "rebuild": false }),
    }
}

fn bitlaunch() -> Host {
    Host {
        id: 4,
        word: "bitlaunch",
        available: true,
        bandwidth_cost: 0,
        images: vec![
            image("Ubuntu", &[("10006", "Ubuntu 24.04 LTS"), ("10002", "Ubuntu 22.04 LTS")], true),
            image("Debian", &[("10004", "Debian 12")], false),
            image("Alpine", &[("10009", "Alpine 3.20")], false),
        ],
        regions: vec![
            Region { lists_subregions: false, ..region("Amsterdam", "nl", &["ams3"], &[]) },
            Region { lists_subregions: false, ..region("London ", "gb", &["lon1"], &[]) },
            region("Los Angeles", "us", &["lax1"], &[]),
            region("Chicago", "us", &["chi1"], &["nibble-16384"]),
        ],
        sizes: vec![
            plan("nibble-1024", "standard", (1, 1024, 20), 11, 8),
            plan("nibble-2048", "standard", (1, 2048, 40), 21, 15),
            plan("nibble-4096", "standard", (2, 4096, 80), 41, 30),
            plan("nibble-8192", "standard", (4, 8192, 160), 81, 60),
            plan("nibble-16384", "standard", (8, 16384, 320), 162, 120),
        ],
        plan_types: json!([{ "type": "standard", "name": "Standard", "description": "" }]),
        options: json!({ "rebuild": true, "resize": true, "backups": false, "userScript": true }),
    }
}

fn digital_ocean() -> Host {
    Host {
        id: 0,
        word: "digitalocean",
        available: true,
        bandwidth_cost: 10,
        images: vec![image("Ubuntu", &[("155133621", "24.04 (LTS) x64"), ("129211873", "22.04 (LTS) x64")], true)],
        regions: vec![
            region("New York ", "us", &["nyc1", "nyc2", "nyc3"], &[]),
            region("London", "gb", &["lon1"], &[]),
        ],
        sizes: vec![plan("s-1vcpu-1gb", "standard", (1, 1024, 25), 18, 12), plan("c-2", "cpu", (2, 4096, 25), 125, 84)],
        plan_types: json!([
            { "type": "standard", "name": "Basic", "description": "" },
            { "type": "cpu", "name": "CPU-Optimized", "description": "" },
            { "type": "quantum", "name": "Not seen before", "description": "a type no client knows" },
        ]),
        options: json!({ "rebuild": true, "resize": true, "backups": true, "userScript": true, "access": false }),
    }
}

fn linode() -> Host {
    Host {
        id: 2,
        word: "linode",
        available: true,
        bandwidth_cost: 10,
        images: vec![image("Ubuntu", &[("linode/ubuntu24.04", "Ubuntu 24.04 LTS")], false)],
        regions: vec![region("Newark", "us", &["us-east"], &[])],
        sizes: vec![plan("g6-nanode-1", "standard", (1, 1024, 25), 15, 10)],
        plan_types: Value::Array(vec![json!({ "type": "standard", "name": "Shared CPU", "description": "" })]),
        options: json!({ "rebuild": true, "resize": true }),
    }
}

fn image(name: &'static str, versions: &[(&'static str, &'static str)], lists_versions: bool) -> Image {
    Image {
        name,
        kind: "image",
        min_disk_gb: 10,
        versions: versions.iter().map(|&(id, description)| Version { id, description }).collect(),
        lists_versions,
        extra_usd_per_month: 0,
        windows: false,
        unavailable_regions: Vec::new(),
        unavailable_plans: Vec::new(),
    }
}

fn region(name: &'static str, iso: &'static str, places: &[&'static str], sold_out: &[&str]) -> Region {
    let unavailable_sizes: Vec<String> = sold_out.iter().map(|&id| id.to_owned()).collect();
    let subregions = places.iter().map(|&id| Subregion { id, unavailable_sizes: unavailable_sizes.clone() }).collect();
    Region { name, iso, subregions, lists_subregions: true }
}

fn gpu(id: &'static str, free_text: &'static str, hardware: (u64, u64, u64), hour: i64, month: i64) -> Size {
    Size { free_text, bandwidth_gb: 3000, ..plan(id, "gpu", hardware, hour, month) }
}

fn plan(id: &'static str, plan_type: &'static str, hardware: (u64, u64, u64), hour: i64, month: i64) -> Size {
    let (cpu_count, memory_mb, disk_gb) = hardware;
    Size {
        id,
        plan_type,
        cpu_count,
        memory_mb,
        disk_gb,
        bandwidth_gb: 1000,
        musd_per_hour: hour,
        usd_per_month: month,
        free_text: "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_price_follows_the_formula() {
        for host in hosts() {
            let hours = if host.id == 4 { 744 } else { 672 };
            for size in host.sizes {
                let by_formula = (size.usd_per_month * 1000 + hours - 1) / hours;
                assert_eq!(size.musd_per_hour, by_formula, "{}", size.id);
            }
        }
    }
}
