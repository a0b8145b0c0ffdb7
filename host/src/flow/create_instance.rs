//! Rents one instance: price, decide and reserve, ask, write down what was learned. Whatever happens in between, the hold
//! and the tag are on disk before the provider is asked, so that nothing is made that nobody knows.

use super::{FlowError, Rooms, claims::Claim, price_order::Priced};
use bursar_core::{
    decide::decide,
    instance::{INSTANCE_ID_LEN, Instance, InstanceId, Sightings, Stage, Tag},
    lease::Lease,
    money::Usd,
    offer::{Order, Wish},
    quote::Quote,
};
use bursar_drivers::{At, Created as Asked, Left, Outcome};
use bursar_store::ReserveError;

/// What a principal asks for.
#[derive(Debug, Clone)]
pub struct CreateInstance {
    pub principal: String,
    /// Unique among the principal's open instances: asked again with the same arguments, it is the same instance.
    pub name: String,
    pub wanted: Wanted,
    /// An image by id or by name.
    pub image: Option<String>,
    pub nodes: u32,
    /// The default lease where nobody says.
    pub length_secs: Option<u64>,
    /// Further public keys that may log in.
    pub ssh_keys: Vec<String>,
    /// What the caller saw; anything dearer is refused.
    pub max_per_hour: Option<Usd>,
}

#[derive(Debug, Clone)]
pub enum Wanted {
    Offer {
        provider: String,
        id: String,
    },
    /// The cheapest that fits, is in stock and stays ours; the next one only after a clear "nothing was made".
    Wish {
        provider: Option<String>,
        wish: Wish,
    },
}

/// An instance that the provider named, or one of the same name that was there already.
#[derive(Debug, Clone)]
pub struct Created {
    pub instance: Instance,
    pub cost: Usd,
    /// The same arguments were asked before: this is that instance.
    pub repeated: bool,
    /// Offers that were tried before and made nothing.
    pub passed_over: Vec<String>,
}

/// How many offers a wish walks down before it gives up.
const TRIES: usize = 5;
/// How often, a second apart, an order is looked for whose answer told nothing; and one that was taken.
const LOOKS: u32 = 3;
const LOOKS_PENDING: u32 = 15;
/// The longest that a create request may be on its way before it counts as lost, in seconds.
const CREATE_SECS: u64 = 150;

impl Rooms {
    /// Rents one instance and returns when its provider has named it. `make_ready` takes it further.
    pub async fn create_instance(&self, ask: CreateInstance) -> Result<Created, FlowError> {
        check_name(&ask.name)?;
        if let Some(open) = self.open_by_name(&ask).await? {
            return repeat(&ask, open);
        }
        let orders = self.orders(&ask).await?;
        let last = orders.len().saturating_sub(1);
        let mut passed_over = vec![];
        for (n, order) in orders.into_iter().enumerate() {
            let offer = format!("{}:{}", order.provider, order.offer);
            match Box::pin(self.create_one(&ask, order)).await {
                Err(FlowError::Failed { what, .. }) if n < last => passed_over.push(format!("{offer}: {what}")),
                Err(error) if n < last && error.is_out_of_stock() => passed_over.push(format!("{offer}: {error}")),
                Ok(created) => return Ok(Created { passed_over, ..created }),
                Err(error) => return Err(error),
            }
        }
        Err(FlowError::failed("no offer was left to try", "widen the wish, or try again later"))
    }

    async fn create_one(&self, ask: &CreateInstance, order: Order) -> Result<Created, FlowError> {
        let priced = self.price_order(order).await?;
        refuse_dearer(ask, &priced.quote)?;
        // Decided once before the key is registered, so that a refusal leaves no trace at the provider.
        if let Err(refusal) = self.would_fit(&priced, &ask.principal).await? {
            self.say_decided(ask, &priced, None, Some(refusal.to_string())).await;
            return Err(refusal.into());
        }
        self.refuse_while_it_leaks(&priced.quote.order.provider, &priced.account.identity).await?;
        self.look_before_create(&priced, priced.quote.asked_at).await?;
        self.refuse_while_it_overcharges(&priced.quote.order.provider, &priced.account.identity).await?;
        self.note_balance(&priced.account).await?;
        self.lend(&priced.driver)?;
        self.ensure_keeper().await?;
        let key = self.ssh.public_key()?;
        let key_id = priced.driver.ensure_key(&self.at(), &key).await?;
        let instance = match self.reserve(ask, &priced).await {
            Err(ReserveOr::Open(open)) => return repeat(ask, *open),
            Err(ReserveOr::Flow(error)) => return Err(error),
            Ok(instance) => instance,
        };
        let claim = self.claim(&instance.id).await?;
        // A time of day that was set back since the quote makes no lease longer than what is held for it.
        let left_secs = instance.lease.ends.since(self.clock.now()).min(instance.order.length_secs);
        let (boot, ends) = super::keeper::boot_end(left_secs);
        self.store.set_boot_end(&instance.id, &boot, ends).await?;
        let at = At { now: self.clock.now(), tag: Some(instance.tag.clone()) };
        // Made on the account whose lists and limits it was decided by, or not at all.
        let account = Some(instance.account.as_str());
        let asked = priced.driver.create_on(&at, &instance.order, &key, key_id.as_deref(), account).await;
        let instance = self.learn(&instance.id, asked, claim).await?;
        Ok(Created { instance, cost: priced.quote.cost, repeated: false, passed_over: vec![] })
    }

    /// Deciding and writing are one step, so two calls cannot both take the last dollar.
    async fn reserve(&self, ask: &CreateInstance, priced: &Priced) -> Result<Instance, ReserveOr> {
        let limits = self.limits().await.map_err(ReserveOr::Flow)?;
        let new = self.new_instance(ask, priced);
        let lookback = self.lookback(&limits, &priced.account, &ask.principal);
        let decided = |standing: &_| decide(&limits, standing, &priced.quote, &priced.account, &ask.principal);
        match self.store.reserve_within(&new, self.clock.now(), &self.worker.row(), &lookback, decided).await {
            Ok(_) => {
                self.say_decided(ask, priced, Some(&new.tag), None).await;
                Ok(new)
            }
            Err(ReserveError::NameTaken(open)) => Err(ReserveOr::Open(open)),
            Err(ReserveError::Refused(refusal)) => {
                let told = self.with_places(refusal).await.map_err(ReserveOr::Flow)?;
                self.say_decided(ask, priced, None, Some(told.to_string())).await;
                Err(ReserveOr::Flow(told.into()))
            }
            Err(ReserveError::Store(error)) => Err(ReserveOr::Flow(error.into())),
        }
    }

    fn new_instance(&self, ask: &CreateInstance, priced: &Priced) -> Instance {
        let (id, now, quote) = (new_id(), self.clock.now(), &priced.quote);
        let lands_by_boot = Some(super::keeper::boot_end(CREATE_SECS + priced.late_secs + self.clock.practised_secs()));
        Instance {
            tag: Tag::new(self.store.ledger_id(), &id),
            id,
            name: ask.name.clone(),
            principal: ask.principal.clone(),
            provider: quote.order.provider.clone(),
            account: priced.account.identity.clone(),
            order: quote.order.clone(),
            price: quote.price.clone(),
            priced: quote.priced,
            asked: in_words(&ask.wanted),
            asked_image: ask.image.clone(),
            title: priced.offer.title.clone(),
            gpu: priced.offer.hardware.gpu.is_some(),
            stage: Stage::Requested,
            lease: Lease {
                begins: quote.asked_at,
                ends: quote.asked_at.after(quote.order.length_secs),
                hold: quote.hold,
                per_hour: quote.per_hour,
                extending: None,
            },
            handle: None,
            pending: None,
            ssh: None,
            ssh_keys: ask.ssh_keys.clone(),
            lands_until: now.after(CREATE_SECS + priced.late_secs),
            stop_secs: quote.stop_secs,
            sightings: Sightings { lands_by_boot, ..Sightings::default() },
            note: None,
        }
    }

    /// Writes down what the door saw of a create. What is not clear stays held, and is looked for.
    async fn learn(&self, id: &InstanceId, asked: Asked, claim: Option<Claim>) -> Result<Instance, FlowError> {
        if asked.nothing_was_made() {
            let why = why_nothing(&asked);
            self.close_never_made(id, &why).await?;
            let hint = "its hold is released; nothing was made and nothing is owed";
            return Err(FlowError::failed(format!("the provider made nothing: {why}"), hint));
        }
        if self.write_made(id, &asked).await? {
            return self.require(id).await;
        }
        let text = doubtful(&asked);
        // One that was taken and is found by its tag is only slow.
        let looks = if matches!(asked.outcome, Ok(Outcome::Pending(_))) { LOOKS_PENDING } else { LOOKS };
        tracing::warn!(instance = %id, why = text, "in doubt: its hold stays until the provider's lists tell");
        self.note(id, text.clone()).await?;
        drop(claim);
        self.look_for(id, looks, text).await
    }

    /// Writes an id that the door itself read; returns whether there was exactly one.
    pub(super) async fn write_made(&self, id: &InstanceId, asked: &Asked) -> Result<bool, FlowError> {
        let view = match &asked.outcome {
            Ok(Outcome::Made(view)) => Some(view),
            _ => None,
        };
        let pending = match &asked.outcome {
            Ok(Outcome::Pending(text)) => Some(text.clone()),
            _ => None,
        };
        let one = match &asked.made[..] {
            [one] => Some(one.clone()),
            _ => None,
        };
        let memo = view.map(|view| view.handle.memo.clone()).unwrap_or_default();
        let write = |instance: &mut Instance| {
            if instance.handle.is_none() {
                instance.handle = one.map(|id| bursar_core::instance::Handle { id, memo });
                instance.stage = if instance.handle.is_some() { Stage::Made } else { Stage::InDoubt };
                instance.pending = pending;
            }
            (vec![], instance.handle.is_some())
        };
        let (instance, made) = self.store.change(id, self.clock.now(), write).await?;
        if made {
            match view {
                Some(view) => self.note_bill(&instance, view, asked.rate).await?,
                None => self.note_rate(id, asked.rate.unwrap_or_default()).await?,
            }
        }
        if made {
            tracing::info!(instance = %id, provider = instance.provider, "made");
        }
        Ok(made)
    }

    /// Looks for an instance in doubt for a few seconds before leaving it to the watch.
    async fn look_for(&self, id: &InstanceId, looks: u32, why: String) -> Result<Instance, FlowError> {
        for _ in 0..looks {
            if let Err(error) = self.settle_one(id).await {
                tracing::warn!(instance = %id, %error, "could not be looked for");
            }
            let instance = self.require(id).await?;
            if instance.handle.is_some() {
                return Ok(instance);
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        let hint = "do not ask for another one: its cost stays held, and as soon as the provider lists it, it is adopted under \
                    its name; if it never appears, the hold is released. See get_instance (`bursar ls`)";
        Err(FlowError::InDoubt { instance: id.to_string(), what: why, hint: hint.to_owned() })
    }

    /// The exact orders to try: one for an offer, the cheapest few for a wish.
    async fn orders(&self, ask: &CreateInstance) -> Result<Vec<Order>, FlowError> {
        let limits = self.limits().await?;
        let length_secs = ask.length_secs.unwrap_or(limits.default_lease_secs);
        let order = |provider: &str, offer: &str| Order {
            provider: provider.to_owned(),
            offer: offer.to_owned(),
            image: ask.image.clone(),
            nodes: ask.nodes,
            length_secs,
        };
        let (provider, wish) = match &ask.wanted {
            Wanted::Offer { provider, id } => return Ok(vec![order(provider, id)]),
            Wanted::Wish { provider, wish } => (provider.as_deref(), wish),
        };
        let found = self.find_offers(provider, &Wish { limit: 0, ..wish.clone() }).await?;
        // One that may be taken away is rented by its name only.
        let in_stock = found.offers.iter().filter(|offer| offer.in_stock != Some(false) && !offer.interruptible);
        let orders: Vec<Order> = in_stock.take(TRIES).map(|offer| order(&offer.provider, &offer.id)).collect();
        match orders.is_empty() {
            true => Err(FlowError::refused(
                "no offer in stock fits the wish",
                "see find_offers, and ask for less or elsewhere",
            )),
            false => Ok(orders),
        }
    }

    async fn open_by_name(&self, ask: &CreateInstance) -> Result<Option<Instance>, FlowError> {
        let found = self.store.find(&ask.principal, &ask.name).await?;
        Ok(found.filter(|instance| instance.stage.is_open() && instance.name == ask.name))
    }

    pub(super) async fn require(&self, id: &InstanceId) -> Result<Instance, FlowError> {
        let unknown = || FlowError::refused(format!("there is no instance {id}"), "see list_instances (`bursar ls`)");
        self.store.instance(id).await?.ok_or_else(unknown)
    }
}

enum ReserveOr {
    /// Another call made it first.
    Open(Box<Instance>),
    Flow(FlowError),
}

/// The same arguments are the same instance. A wish is the same only word for word: what it would find now is another thing.
fn repeat(ask: &CreateInstance, open: Instance) -> Result<Created, FlowError> {
    let same_offer = match &ask.wanted {
        Wanted::Offer { provider, id } => open.provider == *provider && open.order.offer == *id,
        Wanted::Wish { .. } => open.asked == in_words(&ask.wanted),
    };
    let same_length = ask.length_secs.is_none_or(|secs| open.order.length_secs == secs);
    let same_image = ask.image.is_none() || open.asked_image == ask.image;
    if same_offer && same_length && same_image && open.order.nodes == ask.nodes && open.ssh_keys == ask.ssh_keys {
        let cost = bursar_core::quote::cost(&open.price, open.lease.begins, open.lease.ends);
        return Ok(Created { instance: open, cost, repeated: true, passed_over: vec![] });
    }
    let what = format!(
        "`{}` is open already, asked with other words: {}:{} ({})",
        open.name, open.provider, open.order.offer, open.stage
    );
    Err(FlowError::refused(what, "use it, end it first, or choose another name; nothing was reserved"))
}

/// Writes what was wanted as one text, so that the same wish is known again.
fn in_words(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Offer { provider, id } => format!("{provider}:{id}"),
        Wanted::Wish { provider, wish } => format!("{provider:?} {wish:?}"),
    }
}

fn refuse_dearer(ask: &CreateInstance, quote: &Quote) -> Result<(), FlowError> {
    match ask.max_per_hour.filter(|most| quote.per_hour > *most) {
        None => Ok(()),
        Some(most) => {
            let what = format!("this order costs {} USD/h now, more than the {most} USD/h you named", quote.per_hour);
            Err(FlowError::refused(what, "nothing was reserved; ask find_offers again"))
        }
    }
}

/// A name goes into commands, tables and `ssh NAME`.
pub fn check_name(name: &str) -> Result<(), FlowError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let fits = (1..=40).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    match fits {
        true => Ok(()),
        false => {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
            let what = format!("`{shown}` is no name for an instance");
            Err(FlowError::refused(what, "1 to 40 of a-z A-Z 0-9 - _, beginning with a letter or digit"))
        }
    }
}

fn why_nothing(asked: &Asked) -> String {
    match (&asked.left, &asked.outcome) {
        (Left::Refused { status, text }, _) => format!("it answered {status}: {text}"),
        (_, Err(error)) => error.to_string(),
        _ => "no order left this computer".to_owned(),
    }
}

fn doubtful(asked: &Asked) -> String {
    match (&asked.left, &asked.made[..]) {
        (_, [_, _, ..]) => format!("the answer to the order named several ids: {}", asked.made.join(", ")),
        (Left::Maybe(why), _) => format!("the order was sent and no whole answer came: {why}"),
        (Left::Answered { status }, _) if asked.outcome.is_ok() => {
            format!("the order was taken ({status}) and is not finished")
        }
        (Left::Answered { status }, _) => {
            format!("the answer to the order ({status}) does not say whether it was made")
        }
        _ => "it is not known whether the order was carried out".to_owned(),
    }
}

/// Makes an id from the system's random numbers: `[a-z0-9]`, never a look-alike of a tag of another ledger.
fn new_id() -> InstanceId {
    let mut bytes = [0_u8; INSTANCE_ID_LEN];
    if let Some(around) = crate::simulation::around() {
        around.fill(&mut bytes);
        return id_of(&bytes);
    }
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    id_of(&bytes)
}

fn id_of(bytes: &[u8]) -> InstanceId {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    InstanceId(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_commands_and_tables() {
        for (name, good) in [
            ("trainer-1", true),
            ("A_b", true),
            ("", false),
            ("-x", false),
            ("a b", false),
            ("a/b", false),
            ("a;rm", false),
            ("ä", false),
            (&"x".repeat(41), false),
        ] {
            assert_eq!(check_name(name).is_ok(), good, "{name}");
        }
    }

    #[test]
    fn ids_have_the_length_that_tags_expect() {
        let id = new_id();
        let tag = Tag::new("abcdefghij", &id);
        assert_eq!(Tag::instance_of(&tag.0, "abcdefghij"), Some(id));
        assert!(tag.0.len() <= 24);
    }
}
