//! For `tests/fuzz`, `tests/simulation` and the bench alone: the door without a sandbox in front of it, and drivers whose
//! provider answers from memory. Nothing here opens what is closed elsewhere, and nothing in the host uses it.

use crate::{
    config::Config,
    door::{self, Ask, Unanswered},
    driver::Driver,
    ground::Ground,
    manifest::Manifest,
    record::{Left, Record},
    registry::Drivers,
    template::Words,
};
use bursar_http::{Http, Outbound};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::OnceCell, time::Instant};

impl Drivers {
    /// Sends every request of these drivers there.
    #[doc(hidden)]
    pub fn open_with(config: Config, http: Http) -> Result<Drivers, crate::DriverError> {
        let drivers = Drivers::open(config)?;
        let _ = drivers.inner.http.set(http);
        Ok(drivers)
    }

    /// The same drivers for another process, loaded already: a door, keys and a trail of its own, one sandbox for all.
    #[doc(hidden)]
    pub fn beside(&self, config: Config, http: Http) -> Result<Drivers, crate::DriverError> {
        let drivers = Drivers::open_with(config, http.clone())?;
        let refused = |name: &str, why| crate::DriverError::Refused { name: name.to_owned(), why };
        for (name, slot) in self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let Some(driver) = slot.get() else { continue };
            let (manifest, config) = (driver.ground.manifest.clone(), drivers.inner.config.clone());
            let ground = Ground::new(manifest, config, http.clone(), driver.ground.outbound.clone());
            let beside = Driver {
                ground: Arc::new(ground.map_err(|why| refused(name, why))?),
                sandbox: driver.sandbox.clone(),
                loaded: driver.loaded.clone(),
                sha256: driver.sha256.clone(),
            };
            let mut slots = drivers.inner.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.insert(name.clone(), Arc::new(OnceCell::new_with(Some(Arc::new(beside)))));
        }
        Ok(drivers)
    }
}

/// Everything that calls of one driver share.
pub struct Shared(Arc<Ground>);

/// The door of one call.
pub struct Door(door::Door);

/// What a driver is told in return.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub made: Option<String>,
    pub body: Vec<u8>,
}

impl Shared {
    pub fn new(manifest: &str, config: Config, http: Http) -> Result<Shared, String> {
        let manifest = Manifest::parse(manifest).map_err(|bad| bad.to_string())?;
        Ground::new(manifest, Arc::new(config), http, Outbound::default()).map(|ground| Shared(Arc::new(ground)))
    }

    /// Returns the door of a call with these words, which begins now.
    pub fn door(&self, words: Words, now: u64) -> Door {
        let signers = self.0.addresses();
        let settings = self.0.settings(&signers).unwrap_or_default();
        let words = settings.iter().fold(words, |words, (name, value)| words.setting(name, value));
        let words = signers.iter().fold(words, |words, (name, address)| words.signer(name, address));
        let record = Arc::new(Mutex::new(Record::default()));
        let deadline = Instant::now() + Duration::from_secs(150);
        let began = Instant::now();
        Door(door::Door {
            ground: self.0.clone(),
            words: Arc::new(words),
            now,
            began,
            record,
            deadline,
            by_host: false,
        })
    }
}

impl Door {
    pub async fn send(
        &self,
        route: &str,
        values: Vec<(String, String)>,
        address: Option<String>,
        body: Option<String>,
    ) -> Result<Reply, String> {
        match self.0.send(&Ask { route: route.to_owned(), values, address, body }).await {
            Ok(door::Reply { status, headers, made, body, .. }) => Ok(Reply { status, headers, made, body }),
            Err(Unanswered::Denied(why) | Unanswered::NotSent(why) | Unanswered::MaybeSent(why)) => Err(why),
        }
    }

    /// Returns what is known of the request that costs.
    pub fn left(&self) -> Left {
        self.0.record().left()
    }

    pub fn made(&self) -> Vec<String> {
        self.0.record().made.clone()
    }

    /// Returns whether the word stood in an answer of this call.
    pub fn stood(&self, word: &str) -> bool {
        self.0.record().stood(word)
    }
}
