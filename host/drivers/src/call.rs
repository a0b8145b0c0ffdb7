//! One call: a seat, a door with a record, a fresh sandbox, a deadline. Whatever happens inside, the record is kept and
//! the sandbox is gone.

use crate::{
    audit::one_more,
    bindings::types,
    convert,
    door::{Ask, Door, Reply, Unanswered},
    driver::Driver,
    error::{CallError, CallErrorKind},
    hand::Hand,
    record::Record,
    sandbox::{Live, Loaded},
    template::{CallKind, Words},
    text,
};
use bursar_core::{instance::Tag, time::Moment};
use sha2::{Digest, Sha256};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::SemaphorePermit,
    time::{Instant, timeout},
};
use wasmtime::Trap;

/// What a call is made for.
#[derive(Debug, Clone)]
pub struct At {
    pub now: Moment,
    pub tag: Option<Tag>,
}

pub(crate) struct Call<'d> {
    pub(crate) driver: &'d Driver,
    kind: CallKind,
    now: u64,
    words: Arc<Words>,
    pub(crate) told: types::Call,
    record: Arc<Mutex<Record>>,
    secs: u64,
    _seat: SemaphorePermit<'d>,
}

/// Asks one function of the driver's, in a sandbox made for it: `ask!(call, provider.call_get(&handle))`.
macro_rules! ask {
    ($call:expr, $interface:ident . $function:ident ( $($arg:expr),* )) => {
        async {
            let loaded = $call.loaded()?;
            let work = async {
                let mut live = $call.enter(loaded).await?;
                let guest = loaded.$interface()?.load(&mut live.store, &live.instance)?;
                guest.$function(&mut live.store, &$call.told, $($arg),*).await
            };
            $call.within(work).await
        }
    };
}
pub(crate) use ask;

impl<'d> Call<'d> {
    pub(crate) async fn begin(
        driver: &'d Driver,
        kind: CallKind,
        at: &At,
        add: impl FnOnce(Words) -> Words,
    ) -> Result<Call<'d>, CallError> {
        let ground = &driver.ground;
        let secs = secs_of(kind);
        let seats = if kind == CallKind::Destroy { &ground.end_seats } else { &ground.seats };
        let Ok(Ok(seat)) = timeout(Duration::from_secs(secs), seats.acquire()).await else {
            return Err(driver.error(kind, CallErrorKind::NotSent(format!("other calls of it took all {secs} s"))));
        };
        one_more(&ground.counts.calls);
        let mut words = Words::new(kind, at.now.0);
        if let Some(tag) = &at.tag {
            words = words.tag(tag.0.as_str());
        }
        let signers = ground.addresses();
        let settings = match ground.settings(&signers) {
            Ok(settings) => settings,
            Err(why) => {
                return Err(driver.error(kind, no_signer(driver, &signers).unwrap_or(CallErrorKind::NotSent(why))));
            }
        };
        words = settings.iter().fold(words, |words, (name, value)| words.setting(name, value));
        words = signers.iter().fold(words, |words, (name, address)| words.signer(name, address));
        let told = types::Call {
            now: at.now.0,
            deadline: at.now.after(secs).0,
            tag: at.tag.as_ref().map(|tag| tag.0.clone()),
            settings: settings.into_iter().collect(),
        };
        let (words, record) = (Arc::new(add(words)), Arc::new(Mutex::new(Record::default())));
        Ok(Call { driver, kind, now: at.now.0, words, told, record, secs, _seat: seat })
    }

    pub(crate) fn loaded(&self) -> Result<&'d Loaded, CallError> {
        self.driver.loaded.as_ref().map_err(|why| self.fail(CallErrorKind::NotSent(why.clone())))
    }

    pub(crate) async fn enter(&self, loaded: &Loaded) -> wasmtime::Result<Live<'d>> {
        self.driver.sandbox.enter(loaded, Hand::new(Some(Arc::new(self.door())))).await
    }

    /// Holds the work inside a sandbox to the time a call has, and judges its end.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = wasmtime::Result<Result<T, types::Error>>>,
    ) -> Result<T, CallError> {
        let counts = &self.driver.ground.counts;
        let ended = match timeout(Duration::from_secs(self.secs), work).await {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(error))) => Err(self.fail(self.judged(error))),
            Ok(Err(trap)) => {
                one_more(&counts.traps);
                Err(self.fail(trapped(&trap)))
            }
            Err(_) => {
                one_more(&counts.time_outs);
                Err(self.fail(CallErrorKind::TimedOut { secs: self.secs }))
            }
        };
        self.trail_is_kept().await;
        ended
    }

    /// What was refused, and what cost or ended something, is kept before whoever asked hears of it.
    async fn trail_is_kept(&self) {
        let keep = std::mem::take(&mut self.record().keep);
        if keep {
            self.driver.ground.config.audit.kept().await;
        }
    }

    /// Sends a route that leaves nothing open, as the host itself.
    pub(crate) async fn send(&self, route: &str) -> Result<Reply, CallError> {
        let ask = Ask { route: route.to_owned(), values: Vec::new(), address: None, body: None };
        let door = Door { by_host: true, ..self.door() };
        let answered = door.send(&ask).await;
        self.trail_is_kept().await;
        answered.map_err(|unanswered| {
            self.fail(match (self.no_credential(), unanswered) {
                (Some(kind), _) => kind,
                (None, Unanswered::Denied(why)) => CallErrorKind::Denied(why),
                (None, Unanswered::NotSent(why)) => CallErrorKind::NotSent(why),
                (None, Unanswered::MaybeSent(why)) => CallErrorKind::MaybeSent(why),
            })
        })
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn words(&self) -> &Words {
        &self.words
    }

    pub(crate) fn fail(&self, kind: CallErrorKind) -> CallError {
        self.driver.error(self.kind, kind)
    }

    pub(crate) fn failed(&self, why: impl ToString) -> CallError {
        self.fail(CallErrorKind::Failed(why.to_string()))
    }

    /// Returns what tells the keys of this call from any others; nothing where one is missing.
    pub(crate) fn key_mark(&self) -> Option<String> {
        let (door, manifest) = (self.door(), self.driver.manifest());
        let mut hash = Sha256::new();
        for name in manifest.credentials.keys() {
            let value = door.credential_of_call(name)?.value;
            hash.update(format!("bursar account\0{}\0{name}\0{}\0{value}\0", manifest.name, value.len()));
        }
        Some(format!("key-{}", &crate::cache::hex(&hash.finalize())[..20]))
    }

    fn door(&self) -> Door {
        let deadline = Instant::now() + Duration::from_secs(self.secs);
        let (words, record) = (self.words.clone(), self.record.clone());
        Door {
            ground: self.driver.ground.clone(),
            words,
            now: self.now,
            began: Instant::now(),
            record,
            deadline,
            by_host: false,
        }
    }

    /// What the door knows is said before what the driver makes of it.
    fn judged(&self, error: types::Error) -> CallErrorKind {
        if let Some(kind) = self.no_credential() {
            return kind;
        }
        match self.record().denied.take() {
            Some(why) => CallErrorKind::Denied(why),
            None => convert::error(error, |why| self.driver.ground.scrubbed(why)),
        }
    }

    fn no_credential(&self) -> Option<CallErrorKind> {
        let (credential, env) = self.record().no_credential.clone()?;
        let login = format!("bursar login {}", self.driver.name());
        Some(CallErrorKind::NoCredential { credential, env, login })
    }
}

/// Says which key is missing, where the settings hold the address of one.
fn no_signer(driver: &Driver, known: &std::collections::BTreeMap<String, String>) -> Option<CallErrorKind> {
    let (name, signer) = driver.manifest().signers.iter().find(|(name, _)| !known.contains_key(*name))?;
    let (credential, env) = (name.clone(), signer.env.clone());
    match driver.ground.signer(name) {
        Err(why) => Some(CallErrorKind::Unauthorized(why)),
        Ok(_) => {
            Some(CallErrorKind::NoCredential { credential, env, login: format!("bursar login {}", driver.name()) })
        }
    }
}

fn secs_of(kind: CallKind) -> u64 {
    use CallKind as K;
    match kind {
        K::Create | K::Advance | K::Destroy | K::Resume | K::Extend => 150,
        _ => 30,
    }
}

fn trapped(error: &wasmtime::Error) -> CallErrorKind {
    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        return CallErrorKind::Trapped("it computed for more than 250 ms".into());
    }
    let why = text::clean(&error.root_cause().to_string(), 200);
    if why.contains("fuel allocated for hostcalls") {
        return CallErrorKind::TooLarge("more than 4 MiB in one answer".into());
    }
    CallErrorKind::Trapped(why)
}
