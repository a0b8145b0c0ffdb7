//! The JSON documents of `--json`. Their field names are kept: programs read them. Amounts are exact decimal texts.

use super::text::rfc3339;
use crate::flow::{Foreign, InstanceState, NoAnswer};
use bursar_core::{
    ledger::{Entry, Refusal, Totals},
    offer::Offer,
    quote::Quote,
};
use serde_json::{Value, json};

pub(super) fn offer(offer: &Offer) -> Value {
    let hardware = &offer.hardware;
    json!({
        "offer": format!("{}:{}", offer.provider, offer.id),
        "provider": offer.provider,
        "title": offer.title,
        "gpu": hardware.gpu.as_ref().map(|gpu| json!({
            "model": gpu.model, "count": gpu.count, "vram_mib": gpu.vram_mib, "slice": gpu.slice, "link": gpu.link,
        })),
        "vcpus": hardware.vcpus,
        "memory_mib": hardware.memory_mib,
        "disk_gib": hardware.disk_gib,
        "site": offer.site,
        "price_usd_per_hour": offer.price.per_hour.to_string(),
        "usd_per_gpu_hour": offer.per_gpu_hour().map(|each| each.to_string()),
        "billed": offer.price.billing.to_string(),
        "in_stock": offer.in_stock,
        "nodes_min": offer.nodes_min,
        "nodes_max": offer.nodes_max,
        "interruptible": offer.interruptible,
    })
}

pub(super) fn quote(quote: &Quote, refusal: Option<&Refusal>) -> Value {
    json!({
        "offer": format!("{}:{}", quote.order.provider, quote.order.offer),
        "image": quote.order.image,
        "nodes": quote.order.nodes,
        "length_secs": quote.order.length_secs,
        "price_usd_per_hour": quote.per_hour.to_string(),
        "cost_usd": quote.cost.to_string(),
        "hold_usd": quote.hold.to_string(),
        "priced": quote.priced,
        "note": quote.note,
        "fits": refusal.is_none(),
        "limits": refusal.map(|refusal| &refusal.over),
    })
}

pub(super) fn instance(state: &InstanceState, needs_you: Option<&str>) -> Value {
    let instance = &state.instance;
    json!({
        "id": instance.id,
        "name": instance.name,
        "stage": instance.stage,
        "provider": instance.provider,
        "account": instance.account,
        "provider_id": instance.handle.as_ref().map(|handle| &handle.id),
        "tag": instance.tag,
        "offer": format!("{}:{}", instance.provider, instance.order.offer),
        "title": instance.title,
        "gpu": instance.gpu,
        "begins": rfc3339(instance.lease.begins),
        "ends": rfc3339(instance.lease.ends),
        "price_usd_per_hour": instance.lease.per_hour.to_string(),
        "accrued_usd": state.accrued.to_string(),
        "held_usd": state.totals.held.to_string(),
        "charged_usd": state.totals.charged.to_string(),
        "ssh": instance.ssh.as_ref().map(|ssh| json!({ "host": ssh.host, "port": ssh.port, "user": ssh.user })),
        "provider_state": state.view.as_ref().map(|view| view.state.to_string()),
        "note": instance.notes(),
        "needs_you": needs_you,
        "as_of": rfc3339(state.as_of),
    })
}

pub(super) fn foreign(foreign: &Foreign) -> Value {
    json!({
        "provider": foreign.provider,
        "provider_id": foreign.row.id,
        "tag": foreign.row.tag,
        "price_usd_per_hour": foreign.row.rate.map(|rate| rate.to_string()),
    })
}

pub(super) fn no_answer(all: &[NoAnswer]) -> Value {
    all.iter().map(|none| json!({ "provider": none.provider, "why": none.why })).collect()
}

pub(super) fn entry(entry: &Entry, name: Option<&str>) -> Value {
    json!({
        "seq": entry.seq,
        "at": rfc3339(entry.at),
        "instance": entry.instance,
        "name": name,
        "kind": entry.kind,
        "usd": entry.amount.to_string(),
        "reason": entry.reason.to_string(),
        "totals": totals(entry.totals),
    })
}

pub(super) fn totals(totals: Totals) -> Value {
    json!({ "held_usd": totals.held.to_string(), "charged_usd": totals.charged.to_string() })
}
