//! Requests: what was accepted and how far it is. Its state follows from what it is about.

use jiff::Timestamp;
use serde_json::json;

use super::clusters::short;
use super::{World, message};
use crate::clock::rfc3339;
use crate::rental::Phase;
use crate::reply::Reply;

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Claim,
    Release,
}

#[derive(Clone)]
pub(crate) struct Request {
    id: String,
    kind: Kind,
    cluster: String,
    created: Timestamp,
}

pub(super) fn add(world: &mut World, kind: Kind, cluster: &str, now: Timestamp) -> String {
    let id = format!("r-{}", short());
    world.requests.push(Request { id: id.clone(), kind, cluster: cluster.to_owned(), created: now });
    id
}

/// Says when to ask again, as long as it is not over.
pub(super) fn info(world: &World, id: &str, now: Timestamp) -> Reply {
    let Some(request) = world.requests.iter().find(|one| one.id == id) else {
        return message(404, "Request not found");
    };
    let Some(cluster) = world.find(&request.cluster) else { return message(404, "Request not found") };
    let phase = cluster.rental.phase(now);
    let (word, text) = match (request.kind, phase) {
        (Kind::Claim, Phase::Starting) if cluster.retries_until.is_some_and(|until| now < until) => {
            ("RETRYING", "No capacity in this pool, trying the next".to_owned())
        }
        (Kind::Claim, Phase::Starting) => ("PROCESSING", "Provisioning instances".to_owned()),
        (Kind::Claim, Phase::Failed) => ("FAILED", cluster.rental.fails.clone().unwrap_or_default()),
        (Kind::Claim, _) => ("COMPLETED", "Cluster is running".to_owned()),
        (Kind::Release, Phase::Ended) => ("COMPLETED", "Cluster destroyed".to_owned()),
        (Kind::Release, _) => ("PROCESSING", "Destroying instances".to_owned()),
    };
    let kind = match request.kind {
        Kind::Claim => "CLUSTER_CLAIM",
        Kind::Release => "CLUSTER_RELEASE",
    };
    let reply = Reply::json(json!({
        "request_id": request.id,
        "request_type": kind,
        "status": word,
        "created_at": rfc3339(request.created),
        "object_id": request.cluster,
        "external_message": text,
    }));
    if ["COMPLETED", "FAILED"].contains(&word) { reply } else { reply.header("retry-after", "1") }
}
