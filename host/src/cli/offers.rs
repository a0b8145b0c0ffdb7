//! `bursar offers`: what can be rented now, cheapest first.

use super::{
    Done,
    args::{Offers, Wanted},
    exit::Code,
    open::open,
    out::{Out, table},
    progress::Waiting,
    text, values,
};
use crate::flow::{FlowError, Found};
use bursar_core::offer::{Offer, Wish};
use serde_json::json;

pub(super) async fn offers(out: &Out, ask: Offers) -> Done {
    let rooms = open(out).await?;
    let waiting = Waiting::new("asking the providers");
    let found = rooms.find_offers(ask.wanted.provider.as_deref(), &ask.wanted.wish()).await;
    waiting.done();
    let found = found?;
    if found.offers.is_empty() && !found.no_answer.is_empty() {
        return Err(no_answer(&found));
    }
    let limit = if ask.all { usize::MAX } else { ask.limit };
    let shown: Vec<&Offer> = found.offers.iter().filter(|o| ask.all || o.in_stock != Some(false)).take(limit).collect();
    let json = || {
        json!({
            "offers": shown.iter().map(|offer| values::offer(offer)).collect::<Vec<_>>(),
            "fitting": found.fitting,
            "no_answer": values::no_answer(&found.no_answer),
        })
    };
    out.answer(json, || in_words(&found, &shown, &ask));
    Ok(Code::Done)
}

/// Nobody had an offer, and somebody did not answer: that is no empty market.
fn no_answer(found: &Found) -> FlowError {
    let silent: Vec<&str> = found.no_answer.iter().map(|none| none.why.as_str()).collect();
    let hint = "nothing was found elsewhere; `bursar doctor` looks at keys, network and provider";
    FlowError::failed(silent.join("\n"), hint)
}

impl Wanted {
    pub(super) fn wish(&self) -> Wish {
        Wish {
            gpu: self.gpu.clone(),
            gpus_min: self.gpus.unwrap_or(0),
            vram_mib_min: self.vram.unwrap_or(0).saturating_mul(1024),
            per_hour_max: self.max_price,
            site: self.site.clone(),
            ..Wish::default()
        }
    }
}

/// Lays offers out for people.
pub(super) fn in_table(offers: &[&Offer]) -> String {
    let row = |offer: &&Offer| {
        let hardware = &offer.hardware;
        vec![
            format!("{}:{}", offer.provider, offer.id),
            offer.price.per_hour.to_string(),
            offer.per_gpu_hour().map_or_else(String::new, |each| each.to_string()),
            text::gpu(hardware.gpu.as_ref()),
            text::vram(hardware),
            hardware.vcpus.to_string(),
            text::gib(hardware.memory_mib),
            hardware.disk_gib.to_string(),
            text::site(offer),
            text::stock(offer.in_stock).to_owned(),
            text::billed(offer),
        ]
    };
    let head =
        ["OFFER", "USD/H", "PER GPU", "GPU", "VRAM GiB", "CPUS", "RAM GiB", "DISK GiB", "SITE", "IN STOCK", "BILLED"];
    table(&head, &[1, 2, 4, 5, 6, 7], offers.iter().map(row).collect())
}

fn in_words(found: &Found, shown: &[&Offer], ask: &Offers) -> String {
    let mut lines = vec![];
    if !shown.is_empty() {
        lines.push(in_table(shown));
        lines.push(String::new());
    }
    lines.push(summary(found, shown.len(), ask.all));
    for none in &found.no_answer {
        lines.push(format!("no answer from {}: {}", none.provider, none.why));
    }
    lines.join("\n")
}

fn summary(found: &Found, shown: usize, all: bool) -> String {
    let sold_out = found.offers.iter().filter(|offer| offer.in_stock == Some(false)).count();
    match (found.fitting, shown) {
        (0, _) if !found.nowhere.is_empty() => format!("nothing fits: {}", found.nowhere.join("\n")),
        (0, _) => "nothing fits; ask for less, or elsewhere".to_owned(),
        (fitting, 0) => format!("all {fitting} that fit are sold out (--all shows them)"),
        (fitting, shown) => {
            let rest = if all || shown == fitting { "" } else { " (--all shows the others)" };
            let out = if sold_out == 0 { String::new() } else { format!(", {sold_out} sold out") };
            format!("{shown} shown of {fitting} that fit{out}{rest}; rent one: bursar up NAME --offer OFFER")
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::flow::NoAnswer;
    use bursar_core::{
        money::Usd,
        offer::{Billing, Gpu, Hardware, Price, Site},
    };

    pub(in super::super) fn offer(id: &str, micros: i64, in_stock: bool) -> Offer {
        let billing = Billing {
            step_secs: 3_600,
            on_the_clock: true,
            minimum_secs: 0,
            prepaid: false,
            refunds: false,
            month_cap: None,
            balance_secs: 0,
        };
        let zero = Usd::ZERO;
        Offer {
            provider: "bitlaunch".into(),
            id: id.into(),
            title: "gpu".into(),
            hardware: Hardware {
                gpu: Some(Gpu {
                    model: "A40".into(),
                    count: 1,
                    vram_mib: Some(2_048),
                    slice: Some((1, 24)),
                    link: None,
                }),
                vcpus: 1,
                memory_mib: 5_120,
                disk_gib: 90,
            },
            price: Price {
                per_hour: Usd(micros),
                per_hour_paused: zero,
                once: zero,
                per_gb_in: zero,
                per_gb_out: zero,
                gb_free: 0,
                billing,
            },
            site: Some(Site { id: "lax".into(), name: "Los Angeles".into(), country: Some("us".into()) }),
            in_stock: Some(in_stock),
            nodes_min: 1,
            nodes_max: 1,
            image: None,
            interruptible: false,
            ends: None,
        }
    }

    #[test]
    fn offers_are_a_table_with_the_id_that_up_takes() {
        let one = offer("1/vcg/lax", 164_000, true);
        assert_eq!(
            in_table(&[&one]),
            "OFFER                USD/H  PER GPU  GPU       VRAM GiB  CPUS  RAM GiB  DISK GiB  SITE             IN STOCK  BILLED\n\
             bitlaunch:1/vcg/lax  0.164    3.936  A40 1/24         2     1        5        90  Los Angeles, us  yes       by the hour on the clock"
        );
    }

    #[test]
    fn the_line_below_says_what_is_not_shown() {
        let found = |fitting, out, silent: usize| Found {
            offers: (0..fitting).map(|n| offer("x", 1, n >= out)).collect(),
            fitting,
            no_answer: (0..silent).map(|_| NoAnswer { provider: "p".into(), why: "w".into() }).collect(),
            nowhere: vec![],
        };
        for (found, shown, all, part) in [
            (found(0, 0, 0), 0, false, "nothing fits"),
            (found(3, 3, 0), 0, false, "all 3 that fit are sold out"),
            (found(3, 1, 0), 2, false, "2 shown of 3 that fit, 1 sold out (--all"),
            (found(3, 1, 0), 3, true, "3 shown of 3 that fit, 1 sold out; rent"),
        ] {
            let text = summary(&found, shown, all);
            assert!(text.starts_with(part), "{text}");
        }
    }

    #[test]
    fn an_offer_for_programs_has_exact_prices() {
        let json = values::offer(&offer("1/vcg/lax", 164_000, true));
        assert_eq!(json["offer"], "bitlaunch:1/vcg/lax");
        assert_eq!(json["price_usd_per_hour"], "0.164");
        assert_eq!(json["gpu"]["slice"], serde_json::json!([1, 24]));
        assert_eq!(json["site"]["id"], "lax");
    }
}
