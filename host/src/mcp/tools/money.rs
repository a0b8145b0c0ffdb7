//! Tools that look at money: what is held and charged, what would fit, what was written down. None moves any.

use super::{LOOKS_IN, LOOKS_OUT, Nothing, Tool, market::split_offer};
use crate::{
    flow::{CreateInstance, Wanted},
    mcp::{
        args::{Length, Money},
        call::Call,
        render::{Answer, ToolError},
        show::{FitOut, SpendingOut},
        text::{line, usd, when},
    },
};
use bursar_core::{
    ledger::{Entry, Kind},
    offer::ProviderCharge,
    time::Moment,
};
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

pub(super) fn tools() -> [Tool; 3] {
    [
        Tool::new(
            "get_spending",
            "Get spending",
            "What is charged, held and left, and the owner's limits.",
            LOOKS_IN,
            get_spending,
        ),
        Tool::new(
            "check_spending",
            "Check spending",
            "Would an offer for a length of time, or an amount, fit into the limits now? Reserves nothing.",
            LOOKS_OUT,
            check_spending,
        ),
        Tool::new(
            "list_transactions",
            "List transactions",
            "The ledger's newest entries, or what providers say they took (top-ups are negative).",
            LOOKS_OUT,
            list_transactions,
        ),
    ]
}

async fn get_spending(call: Call, _: Nothing) -> Result<Answer<SpendingOut>, ToolError> {
    let data = SpendingOut::new(&call.rooms.get_spending().await?);
    Ok(Answer { text: data.in_words(), data })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CheckSpending {
    /// As find_offers shows it; or amount_usd
    offer: Option<String>,
    /// 90m, 4h, 1d
    length: Option<Length>,
    image: Option<String>,
    amount_usd: Option<Money>,
}

async fn check_spending(call: Call, args: CheckSpending) -> Result<Answer<FitOut>, ToolError> {
    let fit = match (&args.offer, args.amount_usd) {
        (None, Some(amount)) => call.rooms.check_amount(amount.0, call.principal()).await?,
        (Some(offer), None) => {
            let (provider, id) = split_offer(offer)?;
            let ask = CreateInstance {
                principal: call.principal().to_owned(),
                name: "check".to_owned(),
                wanted: Wanted::Offer { provider: provider.to_owned(), id: id.to_owned() },
                image: args.image,
                nodes: 1,
                length_secs: args.length.map(|length| length.0),
                ssh_keys: vec![],
                max_per_hour: None,
            };
            call.rooms.check_order(&ask).await?
        }
        _ => return Err(ToolError::refused("name `offer` or `amount_usd`, exactly one of them", "nothing was asked")),
    };
    let data = FitOut::new(&fit);
    Ok(Answer { text: data.in_words(fit.quote.as_ref()), data })
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum From {
    #[default]
    Ledger,
    Provider,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListTransactions {
    /// Default ledger
    from: Option<From>,
    /// Of the ledger: name or id
    instance: Option<String>,
    provider: Option<String>,
    /// Of providers: default 30
    days: Option<u64>,
    /// Default 25
    limit: Option<u32>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
struct Transactions {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entries: Vec<EntryOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    charges: Vec<ChargeOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    no_answer: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct EntryOut {
    seq: i64,
    at: String,
    instance: String,
    /// hold, charge, release, correction
    does: &'static str,
    amount_usd: String,
    why: String,
    total_held_usd: String,
    total_charged_usd: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ChargeOut {
    provider: String,
    id: String,
    begins: String,
    ends: String,
    amount_usd: String,
    what: String,
}

async fn list_transactions(call: Call, args: ListTransactions) -> Result<Answer<Transactions>, ToolError> {
    let limit = args.limit.unwrap_or(25).clamp(1, 200);
    let data = match args.from.unwrap_or_default() {
        From::Ledger => entries(&call, args.instance.as_deref(), limit).await?,
        From::Provider => charges(&call, args.provider.as_deref(), args.days.unwrap_or(30), limit).await?,
    };
    let mut lines: Vec<String> = data.entries.iter().map(entry_in_words).collect();
    lines.extend(data.charges.iter().map(charge_in_words));
    lines.extend(data.no_answer.iter().map(|why| format!("no answer: {why}")));
    if lines.is_empty() {
        lines.push("nothing yet".to_owned());
    }
    Ok(Answer { text: lines.join("\n"), data })
}

async fn entries(call: &Call, instance: Option<&str>, limit: u32) -> Result<Transactions, ToolError> {
    let id = match instance {
        Some(name) => Some(call.rooms.get_instance(call.principal(), name, false).await?.instance.id),
        None => None,
    };
    let entries = call.rooms.entries(id.as_ref(), limit).await?;
    Ok(Transactions { entries: entries.iter().map(entry).collect(), ..Transactions::default() })
}

fn entry(entry: &Entry) -> EntryOut {
    EntryOut {
        seq: entry.seq,
        at: when(entry.at),
        instance: entry.instance.to_string(),
        does: match entry.kind {
            Kind::Hold => "hold",
            Kind::Charge => "charge",
            Kind::Release => "release",
            Kind::Correction => "correction",
        },
        amount_usd: usd(entry.amount),
        why: line(&entry.reason.to_string()),
        total_held_usd: usd(entry.totals.held),
        total_charged_usd: usd(entry.totals.charged),
    }
}

fn entry_in_words(e: &EntryOut) -> String {
    let (held, charged) = (&e.total_held_usd, &e.total_charged_usd);
    format!(
        "{} {} {} {} USD for {} ({}); then {held} held, {charged} charged",
        e.seq, e.at, e.does, e.amount_usd, e.instance, e.why
    )
}

async fn charges(call: &Call, provider: Option<&str>, days: u64, limit: u32) -> Result<Transactions, ToolError> {
    let since = Moment(call.rooms.clock.now().0.saturating_sub(days.clamp(1, 400) * 86_400));
    let asked = match provider {
        Some(provider) => vec![provider.to_owned()],
        None => {
            let all = call.rooms.list_providers().await.into_iter();
            all.filter(|state| state.has_keys() && state.capabilities.contains(&"charges"))
                .map(|state| state.driver.name)
                .collect()
        }
    };
    let mut data = Transactions::default();
    let mut all: Vec<(String, ProviderCharge)> = vec![];
    for name in asked {
        match call.rooms.list_charges(&name, since).await {
            Ok(charges) => all.extend(charges.into_iter().map(|charge| (name.clone(), charge))),
            Err(error) if provider.is_some() => return Err(error.into()),
            Err(error) => data.no_answer.push(format!("{name}: {}", line(&error.to_string()))),
        }
    }
    all.sort_by_key(|(_, charge)| std::cmp::Reverse(charge.ends));
    data.charges = all.iter().take(limit as usize).map(|(name, charge)| charge_out(name, charge)).collect();
    Ok(data)
}

fn charge_out(provider: &str, charge: &ProviderCharge) -> ChargeOut {
    ChargeOut {
        provider: provider.to_owned(),
        id: line(&charge.id),
        begins: when(charge.begins),
        ends: when(charge.ends),
        amount_usd: usd(charge.amount),
        what: line(&charge.what),
    }
}

fn charge_in_words(c: &ChargeOut) -> String {
    format!("{} {} to {}: {} USD, {}", c.provider, c.begins, c.ends, c.amount_usd, c.what)
}
