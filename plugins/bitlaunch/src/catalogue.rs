//! What BitLaunch sells on one host: sizes, the places that have them, the images that fit.

use bursar_driver::prelude::*;

pub(crate) struct Catalogue {
    /// Every size in every place, sold out or not.
    pub(crate) offers: Vec<Offer>,
    images: Vec<HostImage>,
}

struct HostImage {
    image: Image,
    disk_gib_min: u64,
    /// Sizes and places.
    not_for: Vec<String>,
}

impl Catalogue {
    pub(crate) fn read(route: Route) -> Result<Catalogue> {
        let options: Row = route.read()?;
        let host: u32 = options.get("hostID")?;
        let open = options.maybe("available")? == Some(true);
        let images: Vec<_> = options.readable("image", images)?.into_iter().flatten().collect();
        let places: Vec<_> = options.readable("region", places)?.into_iter().flatten().collect();
        let free = images.iter().filter(|known| known.image.per_hour == 0);
        let ubuntu = free.filter(|known| known.image.name.starts_with("Ubuntu 24.04"));
        let mut offers = Vec::new();
        for size in options.readable("size", |size| anywhere(&size, &options))? {
            for (site, sold_out) in &places {
                let offer = Offer {
                    id: format!("{host}/{}/{}", size.id, site.id),
                    title: format!("{} · {}", size.title, site.name),
                    site: Some(site.clone()),
                    in_stock: Some(open && !sold_out.contains(&size.id)),
                    ..size.clone()
                };
                let image = ubuntu.clone().find(|known| known.fits(&offer)).map(|known| known.image.id.clone());
                offers.push(Offer { image, ..offer });
            }
        }
        Ok(Catalogue { offers, images })
    }

    /// Returns the price of an order, or why it cannot be had.
    pub(crate) fn terms(&self, order: &Order) -> Result<Terms> {
        order.single()?;
        let [_, size, _] = order.parts()?;
        let offer = self.offer(&order.offer)?;
        if offer.in_stock == Some(false) {
            let place = offer.site.as_ref().map_or("this place", |site| &site.name);
            return Err(Error::OutOfStock(format!("{size} is sold out in {place}")));
        }
        let Some(id) = &order.image else { return Ok(Terms::of(offer.price)) };
        let image = self.images_of(&order.offer)?.into_iter().find(|image| image.id == *id);
        let none = || Error::Refused(format!("no image `{id}` that fits {}; list its images", order.offer));
        let extra = image.ok_or_else(none)?.per_hour;
        Ok(Terms::of(offer.price.plus(extra, extra.saturating_mul(Month::HOURS_MIN))))
    }

    /// Returns the images that an offer can run.
    pub(crate) fn images_of(&self, offer: &str) -> Result<Vec<Image>> {
        let offer = self.offer(offer)?;
        Ok(self.images.iter().filter(|known| known.fits(offer)).map(|known| known.image.clone()).collect())
    }

    fn offer(&self, id: &str) -> Result<&Offer> {
        let [host, size, region] = offer_parts(id)?;
        let gone = || Error::Refused(format!("host {host} no longer sells {size} in {region}"));
        self.offers.iter().find(|offer| offer.id == id).ok_or_else(gone)
    }
}

impl HostImage {
    fn fits(&self, offer: &Offer) -> bool {
        let excluded = offer.id.split('/').skip(1).any(|part| self.not_for.iter().any(|id| id == part));
        !excluded && self.disk_gib_min <= offer.hardware.disk_gib
    }
}

/// Returns what is sold of one size wherever there is some. Its price is capped in a calendar month.
fn anywhere(size: &Row, options: &Row) -> Result<Offer> {
    let id: String = size.get("id")?;
    let (vcpus, memory_mib, disk_gib) = (size.get("cpuCount")?, size.get("memoryMB")?, size.get("diskGB")?);
    let text = size.filled("freeText");
    let kind = size.filled("planType").unwrap_or("other".into());
    let counted = || format!("{vcpus} vCPU {memory_mib} MB RAM {disk_gib} GB disk");
    let gpu = (kind == "gpu").then(|| gpu(&id, text.as_deref().unwrap_or_default(), options));
    let month_cap = size.maybe("costPerMonth")?.map(Usd::cost);
    let price = Price::hourly(size.get::<MilliUsd>("costPerHr")?.cost(), Billing { month_cap, ..Billing::CLOCK_HOURS });
    let per_gb_out = options.lenient("bandwidthCost").map_or(0, MilliUsd::cost);
    Ok(Offer {
        title: format!("{kind} · {}", text.unwrap_or_else(counted)),
        hardware: Hardware { gpu, vcpus, memory_mib, disk_gib },
        price: price.traffic(0, per_gb_out, size.maybe("bandwidthGB")?.unwrap_or(0)),
        id,
        ..Offer::default()
    })
}

/// Model, share and memory stand only in texts: `vcg-a40-1c-5g-2vram` and `1/24 GPU 2GB RAM`.
fn gpu(id: &str, text: &str, options: &Row) -> Gpu {
    let model = id.strip_prefix("vcg-").and_then(|rest| rest.split('-').next()).map(str::to_uppercase);
    let plans = options.readable("planTypes", Ok).unwrap_or_default();
    let named = || plans.iter().find(|plan| plan.text("type") == "gpu").and_then(|plan| plan.filled("name"));
    let (share, rest) = text.split_once("GPU").unwrap_or_default();
    let in_id = id.rsplit('-').next().and_then(|word| word.strip_suffix("vram"));
    let vram_gib = in_id.or(rest.split_once("GB").map(|(gib, _)| gib.trim())).and_then(|gib| gib.parse::<u64>().ok());
    Gpu::told(&model.or_else(named).unwrap_or("GPU".into()), share, vram_gib.map(|gib| gib.saturating_mul(1024)))
}

/// Returns the places of a region, each with the sizes it has not. Some regions have parts, and then only those count.
fn places(region: Row) -> Result<Vec<(Site, Vec<String>)>> {
    let parts = these_or_this(&region, "subregions", "subregion")?;
    let place = |part: &Row| {
        let (id, name): (String, _) = (part.get("id")?, region.text("name"));
        let name = if parts.len() > 1 { format!("{name} ({id})") } else { name };
        let country = region.filled("iso").map(|iso| iso.to_uppercase());
        Ok((Site { id, name, country }, part.list("unavailableSizes")?))
    };
    parts.iter().map(place).collect()
}

/// Returns the versions of an image. On Windows nothing answers SSH; an extra cost is spread over the hours, rounded up.
fn images(image: Row) -> Result<Vec<HostImage>> {
    let windows = image.maybe("windows")? == Some(true);
    let versions = if windows { Vec::new() } else { these_or_this(&image, "versions", "version")? };
    let extra: Usd = image.maybe("extraCostPerMonth")?.unwrap_or_default();
    let version = |version: Row| {
        let (name, told) = (image.text("name"), version.text("description"));
        let name = if told.starts_with(&name) { told } else { format!("{name} {told}") };
        Ok(HostImage {
            image: Image { id: version.get("id")?, name, per_hour: extra.per(Month::HOURS_MIN).cost() },
            disk_gib_min: image.maybe("minDiskSize")?.unwrap_or(0),
            not_for: [image.list("unavailableRegions")?, image.list("unavailablePlans")?].concat(),
        })
    };
    versions.into_iter().map(version).collect()
}

/// Returns the list, or where it is empty the one that stands beside it.
fn these_or_this(row: &Row, these: &str, this: &str) -> Result<Vec<Row>> {
    let these: Vec<Row> = row.list(these)?;
    if these.is_empty() { Ok(row.maybe(this)?.into_iter().collect()) } else { Ok(these) }
}
