//! `bursar spending`: what is charged, what is held, what is left, and the entries that make it so.

use super::{
    Done, args,
    exit::Code,
    open::open,
    out::{Out, table},
    text, values,
};
use crate::flow::{FlowError, Rooms, Spending};
use bursar_core::{
    decide::WindowState,
    instance::InstanceId,
    ledger::{Entry, Kind},
};
use serde_json::{Value, json};
use std::collections::HashMap;

pub(super) type Names = HashMap<InstanceId, String>;

pub(super) async fn spending(out: &Out, ask: args::Spending) -> Done {
    let rooms = open(out).await?;
    let spending = rooms.get_spending().await?;
    let (entries, names) = match ask.entries {
        0 => (vec![], Names::new()),
        n => {
            let entries = rooms.entries(None, n).await?;
            let names = names(&rooms, &entries).await?;
            (entries, names)
        }
    };
    let json = || {
        let mut json = document(&spending);
        json["entries"] =
            entries.iter().map(|e| values::entry(e, names.get(&e.instance).map(String::as_str))).collect();
        json
    };
    out.answer(json, || match ask.entries {
        0 => in_words(&spending),
        _ => format!("{}\n\n{}", in_words(&spending), entries_in_table(&entries, &names)),
    });
    Ok(Code::Done)
}

/// Returns what the instances of these entries are called.
pub(super) async fn names(rooms: &Rooms, entries: &[Entry]) -> Result<Names, FlowError> {
    let mut names = Names::new();
    for entry in entries {
        if !names.contains_key(&entry.instance)
            && let Some(name) = rooms.name_of(&entry.instance).await?
        {
            names.insert(entry.instance.clone(), name);
        }
    }
    Ok(names)
}

fn document(spending: &Spending) -> Value {
    json!({
        "charged_usd": spending.totals.charged.to_string(),
        "held_usd": spending.totals.held.to_string(),
        "left_usd": spending.left.to_string(),
        "max_total_spending_usd": spending.limits.max_total_spending.to_string(),
        "burn_usd_per_hour": spending.per_hour.to_string(),
        "open": spending.open,
        "if_all_runs_usd": spending.if_all_runs.to_string(),
        "windows": spending.windows.iter().map(window).collect::<Vec<_>>(),
    })
}

fn window(state: &WindowState) -> Value {
    let WindowState { scope, window, spent, most, most_at } = state;
    json!({
        "scope": scope.to_string(),
        "minutes": window.minutes,
        "max_usd": window.usd.to_string(),
        "spent_usd": spent.to_string(),
        "most_usd": most.to_string(),
        "most_at": text::moment(*most_at),
    })
}

fn window_line(state: &WindowState) -> String {
    let WindowState { scope, window, spent, most, most_at } = state;
    let whose = if scope.is_all() { String::new() } else { format!(" of {scope}") };
    let length = bursar_core::time::human(window.secs());
    format!(
        "\nin {length}{whose}: {spent} USD spent, at most {most} USD (the {length} that end {}) of {} USD",
        text::moment(*most_at),
        window.usd
    )
}

fn in_words(spending: &Spending) -> String {
    let Spending { totals, left, per_hour, open, limits, if_all_runs, windows } = spending;
    let windows: String = windows.iter().map(window_line).collect();
    let lasts = left.lasts_secs(*per_hour).map_or(String::new(), |secs| {
        format!("; what is left would last {} beyond what is held", bursar_core::time::human(secs / 60 * 60))
    });
    format!(
        "charged  {} USD\nheld     {} USD, for what is open, its end included\nleft     {left} USD of {} USD (max_total_spending)\n\
         now      {per_hour} USD/h, {open} machine{} open{lasts}\n\
         then     {if_all_runs} USD in all, if everything open runs to its end{windows}",
        totals.charged,
        totals.held,
        limits.max_total_spending,
        text::s(*open),
    )
}

pub(super) fn entries_in_table(entries: &[Entry], names: &Names) -> String {
    let row = |entry: &Entry| {
        let kind = match entry.kind {
            Kind::Hold => "hold",
            Kind::Charge => "charge",
            Kind::Release => "release",
            Kind::Correction => "correction",
        };
        vec![
            entry.seq.to_string(),
            text::moment(entry.at),
            names.get(&entry.instance).cloned().unwrap_or_else(|| entry.instance.to_string()),
            kind.to_owned(),
            entry.amount.to_string(),
            entry.totals.held.to_string(),
            entry.totals.charged.to_string(),
            entry.reason.to_string(),
        ]
    };
    let head = ["SEQ", "AT", "MACHINE", "ENTRY", "USD", "THEN HELD", "THEN CHARGED", "WHY"];
    table(&head, &[0, 4, 5, 6], entries.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_core::{
        ledger::{Reason, Totals},
        limits::Limits,
        money::Usd,
        scope::Scope,
        time::Moment,
        window::Window,
    };

    #[test]
    fn spending_is_a_line_each() {
        let totals = Totals { held: Usd(820_000), charged: Usd(1_000_000) };
        let window = WindowState {
            scope: Scope::All,
            window: Window { minutes: 60, usd: Usd::dollars(2) },
            spent: Usd(164_000),
            most: Usd(820_000),
            most_at: Moment(1_795_161_600),
        };
        let spending = Spending {
            totals,
            limits: Limits::default(),
            left: Usd(18_180_000),
            per_hour: Usd(164_000),
            open: 1,
            if_all_runs: totals.committed(),
            windows: vec![window],
        };
        assert_eq!(
            in_words(&spending),
            "charged  1.00 USD\nheld     0.82 USD, for what is open, its end included\n\
             left     18.18 USD of 20.00 USD (max_total_spending)\n\
             now      0.164 USD/h, 1 machine open; what is left would last 4 d 14 h beyond what is held\n\
             then     1.82 USD in all, if everything open runs to its end\n\
             in 1 h: 0.164 USD spent, at most 0.82 USD (the 1 h that end 2026-11-20 08:00 UTC) of 2.00 USD"
        );
        assert_eq!(document(&spending)["left_usd"], "18.18");
    }

    #[test]
    fn entries_are_a_table_with_the_totals_after_each() {
        let id = InstanceId("abcdefghij".into());
        let entry = Entry {
            seq: 2,
            at: Moment(1_795_161_600),
            instance: id.clone(),
            kind: Kind::Charge,
            amount: Usd(164_000),
            reason: Reason::Gone,
            totals: Totals { held: Usd(0), charged: Usd(164_000) },
        };
        assert_eq!(
            entries_in_table(&[entry], &Names::from([(id, "box".to_owned())])),
            "SEQ  AT                    MACHINE  ENTRY     USD  THEN HELD  THEN CHARGED  WHY\n  \
             2  2026-11-20 08:00 UTC  box      charge  0.164       0.00         0.164  gone"
        );
    }
}
