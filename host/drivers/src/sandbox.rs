//! Makes sandboxes: one engine, one linker, one ticking thread for the process, and a fresh instance for every call.
//! It never sees a credential or a provider.

use crate::{
    authority,
    bindings::{charges, extend, images, keys, lookup, pause, provider, restart, sites},
    hand::Hand,
};
use bursar_core::capability::Capabilities;
use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::{
    Engine, Store,
    component::{Component, Instance, InstancePre, Linker},
};

pub(crate) struct Sandbox {
    pub(crate) engine: Engine,
    linker: Linker<Hand>,
    places: Semaphore,
    ticking: Arc<Ticking>,
}

/// A component, linked and looked through: what it can do is what it exports.
#[derive(Clone)]
pub(crate) struct Loaded {
    pre: InstancePre<Hand>,
    provider: provider::GuestIndices,
    keys: Option<keys::GuestIndices>,
    images: Option<images::GuestIndices>,
    lookup: Option<lookup::GuestIndices>,
    restart: Option<restart::GuestIndices>,
    pause: Option<pause::GuestIndices>,
    extend: Option<extend::GuestIndices>,
    charges: Option<charges::GuestIndices>,
    sites: Option<sites::GuestIndices>,
}

/// A sandbox for one call. While it lives, time ticks.
pub(crate) struct Live<'a> {
    pub(crate) store: Store<Hand>,
    pub(crate) instance: Instance,
    _ticks: Ticks<'a>,
    _place: SemaphorePermit<'a>,
}

impl Sandbox {
    pub(crate) fn new() -> wasmtime::Result<Sandbox> {
        let engine = authority::engine()?;
        let linker = authority::linker(&engine)?;
        let ticking = Arc::new(Ticking::default());
        let (weak, ticks) = (engine.weak(), Arc::downgrade(&ticking));
        std::thread::Builder::new().name("bursar-epoch".into()).spawn(move || {
            while let Some(ticking) = ticks.upgrade() {
                ticking.wait();
                drop(ticking);
                std::thread::sleep(Duration::from_millis(authority::TICK_MS));
                let Some(engine) = weak.upgrade() else { return };
                engine.increment_epoch();
            }
        })?;
        Ok(Sandbox { engine, linker, places: Semaphore::new(authority::POOL as usize), ticking })
    }

    /// Links a component and looks for what it can do. Wrong types behind a right name show in `probe`.
    pub(crate) fn link(&self, component: &Component) -> wasmtime::Result<Loaded> {
        let pre = self.linker.instantiate_pre(component)?;
        let has = |name: &str| component.get_export_index(None, format!("bursar:driver/{name}@0.1.0")).is_some();
        macro_rules! exported {
            ($name:ident) => {
                has(stringify!($name)).then(|| $name::GuestIndices::new(&pre)).transpose()?
            };
        }
        Ok(Loaded {
            provider: provider::GuestIndices::new(&pre)?,
            keys: exported!(keys),
            images: exported!(images),
            lookup: exported!(lookup),
            restart: exported!(restart),
            pause: exported!(pause),
            extend: exported!(extend),
            charges: exported!(charges),
            sites: exported!(sites),
            pre,
        })
    }

    pub(crate) async fn enter(&self, loaded: &Loaded, hand: Hand) -> wasmtime::Result<Live<'_>> {
        let place = self.places.acquire().await.map_err(wasmtime::Error::new)?;
        let ticks = self.ticking.begin();
        let mut store = authority::store(&self.engine, hand);
        let instance = loaded.pre.instantiate_async(&mut store).await?;
        Ok(Live { store, instance, _ticks: ticks, _place: place })
    }

    /// Instantiates once, checks the types of everything it exports, and asks it what it is, with the door shut.
    pub(crate) async fn probe(&self, loaded: &Loaded) -> wasmtime::Result<String> {
        let mut live = self.enter(loaded, Hand::new(None)).await?;
        let (store, instance) = (&mut live.store, &live.instance);
        macro_rules! fits {
            ($($name:ident),*) => { $(if let Some(indices) = &loaded.$name { indices.load(&mut *store, instance)?; })* };
        }
        fits!(keys, images, lookup, restart, pause, extend, charges, sites);
        loaded.provider.load(&mut *store, instance)?.call_describe(&mut *store).await
    }
}

/// Finds an ability that the caller has seen in `capabilities`.
macro_rules! ability {
    ($($name:ident),*) => {$(
        pub(crate) fn $name(&self) -> wasmtime::Result<&$name::GuestIndices> {
            self.$name.as_ref().ok_or_else(|| wasmtime::Error::msg("the driver does not export it"))
        }
    )*};
}

impl Loaded {
    pub(crate) fn provider(&self) -> wasmtime::Result<&provider::GuestIndices> {
        Ok(&self.provider)
    }

    ability!(keys, images, lookup, restart, pause, extend, charges, sites);

    pub(crate) fn capabilities(&self) -> Capabilities {
        Capabilities {
            keys: self.keys.is_some(),
            images: self.images.is_some(),
            lookup: self.lookup.is_some(),
            restart: self.restart.is_some(),
            pause: self.pause.is_some(),
            extend: self.extend.is_some(),
            charges: self.charges.is_some(),
            sites: self.sites.is_some(),
        }
    }
}

/// Counts the sandboxes that are alive, so that an idle host does not wake a hundred times a second.
#[derive(Default)]
struct Ticking {
    alive: Mutex<u32>,
    begun: Condvar,
}

struct Ticks<'a>(&'a Ticking);

impl Ticking {
    fn begin(&self) -> Ticks<'_> {
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        *alive += 1;
        if *alive == 1 {
            self.begun.notify_one();
        }
        Ticks(self)
    }

    /// Waits until a sandbox lives, or long enough to see whether the host still does.
    fn wait(&self) {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.begun.wait_timeout_while(alive, Duration::from_secs(10), |alive| *alive == 0));
    }
}

impl Drop for Ticks<'_> {
    fn drop(&mut self) {
        *self.0.alive.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}
