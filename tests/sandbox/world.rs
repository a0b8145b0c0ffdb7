//! The world of the hostile guests: the driver with one idea, another driver beside it, a provider, and a file of the host's.

use crate::{
    common::{self, KEY, TOKEN, guests::build, provider::Provider, provider::State},
    ideas::Idea,
    scan,
};
use bursar_core::{
    offer::{Order, Wish},
    time::Moment,
};
use bursar_drivers::{At, Config, Driver, Drivers};
use std::{fmt::Debug, fs, os::unix::fs::DirBuilderExt, path::PathBuf, sync::Arc, sync::OnceLock};
use tempfile::TempDir;

/// The driver attacks in calls at an even moment, and behaves at an odd one.
const ATTACK: u64 = 1_790_000_000;
const WELL: u64 = 1_790_000_001;
pub const OTHER_TOKEN: &str = "0ther-t0ken-77aa-4b1d";
pub const OTHER_SETTING: &str = "send user; row another-drivers-setting";
pub const HOST_FILE: &str = "a-file-of-the-hosts-own-5d2e";

/// A function of the driver's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Account,
    Offers,
    Quote,
    Keys,
    Create,
    Advance,
    Get,
    List,
    Destroy,
    Images,
    Restart,
    Pause,
    Charges,
    Sites,
}

/// How one idea must end.
pub struct Case {
    /// The calls, in order, and what must stand in how each of them ended.
    turns: Vec<(Call, Vec<&'static str>)>,
    /// What must not stand in any of it.
    never: Vec<&'static str>,
    /// All requests that reached the provider and are no GET, in order.
    leaves: Vec<&'static str>,
    given: fn(&mut State),
    also: fn(&World, &[String]),
}

impl Case {
    pub fn of(turns: &[(Call, &[&'static str])]) -> Case {
        let turns = turns.iter().map(|(call, says)| (*call, says.to_vec())).collect();
        Case { turns, never: vec![], leaves: vec![], given: |_| {}, also: |_, _| {} }
    }

    /// The same end in several calls.
    pub fn in_all(calls: &[Call], says: &[&'static str]) -> Case {
        let turns: Vec<(Call, &[&'static str])> = calls.iter().map(|call| (*call, says)).collect();
        Case::of(&turns)
    }

    pub fn never(self, never: &[&'static str]) -> Case {
        Case { never: never.to_vec(), ..self }
    }

    pub fn leaves(self, leaves: &[&'static str]) -> Case {
        Case { leaves: leaves.to_vec(), ..self }
    }

    /// What the provider is like.
    pub fn given(self, given: fn(&mut State)) -> Case {
        Case { given, ..self }
    }

    /// What else must hold, of the provider and of how the calls ended.
    pub fn also(self, also: fn(&World, &[String])) -> Case {
        Case { also, ..self }
    }
}

pub struct World {
    pub provider: Provider,
    pub drivers: Drivers,
    pub home: Arc<TempDir>,
    /// Lines of the log that are older than this world.
    pub logged_before: usize,
}

/// Acts one idea out, and sees that the host stands and that nothing got out or in.
pub async fn check(idea: Idea, case: Case) {
    let world = World::with(idea).await;
    (case.given)(&mut world.provider.now());
    let mut said = Vec::new();
    for (call, says) in &case.turns {
        let told = world.said(*call, ATTACK).await;
        for part in says {
            assert!(told.contains(part), "{idea:?} in {call:?} ended with\n  {}\nand not with\n  {part}", cut(&told));
        }
        said.push(told);
    }
    for part in &case.never {
        let shown = said.iter().find(|told| told.contains(part));
        assert!(shown.is_none(), "{idea:?} shows `{part}`: {}", cut(shown.map_or("", |told| told)));
    }
    assert_eq!(world.left(), case.leaves, "{idea:?}: these requests reached the provider");
    (case.also)(&world, &said);
    scan::nothing_got_through(&world, idea, &said);
    world.stands(idea).await;
}

impl World {
    pub async fn with(idea: Idea) -> World {
        let name = idea.name();
        World::open(|config| drop(config.settings.insert("hostile".into(), [("idea".to_owned(), name)].into()))).await
    }

    pub async fn open(change: impl FnOnce(&mut Config)) -> World {
        scan::listen();
        let (provider, home) = (Provider::start().await, Arc::new(TempDir::new().unwrap()));
        let mut config = common::config(&provider, &home);
        config.bundled = bundled();
        config.settings.insert("odd".into(), [("account".to_owned(), OTHER_SETTING.to_owned())].into());
        let token = |driver: &str| if driver == "odd" { OTHER_TOKEN } else { TOKEN };
        config.credentials = Arc::new(move |driver, _, _| Some(token(driver).to_owned()));
        change(&mut config);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(config.home.join("cache")).unwrap();
        fs::write(config.home.join("host.txt"), HOST_FILE).unwrap();
        let first = SEED.get().map(|first| first.path().join("state/cache"));
        for entry in first.iter().flat_map(|cache| fs::read_dir(cache).unwrap().flatten()) {
            fs::copy(entry.path(), config.home.join("cache").join(entry.file_name())).unwrap();
        }
        World { provider, drivers: Drivers::open(config).unwrap(), home, logged_before: scan::logged_before() }
    }

    pub async fn driver(&self, name: &str) -> Arc<Driver> {
        self.drivers.driver(name).await.unwrap()
    }

    /// Runs one function and says in words how it ended.
    pub async fn said(&self, call: Call, now: u64) -> String {
        let (driver, handle) = (self.driver("hostile").await, common::handle("id-1"));
        let at = At { now: Moment(now), ..common::at() };
        let order = Order { provider: "hostile".into(), ..common::order() };
        match call {
            Call::Account => text(driver.account(&at).await),
            Call::Offers => text(driver.offers(&at, &Wish::default()).await),
            Call::Quote => text(driver.quote(&at, &order).await),
            Call::Keys => text(driver.ensure_key(&at, KEY).await),
            Call::Create => created(driver.create(&at, &order, KEY, None).await),
            Call::Advance => created(driver.advance(&at, &order, "").await),
            Call::Get => text(driver.get(&at, &handle).await),
            Call::List => text(driver.list(&at).await),
            Call::Destroy => format!("{:?}", driver.destroy(&at, &handle).await),
            Call::Images => text(driver.images(&at, &order.offer).await),
            Call::Restart => text(driver.restart(&at, &handle).await),
            Call::Pause => text(driver.pause(&at, &handle).await),
            Call::Charges => text(driver.charges(&at, Moment(0)).await),
            Call::Sites => text(driver.sites(&at).await),
        }
    }

    /// Returns what reached the provider and may have changed something there.
    fn left(&self) -> Vec<String> {
        let asked = self.provider.now();
        let lines = asked.asked.iter().map(|asked| asked.line.replace("/hostile/v1", ""));
        lines.filter(|line| !line.starts_with("GET ")).collect()
    }

    /// The host serves the next call, of this driver and of the other.
    async fn stands(&self, idea: Idea) {
        self.provider.now().answers.clear();
        let next = self.said(Call::Account, WELL).await;
        assert!(next.contains("identity: \"acct-1\""), "after {idea:?} the next call ended with {next}");
        let other = self.driver("odd").await.account(&common::at()).await;
        assert!(other.is_ok(), "after {idea:?} the other driver ended with {other:?}");
        SEED.get_or_init(|| self.home.clone());
    }
}

/// The first world of this process, whose compiled drivers the later ones begin with.
static SEED: OnceLock<Arc<TempDir>> = OnceLock::new();

fn bundled() -> &'static [(&'static str, &'static [u8])] {
    static ALL: OnceLock<Vec<(&'static str, &'static [u8])>> = OnceLock::new();
    ALL.get_or_init(|| vec![("hostile.wasm", guest("hostile")), ("odd.wasm", common::guests::odd())])
}

/// Returns a guest of `tests/sandbox/guests`, built from source.
pub fn guest(name: &str) -> &'static [u8] {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hostile");
        build(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/sandbox/guests/Cargo.toml"), &target);
        target
    });
    fs::read(target.join(format!("wasm32-wasip2/release/{name}.wasm"))).unwrap().leak()
}

fn text<T: Debug, E: std::fmt::Display + Debug>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => format!("ok {value:?}"),
        Err(error) => format!("error {error} {error:?}"),
    }
}

fn created(created: bursar_drivers::Created) -> String {
    let error = created.outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
    format!("{created:?} never {} {error}", created.nothing_was_made())
}

fn cut(text: &str) -> String {
    text.chars().take(2_000).collect()
}
