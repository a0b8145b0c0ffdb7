//! The calls that only some drivers have, on a recording.

use super::judge;
use super::recorded::{Recorded, about, nothing};
use crate::bindings::{charges, extend, images, keys, lookup, pause, restart, sites};
use crate::types::*;
use crate::{Charges, Exports, Extend, Images, Keys, Lookup, Pause, Restart, Result, Sites, pages};

impl<T: Keys> Recorded<T> {
    /// Calls `keys` with a public key line.
    pub fn ensure(&mut self, line: &str) -> Result<String> {
        use keys::exports::bursar::driver::keys::Guest;
        let words = [("key".to_owned(), line.to_owned()), ("key.name".to_owned(), "bursar-b7f3a".to_owned())];
        self.run("keys", words, |call| <Exports<T> as Guest>::ensure(call, line.to_owned()), nothing)
    }
}

impl<T: Images> Recorded<T> {
    /// Calls `images` for an offer.
    pub fn images(&mut self, offer: &str) -> Result<Vec<Image>> {
        use images::exports::bursar::driver::images::Guest;
        let words = self.order(&Order { offer: offer.to_owned(), ..Order::default() });
        self.run("images", words, |call| <Exports<T> as Guest>::list(call, offer.to_owned()), nothing)
    }
}

impl<T: Lookup> Recorded<T> {
    /// Calls `lookup` for an offer.
    pub fn find(&mut self, offer: &str) -> Result<Offer> {
        use lookup::exports::bursar::driver::lookup::Guest;
        let words = self.order(&Order { offer: offer.to_owned(), ..Order::default() });
        self.run("quote", words, |call| <Exports<T> as Guest>::find(call, offer.to_owned()), judge::offer)
    }
}

impl<T: Restart> Recorded<T> {
    /// Calls `restart`.
    pub fn restart(&mut self, handle: &Handle) -> Result<()> {
        use restart::exports::bursar::driver::restart::Guest;
        self.run("restart", about(handle), |call| <Exports<T> as Guest>::restart(call, handle.clone()), nothing)
    }
}

impl<T: Pause> Recorded<T> {
    /// Calls `pause`.
    pub fn pause(&mut self, handle: &Handle) -> Result<()> {
        use pause::exports::bursar::driver::pause::Guest;
        self.run("pause", about(handle), |call| <Exports<T> as Guest>::pause(call, handle.clone()), nothing)
    }

    /// Calls `resume`.
    pub fn resume(&mut self, handle: &Handle) -> Result<()> {
        use pause::exports::bursar::driver::pause::Guest;
        self.run("resume", about(handle), |call| <Exports<T> as Guest>::resume(call, handle.clone()), nothing)
    }
}

impl<T: Extend> Recorded<T> {
    /// Calls `extend`.
    pub fn extend(&mut self, handle: &Handle, length_secs: u64) -> Result<Instance> {
        use extend::exports::bursar::driver::extend::Guest;
        let hours = length_secs.div_ceil(3600);
        let lengths = [("minutes", length_secs.div_ceil(60)), ("hours", hours), ("days", hours.div_ceil(24))];
        let words = lengths.map(|(name, value)| (name.to_owned(), value.to_string())).into_iter().chain(about(handle));
        let act = |call| <Exports<T> as Guest>::extend(call, handle.clone(), length_secs);
        self.run("extend", words.collect::<Vec<_>>(), act, judge::instance)
    }
}

impl<T: Charges> Recorded<T> {
    /// Calls `charges`, page after page.
    pub fn charges(&mut self, since: u64) -> Result<Vec<Charge>> {
        pages(|next| self.charges_page(since, next)).collect()
    }

    /// Calls `charges` for one page.
    pub fn charges_page(&mut self, since: u64, next: Option<String>) -> Result<ChargesPage> {
        use charges::exports::bursar::driver::charges::Guest;
        self.run("charges", [], |call| <Exports<T> as Guest>::list(call, since, next), nothing)
    }
}

impl<T: Sites> Recorded<T> {
    /// Calls `sites`.
    pub fn sites(&mut self) -> Result<Vec<Site>> {
        use sites::exports::bursar::driver::sites::Guest;
        self.run("sites", [], <Exports<T> as Guest>::list, nothing)
    }
}
