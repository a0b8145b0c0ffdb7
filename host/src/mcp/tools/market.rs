//! Tools that look at the market: providers, offers, images, accounts. They change nothing.

use super::{LOOKS_IN, LOOKS_OUT, Nothing, Tool};
use crate::{
    flow::{AccountState, CredentialPlace, NoAnswer, ProviderState},
    mcp::{
        args::Money,
        call::Call,
        render::{Answer, ToolError},
        show,
        text::{STRANGERS, line, usd},
    },
};
use bursar_core::{
    offer::{Gpu, Image, Offer, Site, Wish},
    time::human,
};
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

pub(super) fn tools() -> [Tool; 5] {
    [
        Tool::new(
            "list_providers",
            "List providers",
            "Which providers there are, what each can do, and whether its key is set. Asks nobody.",
            LOOKS_IN,
            list_providers,
        ),
        Tool::new(
            "find_offers",
            "Find offers",
            "What all providers sell now, cheapest first. Take `offer` to create_instance as it stands.",
            LOOKS_OUT,
            find_offers,
        ),
        Tool::new("list_images", "List images", "Images that an offer can be made with.", LOOKS_OUT, list_images),
        Tool::new("list_sites", "List sites", "Places of a provider, for `site`.", LOOKS_OUT, list_sites),
        Tool::new(
            "get_account",
            "Get account",
            "Balance, burn rate and how long the balance lasts, per account.",
            LOOKS_OUT,
            get_account,
        ),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct Providers {
    providers: Vec<ProviderOut>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ProviderOut {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    can: Vec<&'static str>,
    usable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

async fn list_providers(call: Call, _: Nothing) -> Result<Answer<Providers>, ToolError> {
    let providers: Vec<ProviderOut> = call.rooms.list_providers().await.into_iter().map(provider).collect();
    let one = |p: &ProviderOut| match &p.problem {
        None => format!("{}: usable; can {}", p.name, p.can.join(", ")),
        Some(problem) => format!("{}: not usable: {problem}", p.name),
    };
    let text = providers.iter().map(one).collect::<Vec<_>>().join("\n");
    Ok(Answer { text, data: Providers { providers } })
}

fn provider(state: ProviderState) -> ProviderOut {
    let missing = state.credentials.iter().find(|(_, _, place)| *place == CredentialPlace::Missing);
    let no_key = missing.map(|(name, variables, _)| {
        let set = variables.join(" or ");
        format!("no key `{name}`: the owner stores one with `bursar login {}`, or sets {set}", state.driver.name)
    });
    let problem = state.problem.map(|problem| line(&problem)).or(no_key);
    let name = state.driver.name;
    ProviderOut { name, version: state.driver.version, can: state.capabilities, usable: problem.is_none(), problem }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Gpu,
    Cpu,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FindOffers {
    /// One or more, with commas
    provider: Option<String>,
    kind: Option<Kind>,
    /// H100, A100-80GB
    gpu: Option<String>,
    min_vram_gb: Option<u64>,
    min_gpus: Option<u32>,
    max_usd_per_hour: Option<Money>,
    /// Id, country or part of the name; or more
    site: Option<String>,
    /// Also what is sold out
    sold_out: Option<bool>,
    /// Default 20
    limit: Option<u32>,
    /// For the next page
    skip: Option<u32>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Offers {
    offers: Vec<OfferOut>,
    /// Before the limit cut
    fitting: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    no_answer: Vec<String>,
    notice: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OfferOut {
    offer: String,
    title: String,
    price_usd_per_hour: String,
    billed: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu: Option<String>,
    /// Or a share: 1/24
    #[serde(skip_serializing_if = "Option::is_none")]
    gpus: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vram_gb: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usd_per_gpu_hour: Option<String>,
    vcpus: u32,
    memory_gb: u64,
    disk_gb: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_stock: Option<bool>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    interruptible: bool,
}

async fn find_offers(call: Call, args: FindOffers) -> Result<Answer<Offers>, ToolError> {
    let wish = Wish {
        gpu: args.gpu,
        gpus_min: args.min_gpus.unwrap_or(0),
        vram_mib_min: args.min_vram_gb.unwrap_or(0).saturating_mul(1_024),
        per_hour_max: args.max_usd_per_hour.map(|most| most.0),
        site: args.site,
        ..Wish::default()
    };
    let found = call.rooms.find_offers(args.provider.as_deref(), &wish).await?;
    let mut offers = found.offers;
    offers.retain(|offer| offer.in_stock != Some(false) || args.sold_out == Some(true));
    offers.retain(|offer| args.kind.is_none_or(|kind| (kind == Kind::Gpu) == offer.hardware.gpu.is_some()));
    let fitting = offers.len();
    let (skip, limit) = (args.skip.unwrap_or(0), args.limit.unwrap_or(20).clamp(1, 200));
    let offers: Vec<OfferOut> = offers.iter().skip(skip as usize).take(limit as usize).map(offer_out).collect();
    let data = Offers { offers, fitting, no_answer: silent(&found.no_answer), notice: STRANGERS };
    Ok(Answer { text: offers_in_words(&data, skip as usize), data })
}

fn offer_out(offer: &Offer) -> OfferOut {
    let hardware = &offer.hardware;
    let gpu = hardware.gpu.as_ref();
    OfferOut {
        offer: show::offer(&offer.provider, &offer.id),
        title: line(&offer.title),
        price_usd_per_hour: usd(offer.price.per_hour),
        billed: offer.price.billing.to_string(),
        gpu: gpu.map(|gpu| line(&gpu.model)),
        gpus: gpu.map(gpus),
        vram_gb: gpu.and_then(|gpu| gpu.vram_mib).map(|mib| mib / 1_024),
        usd_per_gpu_hour: offer.per_gpu_hour().map(usd),
        vcpus: hardware.vcpus,
        memory_gb: hardware.memory_mib / 1_024,
        disk_gb: hardware.disk_gib,
        site: offer.site.as_ref().map(|site| line(&format!("{} ({})", site.name, site.id))),
        in_stock: offer.in_stock,
        interruptible: offer.interruptible,
    }
}

fn gpus(gpu: &Gpu) -> String {
    gpu.slice.map_or_else(|| gpu.count.to_string(), |(part, whole)| format!("{part}/{whole}"))
}

fn offers_in_words(found: &Offers, skipped: usize) -> String {
    let one = |o: &OfferOut| {
        let gpu = match (&o.gpu, &o.gpus) {
            (Some(gpu), Some(gpus)) => {
                format!("{gpus} × {gpu}, {} GB VRAM, ", o.vram_gb.map_or("?".into(), |gb| gb.to_string()))
            }
            _ => String::new(),
        };
        let stock = if o.in_stock == Some(false) { ", sold out" } else { "" };
        let site = o.site.as_deref().unwrap_or("no site told");
        let machine = format!("{} vCPU, {} GB memory, {} GB disk", o.vcpus, o.memory_gb, o.disk_gb);
        let each = o.usd_per_gpu_hour.as_ref().filter(|each| **each != o.price_usd_per_hour);
        let each = each.map_or(String::new(), |each| format!(" ({each} per GPU)"));
        let may_go = if o.interruptible { ", may be taken away" } else { "" };
        let price = format!("{} USD/h{each}, billed {}", o.price_usd_per_hour, o.billed);
        format!("{}: {price}, {gpu}{machine}, {site}{stock}{may_go}", o.offer)
    };
    let mut lines: Vec<String> = found.offers.iter().map(one).collect();
    match lines.len() {
        0 => lines.push("no offer fits; ask for less, or with sold_out to see what is sold out".to_owned()),
        shown if skipped + shown < found.fitting => {
            let (rest, next) = (found.fitting - shown - skipped, skipped + shown);
            lines.push(format!("{rest} more fit: ask with skip {next}"));
        }
        _ => {}
    }
    lines.extend(found.no_answer.iter().map(|why| format!("no answer: {why}")));
    lines.push(format!("({STRANGERS})"));
    lines.join("\n")
}

fn silent(no_answer: &[NoAnswer]) -> Vec<String> {
    no_answer.iter().map(|none| format!("{}: {}", none.provider, line(&none.why))).collect()
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListImages {
    /// As find_offers shows it
    offer: String,
    /// Part of the name
    search: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Images {
    images: Vec<ImageOut>,
    notice: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ImageOut {
    id: String,
    name: String,
    /// What it adds
    extra_usd_per_hour: String,
}

async fn list_images(call: Call, args: ListImages) -> Result<Answer<Images>, ToolError> {
    let (provider, id) = split_offer(&args.offer)?;
    let part = args.search.unwrap_or_default().to_lowercase();
    let out = |image: Image| ImageOut {
        id: line(&image.id),
        name: line(&image.name),
        extra_usd_per_hour: usd(image.per_hour),
    };
    let all = call.rooms.list_images(provider, id).await?.into_iter().map(out);
    let images: Vec<ImageOut> = all.filter(|image| image.name.to_lowercase().contains(&part)).take(200).collect();
    let one = |i: &ImageOut| format!("{}: {} (+{} USD/h)", i.id, i.name, i.extra_usd_per_hour);
    let text = match images.is_empty() {
        true => "no image fits".to_owned(),
        false => format!("{}\n({STRANGERS})", images.iter().map(one).collect::<Vec<_>>().join("\n")),
    };
    Ok(Answer { text, data: Images { images, notice: STRANGERS } })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListSites {
    provider: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Sites {
    sites: Vec<SiteOut>,
    notice: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SiteOut {
    id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
}

async fn list_sites(call: Call, args: ListSites) -> Result<Answer<Sites>, ToolError> {
    let out =
        |site: Site| SiteOut { id: line(&site.id), name: line(&site.name), country: site.country.as_deref().map(line) };
    let sites: Vec<SiteOut> = call.rooms.list_sites(&args.provider).await?.into_iter().map(out).collect();
    let text = match sites.is_empty() {
        true => "no sites are told".to_owned(),
        false => {
            sites.iter().map(|s| format!("{}: {}", s.id, s.name)).collect::<Vec<_>>().join("\n")
                + &format!("\n({STRANGERS})")
        }
    };
    Ok(Answer { text, data: Sites { sites, notice: STRANGERS } })
}

/// Parts `provider:id`.
pub(super) fn split_offer(offer: &str) -> Result<(&str, &str), ToolError> {
    match offer.split_once(':') {
        Some((provider, id)) if !provider.is_empty() && !id.is_empty() => Ok((provider, id)),
        _ => {
            let message = format!("`{}` names no offer", line(offer));
            Err(ToolError::refused(message, "take `offer` as find_offers shows it, such as bitlaunch:1/vc2-1c-1gb/fra"))
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GetAccount {
    provider: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Accounts {
    accounts: Vec<AccountOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    no_answer: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AccountOut {
    provider: String,
    account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance_usd: Option<String>,
    /// Of everything on it
    #[serde(skip_serializing_if = "Option::is_none")]
    burn_usd_per_hour: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runway_seconds: Option<u64>,
    our_instances: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_instances: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<String>,
}

async fn get_account(call: Call, args: GetAccount) -> Result<Answer<Accounts>, ToolError> {
    let (accounts, no_answer) = call.rooms.get_accounts(args.provider.as_deref()).await?;
    let data = Accounts { accounts: accounts.iter().map(account).collect(), no_answer: silent(&no_answer) };
    let mut lines: Vec<String> = data.accounts.iter().map(account_in_words).collect();
    lines.extend(data.no_answer.iter().map(|why| format!("no answer: {why}")));
    Ok(Answer { text: lines.join("\n"), data })
}

fn account(state: &AccountState) -> AccountOut {
    AccountOut {
        provider: state.provider.clone(),
        account: line(&state.account.identity),
        balance_usd: state.account.balance.map(usd),
        burn_usd_per_hour: state.account.burn_per_hour.map(usd),
        runway_seconds: state.runway_secs,
        our_instances: state.ours,
        max_instances: state.account.instances_max,
        blocked: state.account.blocked.as_deref().map(line),
    }
}

fn account_in_words(a: &AccountOut) -> String {
    let told = |value: &Option<String>, unit| value.as_ref().map_or("not told".to_owned(), |v| format!("{v} {unit}"));
    let runway = a.runway_seconds.map_or(String::new(), |secs| format!(", lasts {}", human(secs)));
    let blocked = a.blocked.as_ref().map_or(String::new(), |why| format!("; blocked: {why}"));
    format!(
        "{} account {}: balance {}, burn {}{runway}; {} of our instances on it{blocked}",
        a.provider,
        a.account,
        told(&a.balance_usd, "USD"),
        told(&a.burn_usd_per_hour, "USD/h"),
        a.our_instances
    )
}
