//! All that a manifest asks for, as data: for `driver inspect` and programs. What of it is worst is in `worst`, what it
//! means in sentences in `powers`.

use super::{Body, Effect, Manifest, Place, Route, powers, worst};
use crate::template::{self, CallKind, Kind, Name, Word, Words};
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asks {
    /// The shape of an offer's id.
    pub offer: String,
    pub endpoints: Vec<EndpointAsk>,
    pub credentials: Vec<CredentialAsk>,
    pub signers: Vec<SignerAsk>,
    pub settings: Vec<SettingAsk>,
    pub routes: Vec<RouteAsk>,
    /// How long a lost order may still appear before it can count as never made.
    pub late_secs: u64,
    /// How long an accepted end may take.
    pub stop_secs: u64,
    /// What this host does not have: the driver is not served while there is any.
    pub needs: Vec<String>,
    /// In words, the worst that it could do, and what it could not.
    pub worst: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointAsk {
    pub name: String,
    /// A base address, or where addresses come from.
    pub at: String,
    pub open: bool,
    pub credential: Option<String>,
    pub gap_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialAsk {
    pub name: String,
    pub about: String,
    pub env: Vec<String>,
    pub header: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignerAsk {
    pub name: String,
    pub about: String,
    pub env: Vec<String>,
    pub scheme: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingAsk {
    pub name: String,
    pub about: String,
    pub default: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteAsk {
    pub name: String,
    pub effect: &'static str,
    /// The calls it opens in; none for reads, which open in every call.
    pub opens_in: Vec<&'static str>,
    /// The whole request, with its names in braces.
    pub template: String,
    /// The same, filled with examples, where it is no read.
    pub filled: Option<String>,
    pub driver_adds: Vec<String>,
    /// Its body is the driver's own.
    pub free_body: bool,
    /// It counts as read though it is no GET.
    pub read_by_word: bool,
    pub gap_ms: u64,
}

pub(super) fn asks(manifest: &Manifest) -> Asks {
    let endpoints = manifest.endpoints.values().map(|endpoint| EndpointAsk {
        name: endpoint.name.clone(),
        at: match &endpoint.place {
            Place::Fixed(base) => base.to_string(),
            Place::Open { named_by } => {
                let by: Vec<_> = named_by.iter().map(|by| format!("`{}` at `{}`", by.route, by.pointer)).collect();
                format!("any public name shown by {}", by.join(" or "))
            }
        },
        open: matches!(endpoint.place, Place::Open { .. }),
        credential: endpoint.credential.clone(),
        gap_ms: endpoint.gap_ms,
    });
    let credentials = manifest.credentials.iter().map(|(name, c)| CredentialAsk {
        name: name.clone(),
        about: c.about.clone(),
        env: c.env.clone(),
        header: c.header.clone(),
    });
    let signers = manifest.signers.iter().map(|(name, s)| SignerAsk {
        name: name.clone(),
        about: s.about.clone(),
        env: s.env.clone(),
        scheme: s.scheme.clone(),
    });
    let settings = manifest.settings.iter().map(|(name, s)| SettingAsk {
        name: name.clone(),
        about: s.about.clone(),
        default: s.default.as_ref().map(ToString::to_string),
    });
    Asks {
        offer: manifest.offer.to_string(),
        endpoints: endpoints.collect(),
        credentials: credentials.collect(),
        signers: signers.collect(),
        settings: settings.collect(),
        routes: manifest.routes.values().map(|route| ask(manifest, route)).collect(),
        late_secs: manifest.late_secs,
        stop_secs: manifest.stop_secs,
        needs: manifest.needs.clone(),
        worst: worst::sentences(manifest),
    }
}

fn ask(manifest: &Manifest, route: &Route) -> RouteAsk {
    RouteAsk {
        name: route.name.clone(),
        effect: route.effect.name(),
        opens_in: route.calls.iter().map(|call| call.name()).collect(),
        template: powers::request(manifest, route),
        filled: (route.effect != Effect::Read).then(|| filled(manifest, route)).flatten(),
        driver_adds: route.free_names(),
        free_body: route.body == Body::Free,
        read_by_word: powers::reads_by_word(route),
        gap_ms: route.gap_ms,
    }
}

/// Fills a route with examples, as the door would with what is real.
fn filled(manifest: &Manifest, route: &Route) -> Option<String> {
    let call = route.calls.first().copied().unwrap_or(CallKind::Account);
    let int = |name: &Name| route.holes().iter().any(|hole| hole.name == *name && hole.kind == Kind::Int);
    let example = |name: Name, shown: &str| if int(&name) { "1".to_owned() } else { shown.to_uppercase() };
    let parts = manifest.offer.parts().iter();
    let parts: Vec<String> = parts.map(|part| example(Name::Host(Word::Part(part.clone())), part)).collect();
    let mut words = Words::new(call, 1_800_000_000)
        .tag("ledger0000instance00")
        .offer(manifest.offer.cut(&parts.join("/")).ok()?)
        .image("IMAGE")
        .nodes(1)
        .length_secs(7_200)
        .key("ssh-ed25519 OUR-KEY", "OUR-KEY-NAME")
        .key_id("KEY-ID")
        .instance("INSTANCE");
    for name in manifest.settings.keys() {
        words = words.setting(name, name.to_uppercase());
    }
    for name in manifest.signers.keys() {
        words = words.signer(name, name.to_uppercase());
    }
    let free: Vec<(String, String)> =
        route.free_names().into_iter().map(|name| (name.clone(), example(Name::Driver(name.clone()), &name))).collect();
    let filled = template::fill(route, &words, &free, None).ok()?;
    let body = filled.json.map_or(String::new(), |json| format!(" {json}"));
    Some(format!("{} {}{body}", filled.method, filled.target))
}
