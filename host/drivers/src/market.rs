//! Calls that only read: the account, what is sold, at what price, where, and what was taken for it.

use crate::{
    bindings::types,
    call::{At, Call, ask},
    convert::{self, Nonsense},
    driver::Driver,
    error::{CallError, CallErrorKind},
    evidence::PriceSeen,
    manifest::Effect,
    template::{CallKind, Cut, Word, Words},
};
use bursar_core::{
    money::Usd,
    offer::{Account, Image, Offer, Order, Price, Priced, ProviderCharge, Site, Terms, Wish},
    quote::billed_secs,
    time::Moment,
};
use std::{collections::HashSet, time::Duration};
use tokio::time::Instant;

/// A walk over pages ends here, whatever the driver says.
pub(crate) const PAGES_MAX: usize = 200;
pub(crate) const WALK_SECS: u64 = 150;
pub(crate) const ITEMS_MAX: usize = 5_000;

impl Driver {
    pub async fn account(&self, at: &At) -> Result<Account, CallError> {
        let call = self.begin(CallKind::Account, at, |words| words).await?;
        let told = ask!(call, provider.call_account()).await?;
        convert::account(self.identity(&call).await?, told).map_err(|why| call.failed(why))
    }

    /// Returns what fits the wish, cheapest first.
    pub async fn offers(&self, at: &At, wish: &Wish) -> Result<Vec<Offer>, CallError> {
        let call = self.begin(CallKind::Offers, at, |words| words).await?;
        let (mut offers, mut next) = (Vec::new(), None);
        let mut walk = Walk::begin();
        loop {
            let (wanted, cursor) = (convert::to_wish(wish), next.take());
            let page = ask!(call, provider.call_offers(&wanted, cursor.as_deref())).await?;
            let taken = page.items.into_iter().take(ITEMS_MAX.saturating_sub(offers.len()));
            self.take(taken, |offer| self.offer(&call, offer), &mut offers);
            offers.retain(|offer| wish.fits(offer));
            next = page.next;
            if next.is_none() || offers.len() >= ITEMS_MAX || !walk.goes_on() {
                break;
            }
            call.record().next_page();
        }
        drop_doubles(&mut offers);
        offers.sort_by(|a, b| (a.price.per_hour, &a.id).cmp(&(b.price.per_hour, &b.id)));
        if wish.limit > 0 {
            offers.truncate(wish.limit as usize);
        }
        Ok(offers)
    }

    /// Returns one offer by its id, as it stands now: asked for by itself where the driver can, else found in the list.
    pub async fn find_offer(&self, at: &At, id: &str) -> Result<Option<Offer>, CallError> {
        if !self.capabilities().lookup {
            return Ok(self.offers(at, &Wish::default()).await?.into_iter().find(|offer| offer.id == id));
        }
        let cut = self.manifest().offer.cut(id);
        let cut = cut.map_err(|bad| self.error(CallKind::Quote, CallErrorKind::Refused(bad.to_string())))?;
        let call = self.begin(CallKind::Quote, at, |words| words.offer(cut)).await?;
        let told = ask!(call, lookup.call_find(id)).await?;
        let offer = self.offer(&call, told).map_err(|why| call.failed(why))?;
        Ok(Some(offer).filter(|offer| offer.id == id))
    }

    /// Returns the price of one exact order. Where the manifest says so, the host reads it, too; the higher counts.
    pub async fn quote(&self, at: &At, order: &Order) -> Result<Terms, CallError> {
        let cut = self.cut(CallKind::Quote, order)?;
        let call = self.begin(CallKind::Quote, at, |words| ordered(words, order, cut.clone())).await?;
        let wanted = convert::to_order(order);
        let told: types::Terms = ask!(call, provider.call_quote(&wanted)).await?;
        let mut price = convert::price(&told.price).map_err(|why| call.failed(why))?;
        let good_until = convert::good_until(told.good_until).map_err(|why| call.failed(why))?;
        if price.billing.prepaid && !self.orders_a_length() {
            return Err(call.failed("it sells a length ahead, but its order names none"));
        }
        let priced = match call.record().price_of(&cut) {
            PriceSeen::Untold => Priced::Told,
            PriceSeen::Doubt(why) => return Err(call.failed(format!("the price is in doubt: {why}"))),
            PriceSeen::Seen { rate, total } => raise(&mut price, rate, total, order.length_secs),
        };
        let note = told.note.map(|note| crate::text::clean(&note, 300));
        Ok(Terms { price, priced, good_until, note })
    }

    pub async fn images(&self, at: &At, offer: &str) -> Result<Vec<Image>, CallError> {
        self.needs(CallKind::Images, self.capabilities().images)?;
        let cut = self
            .manifest()
            .offer
            .cut(offer)
            .map_err(|bad| self.error(CallKind::Images, CallErrorKind::Refused(bad.to_string())))?;
        let call = self.begin(CallKind::Images, at, |words| words.offer(cut)).await?;
        let told = ask!(call, images.call_list(offer)).await?;
        let known = |image: &Image| self.knows_image(&call, &image.id);
        let mut images = Vec::new();
        self.take(told.into_iter().take(ITEMS_MAX), convert::image, &mut images);
        images.retain(known);
        Ok(images)
    }

    pub async fn sites(&self, at: &At) -> Result<Vec<Site>, CallError> {
        self.needs(CallKind::Sites, self.capabilities().sites)?;
        let call = self.begin(CallKind::Sites, at, |words| words).await?;
        let told = ask!(call, sites.call_list()).await?;
        let mut sites = Vec::new();
        self.take(told.into_iter().take(ITEMS_MAX), convert::site, &mut sites);
        Ok(sites)
    }

    pub async fn charges(&self, at: &At, since: Moment) -> Result<Vec<ProviderCharge>, CallError> {
        self.needs(CallKind::Charges, self.capabilities().charges)?;
        let call = self.begin(CallKind::Charges, at, |words| words).await?;
        let (mut charges, mut next) = (Vec::new(), None);
        let mut walk = Walk::begin();
        loop {
            let cursor: Option<String> = next.take();
            let page = ask!(call, charges.call_list(since.0, cursor.as_deref())).await?;
            self.take(page.items.into_iter().take(ITEMS_MAX), convert::charge, &mut charges);
            next = page.next;
            if next.is_none() || charges.len() >= ITEMS_MAX || !walk.goes_on() {
                return Ok(charges);
            }
            call.record().next_page();
        }
    }

    /// Takes what makes sense; the rest is told to whoever debugs the driver.
    fn take<T, U>(
        &self,
        items: impl Iterator<Item = T>,
        convert: impl Fn(T) -> Result<U, Nonsense>,
        taken: &mut Vec<U>,
    ) {
        taken.reserve(items.size_hint().0);
        for item in items {
            match convert(item) {
                Ok(good) => taken.push(good),
                Err(why) => tracing::debug!(driver = self.name(), %why, "not taken"),
            }
        }
    }

    pub(crate) fn needs(&self, call: CallKind, can: bool) -> Result<(), CallError> {
        match (&self.loaded, can) {
            (Ok(_), false) => Err(self.error(call, CallErrorKind::Unsupported("its driver does not offer it".into()))),
            _ => Ok(()),
        }
    }

    /// Cuts an order's offer into the parts that its manifest names.
    pub(crate) fn cut(&self, call: CallKind, order: &Order) -> Result<Cut, CallError> {
        self.manifest().offer.cut(&order.offer).map_err(|bad| self.error(call, CallErrorKind::Refused(bad.to_string())))
    }

    fn offer(&self, call: &Call<'_>, offer: types::Offer) -> Result<Offer, Nonsense> {
        self.manifest().offer.fits(&offer.id).map_err(|bad| Nonsense(bad.to_string()))?;
        convert::offer(self.name(), offer, |image| self.knows_image(call, image))
    }

    /// Rule 8: an image that runs on our machine stands in the manifest or in an answer.
    fn knows_image(&self, call: &Call<'_>, image: &str) -> bool {
        let known = self.manifest().image.as_deref() == Some(image) || call.record().stood(image);
        if !known {
            tracing::debug!(driver = self.name(), image, "an image that no answer showed is not used");
        }
        known
    }

    fn orders_a_length(&self) -> bool {
        let lengths = [Word::Minutes, Word::Hours, Word::Days];
        let mut creates = self
            .manifest()
            .routes
            .values()
            .filter(|route| route.effect == Effect::Spend && route.open_in(CallKind::Create));
        creates.all(|route| lengths.iter().any(|length| route.holds(length)))
    }
}

/// Keeps the first offer of each id.
fn drop_doubles(offers: &mut Vec<Offer>) {
    let mut ids = HashSet::with_capacity(offers.len());
    let first: Vec<bool> = offers.iter().map(|offer| ids.insert(offer.id.as_str())).collect();
    let mut first = first.into_iter();
    offers.retain(|_| first.next() == Some(true));
}

/// Fills in the words of one exact order.
pub(crate) fn ordered(words: Words, order: &Order, cut: Cut) -> Words {
    let words = words.offer(cut).nodes(order.nodes).length_secs(order.length_secs);
    match &order.image {
        Some(image) => words.image(image.as_str()),
        None => words,
    }
}

/// Raises a told price to the one the host read. Only a told price that is not above it counts as seen.
/// A total is that of the length as it is billed: of begun hours, all.
fn raise(price: &mut Price, rate: Option<Usd>, total: Option<Usd>, length_secs: u64) -> Priced {
    let length_secs = billed_secs(&price.billing, length_secs);
    let spread = total.map(|total| {
        let micros = u128::try_from(total.0).unwrap_or(0) * 3_600;
        Usd(i64::try_from(micros.div_ceil(u128::from(length_secs.max(1)))).unwrap_or(i64::MAX))
    });
    let Some(seen) = rate.max(spread) else { return Priced::Told };
    let priced = if price.per_hour <= seen { Priced::Seen } else { Priced::Told };
    price.per_hour = price.per_hour.max(seen);
    convert::drop_low_cap(price);
    priced
}

/// Bounds a walk over pages.
pub(crate) struct Walk {
    pages: usize,
    until: Instant,
}

impl Walk {
    pub(crate) fn begin() -> Walk {
        Walk { pages: 0, until: Instant::now() + Duration::from_secs(WALK_SECS) }
    }

    pub(crate) fn goes_on(&mut self) -> bool {
        self.pages += 1;
        self.pages < PAGES_MAX && Instant::now() < self.until
    }
}
