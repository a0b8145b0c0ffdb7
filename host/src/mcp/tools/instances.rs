//! Tools on instances that are there: list, look, restart, end.

use super::{ACTS, ENDS as MAY_END, LOOKS_OUT, Tool};
use crate::{
    flow::{InstanceState, ListAsk},
    mcp::{
        call::{Call, News, words},
        render::{Answer, ToolError},
        show::{InstanceOut, ListOut, ends, is_on_its_way},
    },
};
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub(super) fn tools() -> [Tool; 5] {
    [
        Tool::new(
            "list_instances",
            "List instances",
            "Our instances from the ledger, with stage, end and cost so far.",
            LOOKS_OUT,
            list_instances,
        ),
        Tool::new(
            "get_instance",
            "Get instance",
            "How far one instance is, where it answers, when it ends, what it costs.",
            LOOKS_OUT,
            get_instance,
        ),
        Tool::new(
            "restart_instance",
            "Restart instance",
            "Restarts the machine; running jobs are lost.",
            ACTS,
            restart_instance,
        ),
        Tool::new(
            "pause_instance",
            "Pause instance",
            "Costs less, where the provider can; jobs end, the lease goes on.",
            MAY_END,
            pause_instance,
        ),
        Tool::new(
            "destroy_instance",
            "Destroy instance",
            "Ends an instance and all data on it; logs of its jobs stay readable. Waits up to 20 s until it is seen gone; its money is held until then.",
            MAY_END,
            destroy_instance,
        ),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListInstances {
    /// So many ended ones too
    ended: Option<u32>,
    /// Ask the providers first
    refresh: Option<bool>,
    /// Also what is not ours
    foreign: Option<bool>,
    /// Default 50
    limit: Option<u32>,
    /// `next` of the page before
    cursor: Option<String>,
}

async fn list_instances(call: Call, args: ListInstances) -> Result<Answer<ListOut>, ToolError> {
    let ask = ListAsk {
        ended: args.ended.unwrap_or(0),
        refresh: args.refresh == Some(true),
        foreign: args.foreign == Some(true),
        limit: args.limit.unwrap_or(50).clamp(1, 200),
        cursor: args.cursor,
    };
    let listed = call.rooms.list_page(&ask).await?;
    let data = ListOut::new(&listed, call.rooms.clock.now());
    Ok(Answer { text: data.in_words(), data })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Named {
    instance: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GetInstance {
    /// Name or id
    instance: String,
    /// Up to 38 s until ready
    wait: Option<bool>,
}

async fn get_instance(call: Call, args: GetInstance) -> Result<Answer<InstanceOut>, ToolError> {
    if args.wait == Some(true) {
        wait_ready(&call, &args.instance).await?;
    }
    let state = match call.rooms.get_instance(call.principal(), &args.instance, true).await {
        Ok(state) => state,
        Err(error) => return Err(call.flows.late(&args.instance).unwrap_or_else(|| error.into())),
    };
    // An ended instance of that name is not the one whose create failed after it.
    if !state.instance.stage.is_open()
        && let Some(late) = call.flows.late(&args.instance)
    {
        return Err(late);
    }
    let data = InstanceOut::new(&state);
    let ends = if state.instance.stage.is_open() { format!("\n{}", ends()) } else { String::new() };
    Ok(Answer { text: data.in_words() + &ends, data })
}

/// Waits until the book says that an instance is ready or cannot become so by itself.
async fn wait_ready(call: &Call, name: &str) -> Result<(), ToolError> {
    let (mut step, mut told) = (0.0, None);
    loop {
        let Ok(InstanceState { instance, .. }) = call.rooms.get_instance(call.principal(), name, false).await else {
            return Ok(());
        };
        if !is_on_its_way(&instance) || Instant::now() >= call.answer_by() {
            return Ok(());
        }
        if told != instance.note {
            step += 1.0;
            told.clone_from(&instance.note);
            let words = instance.note.unwrap_or_else(|| "being made ready".to_owned());
            call.tell(step, &News::Words(words)).await;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct Restarted {
    id: String,
    stage: String,
    ready: bool,
}

async fn restart_instance(call: Call, args: Named) -> Result<Answer<Restarted>, ToolError> {
    let (rooms, principal) = (call.rooms.clone(), call.principal());
    let mut flow = call.flows.run(async move { rooms.restart_instance(principal, &args.instance).await });
    let (news, _) = words("the provider is being asked to restart it");
    match call.wait(&mut flow, news).await {
        Some(state) => {
            let InstanceOut { id, stage, ready, .. } = InstanceOut::new(&state?);
            let text = "restart asked; SSH answers again in a minute or two".to_owned();
            Ok(Answer { text, data: Restarted { id, stage, ready } })
        }
        None => Err(unanswered("restart")),
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pause {
    instance: String,
    /// Run it again
    resume: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Paused {
    stage: String,
}

async fn pause_instance(call: Call, args: Pause) -> Result<Answer<Paused>, ToolError> {
    let (rooms, principal) = (call.rooms.clone(), call.principal());
    let again = args.resume == Some(true);
    let mut flow = call.flows.run(async move {
        match again {
            true => rooms.resume_instance(principal, &args.instance).await,
            false => rooms.pause_instance(principal, &args.instance).await,
        }
    });
    let (news, _) = words("asking the limits, the account and the provider");
    let Some(state) = call.wait(&mut flow, news).await else {
        return Err(unanswered(if again { "resume" } else { "pause" }));
    };
    let state = state?;
    let next = if again { "get_instance with wait tells when SSH answers" } else { "resume runs it again" };
    let text = format!("{}; {next}", state.instance.note.as_deref().unwrap_or("asked"));
    Ok(Answer { text, data: Paused { stage: InstanceOut::new(&state).stage } })
}

fn unanswered(what: &str) -> ToolError {
    let hint = "it goes on; look with get_instance before you ask again";
    let message = format!("the {what} was asked, and the provider has not answered yet");
    ToolError { kind: "in_doubt", ..ToolError::failed(message, hint) }
}

#[derive(Debug, Serialize, JsonSchema)]
struct Destroyed {
    id: String,
    stage: String,
    gone: bool,
    charged_usd: String,
    /// Until its end is seen
    held_usd: String,
}

async fn destroy_instance(call: Call, args: Named) -> Result<Answer<Destroyed>, ToolError> {
    const WAIT: Duration = Duration::from_secs(20);
    let (rooms, principal) = (call.rooms.clone(), call.principal());
    let id = rooms.get_instance(principal, &args.instance, false).await?.instance.id;
    let (asked, in_flow) = (id.clone(), rooms.clone());
    let mut flow =
        call.flows.run(async move { in_flow.stop_instance(&asked, "the agent asked for its end", WAIT).await });
    let (news, _) = words("its end is asked; waiting until the provider no longer lists it");
    let told = match call.wait(&mut flow, news).await {
        Some(stopped) => stopped?.in_words(),
        None => "its end is asked for and goes on; ask get_instance whether it is gone".to_owned(),
    };
    let InstanceOut { id, stage, charged_usd, held_usd, .. } =
        InstanceOut::new(&rooms.get_instance(principal, &id.0, false).await?);
    let gone = stage == "gone";
    let more = if gone { "" } else { "\nask get_instance until its stage is gone" };
    Ok(Answer { text: format!("{told}{more}"), data: Destroyed { id, stage, gone, charged_usd, held_usd } })
}
