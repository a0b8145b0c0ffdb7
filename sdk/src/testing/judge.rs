//! What the host checks in the values a driver returns: that addresses, images and ids come from somewhere.

use super::door::Seen;
use super::manifest::Manifest;
use super::rules::is_segment;
use crate::types::{Ending, Instance, Offer, Outcome};

/// The longest memo or pending text.
const NOTE_MAX: usize = 1024;

pub(super) fn outcome(manifest: &Manifest, seen: &Seen, outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Made(made) => {
            let other = seen.made.as_ref().filter(|id| **id != made.handle.id);
            let other = other.map(|id| format!("the host saw `{id}` made, the driver says `{}`", made.handle.id));
            instance(manifest, seen, made).into_iter().chain(other).collect()
        }
        Outcome::Pending(text) => too_long("the pending text", text).into_iter().collect(),
    }
}

pub(super) fn ending(ending: &Ending) -> Vec<String> {
    match ending {
        Ending::Going(memo) => too_long("the memo", memo).into_iter().collect(),
        Ending::Gone => Vec::new(),
    }
}

pub(super) fn instance(manifest: &Manifest, seen: &Seen, instance: &Instance) -> Vec<String> {
    let ssh = instance.nodes.iter().filter_map(|node| node.ssh.as_ref());
    let hosts = ssh.flat_map(|ssh| [Some(&ssh.host), ssh.jump.as_ref().map(|hop| &hop.host)]).flatten();
    let unseen = hosts.filter(|host| !stands(manifest, seen, host));
    let unseen = unseen.map(|host| format!("the SSH address `{host}` stood in no answer of this call"));
    unseen.chain(too_long("the memo", &instance.handle.memo)).collect()
}

pub(super) fn offer(manifest: &Manifest, seen: &Seen, offer: &Offer) -> Vec<String> {
    let parts: Vec<&str> = offer.id.split('/').collect();
    let mut broken = Vec::new();
    if parts.len() != manifest.offer.split('/').count() || !parts.iter().all(|part| is_segment(part)) {
        broken.push(format!("the offer `{}` is not shaped as `{}`", offer.id, manifest.offer));
    }
    if let Some(image) = offer.image.as_ref().filter(|image| !stands(manifest, seen, image)) {
        broken.push(format!(
            "the image `{image}` of offer `{}` stood in no answer of this call, nor in the manifest",
            offer.id
        ));
    }
    broken
}

fn too_long(what: &str, text: &str) -> Option<String> {
    (text.len() > NOTE_MAX).then(|| format!("{what} is {} bytes long; {NOTE_MAX} are kept", text.len()))
}

/// Says whether a text stood as a whole word in an answer of this call or in the manifest.
fn stands(manifest: &Manifest, seen: &Seen, word: &str) -> bool {
    let answers = seen.answers.iter().map(|(_, body)| String::from_utf8_lossy(body));
    answers.into_iter().any(|text| is_word_in(word, &text)) || is_word_in(word, &manifest.text)
}

fn is_word_in(word: &str, text: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !word.is_empty()
        && text
            .match_indices(word)
            .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_whole_word_or_nothing() {
        let table = [
            ("203.0.113.1", "{\"ip\":\"203.0.113.1\"}", true),
            ("203.0.113.1", "{\"ip\":\"203.0.113.19\"}", false),
            ("203.0.113.1", "ssh root@203.0.113.1 -p 22", true),
            ("example.org", "notexample.org", false),
            ("", "anything", false),
        ];
        for (word, text, expected) in table {
            assert_eq!(is_word_in(word, text), expected, "{word} in {text}");
        }
    }
}
