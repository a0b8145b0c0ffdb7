//! From the component's exports to the traits: the only place that implements what `wit/` asks of a driver.
//!
//! It holds what is true of every driver: "gone" is said of an instance, so a call that is about none never returns it;
//! charges are those since the moment that was asked for; a place is named once.

use std::marker::PhantomData;

use crate::bindings::driver::exports::bursar::driver::provider;
use crate::bindings::{charges, extend, images, keys, lookup, pause, restart, sites};
use crate::types::{
    AccountInfo, Call, ChargesPage, Ending, Error, Handle, Image, Instance, InstancesPage, Key, Offer, OffersPage,
    Order, Outcome, Site, Terms, Wish,
};
use crate::{Charges, Driver, Extend, Images, Keys, Lookup, Pause, Restart, Result, Sites};

/// The exported side of a driver. `driver!` names it; nothing else needs it.
pub struct Exports<T>(PhantomData<T>);

impl<T: Driver> provider::Guest for Exports<T> {
    fn describe() -> String {
        T::MANIFEST.to_owned()
    }

    fn account(call: Call) -> Result<AccountInfo> {
        about_no_instance(T::account(&call))
    }

    fn offers(call: Call, wish: Wish, next: Option<String>) -> Result<OffersPage> {
        about_no_instance(T::offers(&call, &wish, next))
    }

    fn quote(call: Call, order: Order) -> Result<Terms> {
        about_no_instance(T::quote(&call, &order))
    }

    fn create(call: Call, order: Order, key: Key) -> Result<Outcome> {
        about_no_instance(T::create(&call, &order, &key))
    }

    fn advance(call: Call, order: Order, pending: String) -> Result<Outcome> {
        T::advance(&call, &order, &pending)
    }

    fn get(call: Call, handle: Handle) -> Result<Instance> {
        T::get(&call, &handle)
    }

    fn list(call: Call, next: Option<String>) -> Result<InstancesPage> {
        about_no_instance(T::list(&call, next))
    }

    fn destroy(call: Call, handle: Handle) -> Result<Ending> {
        T::destroy(&call, &handle)
    }
}

impl<T: Keys> keys::exports::bursar::driver::keys::Guest for Exports<T> {
    fn ensure(call: Call, line: String) -> Result<String> {
        about_no_instance(T::ensure(&call, &line))
    }
}

impl<T: Images> images::exports::bursar::driver::images::Guest for Exports<T> {
    fn list(call: Call, offer: String) -> Result<Vec<Image>> {
        about_no_instance(T::images(&call, &offer))
    }
}

impl<T: Lookup> lookup::exports::bursar::driver::lookup::Guest for Exports<T> {
    fn find(call: Call, offer: String) -> Result<Offer> {
        about_no_instance(T::find(&call, &offer))
    }
}

impl<T: Restart> restart::exports::bursar::driver::restart::Guest for Exports<T> {
    fn restart(call: Call, handle: Handle) -> Result<()> {
        T::restart(&call, &handle)
    }
}

impl<T: Pause> pause::exports::bursar::driver::pause::Guest for Exports<T> {
    fn pause(call: Call, handle: Handle) -> Result<()> {
        T::pause(&call, &handle)
    }

    fn resume(call: Call, handle: Handle) -> Result<()> {
        T::resume(&call, &handle)
    }
}

impl<T: Extend> extend::exports::bursar::driver::extend::Guest for Exports<T> {
    fn extend(call: Call, handle: Handle, length_secs: u64) -> Result<Instance> {
        T::extend(&call, &handle, length_secs)
    }
}

impl<T: Charges> charges::exports::bursar::driver::charges::Guest for Exports<T> {
    fn list(call: Call, since: u64, next: Option<String>) -> Result<ChargesPage> {
        let mut page = about_no_instance(T::charges(&call, since, next))?;
        page.items.retain(|charge| charge.ends >= since);
        Ok(page)
    }
}

impl<T: Sites> sites::exports::bursar::driver::sites::Guest for Exports<T> {
    fn list(call: Call) -> Result<Vec<Site>> {
        let mut sites = about_no_instance(T::sites(&call))?;
        sites.sort_by(|one, other| one.id.cmp(&other.id));
        sites.dedup_by(|one, other| one.id == other.id);
        Ok(sites)
    }
}

fn about_no_instance<R>(result: Result<R>) -> Result<R> {
    result.map_err(|error| match error {
        Error::Gone => Error::Failed("the provider does not know this address (404)".into()),
        other => other,
    })
}
