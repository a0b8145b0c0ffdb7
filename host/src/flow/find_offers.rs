//! The market: what every provider sells now, and what their accounts show. Reads only.

use super::{CredentialPlace, FlowError, Rooms};
use bursar_core::{
    money::Usd,
    offer::{Account, Image, Offer, ProviderCharge, Site, Wish, parts},
    time::Moment,
};
use bursar_drivers::Listed as ListedDriver;
use futures::future::join_all;
use std::{collections::BTreeSet, time::Duration};

/// Who has not answered by then is left out and named: the others' offers do not wait.
const FIND_BY: Duration = Duration::from_secs(30);

/// Offers of all providers that answered, cheapest first, and who did not answer.
pub struct Found {
    pub offers: Vec<Offer>,
    /// How many fitted, before the limit cut.
    pub fitting: usize,
    pub no_answer: Vec<NoAnswer>,
    /// Where nothing fitted: the words of the wish that no offer at all has, and what there is.
    pub nowhere: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct NoAnswer {
    pub provider: String,
    pub why: String,
}

/// A provider as far as we know it without asking it.
pub struct ProviderState {
    pub driver: ListedDriver,
    pub capabilities: Vec<&'static str>,
    /// Each credential of its manifest: name, variables, where it was found.
    pub credentials: Vec<(String, Vec<String>, CredentialPlace)>,
    /// Why the driver does not serve.
    pub problem: Option<String>,
}

impl ProviderState {
    /// Returns whether every key of it is there. One that does not serve is asked all the same: it says why.
    pub fn has_keys(&self) -> bool {
        self.credentials.iter().all(|(_, _, place)| *place != CredentialPlace::Missing)
    }
}

/// An account as its provider shows it, and how long the balance lasts.
pub struct AccountState {
    pub provider: String,
    pub account: Account,
    /// Our own open instances on it.
    pub ours: usize,
    /// Seconds until the balance is empty at the present burn.
    pub runway_secs: Option<u64>,
}

impl Rooms {
    /// Asks every provider, or those named with commas between, at the same time.
    pub async fn find_offers(&self, provider: Option<&str>, wish: &Wish) -> Result<Found, FlowError> {
        let names = self.providers(provider).await?;
        // A site may be named by a part of its name, which only we match; and who cuts first cannot count.
        let wide = Wish { site: None, limit: 0, ..wish.clone() };
        let mut found = Found { offers: vec![], fitting: 0, no_answer: vec![], nowhere: vec![] };
        let is_one = provider.is_some() && names.len() == 1;
        let mut all = self.ask_offers(&names, is_one, &wide, &mut found.no_answer).await?;
        if all.is_empty() && wish.gpu.is_some() && found.no_answer.len() < names.len() {
            // A GPU that nobody has is told from one that does not fit; who sells more than one answer holds must know which.
            found.no_answer.clear();
            all = self.ask_offers(&names, is_one, &Wish { gpu: None, ..wide }, &mut found.no_answer).await?;
        }
        found.nowhere = nowhere(wish, &all);
        found.offers.extend(all.into_iter().filter(|offer| wish.fits(offer)));
        // What can be had comes first, then what costs least.
        found.offers.sort_by(|a, b| rank(a).cmp(&rank(b)));
        found.fitting = found.offers.len();
        if wish.limit > 0 {
            found.offers.truncate(wish.limit as usize);
        }
        Ok(found)
    }

    /// Asks these providers at once; who is late is left out.
    async fn ask_offers(
        &self,
        names: &[String],
        is_one: bool,
        wish: &Wish,
        no_answer: &mut Vec<NoAnswer>,
    ) -> Result<Vec<Offer>, FlowError> {
        let asked = names.iter().map(|name| async move {
            let offers = async { Ok::<_, FlowError>(self.driver(name).await?.offers(&self.at(), wish).await?) };
            let late =
                || FlowError::failed(format!("no answer within {} s", FIND_BY.as_secs()), "ask it alone, or later");
            tokio::time::timeout(FIND_BY, offers).await.unwrap_or_else(|_| Err(late()))
        });
        let mut all = vec![];
        for (name, answer) in names.iter().zip(join_all(asked).await) {
            match answer {
                Ok(offers) => all.extend(offers),
                Err(error) if is_one => return Err(error),
                Err(error) => no_answer.push(NoAnswer { provider: name.clone(), why: error.to_string() }),
            }
        }
        Ok(all)
    }

    /// Returns the providers of these names, with commas between, or all that there is a key for; where there is no key at
    /// all, all of them, so that each says what it lacks.
    async fn providers(&self, provider: Option<&str>) -> Result<Vec<String>, FlowError> {
        let all = self.drivers.names();
        match provider {
            None => {
                let mut ready = vec![];
                for name in &all {
                    if self.has_keys(name).await {
                        ready.push(name.clone());
                    }
                }
                Ok(if ready.is_empty() { all } else { ready })
            }
            Some(names) => match parts(names).find(|name| !all.iter().any(|known| known == name)) {
                None => Ok(all.into_iter().filter(|known| parts(names).any(|name| name == known)).collect()),
                Some(name) => {
                    let what = format!("there is no provider `{name}`; there are: {}", all.join(", "));
                    Err(FlowError::refused(what, "see list_providers, or `bursar driver list`"))
                }
            },
        }
    }

    /// Returns whether every key of a provider is there. One that does not serve is asked all the same: it says why.
    async fn has_keys(&self, provider: &str) -> bool {
        let Ok(driver) = self.driver(provider).await else { return true };
        let mut secrets = driver.manifest().secrets();
        secrets.all(|(name, env)| self.credentials.place(provider, name, env) != CredentialPlace::Missing)
    }

    /// Tells what is known of every provider, without asking any.
    pub async fn list_providers(&self) -> Vec<ProviderState> {
        let drivers = self.list_drivers().await.unwrap_or_else(|error| {
            tracing::error!(%error, "no driver could be looked at");
            vec![]
        });
        let states = drivers.into_iter().map(|listed| async move {
            match self.driver(&listed.name).await {
                Ok(driver) => {
                    let credentials = driver.manifest().secrets().map(|(name, env)| {
                        let place = self.credentials.place(&listed.name, name, env);
                        (name.clone(), env.clone(), place)
                    });
                    let credentials = credentials.collect();
                    ProviderState {
                        capabilities: driver.capabilities().names(),
                        credentials,
                        driver: listed,
                        problem: None,
                    }
                }
                Err(error) => ProviderState {
                    driver: listed,
                    capabilities: vec![],
                    credentials: vec![],
                    problem: Some(error.to_string()),
                },
            }
        });
        join_all(states).await
    }

    /// Asks one account, or all of them, what it shows.
    pub async fn get_accounts(&self, provider: Option<&str>) -> Result<(Vec<AccountState>, Vec<NoAnswer>), FlowError> {
        let names = self.providers(provider).await?;
        let asked = join_all(names.iter().map(|name| self.get_account(name))).await;
        let (mut accounts, mut no_answer) = (vec![], vec![]);
        for (name, answer) in names.iter().zip(asked) {
            match answer {
                Ok(account) => accounts.push(account),
                Err(error) if provider.is_some() => return Err(error),
                Err(error) => no_answer.push(NoAnswer { provider: name.clone(), why: error.to_string() }),
            }
        }
        Ok((accounts, no_answer))
    }

    async fn get_account(&self, provider: &str) -> Result<AccountState, FlowError> {
        let account = self.driver(provider).await?.account(&self.at()).await?;
        let open = self.store.open_instances().await?;
        let ours = open.iter().filter(|i| i.provider == provider && i.account == account.identity).count();
        let burn = account.burn_per_hour.unwrap_or(Usd::ZERO);
        let runway_secs = account.balance.and_then(|balance| balance.lasts_secs(burn));
        Ok(AccountState { provider: provider.to_owned(), account, ours, runway_secs })
    }

    /// Lists images that an offer can be made with besides its own.
    pub async fn list_images(&self, provider: &str, offer: &str) -> Result<Vec<Image>, FlowError> {
        Ok(self.driver(provider).await?.images(&self.at(), offer).await?)
    }

    /// Lists the places of a provider.
    pub async fn list_sites(&self, provider: &str) -> Result<Vec<Site>, FlowError> {
        Ok(self.driver(provider).await?.sites(&self.at()).await?)
    }

    /// Tells what a provider says it took since a moment; top-ups are negative.
    pub async fn list_charges(&self, provider: &str, since: Moment) -> Result<Vec<ProviderCharge>, FlowError> {
        Ok(self.driver(provider).await?.charges(&self.at(), since).await?)
    }
}

/// Says which word of a wish no offer has, whatever else is asked, and what there is instead.
fn nowhere(wish: &Wish, all: &[Offer]) -> Vec<String> {
    let none = |word: &str, only: Wish, known: BTreeSet<String>| {
        let missing = !known.is_empty() && !all.iter().any(|offer| only.fits(offer));
        let known: Vec<String> = known.into_iter().take(20).collect();
        missing.then(|| format!("{word}; there are: {}", known.join(", ")))
    };
    let gpu = wish.gpu.as_ref().and_then(|gpu| {
        let known = all.iter().filter_map(|offer| Some(offer.hardware.gpu.as_ref()?.model.clone())).collect();
        none(&format!("no GPU is called `{gpu}`"), Wish { gpu: Some(gpu.clone()), ..Wish::default() }, known)
    });
    let site = wish.site.as_ref().and_then(|site| {
        let known = all.iter().filter_map(|offer| Some(offer.site.as_ref()?.id.clone())).collect();
        none(&format!("no site is called `{site}`"), Wish { site: Some(site.clone()), ..Wish::default() }, known)
    });
    gpu.into_iter().chain(site).collect()
}

fn rank(offer: &Offer) -> (bool, Usd, &str, &str) {
    (offer.in_stock == Some(false), offer.price.per_hour, &offer.provider, &offer.id)
}
