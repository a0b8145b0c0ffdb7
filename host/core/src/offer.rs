//! What a provider sells and what one may ask of it. Prices are those of one node, as the provider bills them.

use crate::{gpu, money::Usd, time::Moment};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How time becomes money at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billing {
    /// The unit that is paid for once it has begun: 1 by the second, 3,600 by started hours. Never zero.
    pub step_secs: u64,
    /// Steps are cut on the clock, so 12:59 to 13:01 touches two hours.
    pub on_the_clock: bool,
    /// The least that is paid for, however short the stay.
    pub minimum_secs: u64,
    /// The whole length is paid at create, and the instance ends with it unless extended.
    pub prepaid: bool,
    /// Of what is prepaid, the steps not begun come back on an early end.
    pub refunds: bool,
    /// No more than this in one calendar month.
    pub month_cap: Option<Usd>,
    /// So many seconds of the whole account's burn must lie on the balance, unspent.
    pub balance_secs: u64,
}

impl fmt::Display for Billing {
    /// How it bills, in a word or two, for lists.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.step_secs {
            1 => "second",
            60 => "minute",
            3_600 => "hour",
            86_400 => "day",
            secs => return write!(f, "{} {secs} s", if self.prepaid { "ahead, by" } else { "by" }),
        };
        match (self.prepaid, self.on_the_clock) {
            (true, _) => write!(f, "ahead, by the {unit}"),
            (false, true) => write!(f, "by the {unit} on the clock"),
            (false, false) => write!(f, "by the {unit}"),
        }
    }
}

/// What one node costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// All that runs along: disk, fees, licence.
    pub per_hour: Usd,
    pub per_hour_paused: Usd,
    /// Paid at create.
    pub once: Usd,
    pub per_gb_in: Usd,
    pub per_gb_out: Usd,
    /// Traffic that is free each month.
    pub gb_free: u64,
    pub billing: Billing,
}

/// How we know a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priced {
    /// The host read it in the provider's answer.
    Seen,
    /// Only the driver said so.
    Told,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// As `gpu::model` writes it, so that providers compare.
    pub model: String,
    pub count: u32,
    /// Of one GPU, or of the slice.
    pub vram_mib: Option<u64>,
    /// A share of a card, as in 1/24.
    pub slice: Option<(u32, u32)>,
    pub link: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    pub gpu: Option<Gpu>,
    pub vcpus: u32,
    pub memory_mib: u64,
    pub disk_gib: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    pub id: String,
    pub name: String,
    pub country: Option<String>,
}

/// What a provider sells now. Hardware and price are those of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub provider: String,
    /// Shaped as the driver's manifest says. `provider:id` names an offer everywhere outside.
    pub id: String,
    pub title: String,
    pub hardware: Hardware,
    pub price: Price,
    pub site: Option<Site>,
    /// `None`: the provider does not say.
    pub in_stock: Option<bool>,
    pub nodes_min: u32,
    pub nodes_max: u32,
    /// Used when nobody names one.
    pub image: Option<String>,
    /// May be taken away when somebody pays more.
    pub interruptible: bool,
    /// The provider does not run it beyond this moment.
    pub ends: Option<Moment>,
}

impl Offer {
    /// Returns the price of one whole GPU for an hour, so that offers compare; nothing where there is none.
    pub fn per_gpu_hour(&self) -> Option<Usd> {
        let gpu = self.hardware.gpu.as_ref()?;
        let (part, whole) = gpu.slice.unwrap_or((gpu.count, 1));
        let (part, whole) = (i64::from(part.max(1)), i64::from(whole));
        let micros = self.price.per_hour.0.checked_mul(whole)?;
        Some(Usd(micros / part + i64::from(micros % part > 0)))
    }
}

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Part of the model's name, in any spelling; with its memory where that is named, as in `A100-80GB`.
    pub gpu: Option<String>,
    pub gpus_min: u32,
    pub vram_mib_min: u64,
    pub per_hour_max: Option<Usd>,
    pub disk_gib: u64,
    pub nodes: u32,
    /// Ids, countries or parts of the names of sites; any of them, with commas between.
    pub site: Option<String>,
    pub limit: u32,
}

impl Wish {
    /// Returns whether an offer is what was looked for. The host filters by this whatever the driver did.
    pub fn fits(&self, offer: &Offer) -> bool {
        let gpu = offer.hardware.gpu.as_ref();
        let has = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        self.gpu.as_ref().is_none_or(|want| gpu.is_some_and(|g| gpu::fits(want, &g.model, g.vram_mib)))
            && (self.gpus_min == 0 || gpu.is_some_and(|g| g.count >= self.gpus_min))
            && (self.vram_mib_min == 0 || gpu.is_some_and(|g| g.vram_mib.is_some_and(|v| v >= self.vram_mib_min)))
            && self.per_hour_max.is_none_or(|most| offer.price.per_hour <= most)
            && offer.hardware.disk_gib >= self.disk_gib
            && offer.nodes_max >= self.nodes
            && self.site.as_ref().is_none_or(|wanted| {
                let at = |want: &str, s: &Site| {
                    s.id == want
                        || has(&s.name, want)
                        || s.country.as_ref().is_some_and(|c| c.eq_ignore_ascii_case(want))
                };
                offer.site.as_ref().is_some_and(|s| parts(wanted).any(|want| at(want, s)))
            })
    }
}

/// Returns what stands between the commas.
pub fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// One exact order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub provider: String,
    /// The offer's id at its provider.
    pub offer: String,
    pub image: Option<String>,
    pub nodes: u32,
    pub length_secs: u64,
}

/// The price of one exact order: all its nodes, its image, its length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub price: Price,
    pub priced: Priced,
    pub good_until: Option<Moment>,
    pub note: Option<String>,
}

/// An image other than an offer's own, and what it adds to the price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub id: String,
    pub name: String,
    pub per_hour: Usd,
}

/// What a provider says of the account. Absent: it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The identity as the host read it in the answer, or a fingerprint of the credential where no answer names it.
    pub identity: String,
    pub balance: Option<Usd>,
    /// Of everything on the account, also what is not ours.
    pub burn_per_hour: Option<Usd>,
    pub instances_max: Option<u32>,
    /// Why nothing can be created now.
    pub blocked: Option<String>,
}

/// What a provider says it took. A top-up is negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderCharge {
    pub id: String,
    pub begins: Moment,
    pub ends: Moment,
    pub amount: Usd,
    pub instance: Option<String>,
    pub what: String,
}
