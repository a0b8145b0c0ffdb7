//! Choosing among offers. The host filters again, so this only keeps what crosses the boundary small.

use crate::types::{Offer, Wish};

impl Wish {
    /// Says whether an offer can be what is looked for.
    pub fn fits(&self, offer: &Offer) -> bool {
        let hardware = &offer.hardware;
        let (count, vram) = hardware.gpu.as_ref().map_or((0, Some(0)), |gpu| (gpu.count, gpu.vram_mib));
        let model =
            |wanted: &String| hardware.gpu.as_ref().is_some_and(|gpu| plain(&gpu.model).contains(&plain(wanted)));
        let site = |wanted: &String| offer.site.as_ref().is_some_and(|site| &site.id == wanted);
        self.gpu.as_ref().is_none_or(model)
            && count >= self.gpus_min
            && (self.vram_mib_min == 0 || vram.is_none_or(|vram| vram >= self.vram_mib_min))
            && self.per_hour_max.is_none_or(|most| offer.price.per_hour <= most)
            && hardware.disk_gib >= self.disk_gib
            && (self.nodes == 0 || (offer.nodes_min..=offer.nodes_max).contains(&self.nodes))
            && self.site.as_ref().is_none_or(site)
    }

    /// Returns the offers that fit, those in stock first, then the cheapest, no more than were asked for.
    pub fn pick(&self, offers: impl IntoIterator<Item = Offer>) -> Vec<Offer> {
        let mut fitting: Vec<Offer> = offers.into_iter().filter(|offer| self.fits(offer)).collect();
        fitting.sort_by(|a, b| {
            let key = |o: &Offer| (o.in_stock == Some(false), o.price.per_hour);
            key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
        });
        if self.limit > 0 {
            fitting.truncate(self.limit as usize);
        }
        fitting
    }
}

/// "RTX 4090", "rtx4090" and "RTX_4090" are one name.
fn plain(model: &str) -> String {
    model.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Billing, Gpu, Hardware, Price, Site};

    fn offer(id: &str, gpu: Option<Gpu>, per_hour: u64, in_stock: bool) -> Offer {
        Offer {
            id: id.into(),
            hardware: Hardware { gpu, disk_gib: 90, ..Hardware::default() },
            price: Price::hourly(per_hour, Billing::CLOCK_HOURS),
            site: Some(Site { id: "fra".into(), name: "Frankfurt".into(), country: None }),
            in_stock: Some(in_stock),
            ..Offer::default()
        }
    }

    fn shelf() -> Vec<Offer> {
        vec![
            offer("sold-out", Some(Gpu::cards("RTX 4090", 1, Some(24_576))), 1, false),
            offer("dear", Some(Gpu::cards("RTX 4090", 2, Some(24_576))), 9, true),
            offer("slice", Some(Gpu::slice("A40", (1, 24), Some(2048))), 3, true),
            offer("unknown", Some(Gpu::cards("A40", 1, None)), 5, true),
            offer("plain", None, 2, true),
        ]
    }

    #[test]
    fn what_fits_comes_in_stock_first_and_cheapest_first() {
        let any = Wish::default();
        let table: &[(&str, Wish, &[&str])] = &[
            ("anything", any.clone(), &["plain", "slice", "unknown", "dear", "sold-out"]),
            ("a GPU", Wish { gpus_min: 1, ..any.clone() }, &["slice", "unknown", "dear", "sold-out"]),
            ("a model", Wish { gpu: Some("rtx_4090".into()), ..any.clone() }, &["dear", "sold-out"]),
            ("two cards", Wish { gpus_min: 2, ..any.clone() }, &["dear"]),
            ("memory", Wish { vram_mib_min: 4096, ..any.clone() }, &["unknown", "dear", "sold-out"]),
            ("a price", Wish { per_hour_max: Some(2), ..any.clone() }, &["plain", "sold-out"]),
            ("a disk", Wish { disk_gib: 91, ..any.clone() }, &[]),
            ("a site", Wish { site: Some("lon1".into()), ..any.clone() }, &[]),
            ("nodes", Wish { nodes: 2, ..any.clone() }, &[]),
            ("two of them", Wish { limit: 2, ..any }, &["plain", "slice"]),
        ];
        for (what, wish, expected) in table {
            let found: Vec<String> = wish.pick(shelf()).into_iter().map(|o| o.id).collect();
            assert_eq!(&found, expected, "{what}");
        }
    }
}
