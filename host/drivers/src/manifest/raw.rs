//! The keys of a manifest as they are written. Any other key is an error.

use super::Effect;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) offer: String,
    pub(super) account: String,
    pub(super) image: Option<String>,
    pub(super) late_secs: u64,
    pub(super) stop_secs: u64,
    pub(super) self_end: Option<SelfEnd>,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, Setting>,
    #[serde(default)]
    pub(super) credentials: BTreeMap<String, Credential>,
    #[serde(default)]
    pub(super) signers: BTreeMap<String, Signer>,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
    pub(super) routes: BTreeMap<String, Spanned<Route>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SelfEnd {
    pub(super) check: String,
    pub(super) run: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setting {
    pub(super) about: String,
    pub(super) default: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credential {
    pub(super) about: String,
    #[serde(default)]
    pub(super) env: Vec<String>,
    pub(super) header: String,
    #[serde(default)]
    pub(super) prefix: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signer {
    pub(super) about: String,
    pub(super) scheme: String,
    #[serde(default)]
    pub(super) env: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Endpoint {
    pub(super) base: Option<String>,
    pub(super) credential: Option<String>,
    #[serde(default)]
    pub(super) gap_ms: u64,
    #[serde(default)]
    pub(super) open: bool,
    #[serde(default)]
    pub(super) named_by: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    pub(super) on: Option<String>,
    pub(super) call: String,
    #[serde(default)]
    pub(super) query: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<toml::Value>,
    pub(super) body_of: Option<BodyOf>,
    pub(super) effect: Option<Effect>,
    #[serde(rename = "in")]
    pub(super) calls: Option<Vec<String>>,
    pub(super) timeout_secs: Option<u64>,
    pub(super) gap_ms: Option<u64>,
    pub(super) sign: Option<Sign>,
    pub(super) made: Option<String>,
    pub(super) refused: Option<toml::Table>,
    pub(super) ended: Option<toml::Table>,
    pub(super) accepted: Option<toml::Table>,
    #[serde(default)]
    pub(super) hide: Vec<String>,
    pub(super) shows: Option<Shows>,
    pub(super) prices: Option<Prices>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BodyOf {
    pub(super) route: String,
    #[serde(default)]
    pub(super) without: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sign {
    pub(super) scheme: String,
    pub(super) signer: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shows {
    #[serde(default)]
    pub(super) each: String,
    pub(super) id: String,
    pub(super) tag: Option<String>,
    pub(super) key: Option<String>,
    pub(super) rate: Option<String>,
    pub(super) paid: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) over: Option<toml::Table>,
    pub(super) more: Option<String>,
    pub(super) total: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prices {
    pub(super) each: Option<String>,
    pub(super) id: Option<String>,
    pub(super) part: Option<String>,
    pub(super) rate: Option<String>,
    pub(super) total: Option<String>,
    pub(super) unit: String,
}
