//! What all calls of one driver share: its manifest as it is served, where its endpoints are, its share of the host.

use crate::{
    audit::Counts,
    config::Config,
    manifest::{Endpoint, Manifest, Place, Route},
    pace::Pace,
    scrub::Secrets,
    signing::{Key, Session, Signer},
};
use bursar_http::{Base, Http, Outbound};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Semaphore;

/// Calls of one driver at once.
const SEATS: usize = 2;

pub(crate) struct Ground {
    pub(crate) manifest: Manifest,
    /// The owner's, or the defaults; where a signer's address may stand in one, they are looked at in every call.
    settings: Option<BTreeMap<String, String>>,
    pub(crate) config: Arc<Config>,
    pub(crate) http: Http,
    pub(crate) outbound: Outbound,
    pub(crate) seats: Semaphore,
    /// Kept for ends alone, so that no queue of reads can delay one.
    pub(crate) end_seats: Semaphore,
    pub(crate) pace: Pace,
    pub(crate) counts: Counts,
    places: BTreeMap<String, Base>,
    known: Mutex<BTreeMap<String, Credential>>,
    signers: Mutex<BTreeMap<String, Arc<Signer>>>,
    /// Marks of keys, and whose account answers to them showed.
    accounts: Mutex<BTreeMap<String, String>>,
}

/// A credential's value, and what finds it again in texts.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) value: Arc<str>,
    pub(crate) secrets: Arc<Secrets>,
}

impl Ground {
    pub(crate) fn new(
        manifest: Manifest,
        config: Arc<Config>,
        http: Http,
        outbound: Outbound,
    ) -> Result<Ground, String> {
        let name = manifest.name.clone();
        if !manifest.needs.is_empty() {
            return Err(format!("it needs what this version does not have: {}", manifest.needs.join(", ")));
        }
        let settings = match manifest.signers.is_empty() {
            true => Some(settings(&manifest, &config, &BTreeMap::new())?),
            false => None,
        };
        let mut places = BTreeMap::new();
        for (endpoint, at) in &manifest.endpoints {
            if let Place::Fixed(base) = &at.place {
                places.insert(endpoint.clone(), placed(&config, &outbound, &name, base)?);
            }
        }
        Ok(Ground {
            manifest,
            settings,
            config,
            http,
            outbound,
            seats: Semaphore::new(SEATS),
            end_seats: Semaphore::new(SEATS),
            pace: Pace::default(),
            counts: Counts::default(),
            places,
            known: Mutex::new(BTreeMap::new()),
            signers: Mutex::new(BTreeMap::new()),
            accounts: Mutex::new(BTreeMap::new()),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.manifest.name
    }

    pub(crate) fn is_practice(&self) -> bool {
        self.config.practice.is_some()
    }

    /// Returns where a fixed endpoint is; in practice, its imitation.
    pub(crate) fn place(&self, endpoint: &Endpoint) -> Option<&Base> {
        self.places.get(&endpoint.name)
    }

    /// Returns where an address of an open endpoint is; in practice, in its imitation.
    pub(crate) fn open_place(&self, address: &str) -> Result<Base, String> {
        let open = Base::open(address, &self.outbound).map_err(|bad| bad.to_string())?;
        match &self.config.practice {
            None => Ok(open),
            Some(practice) => {
                let url = format!("{}/{}/at/{}", practice.trim_end_matches('/'), self.name(), open.host());
                Base::parse(&url, &self.outbound).map_err(|bad| bad.to_string())
            }
        }
    }

    /// Returns the settings in force, with the addresses of signers where they stand in one.
    pub(crate) fn settings(&self, signers: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
        match &self.settings {
            Some(settings) => Ok(settings.clone()),
            None => settings(&self.manifest, &self.config, signers),
        }
    }

    /// Returns a signer of the manifest, its key looked up anew; nothing where none is stored, a reason where it is no key.
    pub(crate) fn signer(&self, name: &str) -> Result<Option<Arc<Signer>>, String> {
        let env = self.manifest.signers.get(name).map(|signer| signer.env.as_slice()).unwrap_or_default();
        let stored = (self.config.credentials)(self.name(), name, env).filter(|value| !value.is_empty());
        let Some(stored) = stored else { return Ok(None) };
        let mut signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = Key::read(&stored).map_err(|why| format!("the key of signer `{name}` cannot be used: {why}"))?;
        if let Some(known) = signers.get(name).filter(|known| known.key.address() == key.address()) {
            return Ok(Some(known.clone()));
        }
        let secret = key.secret_hex();
        let secrets = Arc::new(Secrets::new([secret.clone(), secret.to_uppercase()]));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(format!("signer {name}"), Credential { value: secret.into(), secrets });
        let signer = Arc::new(Signer { key, session: Session::new() });
        signers.insert(name.to_owned(), signer.clone());
        Ok(Some(signer))
    }

    /// Returns the public addresses of the signers whose keys are there.
    pub(crate) fn addresses(&self) -> BTreeMap<String, String> {
        let address = |name: &String| Some((name.clone(), self.signer(name).ok()??.key.address().to_owned()));
        self.manifest.signers.keys().filter_map(address).collect()
    }

    /// Returns a credential of the manifest, asked anew so that a new login counts at once.
    pub(crate) fn credential(&self, name: &str) -> Option<Credential> {
        let env = self.manifest.credentials.get(name).map(|c| c.env.as_slice()).unwrap_or_default();
        let value = (self.config.credentials)(self.name(), name, env).filter(|value| !value.is_empty())?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = known.get(name).filter(|c| *c.value == *value) {
            return Some(same.clone());
        }
        let fresh = Credential { secrets: Arc::new(Secrets::new([value.clone()])), value: value.into() };
        known.insert(name.to_owned(), fresh.clone());
        Some(fresh)
    }

    pub(crate) fn accounts(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the text without any credential that was attached so far.
    pub(crate) fn scrubbed(&self, text: &str) -> String {
        self.secrets().iter().fold(text.to_owned(), |text, secrets| secrets.text(&text))
    }

    pub(crate) fn scrubbed_body(&self, body: Vec<u8>) -> Vec<u8> {
        self.secrets().iter().fold(body, |body, secrets| secrets.body(body))
    }

    fn secrets(&self) -> Vec<Arc<Secrets>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().map(|credential| credential.secrets.clone()).collect()
    }

    /// Returns the gates a route passes and the gap each wants. Practice has none to spare.
    pub(crate) fn gates(&self, route: &Route) -> Vec<(String, u64)> {
        if self.is_practice() {
            return Vec::new();
        }
        let endpoint = self.manifest.endpoint_of(route);
        vec![(endpoint.name.clone(), endpoint.gap_ms), (own_gate(route), route.gap_ms)]
    }
}

fn settings(
    manifest: &Manifest,
    config: &Config,
    signers: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let none = BTreeMap::new();
    let owners = config.settings.get(&manifest.name).unwrap_or(&none);
    manifest.effective_settings(owners, signers).map_err(|refused| refused.to_string())
}

/// A provider counts what it is asked by method and path, under whatever names a manifest has them.
fn own_gate(route: &Route) -> String {
    format!("{}/{} {}", route.endpoint, route.method, route.path_text())
}

fn placed(config: &Config, outbound: &Outbound, driver: &str, base: &Base) -> Result<Base, String> {
    let Some(practice) = &config.practice else { return Ok(base.clone()) };
    let url = format!("{}/{driver}{}", practice.trim_end_matches('/'), base.path());
    Base::parse(&url, outbound).map_err(|bad| format!("practice at {url}: {bad}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_of_one_path_share_its_gap() {
        let manifest = Manifest::parse(include_str!("../../../plugins/vast/driver.toml")).unwrap();
        let gate = |name: &str| own_gate(manifest.route(name).unwrap());
        assert_eq!(gate("search"), gate("ask"));
        assert_eq!(gate("pause"), gate("resume"));
        assert_ne!(gate("instance"), gate("destroy"));
        assert_ne!(gate("pause"), gate("restart"));
    }
}
