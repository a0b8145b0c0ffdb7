//! The rules that look at a manifest as a whole.

use super::{
    AccountSource, Body, Effect, Made, Manifest, Place, Route,
    problem::{At, Problems, rule},
};
use crate::template::{CallKind, Hole, Name, Node, Text, Word};
use bursar_http::Method;
use std::collections::BTreeMap;

pub(super) fn rules(manifest: &Manifest, lines: &BTreeMap<String, usize>, problems: &mut Problems) {
    for route in manifest.routes.values() {
        let mut at = problems.at(&format!("routes.{}", route.name), lines.get(&route.name).copied());
        if !manifest.endpoints.contains_key(&route.endpoint) {
            continue;
        }
        words(manifest, route, &mut at);
        headers(manifest, route, &mut at);
        effects(route, &mut at);
        order(manifest, route, &mut at);
        evidence(route, &mut at);
        signing(manifest, route, &mut at);
        open(manifest, route, &mut at);
        timeouts(route, &mut at);
    }
    if manifest.routes.values().all(|route| manifest.endpoints.contains_key(&route.endpoint)) {
        account(manifest, problems);
        named_by(manifest, problems);
        destroy(manifest, lines, problems);
    }
}

/// Rule 2: words that are declared, and known in the calls where the route can be used.
fn words(manifest: &Manifest, route: &Route, at: &mut At<'_>) {
    let conditions = [Some(&route.refused), Some(&route.ended), route.accepted.as_ref()];
    let texts = conditions.into_iter().flatten().flat_map(|c| &c.lines).flat_map(|line| &line.values);
    let expected: Vec<&Hole> = texts
        .filter_map(|value| match value {
            super::Expected::Text(text) => Some(text.holes()),
            _ => None,
        })
        .flatten()
        .collect();
    let holes: Vec<&Hole> = route.holes().into_iter().chain(expected).collect();
    let words: Vec<&Word> = holes
        .iter()
        .filter_map(|hole| match &hole.name {
            Name::Host(word) => Some(word),
            Name::Driver(_) => None,
        })
        .collect();
    for word in &words {
        declared(manifest, word, at);
    }
    let unknown_in = |call: CallKind| words.iter().find(|word| !word.known_in(call));
    if route.effect == Effect::Read {
        let some = CallKind::ALL.into_iter().any(|call| unknown_in(call).is_none());
        at.must(some, rule::TEMPLATES, "no call knows all of its words", "use words that one call knows together");
    }
    for call in &route.calls {
        if let Some(word) = unknown_in(*call) {
            at.add(
                rule::TEMPLATES,
                format!("`{{{word}}}` is not known in `{call}`"),
                "remove it, or the call from `in`",
            );
        }
    }
}

fn declared(manifest: &Manifest, word: &Word, at: &mut At<'_>) {
    let (there, fix) = match word {
        Word::Part(part) => (manifest.offer.parts().contains(part), format!("the offer is `{}`", manifest.offer)),
        Word::Signer(name) => (manifest.signers.contains_key(name), format!("add [signers.{name}]")),
        Word::Setting(name) => (manifest.settings.contains_key(name), format!("add [settings.{name}]")),
        _ => return,
    };
    at.must(there, rule::TEMPLATES, format!("`{{{word}}}` is not declared"), fix);
}

/// Case 29: a header that carries a credential is written by the host alone.
fn headers(manifest: &Manifest, route: &Route, at: &mut At<'_>) {
    for (name, _) in &route.headers {
        let carries = manifest.credentials.values().any(|credential| credential.header == *name);
        at.must(!carries, rule::TEMPLATES, format!("the header `{name}` carries a credential"), "remove it");
    }
}

/// Rules 1 and 3: what a change, a release, a read that is no GET must and must not hold.
fn effects(route: &Route, at: &mut At<'_>) {
    match route.effect {
        Effect::Read => {
            let plain = route.method == Method::GET || route.method == Method::HEAD;
            let free_path = route.path.iter().flat_map(Text::holes).any(|hole| matches!(hole.name, Name::Driver(_)));
            at.must(
                plain || !free_path,
                rule::EFFECTS,
                "a read that is no GET leaves a part of its path to the driver",
                "use literals and words there",
            );
        }
        Effect::Change => {
            for call in &route.calls {
                let needed = if *call == CallKind::Keys { Word::Key } else { Word::Instance };
                must_hold(route, &needed, &format!("a change in `{call}`"), rule::EFFECTS, at);
            }
        }
        Effect::Release => must_hold(route, &Word::Instance, "a release", rule::EFFECTS, at),
        Effect::Spend => {}
    }
    at.must(
        route.effect == Effect::Read || route.body != Body::Free,
        rule::TEMPLATES,
        "body = \"free\" outside of a read",
        "write a template",
    );
}

/// Rule 4: the whole order.
fn order(manifest: &Manifest, route: &Route, at: &mut At<'_>) {
    if route.effect != Effect::Spend {
        return;
    }
    for call in &route.calls {
        if *call != CallKind::Create {
            must_hold(route, &Word::Instance, &format!("a spend in `{call}`"), rule::ORDER, at);
            continue;
        }
        must_hold(route, &Word::Tag, "a spend in `create`", rule::ORDER, at);
        for part in manifest.offer.parts() {
            let there = route.holds(&Word::Part(part.clone())) || route.holds(&Word::Offer);
            at.must(
                there,
                rule::ORDER,
                format!("a spend in `create` without `{{offer.{part}}}`"),
                "put every part of the offer into the request, or the order is not the one that was priced",
            );
        }
    }
}

/// The word must stand alone in its place and may not be left out: with anything beside it, it would name something else.
fn must_hold(route: &Route, word: &Word, what: &str, rule: &'static str, at: &mut At<'_>) {
    let is = |text: &Text| {
        let mut holes = text.holes();
        let alone = text.to_string().starts_with('{') && text.to_string().ends_with('}');
        let only = holes.next().is_some_and(|hole| hole.name == Name::Host(word.clone()) && !hole.optional);
        alone && only && holes.next().is_none() && text.to_string().matches('{').count() == 1
    };
    let in_body = match &route.body {
        Body::Template(node) => texts(node).into_iter().any(is),
        Body::None | Body::Free => false,
    };
    let elsewhere = route.path.iter().chain(route.query.iter().map(|(_, text)| text)).any(is);
    at.must(
        in_body || elsewhere,
        rule,
        format!("{what} without `{{{word}}}` standing alone in its path, query or body"),
        format!("put \"{{{word}}}\" where the provider expects it"),
    );
}

fn texts(node: &Node) -> Vec<&Text> {
    match node {
        Node::Text(text) => vec![text],
        Node::List(items) => items.iter().flat_map(texts).collect(),
        Node::Object(members) => members.iter().flat_map(|(_, node)| texts(node)).collect(),
        Node::Bool(_) | Node::Number(_) => Vec::new(),
    }
}

/// Rules 5 and 6: evidence stands where it means something.
fn evidence(route: &Route, at: &mut At<'_>) {
    let acts = matches!(route.effect, Effect::Spend | Effect::Release);
    at.must(
        route.made.is_none() || route.effect == Effect::Spend,
        rule::EVIDENCE,
        "`made` on what is no spend",
        "remove it",
    );
    at.must(
        route.ended.is_empty() || route.effect == Effect::Release,
        rule::FREES,
        "`ended` on what is no release",
        "remove it",
    );
    at.must(
        route.accepted.is_none() || acts,
        rule::FREES,
        "`accepted` on what is neither spend nor release",
        "remove it",
    );
    let given =
        route.refused != super::Conditions::default() && route.refused.status != super::conditions::REFUSED_STATUS;
    at.must(acts || !given, rule::FREES, "`refused` on what is neither spend nor release", "remove it");
    let answered = route.refused.status.iter().chain(&route.ended.status).any(|status| (200..300).contains(status));
    at.must(
        !answered,
        rule::FREES,
        "a 2xx counts as refused or ended by its status alone",
        "name the member of the answer that says so",
    );
    at.must(
        route.prices.is_none() || route.effect == Effect::Read,
        rule::EVIDENCE,
        "`prices` on what is no read",
        "move it to the route that `quote` asks",
    );
}

/// Rule 7: schemes that exist, signers that are declared.
fn signing(manifest: &Manifest, route: &Route, at: &mut At<'_>) {
    let signed_id = route.made == Some(Made::Signed);
    let Some(sign) = &route.sign else {
        at.must(!signed_id, rule::SIGNING, "made = \"signed\" on a route that signs nothing", "add `sign`");
        return;
    };
    at.must(
        manifest.signers.contains_key(&sign.signer),
        rule::SIGNING,
        format!("`{}` is no signer", sign.signer),
        format!("add [signers.{}]", sign.signer),
    );
    match sign.scheme.as_str() {
        "aleph-message" => {
            let templated = matches!(route.body, Body::Template(_)) && sign.kind.is_some();
            at.must(templated, rule::SIGNING, "aleph-message needs a `type` and a body that is a template", "add both");
        }
        "aleph-operation" => {
            at.must(
                sign.kind.is_none() && !signed_id,
                rule::SIGNING,
                "aleph-operation has no `type` and makes no id",
                "remove them",
            );
        }
        other => at.add(
            rule::SIGNING,
            format!("no scheme is called `{other}`"),
            "the known ones are aleph-message and aleph-operation",
        ),
    }
}

/// Rule 9: what may go to an address that an answer named, and what its answers prove (nothing).
fn open(manifest: &Manifest, route: &Route, at: &mut At<'_>) {
    if !matches!(manifest.endpoint_of(route).place, Place::Open { .. }) {
        return;
    }
    let free = route.free_names();
    at.must(
        free.is_empty() && route.body != Body::Free,
        rule::OPEN,
        format!("it leaves {} to the driver", list(&free)),
        "routes of an open endpoint hold words and literals only",
    );
    at.must(
        route.effect != Effect::Spend,
        rule::OPEN,
        "a spend goes to an open endpoint",
        "an order goes to a fixed endpoint",
    );
    let covers = route.sign.as_ref().is_none_or(|sign| sign.scheme == "aleph-operation");
    at.must(covers, rule::OPEN, "its signature does not cover host, method and path", "use a scheme that does");
    let told = route.shows.is_some() || route.prices.is_some() || route.accepted.is_some() || !route.ended.is_empty();
    at.must(
        !told,
        rule::OPEN,
        "it reads evidence from an open endpoint",
        "remove it: an address that an answer named proves nothing",
    );
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "its body".to_owned()
    } else {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }
}

fn timeouts(route: &Route, at: &mut At<'_>) {
    let long = matches!(route.effect, Effect::Spend | Effect::Release) || route.calls.contains(&CallKind::Advance);
    let max = if long { 150 } else { 30 };
    let fits = route.timeout_secs.is_none_or(|secs| (1..=max).contains(&secs));
    at.must(
        fits,
        rule::SIZES,
        format!("timeout_secs is not 1 to {max}"),
        "spend, release and advance may take 150 s, others 30 s",
    );
}

/// The host asks for the account itself: no name of the driver's, a fixed endpoint.
fn account(manifest: &Manifest, problems: &mut Problems) {
    let mut at = problems.at("account", None);
    match &manifest.account {
        AccountSource::Credential => {
            at.must(
                !manifest.credentials.is_empty(),
                rule::EVIDENCE,
                "there is no credential",
                "name a route and a pointer",
            );
        }
        AccountSource::Text(text) => {
            for hole in text.holes() {
                if let Name::Host(word) = &hole.name {
                    declared(manifest, word, &mut at);
                }
            }
        }
        AccountSource::Pointer { route, .. } => {
            let Some(route) = manifest.route(route) else {
                at.add(rule::EVIDENCE, format!("`{route}` is no route"), "name one");
                return;
            };
            let fixed = matches!(manifest.endpoint_of(route).place, Place::Fixed(_)) && route.effect == Effect::Read;
            let words = route
                .holes()
                .iter()
                .all(|hole| matches!(&hole.name, Name::Host(word) if word.known_in(CallKind::Account)));
            at.must(
                fixed && words && route.body != Body::Free,
                rule::DESTROY,
                format!("the host cannot ask `{}` by itself", route.name),
                "use a read of a fixed endpoint without names of the driver's",
            );
        }
    }
    for (name, setting) in &manifest.settings {
        let mut at = problems.at(&format!("settings.{name}"), None);
        for hole in setting.default.iter().flat_map(Text::holes) {
            if let Name::Host(word) = &hole.name {
                declared(manifest, word, &mut at);
            }
        }
    }
}

fn named_by(manifest: &Manifest, problems: &mut Problems) {
    for endpoint in manifest.endpoints.values() {
        let Place::Open { named_by } = &endpoint.place else { continue };
        for by in named_by {
            let mut at = problems.at(&format!("endpoints.{}", endpoint.name), None);
            let told = manifest.route(&by.route).is_some_and(|route| {
                route.effect == Effect::Read && matches!(manifest.endpoint_of(route).place, Place::Fixed(_))
            });
            at.must(
                told,
                rule::OPEN,
                format!("named_by: `{}` is no read of a fixed endpoint", by.route),
                "name a route of the provider's own",
            );
        }
    }
}

/// Rule 10: the keeper ends an instance without the driver.
fn destroy(manifest: &Manifest, lines: &BTreeMap<String, usize>, problems: &mut Problems) {
    let makes = manifest.routes.values().any(|route| route.effect == Effect::Spend);
    let mut at = problems.at("routes.destroy", lines.get("destroy").copied());
    let Some(route) = manifest.route("destroy") else {
        at.must(
            !makes,
            rule::DESTROY,
            "there is no route `destroy`",
            "add it: the host must be able to end what was made without the driver",
        );
        return;
    };
    let fixed = matches!(manifest.endpoint_of(route).place, Place::Fixed(_));
    at.must(route.effect == Effect::Release, rule::DESTROY, "`destroy` is no release", "add effect = \"release\"");
    at.must(fixed, rule::DESTROY, "`destroy` goes to an open endpoint", "use a fixed one");
    at.must(
        route.free_names().is_empty(),
        rule::DESTROY,
        format!("`destroy` leaves {} to the driver", list(&route.free_names())),
        "use words and literals only",
    );
}
