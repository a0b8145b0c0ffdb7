//! `bursar ls`: the machines of this ledger, what they cost, when they end, and which of them need their owner.

use super::{
    Done,
    args::Ls,
    exit::Code,
    open::open,
    out::{Out, table},
    progress::Waiting,
    text::{from_now, one_line},
    values,
};
use crate::flow::{END_NOT_ACCEPTED, Foreign, InstanceState, ListAsk, Listed};
use bursar_core::{instance::Stage, money::Usd, overrun::is_late, settle::doubt_ends, time::human};
use serde_json::{Value, json};

/// So many of those that ended are shown.
const ENDED: u32 = 50;

pub(super) async fn ls(out: &Out, ask: Ls) -> Done {
    let rooms = open(out).await?;
    let asks = ask.refresh || ask.foreign;
    let waiting = asks.then(|| Waiting::new("asking the providers"));
    let (ended, is_page) = (if ask.all { ENDED } else { 0 }, ask.cursor.is_some());
    let Ls { refresh, foreign, limit, cursor, .. } = ask;
    let listed = rooms.list_page(&ListAsk { ended, refresh, foreign, limit, cursor }).await;
    if let Some(waiting) = waiting {
        waiting.done();
    }
    let listed = listed?;
    out.answer(|| document(&listed), || in_words(&listed, foreign));
    // What needs the owner is said by the code, on whatever page it stands.
    let whole = match is_page || listed.next.is_some() {
        true => rooms.list_instances(0, false, false).await?,
        false => listed,
    };
    let stops = whole.complaints.iter().any(|(_, stops)| *stops);
    let needs_you = stops || whole.instances.iter().any(|state| needs_you(state).is_some());
    Ok(if needs_you { Code::NeedsYou } else { Code::Done })
}

/// Says why a machine needs its owner, and what to do.
pub(super) fn needs_you(state: &InstanceState) -> Option<String> {
    let (instance, now) = (&state.instance, state.as_of);
    let name = &instance.name;
    if !instance.stage.is_open() {
        return None;
    }
    let lost = instance.stage == Stage::Requested && now > instance.lands_until;
    if instance.stage == Stage::InDoubt || lost {
        return Some(format!("in doubt: it may exist and cost; {}", doubt_in_words(state)));
    }
    let accepted = instance.sightings.end_accepted_at;
    // One whose end was accepted before, and which lives, is believed no more.
    let again = instance.sightings.end_asked.is_some_and(|(times, _)| times > 1) && is_late(instance, now);
    if !again && accepted.is_some_and(|at| now <= at.after(instance.stop_secs)) {
        // Late or not, it is ending, and the next look shows it.
        return None;
    }
    if let Some(refused) = instance.note.as_ref().filter(|note| note.starts_with(END_NOT_ACCEPTED)) {
        return Some(format!(
            "it goes on costing {} USD/h, because its end was not taken; run `bursar doctor`, mend what it names, then \
             `bursar down {name}` ({refused})",
            instance.lease.per_hour
        ));
    }
    let late = now.since(instance.lease.ends.after(instance.stop_secs));
    if late > 0 {
        return Some(format!(
            "overrun: its end is {} late; run `bursar down {name}`, and look at the provider's page if that does not help",
            human(late)
        ));
    }
    (state.accrued > state.totals.held).then(|| {
        format!("overrun: {} USD so far, {} USD held; run `bursar down {name}`", state.accrued, state.totals.held)
    })
}

/// Says how long a doubt can last, and what shortens it.
fn doubt_in_words(state: &InstanceState) -> String {
    let (instance, now) = (&state.instance, state.as_of);
    let (name, proven) = (&instance.name, doubt_ends(instance));
    if now <= proven {
        return format!(
            "wait: it is adopted as soon as its provider lists it, and released if it never appears: at the latest {}, by the first \
             bursar command then. To be done sooner look at the provider's page, and say `bursar settle {name} --gone` or `--alive`",
            from_now(proven, now)
        );
    }
    format!(
        "run `bursar settle` twice, 10 s apart: it can no longer appear, and two complete lists without it release it; or look \
         at the provider's page, and say `bursar settle {name} --gone` or `--alive`"
    )
}

fn document(listed: &Listed) -> Value {
    let instance = |state: &InstanceState| values::instance(state, needs_you(state).as_deref());
    json!({
        "instances": listed.instances.iter().map(instance).collect::<Vec<_>>(),
        "foreign": listed.foreign.iter().map(values::foreign).collect::<Vec<_>>(),
        "no_answer": values::no_answer(&listed.no_answer),
        "backstops": listed.backstops,
        "complaints": listed.complaints.iter().map(|(text, stops)| json!({ "text": text, "stops": stops })).collect::<Vec<_>>(),
        "next": listed.next,
    })
}

fn in_words(listed: &Listed, foreign: bool) -> String {
    let mut parts = vec![];
    match listed.instances.is_empty() {
        true => parts.push("no machine is open; rent one: bursar offers, then bursar up NAME --offer OFFER".to_owned()),
        false => parts.push(in_table(&listed.instances)),
    }
    parts.extend(listed.next.iter().map(|next| format!("there are more: bursar ls --cursor {next}")));
    let needy = listed.instances.iter().filter_map(|state| Some((&state.instance.name, needs_you(state)?)));
    parts.extend(needy.map(|(name, why)| format!("! {name}: {why}")));
    parts.extend(listed.complaints.iter().map(|(text, _)| format!("! {text}")));
    if foreign {
        parts.push(foreign_in_words(&listed.foreign));
    }
    parts.extend(listed.backstops.iter().map(|line| format!("if no keeper ever ran again: {line}")));
    parts.extend(listed.no_answer.iter().map(|none| format!("no answer from {}: {}", none.provider, none.why)));
    parts.join("\n")
}

pub(super) fn in_table(states: &[InstanceState]) -> String {
    let row = |state: &InstanceState| {
        let instance = &state.instance;
        let ends = match instance.stage.is_open() {
            true => from_now(instance.lease.ends, state.as_of),
            false => "-".to_owned(),
        };
        vec![
            instance.name.clone(),
            instance.stage.to_string(),
            format!("{}:{}", instance.provider, instance.order.offer),
            instance.lease.per_hour.to_string(),
            state.accrued.to_string(),
            state.totals.held.to_string(),
            ends,
            instance.ssh.as_ref().map_or("-".to_owned(), |ssh| ssh.host.clone()),
            one_line(&instance.notes().unwrap_or_default()),
        ]
    };
    let head = ["NAME", "STATE", "OFFER", "USD/H", "COST USD", "HELD USD", "ENDS", "ADDRESS", "NOTE"];
    table(&head, &[3, 4, 5], states.iter().map(row).collect())
}

fn foreign_in_words(foreign: &[Foreign]) -> String {
    if foreign.is_empty() {
        return "nothing else lives on the accounts".to_owned();
    }
    let row = |foreign: &Foreign| {
        let rate = foreign.row.rate.map_or("-".to_owned(), |rate: Usd| rate.to_string());
        vec![foreign.provider.clone(), foreign.row.id.clone(), foreign.row.tag.clone().unwrap_or_default(), rate]
    };
    let rows = table(&["PROVIDER", "ID", "NAMED", "USD/H"], &[3], foreign.iter().map(row).collect());
    format!("\nnot ours, counted by the limits and never touched:\n{rows}")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use bursar_core::lease::Lease;
    use bursar_core::{
        instance::{Instance, InstanceId, Sightings, SshAt, Tag},
        ledger::Totals,
        offer::{Order, Priced},
        time::Moment,
    };

    const T: u64 = 1_795_161_600;

    pub(in super::super) fn state(stage: Stage, ends: u64, accrued: i64) -> InstanceState {
        let id = InstanceId("abcdefghij".into());
        let order = Order {
            provider: "bitlaunch".into(),
            offer: "1/vcg/lax".into(),
            image: None,
            nodes: 1,
            length_secs: 14_400,
        };
        let (begins, ends) = (Moment(T), Moment(T + ends));
        let lease = Lease { begins, ends, hold: Usd(820_000), per_hour: Usd(164_000), extending: None };
        let ssh = SshAt { host: "192.0.2.7".into(), port: 22, user: "root".into(), jump: None };
        let instance = Instance {
            tag: Tag::new("ledger0000", &id),
            id,
            name: "box".into(),
            principal: "owner".into(),
            provider: "bitlaunch".into(),
            account: "me".into(),
            order,
            price: super::super::offers::tests::offer("x", 164_000, true).price,
            priced: Priced::Seen,
            asked: String::new(),
            asked_image: None,
            title: "gpu".into(),
            gpu: true,
            stage,
            lease,
            handle: None,
            pending: None,
            ssh: Some(ssh),
            ssh_keys: vec![],
            lands_until: Moment(T + 600),
            stop_secs: 120,
            sightings: Sightings::default(),
            note: None,
        };
        let held = if stage.is_open() { Usd(820_000) } else { Usd::ZERO };
        let totals = Totals { held, charged: Usd::ZERO };
        InstanceState { instance, totals, accrued: Usd(accrued), as_of: Moment(T + 3_600), view: None }
    }

    /// One that is late and whose end was accepted at this second.
    fn accepted(ends: u64, at: u64) -> InstanceState {
        let mut state = state(Stage::Stopping, ends, 900_000);
        state.instance.sightings.end_accepted_at = Some(Moment(T + at));
        state
    }

    #[test]
    fn an_end_that_was_not_accepted_needs_the_owner() {
        let mut state = state(Stage::Stopping, 14_400, 164_000);
        state.instance.note = Some(format!("{END_NOT_ACCEPTED}: 401"));
        let why = needs_you(&state).unwrap();
        for part in ["not accepted: 401", "0.164 USD/h", "bursar doctor", "bursar down box"] {
            assert!(why.contains(part), "{part} in {why}");
        }
    }

    #[test]
    fn a_doubt_says_how_long_it_can_last() {
        let mut state = state(Stage::InDoubt, 14_400, 0);
        state.instance.lands_until = Moment(T + 3_600 + 240);
        let why = needs_you(&state).unwrap();
        assert!(why.contains("at the latest in 5 min"), "{why}");
    }

    #[test]
    fn machines_are_a_table() {
        assert_eq!(
            in_table(&[state(Stage::Ready, 14_400, 164_000)]),
            "NAME  STATE  OFFER                USD/H  COST USD  HELD USD  ENDS    ADDRESS    NOTE\n\
             box   ready  bitlaunch:1/vcg/lax  0.164     0.164      0.82  in 3 h  192.0.2.7"
        );
    }

    #[test]
    fn doubt_and_overrun_need_the_owner() {
        for (state, says) in [
            (state(Stage::Ready, 14_400, 164_000), None),
            (state(Stage::Ready, 3_500, 164_000), None),
            (state(Stage::Ready, 3_400, 164_000), Some("overrun: its end is 80 s late; run `bursar down box`")),
            (state(Stage::Stopping, 1_000, 164_000), Some("overrun")),
            (accepted(1_000, 3_590), None),
            (accepted(1_000, 2_000), Some("overrun")),
            (state(Stage::Gone, 1_000, 164_000), None),
            (state(Stage::InDoubt, 14_400, 0), Some("in doubt: it may exist")),
            (state(Stage::Requested, 14_400, 0), Some("in doubt")),
            (state(Stage::Ready, 14_400, 820_001), Some("overrun: 0.820001 USD so far, 0.82 USD held")),
        ] {
            let text = needs_you(&state);
            match says {
                Some(says) => assert!(text.as_ref().is_some_and(|text| text.starts_with(says)), "{text:?}"),
                None => assert_eq!(text, None),
            }
        }
    }

    #[test]
    fn a_machine_for_programs_has_stable_names() {
        let state = state(Stage::InDoubt, 14_400, 164_000);
        let json = values::instance(&state, needs_you(&state).as_deref());
        for (field, value) in [
            ("name", json!("box")),
            ("stage", json!("in_doubt")),
            ("offer", json!("bitlaunch:1/vcg/lax")),
            ("ends", json!("2026-11-20T12:00:00Z")),
            ("price_usd_per_hour", json!("0.164")),
            ("held_usd", json!("0.82")),
            ("ssh", json!({ "host": "192.0.2.7", "port": 22, "user": "root" })),
        ] {
            assert_eq!(json[field], value, "{field}");
        }
        assert!(json["needs_you"].is_string());
    }
}
