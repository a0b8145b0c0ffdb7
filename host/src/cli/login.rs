//! `bursar login`: stores a provider's key and tries it once. The key is never shown, nor taken as an argument, where
//! every process of the computer could read it.

use super::{Done, args::Login, exit::Code, open::open, out::Out, progress::Waiting};
use crate::flow::{CredentialPlace, FlowError, ProviderState, Rooms};
use serde_json::json;
use std::io::{IsTerminal, Read};

pub(super) async fn login(out: &Out, ask: Login) -> Done {
    let rooms = open(out).await?;
    if rooms.settings.practice.is_some() {
        let hint = "its key comes with the lines of `bursar practice --env`; unset BURSAR_PRACTICE to store a real one";
        return Err(FlowError::refused("practice takes no stored keys", hint));
    }
    let provider = provider(&rooms, &ask.provider).await?;
    let credential = credential(&provider, ask.name.as_deref())?;
    let about = rooms.credential_about(&ask.provider, &credential.0).await?;
    let key = match ask.key_from_stdin {
        true => tokio::task::spawn_blocking(from_stdin).await,
        false => {
            let question = format!("{} for {} ({about}): ", credential.0, ask.provider);
            tokio::task::spawn_blocking(move || ask_for(&question)).await
        }
    };
    let key = key.map_err(|error| FlowError::failed(format!("the key could not be read: {error}"), "try again"))?;
    let (file, before) = rooms.credentials.store(&ask.provider, &credential.0, Some(&checked(&key?)?))?;
    if let CredentialPlace::Environment(variable) = &credential.1 {
        out.aside(format!(
            "note: {variable} is set in this terminal and goes before what is stored; unset it to use the stored key"
        ));
    }
    let tried = try_it(out, &rooms, &ask.provider, &file.display().to_string()).await;
    if let Err(error) = &tried {
        rooms.credentials.store(&ask.provider, &credential.0, before.as_deref())?;
        out.aside(not_stored(error.is_unauthorized(), before.is_some()));
    }
    tried
}

/// A key that was never seen to work takes no other one's place.
fn not_stored(refused: bool, another_stays: bool) -> String {
    let why = if refused { "the provider refused it" } else { "it could not be tried" };
    let left = if another_stays { "the key that was stored before stays" } else { "nothing is stored" };
    format!("{why}, so {left}")
}

async fn provider(rooms: &Rooms, name: &str) -> Result<ProviderState, FlowError> {
    let all = rooms.list_providers().await;
    let known: Vec<String> = all.iter().map(|provider| provider.driver.name.clone()).collect();
    let found = all.into_iter().find(|provider| provider.driver.name == name);
    let found = found.ok_or_else(|| {
        FlowError::refused(format!("there is no provider `{name}`"), format!("there are: {}", known.join(", ")))
    })?;
    match &found.problem {
        Some(problem) => {
            Err(FlowError::failed(format!("driver `{name}` does not serve: {problem}"), "see `bursar driver list`"))
        }
        None => Ok(found),
    }
}

/// Returns the name of the key that is meant, and where it comes from now.
fn credential(provider: &ProviderState, name: Option<&str>) -> Result<(String, CredentialPlace), FlowError> {
    let names: Vec<&str> = provider.credentials.iter().map(|(name, _, _)| name.as_str()).collect();
    let found = match (name, &provider.credentials[..]) {
        (None, [(only, _, place)]) => Some((only.clone(), place.clone())),
        (None, _) => None,
        (Some(name), all) => {
            all.iter().find(|(known, _, _)| known == name).map(|(known, _, place)| (known.clone(), place.clone()))
        }
    };
    found.ok_or_else(|| {
        let what = match (name, names.is_empty()) {
            (_, true) => format!("{} needs no key", provider.driver.name),
            (Some(name), _) => format!("{} has no key `{name}`", provider.driver.name),
            (None, _) => format!("{} has several keys", provider.driver.name),
        };
        let hint = if names.is_empty() {
            "nothing is to be done".to_owned()
        } else {
            format!("name one with --name: {}", names.join(", "))
        };
        FlowError::refused(what, hint)
    })
}

fn ask_for(question: &str) -> Result<String, FlowError> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let hint = "run it in a terminal, or pipe the key in: bursar login PROVIDER --key-from-stdin < FILE";
        return Err(FlowError::refused("there is no terminal to ask for the key", hint));
    }
    let terminal = console::Term::stderr();
    let asked = terminal.write_str(question).and_then(|()| terminal.read_secure_line());
    asked.map_err(|error| FlowError::failed(format!("the key could not be read: {error}"), "try --key-from-stdin"))
}

fn from_stdin() -> Result<String, FlowError> {
    let mut text = String::new();
    let read = std::io::stdin().take(64 * 1024).read_to_string(&mut text);
    read.map_err(|error| {
        FlowError::failed(format!("the key could not be read from stdin: {error}"), "pipe one line of text in")
    })?;
    Ok(text)
}

/// A key is one word; anything else was pasted wrong, and would be sent as a header.
fn checked(text: &str) -> Result<String, FlowError> {
    let key = text.trim();
    match !key.is_empty() && key.len() <= 4096 && key.chars().all(|c| c.is_ascii_graphic()) {
        true => Ok(key.to_owned()),
        false => {
            let what = format!(
                "that is no key: {} characters, and a key is one word of plain characters",
                key.chars().count()
            );
            Err(FlowError::refused(what, "nothing was stored; copy it again"))
        }
    }
}

async fn try_it(out: &Out, rooms: &Rooms, provider: &str, file: &str) -> Done {
    let waiting = Waiting::new("trying the key");
    let tried = rooms.get_accounts(Some(provider)).await;
    waiting.done();
    let (accounts, _) = tried?;
    out.aside(format!("stored in {file}, readable by you only"));
    let account = accounts.first().map(|state| &state.account);
    let identity = account.map(|account| account.identity.clone()).unwrap_or_default();
    let balance = account.and_then(|account| account.balance).map(|balance| balance.to_string());
    let shown = balance.as_ref().map_or("its balance is not told".to_owned(), |balance| format!("{balance} USD"));
    out.answer(
        || json!({ "provider": provider, "file": file, "account": identity, "balance_usd": balance }),
        || format!("the key works: account {identity}, {shown}"),
    );
    Ok(Code::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_not_seen_to_work_is_not_stored() {
        assert_eq!(not_stored(true, true), "the provider refused it, so the key that was stored before stays");
        assert_eq!(not_stored(false, false), "it could not be tried, so nothing is stored");
    }

    #[test]
    fn a_key_is_one_word() {
        for (text, key) in [
            ("abc123\n", Some("abc123")),
            ("  a.b-c_d= \r\n", Some("a.b-c_d=")),
            ("", None),
            ("two words", None),
            ("two\nlines", None),
            ("schlüssel", None),
            (&"x".repeat(5000), None),
        ] {
            assert_eq!(checked(text).ok().as_deref(), key, "{text}");
        }
    }
}
