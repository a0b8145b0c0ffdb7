//! What a driver is: one trait that all implement, and one for each ability that some have.
//!
//! The functions take no `self`: a driver keeps nothing between calls. What a call may do at the door stands beside it.

use crate::types::{
    AccountInfo, Call, ChargesPage, Ending, Error, Handle, Image, Instance, InstancesPage, Key, Offer, OffersPage,
    Order, Outcome, Site, Terms, Wish,
};
use crate::{OrGone, Result, pages, route};

/// The manifest inside a driver. `driver!` implements it.
pub trait Packed {
    /// Holds `driver.toml`, word for word.
    const MANIFEST: &'static str;
}

/// What every driver can do.
pub trait Driver: Packed {
    /// Returns what the provider says of the account. Reads.
    fn account(call: &Call) -> Result<AccountInfo>;

    /// Returns one page of what the provider sells now. Reads.
    fn offers(call: &Call, wish: &Wish, next: Option<String>) -> Result<OffersPage>;

    /// Returns the price of this exact order, asked of the provider where it can be asked. Reads.
    fn quote(call: &Call, order: &Order) -> Result<Terms>;

    /// Orders. Reads, and one spend request that leaves.
    fn create(call: &Call, order: &Order, key: &Key) -> Result<Outcome>;

    /// Takes a create further that is pending, or whose answer was lost (then `pending` is empty). Reads and changes.
    ///
    /// Unless a driver says otherwise, this looks for our tag among all instances; [`Error::Gone`] means that it is
    /// not there (yet).
    fn advance(call: &Call, _order: &Order, _pending: &str) -> Result<Outcome> {
        for instance in pages(|next| Self::list(call, next)) {
            let instance = instance?;
            if instance.tag.is_some() && instance.tag == call.tag {
                return Ok(Outcome::Made(instance));
            }
        }
        Err(Error::Gone)
    }

    /// Returns one instance as the provider sees it. Reads.
    fn get(call: &Call, handle: &Handle) -> Result<Instance>;

    /// Returns one page of all instances of the account, also those that are not ours. Reads.
    fn list(call: &Call, next: Option<String>) -> Result<InstancesPage>;

    /// Ends one instance. Reads and releases; may be called again for the same instance.
    ///
    /// Unless a driver says otherwise, this sends the route `destroy`; an instance the provider does not know has ended.
    fn destroy(_call: &Call, handle: &Handle) -> Result<Ending> {
        route("destroy").ok().map(|_| handle.going()).or_gone()
    }
}

/// For providers that want the public key before the order.
pub trait Keys: Driver {
    /// Makes sure the provider has this key and returns the id it keeps it under. Reads and changes.
    fn ensure(call: &Call, line: &str) -> Result<String>;
}

/// For providers where an image can be chosen.
pub trait Images: Driver {
    /// Returns the images that this offer can run, and what each adds to its price. Reads.
    fn images(call: &Call, offer: &str) -> Result<Vec<Image>>;
}

/// For providers that sell more than a list of offers holds: what is ordered is asked for by itself.
pub trait Lookup: Driver {
    /// Returns one offer by its id, as it stands now. Reads; the words of the offer are known.
    fn find(call: &Call, offer: &str) -> Result<Offer>;
}

/// For providers that can restart an instance.
pub trait Restart: Driver {
    /// Restarts one instance: sends the route `restart`, unless a driver says otherwise. Reads and changes.
    fn restart(_call: &Call, _handle: &Handle) -> Result<()> {
        route("restart").ok().map(drop)
    }
}

/// For providers where a paused instance costs less.
pub trait Pause: Driver {
    /// Pauses one instance: sends the route `pause`, unless a driver says otherwise. Reads and changes.
    fn pause(_call: &Call, _handle: &Handle) -> Result<()> {
        route("pause").ok().map(drop)
    }

    /// Runs it again: sends the route `resume`, unless a driver says otherwise. Reads, and one spend request that leaves.
    fn resume(_call: &Call, _handle: &Handle) -> Result<()> {
        route("resume").ok().map(drop)
    }
}

/// For prepaid instances.
pub trait Extend: Driver {
    /// Buys more time; `paid_until` of what it returns tells what was bought. Reads, and one spend request that leaves.
    fn extend(call: &Call, handle: &Handle, length_secs: u64) -> Result<Instance>;
}

/// For providers that tell what they took.
pub trait Charges: Driver {
    /// Returns one page of charges since that moment; money paid in is a negative amount. Reads.
    ///
    /// Those that ended before it may stand on the page: they are left out on the way to the host.
    fn charges(call: &Call, since: u64, next: Option<String>) -> Result<ChargesPage>;
}

/// For providers with places one can ask for.
pub trait Sites: Driver {
    /// Returns the places, in any order; each is passed on once. Reads.
    fn sites(call: &Call) -> Result<Vec<Site>>;
}
