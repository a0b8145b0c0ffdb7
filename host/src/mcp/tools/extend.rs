//! `extend_instance`: a longer lease, inside the owner's limits.

use super::{ADDS, Tool};
use crate::mcp::{
    args::Length,
    call::{Call, words},
    render::{Answer, ToolError},
    text::{usd, when},
};
use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

const ABOUT: &str = "Makes a lease longer, within the same limits, before it ends.";

pub(super) fn tool() -> Tool {
    Tool::new("extend_instance", "Extend instance", ABOUT, ADDS, extend_instance)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Extend {
    instance: String,
    /// Of the whole lease, from began_at: 6h, 1d
    length: Length,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Extended {
    ends_at: String,
    held_usd: String,
}

async fn extend_instance(call: Call, args: Extend) -> Result<Answer<Extended>, ToolError> {
    let (rooms, principal) = (call.rooms.clone(), call.principal());
    let (name, secs) = (args.instance, args.length.0);
    let mut flow = call.flows.run(async move { rooms.extend_instance(principal, &name, secs).await });
    let (news, _) = words("asking the account and the limits");
    let Some(extended) = call.wait(&mut flow, news).await else {
        let hint = "it goes on; ends_at of get_instance shows whether it came to it; asked again with the same length it does no more";
        return Err(ToolError::failed("the account has not answered yet", hint));
    };
    let state = extended?.state;
    let data = Extended { ends_at: when(state.instance.lease.ends), held_usd: usd(state.totals.held) };
    let text = format!("{} ends at {}; {} USD are held", state.instance.name, data.ends_at, data.held_usd);
    Ok(Answer { text, data })
}
