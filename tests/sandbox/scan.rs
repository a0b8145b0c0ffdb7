//! The one check after every idea: nothing of a credential, of the environment, of another driver or of the host's files is in
//! anything that the guest received, sent or logged. The guest repeats in hexadecimal whatever it receives; see `run.rs` there.

use crate::{
    common::TOKEN,
    ideas::Idea,
    world::{HOST_FILE, OTHER_SETTING, OTHER_TOKEN, World},
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use std::{
    fmt::{Debug, Write},
    sync::{Mutex, MutexGuard, Once, PoisonError},
};
use tracing::{Event, Metadata, Subscriber, field::Field, span};

/// Everything that was logged in this process, decoded where it was what a guest heard.
static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Ear).unwrap());
}

fn logged() -> MutexGuard<'static, Vec<String>> {
    LOGGED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns how much was logged up to now.
pub fn logged_before() -> usize {
    logged().len()
}

pub fn nothing_got_through(world: &World, idea: Idea, said: &[String]) {
    let secrets = secrets(world);
    let logged = logged()[world.logged_before..].to_vec();
    let told = logged.iter().map(|line| ("log", line.as_str()));
    let told = told.chain(said.iter().map(|text| ("result", text.as_str())));
    for (place, text) in told {
        look(idea, place, text, &secrets);
    }
    assert!(logged.iter().any(|line| line.contains("now: ")) || idea_never_runs(idea), "{idea:?} was not listened to");
    for asked in &world.provider.now().asked {
        let headers = asked.headers.iter().filter(|(name, _)| *name != "x-api-key");
        let headers: String = headers.map(|(name, value)| format!("{name}: {value}\n")).collect();
        look(idea, "request", &format!("{}\n{headers}\n{}", asked.line, asked.body), &secrets);
    }
}

/// Its manifest is not let in.
fn idea_never_runs(idea: Idea) -> bool {
    use crate::ideas::Signing::{ASignedRoute, ASignerAsAWord};
    matches!(idea, Idea::Signing(ASignedRoute | ASignerAsAWord))
}

fn look(idea: Idea, place: &str, text: &str, secrets: &[(String, String)]) {
    let plain = unescaped(text);
    for (what, secret) in secrets {
        let found = text.contains(secret.as_str()) || plain.contains(secret.as_str());
        assert!(!found, "{idea:?}: {what} stands in a {place}: {text}");
    }
}

/// Name and spelling of everything that must not be found.
fn secrets(world: &World) -> Vec<(String, String)> {
    let mut secrets = vec![
        ("the hidden member".to_owned(), "second-secret".to_owned()),
        ("a file of the host's".to_owned(), HOST_FILE.to_owned()),
        ("a path of the host's".to_owned(), world.home.path().display().to_string()),
        ("another driver's setting".to_owned(), OTHER_SETTING.to_owned()),
    ];
    for (what, secret) in [("the credential", TOKEN), ("another driver's credential", OTHER_TOKEN)] {
        secrets.push((what.to_owned(), secret.to_owned()));
        secrets.extend((0..3).map(|shift| (format!("{what} in base64"), inside_base64(secret, shift))));
    }
    let long = |value: &String| value.len() >= 16;
    secrets.extend(
        std::env::vars().filter(|(_, value)| long(value)).map(|(name, value)| (format!("variable {name}"), value)),
    );
    secrets
}

/// The middle of what a text becomes in base64 behind so many other bytes.
fn inside_base64(secret: &str, shift: usize) -> String {
    let padded = [vec![0; shift], secret.as_bytes().to_vec()].concat();
    let text = STANDARD_NO_PAD.encode(padded);
    text[4..text.len() - 4].to_owned()
}

/// Keeps every line of the host's, and says none.
struct Ear;

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("bursar")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = String::new();
        event.record(&mut |field: &Field, value: &dyn Debug| {
            let _ = write!(line, "{}={value:?} ", field.name());
        });
        let heard = line.split_once("heard ").and_then(|(_, rest)| unhex(rest.split(['"', ' ']).next()?));
        logged().push(heard.unwrap_or(line));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Resolves the escapes of JSON as far as they are plain letters.
fn unescaped(text: &str) -> String {
    let mut pieces = text.split("\\u00");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let byte = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.extend(byte.map(char::from));
        out.push_str(piece.get(2..).unwrap_or_default());
    }
    out
}

fn unhex(text: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> =
        (0..text.len() / 2).map(|at| u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()).collect();
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}
