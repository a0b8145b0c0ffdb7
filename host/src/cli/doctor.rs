//! `bursar doctor`: everything that can be wrong, each with what to do. It looks even where nothing else can start.

use super::{Done, exit::Code, ls, open::open, out::Out, progress::Waiting, refused};
use crate::flow::{Check, FlowError, InstanceState, Rooms};
use serde_json::{Value, json};

pub(super) async fn doctor(out: &Out) -> Done {
    let waiting = Waiting::new("looking");
    let checks = match open(out).await {
        Ok(rooms) => look(&rooms).await,
        Err(error) => vec![cannot_start(&error)],
    };
    waiting.done();
    out.answer(|| document(&checks), || in_words(&checks));
    let all_well = checks.iter().all(|check| check.todo.is_none());
    Ok(if all_well { Code::Done } else { Code::NeedsYou })
}

async fn look(rooms: &Rooms) -> Vec<Check> {
    let mut checks = rooms.doctor().await;
    match rooms.list_instances(0, false, false).await {
        Ok(listed) => {
            checks.extend(machines(&listed.instances));
            checks.extend(listed.complaints.iter().map(|(text, _)| complaint(text)));
        }
        Err(error) => checks.push(cannot_start(&error)),
    }
    checks
}

fn machines(open: &[InstanceState]) -> Vec<Check> {
    let needy = |state: &InstanceState| {
        let why = ls::needs_you(state)?;
        let (found, todo) = why.split_once("; ").unwrap_or((&why, "see `bursar ls`"));
        let what = format!("machine {}", state.instance.name);
        Some(Check { what, found: found.to_owned(), todo: Some(todo.to_owned()) })
    };
    let needy: Vec<Check> = open.iter().filter_map(needy).collect();
    match needy.is_empty() {
        true => vec![Check {
            what: "machines".to_owned(),
            found: format!("{} open, none in doubt", open.len()),
            todo: None,
        }],
        false => needy,
    }
}

fn complaint(text: &str) -> Check {
    let (found, todo) = text.split_once("; ").unwrap_or((text, "look at its page"));
    Check { what: "account".to_owned(), found: found.to_owned(), todo: Some(todo.to_owned()) }
}

fn cannot_start(error: &FlowError) -> Check {
    let text = refused::message(error);
    let (found, todo) = text.split_once("\n  hint: ").unwrap_or((&text, "mend that, then run `bursar doctor` again"));
    Check { what: "start".to_owned(), found: found.to_owned(), todo: Some(todo.to_owned()) }
}

fn document(checks: &[Check]) -> Value {
    let one = |check: &Check| json!({ "what": check.what, "found": check.found, "ok": check.todo.is_none(), "todo": check.todo });
    json!({ "ok": checks.iter().all(|check| check.todo.is_none()), "checks": checks.iter().map(one).collect::<Vec<_>>() })
}

fn in_words(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.what.chars().count()).max().unwrap_or(0);
    let mut lines = vec![];
    for check in checks {
        let word = if check.todo.is_none() { "ok  " } else { "TODO" };
        let indent = " ".repeat(width + 8);
        let found = check.found.lines().collect::<Vec<_>>().join(&format!("\n{indent}"));
        lines.push(format!("{word}  {:width$}  {found}", check.what));
        lines.extend(
            check.todo.iter().map(|todo| format!("{indent}do: {}", todo.lines().collect::<Vec<_>>().join(" "))),
        );
    }
    let todo = checks.iter().filter(|check| check.todo.is_some()).count();
    lines.push(match todo {
        0 => "\nall is well".to_owned(),
        1 => "\none thing needs you".to_owned(),
        n => format!("\n{n} things need you"),
    });
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_core::instance::Stage;

    fn check(what: &str, found: &str, todo: Option<&str>) -> Check {
        Check { what: what.into(), found: found.into(), todo: todo.map(str::to_owned) }
    }

    #[test]
    fn each_check_says_what_was_found_and_what_to_do() {
        let checks =
            [check("ledger", "whole", None), check("bitlaunch token", "no key is set", Some("bursar login bitlaunch"))];
        assert_eq!(
            in_words(&checks),
            "ok    ledger           whole\n\
             TODO  bitlaunch token  no key is set\n                       do: bursar login bitlaunch\n\n\
             one thing needs you"
        );
        assert_eq!(document(&checks)["ok"], false);
        assert_eq!(document(&checks[..1])["checks"][0]["ok"], true);
    }

    #[test]
    fn a_machine_in_doubt_is_something_to_do() {
        let doubtful = ls::tests::state(Stage::InDoubt, 14_400, 0);
        let checks = machines(&[doubtful]);
        assert_eq!(checks[0].found, "in doubt: it may exist and cost");
        assert!(checks[0].todo.as_ref().unwrap().starts_with("run `bursar settle`"));
        assert_eq!(machines(&[])[0].todo, None);
    }

    #[test]
    fn what_stops_the_start_is_shown_with_its_hint() {
        let check = cannot_start(&FlowError::refused("the ledger is elsewhere", "set BURSAR_HOME"));
        assert_eq!(
            (check.found.as_str(), check.todo.as_deref()),
            ("refused: the ledger is elsewhere", Some("set BURSAR_HOME"))
        );
    }
}
