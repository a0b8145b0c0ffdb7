//! The nouns of the interface, with the ways to make them. The generated types are the SDK's types; there is no second set.
//!
//! What a provider does not say stays absent: the defaults are empty, and none of them is a guess that costs less.

use std::fmt::Display;
use std::str::FromStr;

pub use crate::bindings::charges::exports::bursar::driver::charges::{Charge, ChargesPage};
pub use crate::bindings::driver::bursar::driver::types::{
    AccountInfo, Billing, Call, Error, Gpu, Handle, Hardware, Hop, Instance, Key, Node, Offer, Order, Price, Site, Ssh,
    State, Terms, Wish,
};
pub use crate::bindings::driver::exports::bursar::driver::provider::{Ending, InstancesPage, OffersPage, Outcome};
pub use crate::bindings::images::exports::bursar::driver::images::Image;

use crate::Result;

impl Call {
    /// Returns what the owner set for this name, if anything.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns what the owner set for this name as a list with commas, or what stands here if nothing was set.
    pub fn setting_list<T: FromStr>(&self, name: &str, otherwise: &str) -> Result<Vec<T>> {
        let text = self.setting(name).filter(|text| !text.trim().is_empty()).unwrap_or(otherwise);
        let items = text.split(',').map(|item| item.trim().parse().ok()).collect::<Option<Vec<T>>>();
        items.ok_or_else(|| Error::Refused(format!("the setting `{name}` is `{text}`; write it like `{otherwise}`")))
    }
}

impl Billing {
    /// Every second counts, and no other.
    pub const SECONDS: Billing = Billing {
        step_secs: 1,
        on_the_clock: false,
        minimum_secs: 0,
        prepaid: false,
        refunds: false,
        month_cap: None,
        balance_secs: 0,
    };
    /// Started minutes, counted from the beginning.
    pub const MINUTES: Billing = Billing { step_secs: 60, ..Billing::SECONDS };
    /// Started hours, counted from the beginning.
    pub const HOURS: Billing = Billing { step_secs: 3600, ..Billing::SECONDS };
    /// Started hours of the clock: 12:59 to 13:01 is two.
    pub const CLOCK_HOURS: Billing = Billing { on_the_clock: true, ..Billing::HOURS };
    /// Whole hours paid at create, at least one. What is not used is lost; see [`Billing::refunding`].
    pub const PREPAID_HOURS: Billing = Billing { minimum_secs: 3600, prepaid: true, ..Billing::HOURS };

    /// Costs no more than this in one calendar month.
    pub const fn capped(self, month_cap: u64) -> Billing {
        Billing { month_cap: Some(month_cap), ..self }
    }

    /// Pays for at least so long, however short the stay.
    pub const fn at_least(self, minimum_secs: u64) -> Billing {
        Billing { minimum_secs, ..self }
    }

    /// Gives back the prepaid steps that had not begun.
    pub const fn refunding(self) -> Billing {
        Billing { refunds: true, ..self }
    }

    /// Wants so many seconds of the account's burn to lie on the balance.
    pub const fn with_balance_for(self, balance_secs: u64) -> Billing {
        Billing { balance_secs, ..self }
    }
}

impl Price {
    /// Returns a price by the hour that a paused instance pays too, without traffic and without a fee at the start.
    pub const fn hourly(per_hour: u64, billing: Billing) -> Price {
        Price { per_hour, per_hour_paused: per_hour, once: 0, per_gb_in: 0, per_gb_out: 0, gb_free: 0, billing }
    }

    /// Costs this while it is paused.
    pub const fn paused(self, per_hour_paused: u64) -> Price {
        Price { per_hour_paused, ..self }
    }

    /// Costs this at the start, besides.
    pub const fn once(self, once: u64) -> Price {
        Price { once, ..self }
    }

    /// Costs this for each gigabyte in and out, beyond the free ones of a month.
    pub const fn traffic(self, per_gb_in: u64, per_gb_out: u64, gb_free: u64) -> Price {
        Price { per_gb_in, per_gb_out, gb_free, ..self }
    }

    /// Costs so much more, as with an image that is not free: by the hour, and at the most by the month.
    pub const fn plus(self, per_hour: u64, per_month: u64) -> Price {
        let month_cap = match self.billing.month_cap {
            Some(cap) => Some(cap.saturating_add(per_month)),
            None => None,
        };
        Price {
            per_hour: self.per_hour.saturating_add(per_hour),
            per_hour_paused: self.per_hour_paused.saturating_add(per_hour),
            billing: Billing { month_cap, ..self.billing },
            ..self
        }
    }
}

impl Gpu {
    /// Returns so many whole cards of a model.
    pub fn cards(model: &str, count: u32, vram_mib: Option<u64>) -> Gpu {
        Gpu { model: model.to_owned(), count, vram_mib, slice: None, link: None }
    }

    /// Returns a share of one card, such as 1 of 24; the memory is that of the share.
    pub fn slice(model: &str, share: (u32, u32), vram_mib: Option<u64>) -> Gpu {
        Gpu { slice: Some(share), ..Gpu::cards(model, 1, vram_mib) }
    }

    /// Returns the cards or the share that a text tells, `2` or `1/24`, of which `vram_mib` is the memory of all
    /// together. Any other text is one card.
    pub fn told(model: &str, text: &str, vram_mib: Option<u64>) -> Gpu {
        let number = |text: &str| text.trim().parse::<u32>().ok().filter(|n| *n > 0);
        match text.split_once('/').map(|(part, of)| (number(part), number(of))) {
            Some((Some(part), Some(of))) => Gpu::slice(model, (part, of), vram_mib),
            _ => {
                let count = number(text).unwrap_or(1);
                Gpu::cards(model, count, vram_mib.map(|all| all / u64::from(count)))
            }
        }
    }
}

impl Order {
    /// Returns the parts of the offer's id, cut at `/`, if there are exactly so many.
    pub fn parts<const N: usize>(&self) -> Result<[&str; N]> {
        offer_parts(&self.offer)
    }

    /// Refuses clusters, for providers that rent single machines.
    pub fn single(&self) -> Result<()> {
        match self.nodes {
            0 | 1 => Ok(()),
            nodes => Err(Error::Unsupported(format!("only single machines are rented here, not {nodes} together"))),
        }
    }
}

/// Returns the parts of an offer's id, cut at `/`, if there are exactly so many.
pub fn offer_parts<const N: usize>(offer: &str) -> Result<[&str; N]> {
    let parts: Vec<&str> = offer.split('/').collect();
    parts.try_into().map_err(|_| Error::Refused(format!("`{offer}` is no offer of this driver: {N} parts are wanted")))
}

impl Terms {
    /// Returns terms that are good as long as the quote is.
    pub fn of(price: Price) -> Terms {
        Terms { price, ..Terms::default() }
    }

    /// Adds what people should know about these terms.
    pub fn note(self, note: impl Display) -> Terms {
        Terms { note: Some(note.to_string()), ..self }
    }
}

impl Ssh {
    /// Returns an address that answers SSH directly.
    pub fn direct(host: &str, port: u16, user: &str) -> Ssh {
        Ssh { host: host.to_owned(), port, user: user.to_owned(), jump: None }
    }

    /// Leads through a jump host, with the same user unless it has its own.
    pub fn through(self, host: &str, port: u16, user: &str) -> Ssh {
        Ssh { jump: Some(Hop { host: host.to_owned(), port, user: user.to_owned() }), ..self }
    }
}

impl Instance {
    /// Returns an instance of one node. Its name at the provider is its tag; a name of someone else's is one, too.
    pub fn one(id: impl Into<String>, name: impl Into<String>, state: State, ssh: Option<Ssh>) -> Instance {
        let (id, name) = (id.into(), name.into());
        let node = Node { id: id.clone(), name: name.clone(), state: state.clone(), ssh };
        Instance::many(id, name, state, vec![node])
    }

    /// Returns a cluster. The first node is the one that commands go to.
    pub fn many(id: impl Into<String>, name: impl Into<String>, state: State, nodes: Vec<Node>) -> Instance {
        Instance {
            handle: Handle::new(id),
            tag: Some(name.into()).filter(|name| !name.is_empty()),
            state,
            per_hour: None,
            spent: None,
            made_at: None,
            paid_until: None,
            nodes,
            note: None,
        }
    }

    /// Says what it costs by the hour, as the provider shows it.
    pub fn per_hour(self, cost: u64) -> Instance {
        Instance { per_hour: Some(cost), ..self }
    }

    /// Says what it has cost so far, as the provider shows it.
    pub fn spent(self, cost: u64) -> Instance {
        Instance { spent: Some(cost), ..self }
    }

    /// Says when it was made.
    pub fn made_at(self, secs: u64) -> Instance {
        Instance { made_at: Some(secs), ..self }
    }

    /// Says when it ends by itself.
    pub fn paid_until(self, secs: u64) -> Instance {
        Instance { paid_until: Some(secs), ..self }
    }

    /// Adds what people should know about it.
    pub fn note(self, note: impl Display) -> Instance {
        Instance { note: Some(note.to_string()), ..self }
    }

    /// Writes down for the driver's next call what it needs to know; 1 KiB at most, never shown.
    pub fn memo(mut self, memo: impl Into<String>) -> Instance {
        self.handle.memo = memo.into();
        self
    }
}

impl Outcome {
    /// Returns what was made, as the answer to an accepted order tells it. If that cannot be read, the order stands all
    /// the same: it is pending, and `advance` looks for its tag.
    pub fn accepted(made: Result<impl Into<Instance>>) -> Outcome {
        made.map_or_else(|_| Outcome::Pending(String::new()), |made| Outcome::Made(made.into()))
    }
}

impl Handle {
    /// Returns a handle without a memo.
    pub fn new(id: impl Into<String>) -> Handle {
        Handle { id: id.into(), memo: String::new() }
    }

    /// Says that the end was accepted and is not finished. The memo stays.
    pub fn going(&self) -> Ending {
        Ending::Going(self.memo.clone())
    }
}

/// Empty values, so that a driver writes only what its provider says. Defaults that stand for money are the dear ones.
macro_rules! empty {
    ($($name:ident { $($member:ident: $value:expr),* $(,)? })*) => {
        $(impl Default for $name {
            fn default() -> $name {
                $name { $($member: $value),* }
            }
        })*
    };
}

empty! {
    AccountInfo { id: None, balance: None, burn_per_hour: None, instances_max: None, blocked: None }
    Call { now: 0, deadline: 0, tag: None, settings: Vec::new() }
    Hardware { gpu: None, vcpus: 0, memory_mib: 0, disk_gib: 0 }
    Wish { gpu: None, gpus_min: 0, vram_mib_min: 0, per_hour_max: None, disk_gib: 0, nodes: 1, site: None, limit: 0 }
    Charge { id: String::new(), begins: 0, ends: 0, amount: 0, instance: None, what: String::new() }
    Order { offer: String::new(), image: None, nodes: 1, length_secs: 3600 }
    Key { line: String::new(), id: None }
    Terms { price: Price::default(), good_until: None, note: None }
    Price { per_hour: 0, per_hour_paused: 0, once: 0, per_gb_in: 0, per_gb_out: 0, gb_free: 0, billing: Billing::CLOCK_HOURS }
    Offer {
        id: String::new(), title: String::new(), hardware: Hardware::default(), price: Price::default(), site: None,
        in_stock: None, nodes_min: 1, nodes_max: 1, image: None, interruptible: false, ends: None,
    }
}
