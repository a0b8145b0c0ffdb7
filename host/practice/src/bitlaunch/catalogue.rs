//! What BitLaunch sells, host by host, and whether one order fits. The rows themselves are in `stock.rs`.
//! It knows nothing of servers that were made.

use serde_json::{Value, json};

use super::stock;

/// One of the companies behind BitLaunch, by its number.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) id: u64,
    /// The word that stands in usage descriptions.
    pub(crate) word: &'static str,
    pub(crate) available: bool,
    pub(crate) bandwidth_cost: u64,
    pub(crate) images: Vec<Image>,
    pub(crate) regions: Vec<Region>,
    pub(crate) sizes: Vec<Size>,
    pub(crate) plan_types: Value,
    pub(crate) options: Value,
}

#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) min_disk_gb: u64,
    pub(crate) versions: Vec<Version>,
    /// Most images list only their default version, as the real service does.
    pub(crate) lists_versions: bool,
    pub(crate) extra_usd_per_month: u64,
    pub(crate) windows: bool,
    pub(crate) unavailable_regions: Vec<&'static str>,
    pub(crate) unavailable_plans: Vec<&'static str>,
}

#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) id: &'static str,
    pub(crate) description: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub(crate) name: &'static str,
    pub(crate) iso: &'static str,
    pub(crate) subregions: Vec<Subregion>,
    /// Some regions list only their default subregion, as the real service does.
    pub(crate) lists_subregions: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Subregion {
    pub(crate) id: &'static str,
    pub(crate) unavailable_sizes: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Size {
    pub(crate) id: &'static str,
    pub(crate) plan_type: &'static str,
    pub(crate) cpu_count: u64,
    pub(crate) memory_mb: u64,
    pub(crate) disk_gb: u64,
    pub(crate) bandwidth_gb: u64,
    pub(crate) musd_per_hour: i64,
    pub(crate) usd_per_month: i64,
    pub(crate) free_text: &'static str,
}

/// Everything that is sold now.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue {
    hosts: Vec<Host>,
}

/// One order that fits.
pub(crate) struct Choice<'a> {
    pub(crate) host: &'a Host,
    pub(crate) size: &'a Size,
    pub(crate) image: &'a Image,
    pub(crate) version: &'a Version,
}

impl Catalogue {
    pub(crate) fn new() -> Self {
        Self { hosts: stock::hosts() }
    }

    pub(crate) fn host(&self, id: u64) -> Option<&Host> {
        self.hosts.iter().find(|host| host.id == id)
    }

    /// Checks one order as the real service is thought to: every part known, and the parts fit each other.
    pub(crate) fn choose(&self, host: u64, size: &str, version: &str, region: &str) -> Result<Choice<'_>, String> {
        let host = self.host(host).ok_or("Invalid host")?;
        if !host.available {
            return Err("Host is not available".into());
        }
        let size = host.size(size).ok_or("Invalid size")?;
        let (image, version) = host.version(version).ok_or("Invalid image")?;
        let place = host.subregion(region).ok_or("Invalid region")?;
        if place.unavailable_sizes.iter().any(|id| id == size.id) {
            return Err("Size is not available in this region".into());
        }
        if image.unavailable_regions.contains(&place.id) {
            return Err("Image is not available in this region".into());
        }
        if size.disk_gb < image.min_disk_gb || image.unavailable_plans.contains(&size.id) {
            return Err("Image does not fit this size".into());
        }
        Ok(Choice { host, size, image, version })
    }

    /// Takes a size out of stock in one region, or in all.
    pub(crate) fn sell_out(&mut self, size: &str, region: Option<&str>) {
        let places = self.hosts.iter_mut().flat_map(|host| &mut host.regions).flat_map(|region| &mut region.subregions);
        for place in places.filter(|place| region.is_none_or(|wanted| wanted == place.id)) {
            place.unavailable_sizes.push(size.to_owned());
        }
    }

    /// Changes the hourly price of a size; the month's price follows in proportion.
    pub(crate) fn reprice(&mut self, size: &str, musd_per_hour: i64) {
        for row in self.hosts.iter_mut().flat_map(|host| &mut host.sizes).filter(|row| row.id == size) {
            row.usd_per_month = (row.usd_per_month * musd_per_hour) / row.musd_per_hour.max(1);
            row.musd_per_hour = musd_per_hour;
        }
    }

    pub(crate) fn close(&mut self, host: u64) {
        for row in self.hosts.iter_mut().filter(|row| row.id == host) {
            row.available = false;
        }
    }
}

impl Host {
    pub(crate) fn size(&self, id: &str) -> Option<&Size> {
        self.sizes.iter().find(|size| size.id == id)
    }

    pub(crate) fn version(&self, id: &str) -> Option<(&Image, &Version)> {
        let pairs = self.images.iter().flat_map(|image| image.versions.iter().map(move |version| (image, version)));
        pairs.into_iter().find(|(_, version)| version.id == id)
    }

    fn subregion(&self, id: &str) -> Option<&Subregion> {
        self.regions.iter().flat_map(|region| &region.subregions).find(|place| place.id == id)
    }

    pub(crate) fn can(&self, option: &str) -> bool {
        self.options[option] == true
    }

    /// Returns the answer of `hosts-create-options`.
    pub(crate) fn options_json(&self) -> Value {
        json!({
            "hostID": self.id,
            "available": self.available,
            "bandwidthCost": self.bandwidth_cost,
            "image": self.images.iter().enumerate().map(|(id, image)| image.json(id)).collect::<Vec<_>>(),
            "region": self.regions.iter().enumerate().map(|(id, region)| region.json(id)).collect::<Vec<_>>(),
            "size": self.sizes.iter().map(Size::json).collect::<Vec<_>>(),
            "planTypes": self.plan_types,
            "hostOptions": self.options,
            "promotion": null,
        })
    }
}

impl Image {
    fn json(&self, id: usize) -> Value {
        let listed: &[Version] = if self.lists_versions { &self.versions } else { &[] };
        json!({
            "id": id,
            "name": self.name,
            "type": self.kind,
            "minDiskSize": self.min_disk_gb,
            "unavailableRegions": self.unavailable_regions,
            "unavailablePlans": self.unavailable_plans,
            "version": self.versions.first().map(|version| version.json(self.windows)),
            "versions": listed.iter().map(|version| version.json(self.windows)).collect::<Vec<_>>(),
            "extraCostPerMonth": self.extra_usd_per_month,
            "windows": self.windows,
        })
    }
}

impl Version {
    fn json(&self, password_unsupported: bool) -> Value {
        json!({ "id": self.id, "description": self.description, "passwordUnsupported": password_unsupported })
    }
}

impl Region {
    fn json(&self, id: usize) -> Value {
        let listed: &[Subregion] = if self.lists_subregions { &self.subregions } else { &[] };
        json!({
            "id": id,
            "name": self.name,
            "iso": self.iso,
            "subregion": self.subregions.first().map(|place| place.json(1)),
            "subregions": listed.iter().zip(1..).map(|(place, n)| place.json(n)).collect::<Vec<_>>(),
        })
    }
}

impl Subregion {
    fn json(&self, n: usize) -> Value {
        json!({ "id": self.id, "description": n.to_string(), "slug": self.id, "unavailableSizes": self.unavailable_sizes })
    }
}

impl Size {
    fn json(&self) -> Value {
        let mut row = json!({
            "id": self.id,
            "slug": self.id,
            "bandwidthGB": self.bandwidth_gb,
            "cpuCount": self.cpu_count,
            "diskGB": self.disk_gb,
            "disks": [{ "type": "SSD", "count": 1, "size": self.disk_gb.to_string(), "unit": "GB" }],
            "memoryMB": self.memory_mb,
            "costPerHr": self.musd_per_hour,
            "costPerMonth": self.usd_per_month,
            "planType": self.plan_type,
        });
        if !self.free_text.is_empty() {
            row["freeText"] = json!(self.free_text);
        }
        row
    }
}
