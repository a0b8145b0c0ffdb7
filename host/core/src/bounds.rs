//! The limits of one provider or principal: read, shown, and looked up beside those that bound everything.

use crate::{
    decide::AccountView,
    ledger::Standing,
    limits::{BadLimit, LimitKey, Limits, Read},
    money::Usd,
    scope::{Bounds, Funds, LimitName, Scope},
    time,
    window::{Look, Window, show_windows},
};

impl Bounds {
    fn show(&self, key: LimitKey) -> Option<String> {
        match key {
            LimitKey::MaxPricePerHour => self.max_price_per_hour.map(|usd| format!("{usd} USD/h")),
            LimitKey::MaxInstances => self.max_instances.map(|n| n.to_string()),
            LimitKey::MaxBurnPerHour => self.max_burn_per_hour.map(|usd| format!("{usd} USD/h")),
            LimitKey::MaxLease => self.max_lease_secs.map(time::human),
            LimitKey::MaxTotalSpending => self.max_total_spending.map(|usd| format!("{usd} USD")),
            LimitKey::Windows => (!self.windows.is_empty()).then(|| show_windows(&self.windows)),
            LimitKey::Funds => self.funds.map(|funds| format!("{} USD", funds.usd)),
            _ => None,
        }
    }

    fn set(&mut self, key: LimitKey, text: &str, charged: Usd) -> Result<(), BadLimit> {
        let read = Read { key, text };
        let unset = text.trim() == "none";
        fn or_none<T>(unset: bool, read: impl FnOnce() -> Result<T, BadLimit>) -> Result<Option<T>, BadLimit> {
            if unset { Ok(None) } else { read().map(Some) }
        }
        match key {
            LimitKey::MaxPricePerHour => self.max_price_per_hour = or_none(unset, || read.usd())?,
            LimitKey::MaxInstances => self.max_instances = or_none(unset, || read.count())?,
            LimitKey::MaxBurnPerHour => self.max_burn_per_hour = or_none(unset, || read.usd())?,
            LimitKey::MaxLease => self.max_lease_secs = or_none(unset, || read.length())?,
            LimitKey::MaxTotalSpending => self.max_total_spending = or_none(unset, || read.usd())?,
            LimitKey::Windows => self.windows = read.windows()?,
            LimitKey::Funds => {
                self.funds = or_none(unset, || read.usd())?.map(|usd| Funds { usd, charged_then: charged });
            }
            _ => return Err(BadLimit::NotThere { name: key.to_string() }),
        }
        Ok(())
    }
}

/// The limits of one scope, each where there is one.
pub(crate) struct InForce<'a> {
    pub(crate) scope: Scope,
    pub(crate) max_price_per_hour: Option<Usd>,
    pub(crate) max_instances: Option<u64>,
    pub(crate) max_burn_per_hour: Option<Usd>,
    pub(crate) max_lease_secs: Option<u64>,
    pub(crate) max_total_spending: Option<Usd>,
    pub(crate) windows: &'a [Window],
}

impl Limits {
    /// Returns those of one provider or principal.
    pub fn of(&self, scope: &Scope) -> Option<&Bounds> {
        self.scoped.get(&scope.to_string())
    }

    /// Returns a limit's value by its whole name, with its unit; `none` where it is not set.
    pub fn show_named(&self, name: &LimitName) -> String {
        match &name.scope {
            Scope::All => self.show(name.key),
            scope => self.of(scope).and_then(|bounds| bounds.show(name.key)).unwrap_or_else(|| "none".to_owned()),
        }
    }

    /// Sets a limit by its whole name; `charged` is what is charged in its scope by now, from where funds count down.
    pub fn set_named(&mut self, name: &LimitName, text: &str, charged: Usd) -> Result<(), BadLimit> {
        if name.scope.is_all() {
            return self.set(name.key, text);
        }
        if !name.key.fits(&name.scope) {
            return Err(BadLimit::NotThere { name: name.to_string() });
        }
        let scope = name.scope.to_string();
        let mut bounds = self.scoped.get(&scope).cloned().unwrap_or_default();
        bounds.set(name.key, text, charged)?;
        self.scoped.insert(scope, bounds);
        Ok(())
    }

    /// Returns every limit of a provider or principal that is set.
    pub fn scoped_names(&self) -> Vec<LimitName> {
        let names = |scope: &String| LimitKey::SCOPED.map(|key| format!("{scope}.{key}"));
        let all = self.scoped.keys().flat_map(names).filter_map(|name| LimitName::named(&name).ok());
        all.filter(|name| self.show_named(name) != "none").collect()
    }

    /// Returns the limits that bound what a principal asks of a provider: all three, where there are any.
    pub(crate) fn in_force(&self, provider: &str, principal: &str) -> Vec<InForce<'_>> {
        let mut all = vec![InForce {
            scope: Scope::All,
            max_price_per_hour: Some(self.max_price_per_hour),
            max_instances: Some(self.max_instances),
            max_burn_per_hour: Some(self.max_burn_per_hour),
            max_lease_secs: Some(self.max_lease_secs),
            max_total_spending: Some(self.max_total_spending),
            windows: &self.windows,
        }];
        for scope in [Scope::Provider(provider.to_owned()), Scope::Principal(principal.to_owned())] {
            if let Some(of) = self.of(&scope) {
                all.push(InForce {
                    scope,
                    max_price_per_hour: of.max_price_per_hour,
                    max_instances: of.max_instances,
                    max_burn_per_hour: of.max_burn_per_hour,
                    max_lease_secs: of.max_lease_secs,
                    max_total_spending: of.max_total_spending,
                    windows: &of.windows,
                });
            }
        }
        all
    }

    /// Returns what part of the ledger's past a decision about this provider and principal needs.
    pub fn lookback(&self, provider: &str, principal: &str) -> Lookback {
        let looks = looks(self.in_force(provider, principal).into_iter().map(|of| (of.scope, of.windows)));
        Lookback { looks, creates: self.max_creates_per_hour, ..Lookback::default() }
    }
}

impl Limits {
    /// Returns every scope that has windows, with them.
    pub(crate) fn all_windows(&self) -> Vec<(Scope, &[Window])> {
        let mut all: Vec<(Scope, &[Window])> = vec![(Scope::All, &self.windows)];
        for (scope, bounds) in &self.scoped {
            let scope = match scope.split_once('.') {
                Some(("provider", name)) => Scope::Provider(name.to_owned()),
                Some(("principal", name)) => Scope::Principal(name.to_owned()),
                _ => continue,
            };
            all.push((scope, &bounds.windows));
        }
        all
    }

    /// Returns what part of the past every window needs.
    pub fn lookback_all(&self) -> Lookback {
        let looks = looks(self.all_windows().into_iter());
        Lookback { looks, creates: self.max_creates_per_hour, ..Lookback::default() }
    }
}

impl Lookback {
    /// The same for an order on an account whose balance was asked.
    #[must_use]
    pub fn on(self, account: &AccountView) -> Lookback {
        Lookback { since: Some((account.provider.clone(), account.identity.clone(), account.position)), ..self }
    }

    /// The same for one who reserves under this name.
    #[must_use]
    pub fn by(self, session: &str) -> Lookback {
        Lookback { session: Some(session.to_owned()), ..self }
    }
}

fn looks<'a>(all: impl Iterator<Item = (Scope, &'a [Window])>) -> Vec<Look> {
    let mut looks: Vec<Look> = vec![];
    for (scope, windows) in all {
        for window in windows {
            let (cell_secs, back_secs) = (window.cell_secs(), window.secs());
            match looks.iter_mut().find(|look| look.scope == scope && look.cell_secs == cell_secs) {
                Some(look) => look.back_secs = look.back_secs.max(back_secs),
                None => looks.push(Look { scope: scope.clone(), cell_secs, back_secs }),
            }
        }
    }
    looks
}

/// What of the ledger's past a decision needs, beside what is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lookback {
    pub looks: Vec<Look>,
    /// When the last order but so many was made.
    pub creates: u64,
    /// What was charged on an account since the ledger ended there: provider, account, position.
    pub since: Option<(String, String, i64)>,
    /// What was reserved under this name.
    pub session: Option<String>,
}

impl Standing {
    /// Returns what is charged in a scope.
    pub fn charged(&self, scope: &Scope) -> Usd {
        match scope {
            Scope::All => self.totals.charged,
            scope => self.charged_by.get(&scope.to_string()).copied().unwrap_or_default(),
        }
    }
}
