//! How instances and money look to an agent: the same small shapes in tools and resources.

use super::text::{STRANGERS, bounded, line, usd, when};
use crate::flow::{Fit, InstanceState, Listed, Reach, Spending};
use bursar_core::{
    decide::WindowState,
    instance::{Instance, Stage},
    limits::{LimitKey, Limits},
    quote::Quote,
    scope::LimitName,
    time::human,
    window::short,
};
use rmcp::schemars::{self, JsonSchema};
use serde::Serialize;
use std::collections::BTreeMap;

/// Says what is true of every end on this computer.
pub(super) fn ends() -> String {
    format!("at ends_at {}", Reach::here().in_words())
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct InstanceOut {
    pub id: String,
    pub name: String,
    pub offer: String,
    /// requested, in_doubt, made, ready, stopping, gone
    pub stage: String,
    pub ready: bool,
    /// What is missing
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<String>,
    pub began_at: String,
    pub ends_at: String,
    pub seconds_left: u64,
    pub uptime_seconds: u64,
    pub price_usd_per_hour: String,
    pub accrued_usd: String,
    pub held_usd: String,
    pub charged_usd: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_state: Option<String>,
    // Where a provider's or a machine's words are among it; not told to the agent in every tool that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<&'static str>,
}

impl InstanceOut {
    pub(super) fn new(state: &InstanceState) -> InstanceOut {
        let InstanceState { instance, totals, accrued, as_of, view } = state;
        let lease = &instance.lease;
        let open = instance.stage.is_open();
        InstanceOut {
            id: instance.id.to_string(),
            name: instance.name.clone(),
            offer: offer(&instance.order.provider, &instance.order.offer),
            stage: stage(instance.stage),
            ready: instance.stage == Stage::Ready,
            note: instance.notes().as_deref().map(line),
            ssh: instance
                .ssh
                .as_ref()
                .filter(|_| open)
                .map(|ssh| format!("{}@{}:{}", line(&ssh.user), line(&ssh.host), ssh.port)),
            began_at: when(lease.begins),
            ends_at: when(lease.ends),
            seconds_left: if open { lease.ends.since(*as_of) } else { 0 },
            uptime_seconds: if open { as_of.since(lease.begins) } else { lease.ends.since(lease.begins) },
            price_usd_per_hour: usd(lease.per_hour),
            accrued_usd: usd(*accrued),
            held_usd: usd(totals.held),
            charged_usd: usd(totals.charged),
            provider_id: instance.handle.as_ref().map(|handle| line(&handle.id)),
            provider_state: view.as_ref().map(|view| line(&view.state.to_string())),
            notice: (instance.notes().is_some() || view.is_some()).then_some(STRANGERS),
        }
    }

    pub(super) fn in_words(&self) -> String {
        let note = self.note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
        let ssh = self.ssh.as_ref().map_or(String::new(), |ssh| format!(", {ssh}"));
        let state = self.provider_state.as_ref().map_or(String::new(), |state| format!(", its provider says {state}"));
        let money = match self.stage.as_str() {
            "gone" => format!("it cost {} USD", self.charged_usd),
            _ => format!(
                "{} USD/h, {} USD so far, {} USD held, ends at {} (in {})",
                self.price_usd_per_hour,
                self.accrued_usd,
                self.held_usd,
                self.ends_at,
                human(self.seconds_left)
            ),
        };
        let notice = self.notice.map_or(String::new(), |notice| format!(" ({notice})"));
        format!("{} [{}] {}: {}{note}{state}{ssh}; {money}{notice}", self.name, self.id, self.offer, self.stage)
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct ListOut {
    pub as_of: String,
    pub instances: Vec<InstanceOut>,
    /// Not ours: counted by limits, never touched
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<ForeignOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_answer: Vec<String>,
    #[serde(skip)]
    backstops: Vec<String>,
    #[serde(skip)]
    complaints: Vec<String>,
    /// For cursor: there are more
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    pub notice: &'static str,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct ForeignOut {
    pub provider: String,
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_usd_per_hour: Option<String>,
}

impl ListOut {
    pub(super) fn new(listed: &Listed, as_of: bursar_core::time::Moment) -> ListOut {
        let foreign = listed.foreign.iter().map(|foreign| ForeignOut {
            provider: foreign.provider.clone(),
            id: line(&foreign.row.id),
            price_usd_per_hour: foreign.row.rate.map(usd),
        });
        ListOut {
            as_of: when(as_of),
            instances: listed.instances.iter().map(InstanceOut::new).collect(),
            foreign: foreign.collect(),
            no_answer: listed.no_answer.iter().map(|none| format!("{}: {}", none.provider, line(&none.why))).collect(),
            backstops: listed.backstops.clone(),
            complaints: listed.complaints.iter().map(|(text, _)| bounded(text)).collect(),
            next: listed.next.clone(),
            notice: STRANGERS,
        }
    }

    pub(super) fn in_words(&self) -> String {
        let mut lines: Vec<String> = self.instances.iter().map(InstanceOut::in_words).collect();
        if lines.is_empty() {
            lines.push("no instances".to_owned());
        }
        lines.extend(self.next.iter().map(|next| format!("there are more: ask again with cursor {next}")));
        lines.extend(self.foreign.iter().map(|f| format!("not ours, never touched: {} {}", f.provider, f.id)));
        lines.extend(self.no_answer.iter().map(|why| format!("no answer: {why}")));
        lines.extend(self.complaints.iter().map(|line| format!("for the owner: {line}")));
        lines.extend(self.backstops.iter().map(|line| format!("if no keeper ever ran again: {line}")));
        lines.join("\n")
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct SpendingOut {
    pub charged_usd: String,
    pub held_usd: String,
    /// Of max_total_spending
    pub left_usd: String,
    pub burn_usd_per_hour: String,
    pub open_instances: usize,
    /// charged + held: if all runs to its end
    pub if_all_runs_usd: String,
    /// Most in any such window to come, of what may
    pub windows: BTreeMap<String, String>,
    /// Only the owner changes them
    pub limits: BTreeMap<String, String>,
}

fn window(state: &WindowState) -> (String, String) {
    let length = short(state.window.minutes);
    let name = if state.scope.is_all() { length } else { format!("{} {length}", state.scope) };
    (name, format!("{} of {} USD", state.most, state.window.usd))
}

fn limits(limits: &Limits) -> BTreeMap<String, String> {
    let named = LimitKey::ALL.into_iter().map(LimitName::from).chain(limits.scoped_names());
    named.map(|name| (name.to_string(), limits.show_named(&name))).collect()
}

impl SpendingOut {
    pub(super) fn new(spending: &Spending) -> SpendingOut {
        SpendingOut {
            charged_usd: usd(spending.totals.charged),
            held_usd: usd(spending.totals.held),
            left_usd: usd(spending.left),
            burn_usd_per_hour: usd(spending.per_hour),
            open_instances: spending.open,
            if_all_runs_usd: usd(spending.if_all_runs),
            windows: spending.windows.iter().map(window).collect(),
            limits: limits(&spending.limits),
        }
    }

    pub(super) fn in_words(&self) -> String {
        let windows: Vec<String> = self.windows.iter().map(|(window, most)| format!("{window}: {most}")).collect();
        let limits: Vec<String> = self.limits.iter().map(|(key, value)| format!("{key} {value}")).collect();
        format!(
            "{} USD charged, {} USD held, {} USD left; {} open at {} USD/h\nwindows: {}\nlimits: {}",
            self.charged_usd,
            self.held_usd,
            self.left_usd,
            self.open_instances,
            self.burn_usd_per_hour,
            windows.join(", "),
            limits.join(", ")
        )
    }
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct FitOut {
    pub fits: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_usd_per_hour: Option<String>,
    /// For the whole length
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<String>,
    /// Set aside: the cost and the time it takes to end
    pub hold_usd: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_usd: Option<String>,
    /// Why not
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

impl FitOut {
    pub(super) fn new(fit: &Fit) -> FitOut {
        let quote = fit.quote.as_ref();
        FitOut {
            fits: fit.refusal.is_none(),
            offer: quote.map(|quote| offer(&quote.order.provider, &quote.order.offer)),
            price_usd_per_hour: quote.map(|quote| usd(quote.per_hour)),
            cost_usd: quote.map(|quote| usd(quote.cost)),
            hold_usd: usd(fit.hold),
            exposure_usd: fit.exposure.and_then(|exposure| exposure.most).map(usd),
            refusal: fit.refusal.as_ref().map(|refusal| bounded(&refusal.to_string())),
        }
    }

    pub(super) fn in_words(&self, quote: Option<&Quote>) -> String {
        let what = match quote {
            Some(quote) => format!(
                "{} for {}: {} USD/h, {} USD in all, {} USD to be held",
                offer(&quote.order.provider, &quote.order.offer),
                human(quote.order.length_secs),
                quote.per_hour,
                quote.cost,
                quote.hold
            ),
            None => format!("{} USD", self.hold_usd),
        };
        let exposed = self
            .exposure_usd
            .as_ref()
            .map_or(String::new(), |most| format!("; {most} USD at most if no keeper ever ran again"));
        let what = format!("{what}{exposed}");
        match &self.refusal {
            None => format!("{what}: fits. Nothing was reserved."),
            Some(refusal) => format!("{what}: does not fit, {refusal}"),
        }
    }
}

pub(super) fn offer(provider: &str, id: &str) -> String {
    format!("{provider}:{id}")
}

fn stage(stage: Stage) -> String {
    stage.to_string().replace(' ', "_")
}

/// Returns whether an instance can still become ready by itself.
pub(super) fn is_on_its_way(instance: &Instance) -> bool {
    matches!(instance.stage, Stage::Requested | Stage::Made)
}
