//! From the keys of a manifest to its checked form.

use super::{
    AccountSource, Credential, Endpoint, Manifest, ManifestError, NamedBy, Place, Route, SelfEnd, Setting, Signer,
    TEXT_MAX, check, plain,
    problem::{Problems, rule},
    raw, route,
};
use crate::{
    pointer::Pointer,
    template::{Name, OfferShape, Text, Word, is_name},
};
use bursar_http::{Base, Outbound};
use std::collections::BTreeMap;

const ROUTES_MAX: usize = 100;
const OTHERS_MAX: usize = 20;
const DAY_SECS: u64 = 86_400;
const SHELL_MAX: usize = 1_000;

pub(super) fn manifest(text: &str) -> Result<Manifest, ManifestError> {
    let mut problems = Problems::default();
    let Some((raw, table)) = keys(text, &mut problems) else { return Err(ManifestError { problems: problems.found }) };
    plain::texts("", &toml::Value::Table(table.clone()), &mut problems);
    top(&raw, &mut problems);
    let endpoints = endpoints(&raw, &mut problems);
    let offer = problems.at("offer", None).take(
        rule::KEYS,
        OfferShape::parse(&raw.offer),
        "name the parts that an order needs",
    );
    let routes =
        routes(text, &raw, &endpoints, offer.as_ref().map(OfferShape::parts).unwrap_or_default(), &mut problems);
    let account = account(&raw.account, &mut problems);
    let (settings, credentials, signers) =
        (settings(&raw, &mut problems), credentials(&raw, &mut problems), signers(&raw, &mut problems));
    let lines = lines(text, &raw);
    if let (Some(offer), Some(account)) = (offer, account) {
        let manifest = Manifest {
            name: raw.name,
            version: raw.version,
            offer,
            account,
            image: raw.image,
            late_secs: raw.late_secs,
            stop_secs: raw.stop_secs,
            self_end: raw.self_end.map(|end| SelfEnd { check: end.check, run: end.run }),
            settings,
            credentials,
            signers,
            endpoints,
            routes,
            needs: Vec::new(),
            text: text.to_owned(),
            table,
        };
        check::rules(&manifest, &lines, &mut problems);
        if problems.found.is_empty() {
            return Ok(manifest);
        }
    }
    Err(ManifestError { problems: problems.found })
}

/// Reads the keys; an unknown one is an error with its line.
fn keys(text: &str, problems: &mut Problems) -> Option<(raw::Manifest, toml::Table)> {
    if text.len() > TEXT_MAX {
        problems.add(
            rule::SIZES,
            "manifest",
            None,
            format!("it has {} bytes", text.len()),
            format!("keep it under {TEXT_MAX}"),
        );
        return None;
    }
    if !plain::source(text, problems) {
        return None;
    }
    let read = toml::from_str::<raw::Manifest>(text).and_then(|raw| Ok((raw, toml::from_str::<toml::Table>(text)?)));
    read.map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        problems.add(
            rule::KEYS,
            "manifest",
            line,
            error.message(),
            "see the list of keys in the documentation of manifests",
        );
    })
    .ok()
}

pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

fn lines(text: &str, raw: &raw::Manifest) -> BTreeMap<String, usize> {
    raw.routes.iter().map(|(name, route)| (name.clone(), line_of(text, route.span().start))).collect()
}

fn top(raw: &raw::Manifest, problems: &mut Problems) {
    let mut at = problems.at("manifest", None);
    at.must(
        is_name(&raw.name),
        rule::KEYS,
        format!("name `{}` is not `[a-z][a-z0-9_]*`", raw.name),
        "choose a plain name",
    );
    let version_fits =
        raw.version.len() <= 40 && raw.version.bytes().all(|b| b.is_ascii_graphic()) && !raw.version.is_empty();
    at.must(version_fits, rule::KEYS, "version is empty, too long or not plain", "write it like `0.1.0`");
    at.must(
        (1..=7 * DAY_SECS).contains(&raw.late_secs),
        rule::SIZES,
        "late_secs is not 1 to 604800",
        "say how long a lost create may still appear",
    );
    at.must(
        (1..=DAY_SECS).contains(&raw.stop_secs),
        rule::SIZES,
        "stop_secs is not 1 to 86400",
        "say how long an end takes",
    );
    for line in raw.self_end.iter().flat_map(|end| [&end.check, &end.run]) {
        let fits = !line.trim().is_empty() && line.len() <= SHELL_MAX;
        at.must(fits, rule::SIZES, "a line of self_end is empty or too long", "keep it under 1,000 characters");
    }
    let image_fits = raw.image.as_ref().is_none_or(|image| is_plain(image, 256));
    at.must(image_fits, rule::SIZES, "image is empty, too long or not plain", "name one image");
    at.must(
        raw.routes.len() <= ROUTES_MAX,
        rule::SIZES,
        format!("there are more than {ROUTES_MAX} routes"),
        "leave out what is not needed",
    );
    let others = raw.endpoints.len().max(raw.settings.len()).max(raw.credentials.len()).max(raw.signers.len());
    at.must(
        others <= OTHERS_MAX,
        rule::SIZES,
        format!("there are more than {OTHERS_MAX} of one table"),
        "leave out what is not needed",
    );
    at.must(
        !raw.endpoints.is_empty(),
        rule::KEYS,
        "there is no endpoint",
        "add [endpoints.api] base = \"https://...\"",
    );
    let tables = [
        ("endpoints", raw.endpoints.keys().collect::<Vec<_>>()),
        ("settings", raw.settings.keys().collect()),
        ("credentials", raw.credentials.keys().collect()),
        ("signers", raw.signers.keys().collect()),
        ("routes", raw.routes.keys().collect()),
    ];
    for (table, names) in tables {
        for name in names.into_iter().filter(|name| !is_name(name)) {
            problems.add(
                rule::KEYS,
                &format!("{table}.{name}"),
                None,
                "the name is not `[a-z][a-z0-9_]*`",
                "choose a plain name",
            );
        }
    }
}

fn is_plain(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn endpoints(raw: &raw::Manifest, problems: &mut Problems) -> BTreeMap<String, Endpoint> {
    let mut out = BTreeMap::new();
    for (name, raw_endpoint) in &raw.endpoints {
        let mut at = problems.at(&format!("endpoints.{name}"), None);
        at.must(raw_endpoint.gap_ms <= 60_000, rule::SIZES, "gap_ms is more than 60000", "choose a shorter gap");
        let known = raw_endpoint.credential.as_ref().is_none_or(|name| raw.credentials.contains_key(name));
        at.must(known, rule::KEYS, "its credential is not in [credentials]", "add it there");
        let place = match (&raw_endpoint.base, raw_endpoint.open) {
            (Some(base), false) => {
                at.must(
                    raw_endpoint.named_by.is_empty(),
                    rule::OPEN,
                    "a fixed endpoint has `named_by`",
                    "remove one of the two",
                );
                // Cases 1 to 6: literals, other ports, plain HTTP. Loopback is the owner's to allow, never a manifest's.
                let base = Base::parse(base, &Outbound::default()).map_err(|bad| bad.to_string());
                at.take(rule::OUTBOUND, base, "write `https://`, a DNS name and a plain path").map(Place::Fixed)
            }
            (None, true) => {
                at.must(
                    raw_endpoint.credential.is_none(),
                    rule::OPEN,
                    "an open endpoint has a credential",
                    "remove it: no credential goes to an address that an answer named",
                );
                let named_by: Vec<_> = raw_endpoint
                    .named_by
                    .iter()
                    .filter_map(|text| at.take(rule::OPEN, named_by(text), "write `named_by = [\"route /pointer\"]`"))
                    .collect();
                at.must(
                    !named_by.is_empty(),
                    rule::OPEN,
                    "an open endpoint has no `named_by`",
                    "name the routes and pointers whose answers may introduce an address",
                );
                Some(Place::Open { named_by })
            }
            _ => {
                at.add(rule::KEYS, "it has both or neither of `base` and `open = true`", "name exactly one");
                None
            }
        };
        if let Some(place) = place {
            let (credential, gap_ms) = (raw_endpoint.credential.clone(), raw_endpoint.gap_ms);
            out.insert(name.clone(), Endpoint { name: name.clone(), place, credential, gap_ms });
        }
    }
    out
}

fn named_by(text: &str) -> Result<NamedBy, String> {
    let (route, pointer) = text.split_once(' ').ok_or_else(|| format!("`{text}` is not a route and a pointer"))?;
    let pointer = Pointer::parse(pointer).map_err(|bad| bad.to_string())?;
    Ok(NamedBy { route: route.to_owned(), pointer })
}

/// Bodies that are taken from another route are resolved after all routes were read.
fn routes(
    text: &str,
    raw: &raw::Manifest,
    endpoints: &BTreeMap<String, Endpoint>,
    parts: &[String],
    problems: &mut Problems,
) -> BTreeMap<String, Route> {
    let mut out = BTreeMap::new();
    for (name, spanned) in &raw.routes {
        let line = Some(line_of(text, spanned.span().start));
        let mut at = problems.at(&format!("routes.{name}"), line);
        if let Some(route) = route::read(name, spanned.get_ref(), &raw.endpoints, endpoints, parts, &mut at) {
            out.insert(name.clone(), route);
        }
    }
    for (name, spanned) in &raw.routes {
        let Some(body_of) = &spanned.get_ref().body_of else { continue };
        let line = Some(line_of(text, spanned.span().start));
        let body = route::borrowed_body(body_of, &out, &mut problems.at(&format!("routes.{name}"), line));
        if let (Some(route), Some(body)) = (out.get_mut(name), body) {
            route.body = body;
        }
    }
    out
}

fn account(text: &str, problems: &mut Problems) -> Option<AccountSource> {
    let mut at = problems.at("account", None);
    if text == "credential" {
        return Some(AccountSource::Credential);
    }
    if let Some((route, pointer)) = text.split_once(' ') {
        let pointer = Pointer::parse(pointer).map_err(|bad| bad.to_string());
        let pointer = at.take(rule::EVIDENCE, pointer, "write `account = \"route /pointer\"`")?;
        at.must(
            !pointer.is_wide(),
            rule::EVIDENCE,
            "its pointer may lead to several values",
            "name the one that counts",
        );
        return Some(AccountSource::Pointer { route: route.to_owned(), pointer });
    }
    let text = at.take(rule::TEMPLATES, Text::parse(text), "use words of the host")?;
    let tells = text.holes().count() > 0
        && text.holes().all(|hole| matches!(&hole.name, Name::Host(Word::Setting(_) | Word::Signer(_))));
    at.must(
        tells,
        rule::EVIDENCE,
        format!("`{text}` does not tell one account from another"),
        "write \"route /pointer\", \"credential\", or a setting or signer in braces",
    );
    Some(AccountSource::Text(text))
}

fn settings(raw: &raw::Manifest, problems: &mut Problems) -> BTreeMap<String, Setting> {
    let mut out = BTreeMap::new();
    for (name, setting) in &raw.settings {
        let mut at = problems.at(&format!("settings.{name}"), None);
        let default =
            setting.default.as_deref().and_then(|text| at.take(rule::TEMPLATES, Text::parse(text), "write plain text"));
        let fixed = default.iter().flat_map(Text::holes).all(|hole| matches!(hole.name, Name::Host(Word::Signer(_))));
        at.must(fixed, rule::TEMPLATES, "a default may hold no word but `{signer.NAME}`", "write plain text");
        at.must(setting.about.len() <= 300, rule::SIZES, "about is longer than 300 bytes", "shorten it");
        out.insert(name.clone(), Setting { about: setting.about.clone(), default });
    }
    out
}

fn credentials(raw: &raw::Manifest, problems: &mut Problems) -> BTreeMap<String, Credential> {
    let mut out = BTreeMap::new();
    for (name, credential) in &raw.credentials {
        let mut at = problems.at(&format!("credentials.{name}"), None);
        let header = credential.header.to_ascii_lowercase();
        let fits = route::is_header_name(&header) && !route::is_the_hosts_header(&header);
        at.must(
            fits,
            rule::TEMPLATES,
            format!("`{header}` cannot carry a credential"),
            "use `authorization` or the provider's own header",
        );
        let prefix_fits = credential.prefix.len() <= 40 && credential.prefix.bytes().all(|b| (0x20..0x7f).contains(&b));
        at.must(prefix_fits, rule::SIZES, "prefix is too long or not plain", "write it like `Bearer `");
        at.must(credential.about.len() <= 300, rule::SIZES, "about is longer than 300 bytes", "shorten it");
        environment(&credential.env, &mut at);
        let (about, env, prefix) = (credential.about.clone(), credential.env.clone(), credential.prefix.clone());
        out.insert(name.clone(), Credential { about, env, header, prefix });
    }
    out
}

fn signers(raw: &raw::Manifest, problems: &mut Problems) -> BTreeMap<String, Signer> {
    let mut out = BTreeMap::new();
    for (name, signer) in &raw.signers {
        let mut at = problems.at(&format!("signers.{name}"), None);
        at.must(
            signer.scheme == "aleph",
            rule::SIGNING,
            format!("no signer has the scheme `{}`", signer.scheme),
            "the one known is `aleph`",
        );
        at.must(signer.about.len() <= 300, rule::SIZES, "about is longer than 300 bytes", "shorten it");
        environment(&signer.env, &mut at);
        out.insert(
            name.clone(),
            Signer { about: signer.about.clone(), env: signer.env.clone(), scheme: signer.scheme.clone() },
        );
    }
    out
}

fn environment(names: &[String], at: &mut super::problem::At<'_>) {
    let fits = |name: &String| {
        let plain = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        plain && (1..=60).contains(&name.len()) && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    at.must(
        names.len() <= 8 && names.iter().all(fits),
        rule::KEYS,
        "env is no list of variable names",
        "write `env = [\"ACME_API_KEY\"]`",
    );
}
