//! `create_instance`: the flow runs in a task of the host's, so that a call that is cancelled or a client that is gone
//! loses nothing; the call waits a while and says how far it is.

use super::{ADDS, Tool, market::split_offer};
use crate::{
    flow::{CreateInstance, Created, FlowError, InstanceState, Progress, Wanted},
    mcp::{
        args::{Length, Money},
        call::{Call, News, words},
        render::{Answer, ToolError},
        show::{FitOut, InstanceOut, ends},
        text::{line, usd},
    },
};
use bursar_core::{
    instance::{Instance, Stage},
    offer::Wish,
};
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, task::JoinHandle};

const ABOUT: &str = "Rents one instance inside the owner's limits: an exact `offer`, or the cheapest that fits a wish. \
    Repeating it with the same name and arguments returns the same instance. Waits up to 38 s; get_instance tells the rest. \
    It is ended after `length`.";

pub(super) fn tool() -> Tool {
    Tool::new("create_instance", "Create instance", ABOUT, ADDS, create_instance)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    /// Yours, unique among open instances
    name: String,
    /// As find_offers shows it. Without: a wish by gpu, min_vram_gb, site, provider
    offer: Option<String>,
    gpu: Option<String>,
    min_vram_gb: Option<u64>,
    site: Option<String>,
    provider: Option<String>,
    /// Anything dearer is refused
    max_usd_per_hour: Option<Money>,
    /// 90m, 4h, 1d
    length: Option<Length>,
    /// Id or name
    image: Option<String>,
    /// Of a cluster
    nodes: Option<u32>,
    /// Further public keys that may log in
    ssh_keys: Option<Vec<String>>,
    /// Until ready (default true)
    wait: Option<bool>,
    /// Only tell cost and whether it fits
    dry_run: Option<bool>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
struct CreateOut {
    #[serde(flatten)]
    rented: Option<InstanceOut>,
    /// For the whole length
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<String>,
    /// It was there already
    #[serde(skip_serializing_if = "Option::is_none")]
    repeated: Option<bool>,
    /// Tried before; made nothing
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed_over: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<FitOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// An instance that its provider named, and the work that makes it ready, going on by itself.
struct Begun {
    created: Created,
    readying: Option<JoinHandle<Result<Instance, FlowError>>>,
}

async fn create_instance(call: Call, args: Create) -> Result<Answer<CreateOut>, ToolError> {
    let (wait, dry_run) = (args.wait.unwrap_or(true), args.dry_run.unwrap_or(false));
    let ask = ask(args, call.principal())?;
    if dry_run {
        return would_fit(&call, ask).await;
    }
    let name = ask.name.clone();
    let (news, progress) = words("asking for price, account and limits, then for the instance");
    match call.wait(&mut begin(&call, ask, progress), news.clone()).await {
        Some(begun) => {
            call.flows.set_late(&name, None);
            named(&call, begun?, wait, news).await
        }
        None => not_named_yet(&call, &name).await,
    }
}

fn ask(args: Create, principal: &str) -> Result<CreateInstance, ToolError> {
    let wished = args.gpu.is_some() || args.min_vram_gb.is_some() || args.site.is_some() || args.provider.is_some();
    let most = args.max_usd_per_hour.map(|most| most.0);
    let nodes = args.nodes.unwrap_or(1);
    let wanted = match &args.offer {
        Some(_) if wished => {
            return Err(ToolError::refused(
                "both an offer and a wish are named",
                "name `offer`, or wish fields, not both",
            ));
        }
        Some(offer) => {
            let (provider, id) = split_offer(offer)?;
            Wanted::Offer { provider: provider.to_owned(), id: id.to_owned() }
        }
        None if !wished && most.is_none() => {
            let hint =
                "name `offer` as find_offers shows it, or wish by gpu, min_vram_gb, max_usd_per_hour, site or provider";
            return Err(ToolError::refused("neither an offer nor a wish is named", hint));
        }
        None => {
            let vram_mib_min = args.min_vram_gb.unwrap_or(0).saturating_mul(1_024);
            let (gpu, site) = (args.gpu, args.site);
            let wish = Wish { gpu, vram_mib_min, per_hour_max: most, site, nodes, ..Wish::default() };
            Wanted::Wish { provider: args.provider, wish }
        }
    };
    Ok(CreateInstance {
        principal: principal.to_owned(),
        name: args.name,
        wanted,
        image: args.image,
        nodes,
        length_secs: args.length.map(|length| length.0),
        ssh_keys: args.ssh_keys.unwrap_or_default(),
        max_per_hour: most,
    })
}

/// Hands the create to the host. What it ends with after its caller was answered is kept for get_instance.
fn begin(call: &Call, ask: CreateInstance, progress: Progress) -> JoinHandle<Result<Begun, FlowError>> {
    let (rooms, flows, name) = (call.rooms.clone(), call.flows.clone(), ask.name.clone());
    flows.set_late(&name, None);
    call.flows.run(async move {
        let created = match rooms.create_instance(ask).await {
            Ok(created) => created,
            Err(error) => {
                flows.set_late(&name, Some(ToolError::from(&error)));
                return Err(error);
            }
        };
        let id = created.instance.id.clone();
        let readying = (created.instance.stage == Stage::Made)
            .then(|| tokio::spawn(async move { rooms.make_ready(&id, &progress).await }));
        Ok(Begun { created, readying })
    })
}

async fn named(
    call: &Call,
    begun: Begun,
    wait: bool,
    news: watch::Receiver<News>,
) -> Result<Answer<CreateOut>, ToolError> {
    let Begun { created, readying } = begun;
    let readied = match readying {
        Some(mut readying) if wait => call.wait(&mut readying, news.clone()).await,
        _ => None,
    };
    let state = call.rooms.get_instance(call.principal(), &created.instance.id.0, false).await?;
    let failed = match readied {
        // It was ended because it cannot become ready.
        Some(Err(error)) if matches!(state.instance.stage, Stage::Stopping | Stage::Gone) => return Err(error),
        Some(Err(error)) => Some(error),
        _ => None,
    };
    let missing = match (&failed, &*news.borrow()) {
        (Some(error), _) => Some(error.message.clone()),
        (None, News::Words(words)) => Some(words.clone()),
        _ => None,
    };
    let passed_over = created.passed_over.iter().map(|why| line(why)).collect();
    let (repeated, cost_usd) = (Some(created.repeated), Some(usd(created.cost)));
    Ok(answer(&state, missing, CreateOut { repeated, cost_usd, passed_over, ..CreateOut::default() }))
}

fn answer(state: &InstanceState, missing: Option<String>, out: CreateOut) -> Answer<CreateOut> {
    let mut rented = InstanceOut::new(state);
    if !rented.ready && rented.note.is_none() {
        rented.note = missing.as_deref().map(line);
    }
    let next = match rented.ready {
        true => format!("work on it with upload_file, run_command and start_job, then destroy_instance; {}", ends()),
        false => format!("not ready yet: call get_instance `{}` until ready is true; {}", rented.name, ends()),
    };
    let cost = out.cost_usd.as_ref().map_or(String::new(), |cost| format!("; {cost} USD for the whole length"));
    let was_there = if out.repeated == Some(true) { "\nit was there already: nothing new was rented" } else { "" };
    let tried: String = out.passed_over.iter().map(|why| format!("\npassed over: {why}")).collect();
    let text = format!("{}{cost}{was_there}{tried}\n{next}", rented.in_words());
    Answer { text, data: CreateOut { rented: Some(rented), next: Some(next), ..out } }
}

/// The call must answer, and the provider has not: the flow goes on.
async fn not_named_yet(call: &Call, name: &str) -> Result<Answer<CreateOut>, ToolError> {
    let reserved = call.rooms.get_instance(call.principal(), name, false).await.ok();
    if let Some(state) = reserved.filter(|state| state.instance.stage.is_open()) {
        return Ok(answer(&state, Some("the provider is being asked".to_owned()), CreateOut::default()));
    }
    let next = format!(
        "nothing is reserved yet: prices and the account are still being asked, and it goes on; call get_instance `{name}`, or \
         create_instance again with the same name and arguments"
    );
    Ok(Answer { text: next.clone(), data: CreateOut { next: Some(next), ..CreateOut::default() } })
}

async fn would_fit(call: &Call, mut ask: CreateInstance) -> Result<Answer<CreateOut>, ToolError> {
    if let Wanted::Wish { provider, wish } = &ask.wanted {
        let found = call.rooms.find_offers(provider.as_deref(), wish).await?;
        let first = found.offers.into_iter().find(|offer| offer.in_stock != Some(false)).ok_or_else(|| {
            ToolError::refused("no offer in stock fits the wish", "see find_offers, and ask for less or elsewhere")
        })?;
        ask.wanted = Wanted::Offer { provider: first.provider, id: first.id };
    }
    let fit = call.rooms.check_order(&ask).await?;
    let out = FitOut::new(&fit);
    let text = format!("dry run: {}", out.in_words(fit.quote.as_ref()));
    Ok(Answer { text, data: CreateOut { dry_run: Some(out), ..CreateOut::default() } })
}
