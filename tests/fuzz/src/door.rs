//! Target 1: arbitrary requests at the door, in any call, with the door alone: no sandbox stands in front of it.

use crate::{
    INSTANCES, KEY, KEY_NAME, MANIFEST, NOW, TAG,
    bytes::Bytes,
    checks,
    oracle::{Asked, Known, ORACLE},
    provider::Provider,
    secret::{self, HIDDEN},
    tested,
};
use bursar_drivers::{
    Left,
    fuzzing::{Door, Reply, Shared},
    json::Json,
    template::{CallKind, OfferShape, Words},
};
use bursar_http::{Http, Outbound};
use std::{cell::LazyCell, collections::VecDeque};

struct World {
    provider: Provider,
    shared: Shared,
    runtime: tokio::runtime::Runtime,
    offer: OfferShape,
}

thread_local! {
    static WORLD: LazyCell<World> = LazyCell::new(|| {
        let provider = Provider::default();
        let http = Http::answering(Outbound::default(), provider.answering());
        let shared = Shared::new(MANIFEST, tested::config("unused".into(), &[]), http).expect("the manifest is good");
        let offer = OfferShape::parse("{size}/{region}").expect("it is a shape");
        World { provider, shared, runtime: tested::runtime(), offer }
    });
}

/// Reads a call and up to 24 requests from the bytes, and asks the door for each.
pub fn door(bytes: &[u8]) {
    let (answers, asks) = halves(bytes);
    // A driver does not know the credential; a fuzzer that watches what is compared may.
    if secret::found(&String::from_utf8_lossy(asks)).is_some() || secret::found(&visible(asks)).is_some() {
        return;
    }
    WORLD.with(|world| world.runtime.block_on(world.walk(answers, Bytes::new(asks))));
    json(answers);
}

/// What is left when everything is taken out that a cleaned text may lose.
fn visible(bytes: &[u8]) -> String {
    bytes.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect()
}

fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((at, rest)) = bytes.split_first() else { return (&[], &[]) };
    rest.split_at(usize::from(*at) * rest.len() / 256)
}

impl World {
    async fn walk(&self, answers: &[u8], mut asks: Bytes<'_>) {
        let kind = asks.pick(&CallKind::ALL);
        let known = || Known {
            call: kind.name(),
            pages: 1,
            nodes: 2,
            secs: 7_201,
            image: Some("plain".to_owned()),
            ..Known::default()
        };
        let instance = asks.pick(&INSTANCES).to_owned();
        self.provider.begin(Known { instance: instance.clone(), ..known() }, answers, VecDeque::new());
        let cut = self.offer.cut("small/eu").expect("it has that shape");
        let words = Words::new(kind, NOW).tag(TAG).offer(cut).image("plain").nodes(2).length_secs(7_201);
        let door = self.shared.door(words.key(KEY, KEY_NAME).instance(&instance), NOW);
        for _ in 0..asks.below(25) {
            let asked = asked(&mut asks);
            self.provider.now().known = Known { instance: instance.clone(), asked: Some(asked.clone()), ..known() };
            let before = self.provider.now().sent.len();
            let Asked { route, values, address, body } = asked.clone();
            let answered = door.send(&route, values, address, body).await;
            self.check(&door, &asked, before, answered);
        }
        self.check_left(&door);
    }

    fn check(&self, door: &Door, asked: &Asked, before: usize, answered: Result<Reply, String>) {
        let provider = self.provider.now();
        assert!(provider.sent.len() <= before + 1, "one request was sent twice");
        let sent = provider.sent.get(before);
        match answered {
            Ok(reply) => {
                let sent = sent.expect("what is answered was sent");
                assert_eq!(Some(reply.status), sent.status);
                let body = String::from_utf8_lossy(&reply.body);
                secret::must_not_stand_in(&body, "an answer");
                assert!(sent.route != "secret" || !sent.usual || !body.contains(HIDDEN), "what is hidden is shown");
                for (name, value) in &reply.headers {
                    secret::must_not_stand_in(value, name);
                    assert!(name != "set-cookie", "a cookie is shown");
                }
                if let Some(id) = &reply.made {
                    assert!(sent.effect == "spend" && door.made().contains(id), "{id} was not made here");
                }
            }
            Err(why) => checks::told(&why),
        }
        if let Some(address) = asked.address.as_ref().filter(|_| sent.is_some()) {
            let named = provider.sent.iter().any(|sent| {
                sent.route == "nodes"
                    && String::from_utf8_lossy(&sent.body).to_lowercase().contains(&address.to_lowercase())
            });
            assert!(named, "{address} was dialled, and no answer named it");
        }
    }

    fn check_left(&self, door: &Door) {
        let provider = self.provider.now();
        let spent = provider.sent.iter().rfind(|sent| sent.effect == "spend" && sent.left);
        match (door.left(), spent) {
            (Left::Nothing, None) => {}
            (Left::Maybe(why), Some(sent)) => {
                assert!(sent.status.is_none() || !why.is_empty());
            }
            (Left::Answered { status }, Some(sent)) => assert_eq!(Some(status), sent.status),
            (Left::Refused { status, text }, Some(sent)) => {
                assert_eq!(Some(status), sent.status);
                checks::told(&text);
                let no = sent.body.windows(4).any(|w| w == b"fals")
                    || [400, 401, 403, 405, 413, 415, 422, 429].contains(&status);
                assert!(no, "{status} is taken for a refusal");
            }
            (left, sent) => panic!("the door says {left:?}, and {} left", sent.map_or("nothing", |sent| &sent.route)),
        }
        for id in door.made() {
            checks::id_as_seen(&id);
        }
    }
}

fn asked(b: &mut Bytes<'_>) -> Asked {
    let names = ORACLE.names();
    let route = match b.byte() {
        0..=239 => b.pick(&names).to_owned(),
        _ => b.text(),
    };
    let value = |b: &mut Bytes<'_>| {
        const NAMES: [&str; 13] =
            ["text", "n", "more", "item", "version", "note", "id", "q", "a", "b", "y", "after", "tag"];
        let name = if b.byte() < 240 { b.pick(&NAMES).to_owned() } else { b.text() };
        (name, b.text())
    };
    Asked {
        route,
        values: b.some(5, value),
        address: b.maybe(Bytes::text).filter(|_| b.flag()),
        body: b.maybe(Bytes::text).filter(|_| b.flag()),
    }
}

/// What the host reads as JSON every other reader reads the same way, and it is written again as it was read.
fn json(bytes: &[u8]) {
    let Ok(json) = Json::parse(bytes) else { return };
    let written = json.to_string();
    assert_eq!(Json::parse(written.as_bytes()).as_ref(), Ok(&json), "{written}");
    match (serde_json::from_slice::<serde_json::Value>(bytes), serde_json::from_str::<serde_json::Value>(&written)) {
        (Ok(theirs), Ok(again)) => assert_eq!(theirs, again, "{written}"),
        (Ok(_), Err(why)) => panic!("{why}: {written}"),
        // Half a surrogate pair, a number beyond floats: the host takes the first and keeps the digits of the second.
        (Err(why), _) => {
            let why = why.to_string();
            assert!(
                ["surrogate", "escape", "out of range"].iter().any(|known| why.contains(known)),
                "{why}: {written}"
            );
        }
    }
}
