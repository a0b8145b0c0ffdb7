//! `bursar audit`: what was asked, decided and sent, and whether the trail of it is as it was written.

use super::{
    Done,
    exit::Code,
    open::open,
    out::{Out, table},
    text,
};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Show the last lines, oldest first
    Show {
        #[arg(long, value_name = "N", default_value_t = 50)]
        last: u32,
    },
    /// Fold the chain of hashes again, from the first line
    Verify {
        /// A last hash that you noted earlier
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
}

pub(super) async fn audit(out: &Out, command: AuditCommand) -> Done {
    match command {
        AuditCommand::Show { last } => show(out, last).await,
        AuditCommand::Verify { head } => verify(out, head.as_deref()).await,
    }
}

async fn show(out: &Out, last: u32) -> Done {
    let rooms = open(out).await?;
    let lines = rooms.audit(last).await?;
    let json = || {
        let one = |line: &crate::flow::AuditLine| {
            json!({
                "at": text::rfc3339(line.at), "who": line.who, "provider": line.driver, "call": line.call, "route": line.route,
                "effect": line.effect, "tag": line.tag, "provider_id": line.provider_id, "what": line.what,
                "status": line.status, "cause": line.cause, "asked": line.asked, "why": line.why,
            })
        };
        json!({ "lines": lines.iter().rev().map(one).collect::<Vec<_>>() })
    };
    out.answer(json, || {
        let row = |line: &crate::flow::AuditLine| {
            let said = [&line.asked, &line.why].into_iter().flatten().cloned().collect::<Vec<_>>().join("; ");
            vec![
                text::moment(line.at),
                line.who.clone().unwrap_or_else(|| "the door".to_owned()),
                line.driver.clone(),
                line.call.clone(),
                line.what.clone(),
                text::one_line(&said),
            ]
        };
        table(&["AT", "WHO", "PROVIDER", "CALL", "WHAT", "SAID"], &[], lines.iter().rev().map(row).collect())
    });
    Ok(Code::Done)
}

async fn verify(out: &Out, noted: Option<&str>) -> Done {
    let rooms = open(out).await?;
    let health = rooms.verify_audit(noted).await?;
    let lost = noted.is_some() && health.found_at.is_none();
    let json = || {
        json!({
            "whole": health.broken.is_none() && !lost, "lines": health.lines, "without_hash": health.without_hash,
            "head": health.head, "found_at": health.found_at,
            "broken_at": health.broken.as_ref().map(|(seq, _)| seq), "why": health.broken.as_ref().map(|(_, why)| why),
        })
    };
    out.answer(json, || match (&health.broken, lost) {
        (Some((seq, why)), _) => format!(
            "broken at line {seq}: {why}\n  hint: somebody wrote to ledger.db behind bursar's back; compare it with a backup"
        ),
        (None, true) => "the chain is whole, but the hash that you noted is not in it: the trail was written anew\n  hint: compare it with a backup".to_owned(),
        (None, false) => {
            let older = match health.without_hash {
                0 => String::new(),
                n => format!(", {n} of them by an older bursar"),
            };
            format!(
                "whole: {} lines{older}; the last one's hash is\n{}\nnoted elsewhere it proves later that nothing up to here was changed: bursar audit verify --head HASH",
                health.lines, health.head
            )
        }
    });
    Ok(if health.broken.is_none() && !lost { Code::Done } else { Code::NeedsYou })
}
