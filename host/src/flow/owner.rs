//! What only the owner does, in a terminal: limits, keys, his word about an instance, and looking whether all is well.

use super::{CredentialPlace, FlowError, Rooms};
use crate::settings::BadSetting;
use bursar_core::{
    instance::{Instance, InstanceId, Stage},
    ledger::{Kind, Movement, Reason},
    limits::{LimitKey, Limits},
    scope::LimitName,
    settle,
};
use bursar_drivers::CallErrorKind;

/// One thing that was looked at.
#[derive(Debug, Clone)]
pub struct Check {
    pub what: String,
    pub found: String,
    /// What to do; nothing where all is well.
    pub todo: Option<String>,
}

impl Check {
    fn good(what: impl Into<String>, found: impl Into<String>) -> Check {
        Check { what: what.into(), found: found.into(), todo: None }
    }

    fn bad(what: impl Into<String>, found: impl Into<String>, todo: impl Into<String>) -> Check {
        Check { what: what.into(), found: found.into(), todo: Some(todo.into()) }
    }
}

impl Rooms {
    /// Sets one limit of the ledger, for all processes on it.
    pub async fn set_limit(&self, name: impl Into<LimitName>, value: &str) -> Result<Limits, FlowError> {
        let name = name.into();
        if self.settings.file_place(&name).is_some() {
            return Err(BadSetting::InFile { key: name, file: self.settings.file.clone() }.into());
        }
        // Funds are counted down by what is charged from now on.
        let charged = self.store.charged(&name.scope).await?;
        let mut limits = self.store.limits().await?.unwrap_or_default();
        let bad = |why| BadSetting::Limit { place: "`bursar limits set`".to_owned(), why };
        limits.set_named(&name, value, charged).map_err(bad)?;
        limits.check().map_err(bad)?;
        self.store.set_limits(&limits, self.clock.now()).await?;
        self.say_owner("limits set", format!("{name} {}", limits.show_named(&name))).await;
        Ok(limits)
    }

    /// Takes the owner's word that an instance is gone: what it cost is charged, the rest is freed. Not against the
    /// provider's own list: what it shows now lives, and is ended in the usual way.
    pub async fn owner_says_gone(&self, id: &InstanceId) -> Result<Instance, FlowError> {
        let known = self.require(id).await?;
        self.say_owner("settle", format!("`{}` ({id}) is gone", known.name)).await;
        if self.observe(&known.provider).await.is_ok_and(|observed| observed.shows(&known)) {
            let what = format!("{} lists `{}` just now: it lives and costs", known.provider, known.name);
            return Err(FlowError::refused(what, format!("end it: bursar down {}", known.name)));
        }
        let (now, totals) = (self.clock.now(), self.store.held(id).await?);
        let said = |instance: &mut Instance| {
            if instance.stage == Stage::Gone {
                return (vec![], ());
            }
            let made = instance.handle.is_some();
            instance.stage = Stage::Gone;
            instance.note = Some("the owner said it is gone".to_owned());
            let reason = || Reason::OwnerSaid("gone".to_owned());
            let movements = match made {
                true => settle::gone(instance, totals, now)
                    .into_iter()
                    .map(|m| Movement { reason: reason(), ..m })
                    .collect(),
                false => vec![Movement { kind: Kind::Release, amount: totals.held, reason: reason() }],
            };
            (movements, ())
        };
        Ok(self.store.change(id, now, said).await?.0)
    }

    /// Takes the owner's word that an instance lives: what was freed is held again, and it is looked for anew.
    pub async fn owner_says_alive(&self, id: &InstanceId) -> Result<Instance, FlowError> {
        let now = self.clock.now();
        self.say_owner("settle", format!("{id} is alive")).await;
        let said = |instance: &mut Instance| {
            instance.sightings.absent_at.clear();
            instance.sightings.end_accepted_at = None;
            instance.note = Some("the owner said it is alive".to_owned());
            if instance.handle.is_some() {
                instance.sightings.seen_at = Some(now);
            }
            if instance.stage.is_open() {
                return (vec![], ());
            }
            // One that was believed gone is ended; one that was never named may still be found by its tag.
            let named = instance.handle.is_some();
            instance.stage = if named { Stage::Stopping } else { Stage::InDoubt };
            let amount = if named { instance.lease.per_hour } else { instance.lease.hold };
            (vec![Movement { kind: Kind::Hold, amount, reason: Reason::OwnerSaid("alive".to_owned()) }], ())
        };
        Ok(self.store.change(id, now, said).await?.0)
    }

    /// Returns what a provider's manifest says of one of its keys: what it is and where it is made.
    pub async fn credential_about(&self, provider: &str, credential: &str) -> Result<String, FlowError> {
        let driver = self.driver(provider).await?;
        let (credentials, signers) = (&driver.manifest().credentials, &driver.manifest().signers);
        let about = credentials.get(credential).map(|known| &known.about);
        Ok(about.or(signers.get(credential).map(|known| &known.about)).cloned().unwrap_or_default())
    }

    /// Looks at everything that can be wrong, and says what to do about it.
    pub async fn doctor(&self) -> Vec<Check> {
        let mut checks = vec![Check::good("state", self.settings.home.display().to_string())];
        checks.push(self.check_ledger().await);
        checks.push(self.check_keeper().await);
        checks.extend(self.check_limits().await);
        checks.push(match self.ssh.public_key() {
            Ok(line) => Check::good("ssh key", line.split(' ').take(1).collect::<String>() + " key ready"),
            Err(error) => Check::bad("ssh key", error.to_string(), error.hint()),
        });
        checks.push(self.check_workspace());
        checks.extend(self.check_door().await);
        let providers = self.list_providers().await;
        // Who rents at one of them need not have a key of every other.
        let some = providers.iter().any(|provider| provider.problem.is_none() && provider.has_keys());
        for provider in providers {
            match provider.problem.is_none() && !provider.has_keys() && some {
                true => {
                    let name = &provider.driver.name;
                    let what = format!("not set up; `bursar login {name}` stores a key, should you want it");
                    checks.push(Check::good(name.clone(), what));
                }
                false => checks.extend(self.check_provider(provider).await),
            }
        }
        checks.push(Check::good(
            "level",
            "shared user: an agent that has a shell under your own user can do all that you can; \
             there Bursar stops mistakes, not intent",
        ));
        checks
    }

    /// Looking makes no folder.
    fn check_workspace(&self) -> Check {
        let folder = &self.settings.workspace;
        if !folder.exists() {
            return Check::good(
                "workspace",
                format!("{}, not there yet: made when it is first used", folder.display()),
            );
        }
        match super::Workspace::open(folder, &self.settings.home) {
            Ok(_) => Check::good("workspace", folder.display().to_string()),
            Err(error) => Check::bad("workspace", error.to_string(), "choose another folder"),
        }
    }

    async fn check_ledger(&self) -> Check {
        match self.store.check().await {
            Ok(health) if health.is_whole() => {
                let (entries, open, totals) = (health.entries, health.open, health.totals);
                let money = format!("{} USD charged, {} USD held", totals.charged, totals.held);
                Check::good("ledger", format!("whole: {entries} entries, {open} open instances, {money}"))
            }
            Ok(health) => {
                let todo =
                    "nothing is spent until it is mended; ends go on; keep a copy of the state before you touch it";
                Check::bad("ledger", health.problems.join("; "), todo)
            }
            Err(error) => Check::bad("ledger", error.to_string(), "nothing is spent until it is mended; ends go on"),
        }
    }

    /// A sound driver is never stopped at the door.
    async fn check_door(&self) -> Vec<Check> {
        let stopped = match self.stopped_lately().await {
            Ok(stopped) => stopped,
            Err(error) => return vec![Check::bad("door", error.to_string(), "see the ledger")],
        };
        if stopped.is_empty() {
            return vec![Check::good("door", "no driver was stopped in the last 24 h")];
        }
        let check = |(count, last): (u64, bursar_store::AuditLine)| {
            let told = [&last.asked, &last.why, &last.way].map(|text| text.clone().unwrap_or_default());
            let [asked, why, way] = told;
            let found = format!(
                "driver {} was stopped {count} times in the last 24 h, at last in {}: {asked}: {why}; {way}",
                last.driver, last.call
            );
            let todo = format!(
                "nothing of it left; see what it may do with `bursar driver inspect {0}`, and report it to whoever wrote {0}",
                last.driver
            );
            Check::bad("door", found, todo)
        };
        stopped.into_iter().map(check).collect()
    }

    async fn check_limits(&self) -> Vec<Check> {
        let stored = match self.store.limits().await {
            Ok(stored) => stored.unwrap_or_default(),
            Err(error) => return vec![Check::bad("limits", error.to_string(), "see the ledger")],
        };
        match self.settings.with_file(stored).and_then(|stored| self.settings.narrowed(&stored)) {
            Err(error) => vec![Check::bad("limits", error.to_string(), "change that setting")],
            Ok((limits, wider)) => {
                let shown: Vec<String> =
                    LimitKey::ALL.iter().map(|key| format!("{key} {}", limits.show(*key))).collect();
                let mut checks = vec![Check::good("limits", shown.join(", "))];
                let todo = |w: &crate::settings::Wider| format!("bursar limits set {} VALUE, if you want it", w.key);
                checks.extend(wider.iter().map(|w| Check::bad("limits", w.to_string(), todo(w))));
                checks
            }
        }
    }

    async fn abouts(&self, provider: &str, credentials: &[(String, Vec<String>, CredentialPlace)]) -> String {
        let mut abouts = vec![];
        for (credential, _, _) in credentials {
            abouts.push(self.credential_about(provider, credential).await.unwrap_or_default());
        }
        abouts.join("; ")
    }

    async fn check_provider(&self, provider: super::ProviderState) -> Vec<Check> {
        let name = provider.driver.name.clone();
        if let Some(problem) = provider.problem {
            return vec![Check::bad(name, problem, "see `bursar driver list`")];
        }
        let mut checks = vec![];
        for (credential, variables, place) in &provider.credentials {
            let what = format!("{name} {credential}");
            match place {
                CredentialPlace::Missing => {
                    let about = self.credential_about(&name, credential).await.unwrap_or_default();
                    let todo = match self.settings.practice {
                        Some(_) => PRACTICE_KEY.to_owned(),
                        None => format!("run `bursar login {name}`, or set {} ({about})", variables.join(" or ")),
                    };
                    return vec![Check::bad(what, "no key is set", todo)];
                }
                CredentialPlace::Environment(variable) => {
                    let found = format!("from {variable}: nothing can be ended when no process has that variable");
                    checks.push(Check::good(what, found));
                }
                CredentialPlace::Stored => checks.push(Check::good(what, "stored, readable by you only")),
            }
        }
        checks.push(match self.get_accounts(Some(&name)).await {
            Ok((accounts, _)) => Check::good(format!("{name} account"), in_words(&accounts)),
            Err(error) => {
                let abouts = self.abouts(&name, &provider.credentials).await;
                let todo = match self.settings.practice {
                    Some(_) => in_practice(&error).map(str::to_owned),
                    None => None,
                };
                let todo = todo.unwrap_or_else(|| what_to_do(&error, &name, &abouts));
                Check::bad(format!("{name} account"), error.to_string(), todo)
            }
        });
        checks
    }
}

const PRACTICE_KEY: &str = "set the lines that `bursar practice --env` prints again: the key of practice is among them";

/// Says what the owner can do where the provider is the imitation on this computer.
fn in_practice(error: &FlowError) -> Option<&'static str> {
    let FlowError::Call(call) = error else { return None };
    match &call.kind {
        CallErrorKind::Unauthorized(_) => Some(PRACTICE_KEY),
        CallErrorKind::NotSent(_) | CallErrorKind::MaybeSent(_) | CallErrorKind::TimedOut { .. } => {
            Some("start `bursar practice --env` again and take its lines, or unset BURSAR_PRACTICE to leave practice")
        }
        _ => None,
    }
}

/// Says what the owner can do about a provider that did not answer well.
fn what_to_do(error: &FlowError, provider: &str, keys: &str) -> String {
    let FlowError::Call(call) = error else { return "mend that, then run `bursar doctor` again".to_owned() };
    match &call.kind {
        CallErrorKind::Unauthorized(_) => {
            format!("run `bursar login {provider}` with a new key ({keys}); if a variable holds the old one, change it there")
        }
        CallErrorKind::NotSent(_) | CallErrorKind::MaybeSent(_) | CallErrorKind::TimedOut { .. } => {
            "check this computer's network and name service, or wait until the provider is back; then run `bursar doctor` again"
                .to_owned()
        }
        CallErrorKind::RateLimited(_) => "wait a minute, then run `bursar doctor` again".to_owned(),
        _ => format!("try again; if it stays, look at the provider's status page, or report the driver `{provider}`"),
    }
}

fn in_words(accounts: &[super::AccountState]) -> String {
    let one = |state: &super::AccountState| {
        let balance = state.account.balance.map_or("no balance told".to_owned(), |balance| format!("{balance} USD"));
        // What its machines end by when no keeper runs, as far as the account decides it.
        let backstop = match state.account.balance {
            Some(_) => "without a keeper what is billed runs until that is gone",
            None => {
                "without a keeper what is billed has no bound; state what lies there: bursar limits set provider.NAME.funds USD"
            }
        };
        let blocked = state.account.blocked.as_ref().map_or(String::new(), |why| format!("; blocked: {why}"));
        format!("{}: {balance}{blocked}; {}", state.account.identity, backstop.replace("NAME", &state.provider))
    };
    accounts.iter().map(one).collect::<Vec<_>>().join("; ")
}
