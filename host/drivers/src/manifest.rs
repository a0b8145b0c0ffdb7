//! A driver's manifest: what it asks for, checked rule by rule when it is loaded.
//!
//! The rules are numbered as in the notes on the boundary. A manifest that parses is safe to show to the owner; whether he
//! granted it is the lock file's matter, and nothing here sends, reads files or knows a secret.

use crate::{
    pointer::Pointer,
    template::{CallKind, Hole, Name, Node, OfferShape, Refused, Text, Word, Words},
};
use bursar_http::{Base, Method};
use std::{collections::BTreeMap, fmt};

mod asks;
mod build;
mod check;
mod conditions;
mod plain;
mod powers;
mod problem;
mod raw;
mod route;
mod shows;
mod wider;
mod worst;

pub use asks::{Asks, CredentialAsk, EndpointAsk, RouteAsk, SettingAsk, SignerAsk};
pub use conditions::{Conditions, Expected, Line};
pub use problem::{ManifestError, Problem};
pub use shows::{Money, Pick, Prices, Shows, Unit};

/// A checked manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub offer: OfferShape,
    pub account: AccountSource,
    /// Used when nobody names an image.
    pub image: Option<String>,
    /// How long a lost create may still appear.
    pub late_secs: u64,
    /// How long an accepted end may take.
    pub stop_secs: u64,
    /// What ends a machine from within, where it carries a key of its own.
    pub self_end: Option<SelfEnd>,
    pub settings: BTreeMap<String, Setting>,
    pub credentials: BTreeMap<String, Credential>,
    pub signers: BTreeMap<String, Signer>,
    pub endpoints: BTreeMap<String, Endpoint>,
    pub routes: BTreeMap<String, Route>,
    /// What it asks for and this host does not have yet: it is not served while this is not empty.
    pub needs: Vec<String>,
    /// The manifest, word for word.
    pub text: String,
    pub(crate) table: toml::Table,
}

/// Where the identity of the account comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountSource {
    /// An answer of this route names it.
    Pointer {
        route: String,
        pointer: Pointer,
    },
    /// No answer names it: another key, another account.
    Credential,
    Text(Text),
}

/// Two lines of shell that the host runs on a machine of ours: one that succeeds where the machine's own key is good, and one
/// that ends it, a while after its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfEnd {
    pub check: String,
    pub run: String,
}

/// A text of the owner's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub about: String,
    pub default: Option<Text>,
}

/// A secret, and the header it goes into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub about: String,
    /// The environment variables that may hold it.
    pub env: Vec<String>,
    /// Lower case.
    pub header: String,
    pub prefix: String,
}

/// A key that signs requests as they leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    pub about: String,
    pub env: Vec<String>,
    pub scheme: String,
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub name: String,
    pub place: Place,
    pub credential: Option<String>,
    pub gap_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Fixed(Base),
    /// Any address that these answers named in the same call.
    Open {
        named_by: Vec<NamedBy>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedBy {
    pub route: String,
    pub pointer: Pointer,
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    Read,
    Change,
    Spend,
    Release,
}

impl Effect {
    /// Returns whether a route of this effect may open in that call at all (rule 3).
    pub fn may_open_in(self, call: CallKind) -> bool {
        match self {
            Effect::Read => true,
            Effect::Change => {
                matches!(call, CallKind::Keys | CallKind::Advance | CallKind::Restart | CallKind::Pause)
            }
            Effect::Spend => matches!(call, CallKind::Create | CallKind::Extend | CallKind::Resume),
            Effect::Release => call == CallKind::Destroy,
        }
    }
}

impl Effect {
    pub fn name(self) -> &'static str {
        match self {
            Effect::Read => "read",
            Effect::Change => "change",
            Effect::Spend => "spend",
            Effect::Release => "release",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One whole request, with names where values go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub name: String,
    pub endpoint: String,
    pub method: Method,
    pub effect: Effect,
    /// The calls it opens in; empty for reads, which open in every call.
    pub calls: Vec<CallKind>,
    /// The segments after the endpoint's base.
    pub path: Vec<Text>,
    pub query: Vec<(String, Text)>,
    /// Lower-case names.
    pub headers: Vec<(String, Text)>,
    pub body: Body,
    pub timeout_secs: Option<u64>,
    /// Its own, else the endpoint's.
    pub gap_ms: u64,
    pub sign: Option<Sign>,
    pub made: Option<Made>,
    pub refused: Conditions,
    pub ended: Conditions,
    pub accepted: Option<Conditions>,
    pub hide: Vec<Pointer>,
    pub shows: Option<Shows>,
    pub prices: Option<Prices>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    None,
    Template(Node),
    /// The driver's own JSON; in reads only.
    Free,
}

/// How a request is signed on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    pub scheme: String,
    pub signer: String,
    /// The kind of message, where the scheme has kinds.
    pub kind: Option<String>,
}

/// Where the id of what was made stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    Pointer(Pointer),
    /// It is the hash of what was signed, known before it is sent.
    Signed,
}

/// A manifest is never larger than this.
pub const TEXT_MAX: usize = 64 * 1024;

impl Manifest {
    /// Reads and checks a manifest. The error lists everything that is wrong with it, each with its rule and a way out.
    pub fn parse(text: &str) -> Result<Manifest, ManifestError> {
        build::manifest(text)
    }

    /// Returns what is in `newer` and not in this one (rule 12); empty means that nothing waits for the owner.
    pub fn widened_by(&self, newer: &Manifest) -> Vec<String> {
        wider::widened(&self.table, &newer.table)
    }

    /// Returns, in plain sentences and in rule 12's order, the worst that this manifest allows.
    pub fn powers(&self) -> Vec<String> {
        powers::sentences(self)
    }

    /// Returns all that it asks for, as data.
    pub fn asks(&self) -> Asks {
        asks::asks(self)
    }

    /// Returns every secret that it names, credentials and signers alike, with the variables that may hold it.
    pub fn secrets(&self) -> impl Iterator<Item = (&String, &Vec<String>)> {
        let credentials = self.credentials.iter().map(|(name, credential)| (name, &credential.env));
        credentials.chain(self.signers.iter().map(|(name, signer)| (name, &signer.env)))
    }

    pub fn route(&self, name: &str) -> Option<&Route> {
        self.routes.get(name)
    }

    pub fn endpoint_of(&self, route: &Route) -> &Endpoint {
        self.endpoints.get(&route.endpoint).expect("a manifest whose routes name other endpoints is refused at load")
    }

    /// Returns the names that a route leaves to the driver.
    pub fn free_names(&self, route: &str) -> Vec<String> {
        self.route(route).map(Route::free_names).unwrap_or_default()
    }

    /// Returns all lists of instances, if the host can ask each of them without the driver. Whether its one answer is all of
    /// it, the answer says.
    pub fn unpaged_lists(&self) -> Vec<&Route> {
        let can = |route: &&Route| {
            let fixed = matches!(self.endpoint_of(route).place, Place::Fixed(_));
            let filled = route.holes().iter().all(|hole| match &hole.name {
                Name::Host(word) => word.known_in(CallKind::List),
                Name::Driver(_) => hole.optional,
            });
            fixed && filled && route.body != Body::Free
        };
        let lists: Vec<&Route> = self.routes.values().filter(|route| route.is_list()).collect();
        if lists.iter().all(can) { lists } else { Vec::new() }
    }

    /// Returns the settings in force: the owner's, else the defaults. One whose default is the empty text may stay unset.
    pub fn effective_settings(
        &self,
        owner: &BTreeMap<String, String>,
        signers: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Refused> {
        let words =
            signers.iter().fold(Words::new(CallKind::Account, 0), |words, (name, address)| words.signer(name, address));
        let mut out = BTreeMap::new();
        for (name, setting) in &self.settings {
            let unset_by_default = setting.default.as_ref().is_some_and(|text| text.literal() == Some(""));
            if unset_by_default && owner.get(name).is_none_or(String::is_empty) {
                continue;
            }
            let default = || setting.default.as_ref().and_then(|text| text.fill_text(&words));
            match owner.get(name).cloned().or_else(default) {
                Some(value) if value.len() <= crate::template::VALUE_MAX && !value.chars().any(char::is_control) => {
                    out.insert(name.clone(), value);
                }
                Some(_) => return Err(unset(name, "its value is too long or has control characters")),
                None => return Err(unset(name, "it has no value and no default")),
            }
        }
        Ok(out)
    }
}

fn unset(name: &str, why: &str) -> Refused {
    Refused {
        cause: crate::template::Cause::Value,
        route: String::new(),
        asked: format!("setting `{name}`"),
        why: why.to_owned(),
        grant: format!("set `{name}` in the configuration of this provider"),
    }
}

impl Route {
    /// Returns whether it may be used in that call.
    pub fn open_in(&self, call: CallKind) -> bool {
        self.effect == Effect::Read || self.calls.contains(&call)
    }

    /// Returns whether the word stands in its path, query, headers or body.
    pub fn holds(&self, word: &Word) -> bool {
        self.holes().iter().any(|hole| hole.name == Name::Host(word.clone()))
    }

    /// Returns the names left to the driver, each once.
    pub fn free_names(&self) -> Vec<String> {
        crate::template::free_names(self.holes().into_iter())
    }

    /// Returns whether its rows are instances of the account, and not those of one order.
    pub fn is_list(&self) -> bool {
        let lists = self.shows.as_ref().is_some_and(|shows| shows.tag.is_some());
        let of_one = |hole: &Hole| matches!(&hole.name, Name::Host(word) if !word.known_in(CallKind::List));
        lists && self.effect == Effect::Read && self.holes().iter().all(|hole| !of_one(hole))
    }

    /// Returns every name in it.
    pub fn holes(&self) -> Vec<&Hole> {
        let texts =
            self.path.iter().chain(self.query.iter().map(|(_, t)| t)).chain(self.headers.iter().map(|(_, t)| t));
        let mut holes: Vec<_> = texts.flat_map(Text::holes).collect();
        if let Body::Template(node) = &self.body {
            holes.extend(node.holes());
        }
        holes
    }

    /// Returns its path as the manifest writes it.
    pub fn path_text(&self) -> String {
        self.path.iter().map(|segment| format!("/{segment}")).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests;
