//! All drivers of this host. Opening it is quick: nothing is compiled, no engine made, until a driver is asked for.

use crate::{
    admission::{self, NotAdmitted, Shape},
    audit::Counters,
    cache::Cache,
    config::Config,
    driver::Driver,
    error::DriverError,
    ground::Ground,
    lock::{Granted, Lock},
    manifest::Manifest,
    sandbox::{Loaded, Sandbox},
    shelf::{self, Found, Serving},
};
use bursar_http::{Http, Outbound};
use std::{
    collections::BTreeMap,
    os::unix::fs::DirBuilderExt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::OnceCell;

/// How long a driver may take to describe itself.
const DESCRIBE_SECS: u64 = 10;
const MANIFEST_MAX: usize = 256 << 10;

#[derive(Clone)]
pub struct Drivers {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: Arc<Config>,
    cache: Cache,
    sandbox: OnceLock<Arc<Sandbox>>,
    pub(crate) http: OnceLock<Http>,
    /// A driver that was let in anew gets a new slot; calls in flight end on the old one.
    pub(crate) slots: Mutex<BTreeMap<String, Arc<OnceCell<Arc<Driver>>>>>,
}

/// A component that was admitted, linked, probed, and has said what it is.
pub(crate) struct Admitted {
    pub(crate) shape: Shape,
    pub(crate) loaded: Loaded,
    pub(crate) manifest: Manifest,
}

impl Drivers {
    /// Makes the home private. No driver is touched yet.
    pub fn open(config: Config) -> Result<Drivers, DriverError> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.home);
        made.map_err(|e| DriverError::State { path: config.home.display().to_string(), why: e.to_string() })?;
        let cache = Cache::new(&config.home);
        let (sandbox, http, slots) = (OnceLock::new(), OnceLock::new(), Mutex::default());
        Ok(Drivers { inner: Arc::new(Inner { config: Arc::new(config), cache, sandbox, http, slots }) })
    }

    /// Returns what there is by name: bundled, dropped, or granted before.
    pub fn names(&self) -> Vec<String> {
        shelf::names(&self.inner.config, &self.inner.granted())
    }

    /// Returns a driver, admitted and compiled on first use. All who ask meanwhile wait for the same load.
    pub async fn driver(&self, name: &str) -> Result<Arc<Driver>, DriverError> {
        let slot = {
            let mut slots = self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.entry(name.to_owned()).or_default().clone()
        };
        let load = || async {
            let (inner, wanted) = (self.inner.clone(), name.to_owned());
            let task = tokio::task::spawn_blocking(move || inner.load(&wanted).map(Arc::new));
            task.await.unwrap_or_else(|e| Err(refused(name, e)))
        };
        slot.get_or_try_init(load).await.cloned()
    }

    /// Returns what this process counted of each driver that it used.
    pub fn counters(&self) -> BTreeMap<String, Counters> {
        let slots = self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let used = slots.iter().filter_map(|(name, slot)| Some((name.clone(), slot.get()?.counters())));
        used.collect()
    }

    /// Loads every driver in the background, so that the first question need not wait.
    pub fn warm(&self) {
        for name in self.names() {
            let drivers = self.clone();
            tokio::spawn(async move {
                if let Err(why) = drivers.driver(&name).await {
                    tracing::debug!(name, %why, "not warmed");
                }
            });
        }
    }

    /// Grants the dropped file of this name as it lies there now. For the owner's terminal only.
    pub fn allow(&self, name: &str) -> Result<(), DriverError> {
        let inner = &self.inner;
        let mut lock = inner.lock()?;
        let found = match shelf::look(&inner.config, &lock, name).dropped {
            Some(Ok(found)) => found,
            Some(Err(why)) => return Err(DriverError::NotAdmitted { name: name.into(), why }),
            None => return Err(inner.unknown(name)),
        };
        let admitted = inner.admit(Some(name), &found)?;
        let Found { wasm, sha256 } = found;
        let granted = Granted { sha256, manifest: admitted.manifest.text };
        lock.grant(&inner.config.home, name, granted, &wasm).map_err(|why| inner.state(why))?;
        inner.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }
}

impl Inner {
    /// Reads the lock file; a damaged one grants nothing, and what is bundled goes on.
    pub(crate) fn granted(&self) -> Lock {
        self.lock().unwrap_or_else(|why| {
            tracing::error!(%why, "the lock file grants nothing");
            Lock::default()
        })
    }

    fn lock(&self) -> Result<Lock, DriverError> {
        Lock::read(&self.config.home).map_err(|why| self.state(why))
    }

    fn load(&self, name: &str) -> Result<Driver, DriverError> {
        let lock = self.granted();
        let (found, bundled) = match shelf::look(&self.config, &lock, name).serving() {
            Serving::File { found, bundled, .. } => (found, bundled),
            Serving::Ends { granted, why } => return self.ends_only(name, granted, why),
            Serving::Pending(found) => return Err(self.pending(name, &found)),
            Serving::Refused(why) => return Err(DriverError::NotAdmitted { name: name.into(), why }),
            Serving::Unknown => return Err(self.unknown(name)),
        };
        let Admitted { loaded, manifest, .. } = self.admit(Some(name), &found)?;
        // A driver says what it is each time it is loaded; what the owner let in is what it said then.
        let granted = lock.get(name).is_some_and(|granted| granted.manifest == manifest.text);
        if !bundled && !granted {
            return Err(refused(name, "it describes itself in another way than when it was let in"));
        }
        self.made(name, manifest, Ok(loaded), found.sha256)
    }

    fn ends_only(&self, name: &str, granted: Granted, why: String) -> Result<Driver, DriverError> {
        let manifest = Manifest::parse(&granted.manifest).map_err(|bad| refused(name, bad))?;
        self.made(name, manifest, Err(why), granted.sha256)
    }

    fn made(
        &self,
        name: &str,
        manifest: Manifest,
        loaded: Result<Loaded, String>,
        sha256: String,
    ) -> Result<Driver, DriverError> {
        let outbound = Outbound { loopback: self.config.practice.is_some(), ..Outbound::default() };
        let http = self.http.get_or_init(|| Http::new(outbound.clone())).clone();
        let ground = Ground::new(manifest, self.config.clone(), http, outbound).map_err(|why| refused(name, why))?;
        let sandbox = self.sandbox().map_err(|why| refused(name, why))?;
        Ok(Driver { ground: Arc::new(ground), sandbox, loaded, sha256 })
    }

    /// Takes bytes through the whole of admission. Blocks while it compiles.
    pub(crate) fn admit(&self, named: Option<&str>, found: &Found) -> Result<Admitted, DriverError> {
        let name = named.unwrap_or("file");
        let not = |why: NotAdmitted| DriverError::NotAdmitted { name: name.to_owned(), why };
        let shape = admission::audit(&found.wasm).map_err(not)?;
        let sandbox = self.sandbox().map_err(|why| refused(name, why))?;
        let component = self.cache.component(&sandbox.engine, &found.wasm, &found.sha256);
        let component = component.map_err(|e| not(NotAdmitted::Damaged(crate::text::clean(&format!("{e:#}"), 300))))?;
        let (loaded, text) = probe(&sandbox, &component).map_err(|why| refused(name, why))?;
        if text.len() > MANIFEST_MAX {
            return Err(refused(
                name,
                format!("its manifest has {} bytes, at most {MANIFEST_MAX} are read", text.len()),
            ));
        }
        let manifest = Manifest::parse(&text).map_err(|bad| refused(name, bad))?;
        if named.is_some_and(|name| name != manifest.name) {
            return Err(refused(name, format!("it calls itself `{}`; name its file {0}.wasm", manifest.name)));
        }
        Ok(Admitted { shape, loaded, manifest })
    }

    /// Returns the driver that serves this file already.
    pub(crate) fn loaded(&self, name: &str, sha256: &str) -> Option<Arc<Driver>> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(name).and_then(|slot| slot.get()).filter(|driver| driver.sha256 == sha256).cloned()
    }

    pub(crate) fn pending(&self, name: &str, found: &Found) -> DriverError {
        match self.admit(Some(name), found) {
            Ok(admitted) => DriverError::Pending {
                name: name.to_owned(),
                wider: wider(&self.granted(), &admitted.manifest),
                command: format!("bursar driver allow {name}"),
            },
            Err(error) => error,
        }
    }

    fn sandbox(&self) -> Result<Arc<Sandbox>, String> {
        if let Some(sandbox) = self.sandbox.get() {
            return Ok(sandbox.clone());
        }
        let made = Arc::new(Sandbox::new().map_err(|e| format!("the sandbox cannot be made here: {e:#}"))?);
        Ok(self.sandbox.get_or_init(|| made).clone())
    }

    pub(crate) fn unknown(&self, name: &str) -> DriverError {
        let known = shelf::names(&self.config, &self.granted());
        DriverError::Unknown { name: crate::text::clean(name, 60), known }
    }

    fn state(&self, why: String) -> DriverError {
        DriverError::State { path: self.config.home.join("drivers.lock").display().to_string(), why }
    }
}

/// Says in words what a manifest asks beyond the one that was granted; everything, where none was.
pub(crate) fn wider(lock: &Lock, manifest: &Manifest) -> Vec<String> {
    let old = lock.get(&manifest.name).and_then(|granted| Manifest::parse(&granted.manifest).ok());
    match old {
        None => vec!["it is new here".to_owned()],
        Some(old) => {
            let wider = old.widened_by(manifest);
            if wider.is_empty() { vec!["its code is another, its manifest asks for no more".to_owned()] } else { wider }
        }
    }
}

/// Links a component and lets it say what it is, on a thread of its own: callers may stand in any runtime or none.
fn probe(sandbox: &Sandbox, component: &wasmtime::component::Component) -> Result<(Loaded, String), String> {
    let broke = |e: wasmtime::Error| crate::text::clean(&format!("{e:#}"), 300);
    let loaded = sandbox.link(component).map_err(|e| format!("it does not fit this version: {}", broke(e)))?;
    let describe = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(|e| e.to_string())?;
        runtime.block_on(async {
            let told = tokio::time::timeout(Duration::from_secs(DESCRIBE_SECS), sandbox.probe(&loaded)).await;
            told.map_err(|_| format!("it did not describe itself within {DESCRIBE_SECS} s"))?
                .map_err(|e| format!("it broke down when it was tried: {}", broke(e)))
        })
    };
    let text = std::thread::scope(|scope| scope.spawn(describe).join())
        .unwrap_or_else(|_| Err("it could not be tried".into()))?;
    Ok((loaded, text))
}

fn refused(name: &str, why: impl ToString) -> DriverError {
    DriverError::Refused { name: name.to_owned(), why: why.to_string() }
}
