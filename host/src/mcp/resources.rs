//! Resources: the instances and the money as JSON, in the shapes that tools answer with.

use super::{
    render::ToolError,
    show::{ListOut, SpendingOut},
};
use crate::flow::{ListAsk, Rooms};
use rmcp::model::Resource;

pub(super) const INSTANCES: &str = "gpu://instances";
pub(super) const SPENDING: &str = "spending://current";

/// Returns the known resource of this address.
pub(super) fn known(uri: &str) -> Option<&'static str> {
    [INSTANCES, SPENDING].into_iter().find(|known| *known == uri)
}

pub(super) fn list() -> Vec<Resource> {
    let json = |uri, name, title, about| {
        Resource::new(uri, name).with_title(title).with_description(about).with_mime_type("application/json")
    };
    vec![
        json(INSTANCES, "instances", "Instances", "Every open instance: stage, end, cost so far"),
        json(SPENDING, "spending", "Spending", "What is charged, held and left, and the owner's limits"),
    ]
}

/// Returns a known resource as JSON text.
pub(super) async fn read(rooms: &Rooms, uri: &'static str) -> Result<String, ToolError> {
    let text = match uri {
        INSTANCES => {
            let listed = rooms.list_page(&ListAsk { limit: 200, ..ListAsk::default() }).await?;
            serde_json::to_string(&ListOut::new(&listed, rooms.clock.now()))
        }
        _ => serde_json::to_string(&SpendingOut::new(&rooms.get_spending().await?)),
    };
    text.map_err(|error| ToolError::failed(format!("{uri} could not be written: {error}"), "report this"))
}
