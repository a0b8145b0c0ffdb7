//! Pages: making them, walking through them, and the cursors between them. A cursor is the only thing that lives from page to page.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use crate::Result;
use crate::types::{Charge, ChargesPage, Error, Instance, InstancesPage, Offer, OffersPage};

/// The most pages that are walked. A call may send 20 requests.
const PAGES_MAX: usize = 20;

/// One page of something: its items, and the cursor of the page after it.
pub trait Page {
    /// What stands on it.
    type Item;
    /// Returns the items and the cursor.
    fn into_parts(self) -> (Vec<Self::Item>, Option<String>);
}

impl Page for OffersPage {
    type Item = Offer;

    fn into_parts(self) -> (Vec<Offer>, Option<String>) {
        (self.items, self.next)
    }
}

impl Page for InstancesPage {
    type Item = Instance;

    fn into_parts(self) -> (Vec<Instance>, Option<String>) {
        (self.items, self.next)
    }
}

impl Page for ChargesPage {
    type Item = Charge;

    fn into_parts(self) -> (Vec<Charge>, Option<String>) {
        (self.items, self.next)
    }
}

impl<T> Page for (Vec<T>, Option<String>) {
    type Item = T;

    fn into_parts(self) -> (Vec<T>, Option<String>) {
        self
    }
}

impl OffersPage {
    /// Returns one page, and the cursor of the next.
    pub fn new(items: Vec<Offer>, next: Option<impl Display>) -> OffersPage {
        OffersPage { items, next: next.map(|next| next.to_string()) }
    }

    /// Returns the only page.
    pub fn all(items: Vec<Offer>) -> OffersPage {
        OffersPage { items, next: None }
    }

    /// Returns one page for each of these, as where regions are asked one by one; the cursor is the place in the list.
    pub fn in_turn<T>(
        these: Vec<T>,
        next: Option<String>,
        sold: impl FnOnce(T) -> Result<Vec<Offer>>,
    ) -> Result<OffersPage> {
        let at = cursor(next.as_deref(), 0_usize)?;
        let more = at.saturating_add(1) < these.len();
        let items = these.into_iter().nth(at).map_or(Ok(Vec::new()), sold)?;
        Ok(OffersPage::new(items, more.then_some(at + 1)))
    }
}

impl InstancesPage {
    /// Returns one page, and the cursor of the next.
    pub fn new(items: impl IntoIterator<Item: Into<Instance>>, next: Option<impl Display>) -> InstancesPage {
        InstancesPage { next: next.map(|next| next.to_string()), ..InstancesPage::all(items) }
    }

    /// Returns the only page.
    pub fn all(items: impl IntoIterator<Item: Into<Instance>>) -> InstancesPage {
        InstancesPage { items: items.into_iter().map(Into::into).collect(), next: None }
    }
}

impl ChargesPage {
    /// Returns one page, and the cursor of the next.
    pub fn new(items: Vec<Charge>, next: Option<impl Display>) -> ChargesPage {
        ChargesPage { items, next: next.map(|next| next.to_string()) }
    }

    /// Gives each charge an id, for providers that give none: the name of the list, when it began, what it is for.
    /// Charges alike in all of these are told apart by their number.
    pub fn numbered(mut self, list: impl Display) -> ChargesPage {
        let mut alike: BTreeMap<(u64, &str), u32> = BTreeMap::new();
        for charge in &mut self.items {
            let number = alike.entry((charge.begins, &charge.what)).or_default();
            charge.id = format!("{list}/{}/{number}/{}", charge.begins, charge.what);
            *number += 1;
        }
        self
    }
}

/// Returns the items of all pages, one after the other; the next page is asked for when it is needed.
///
/// An error ends the walk, and so does a cursor that comes back, or a twenty-first page: a list cut short is an error.
pub fn pages<P: Page>(mut page: impl FnMut(Option<String>) -> Result<P>) -> impl Iterator<Item = Result<P::Item>> {
    let mut seen = Vec::new();
    let mut cursor = Some(None);
    std::iter::from_fn(move || {
        let asked: Option<String> = cursor.take()?;
        if seen.len() == PAGES_MAX || seen.contains(&asked) {
            return Some(Err(Error::Failed(format!("the list does not end: page {} asked", seen.len() + 1))));
        }
        seen.push(asked.clone());
        Some(page(asked).map(|page| {
            let (items, next) = page.into_parts();
            cursor = next.map(Some);
            items
        }))
    })
    .flat_map(|page| {
        let (items, error) = match page {
            Ok(items) => (items, None),
            Err(error) => (Vec::new(), Some(Err(error))),
        };
        items.into_iter().map(Ok).chain(error)
    })
}

/// Returns the cursor as what it was written from, or the first one. Only what the driver wrote comes back.
pub fn cursor<T: FromStr>(next: Option<&str>, first: T) -> Result<T> {
    match next {
        None => Ok(first),
        Some(text) => text.parse().map_err(|_| Error::Failed(format!("not a cursor of this driver: {text}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(mut page: impl FnMut(u32) -> Option<u32>) -> std::result::Result<Vec<u32>, Error> {
        pages(|next| {
            let number = cursor(next.as_deref(), 0)?;
            Ok((vec![number], page(number).map(|n| n.to_string())))
        })
        .collect()
    }

    #[test]
    fn a_walk_takes_every_page_once() {
        assert_eq!(walk(|_| None), Ok(vec![0]));
        assert_eq!(walk(|n| (n < 3).then_some(n + 1)), Ok(vec![0, 1, 2, 3]));
    }

    #[test]
    fn each_of_a_list_has_its_page() {
        let regions = ["ams", "fra", "lon"];
        let sold = |id: &str| Ok(vec![Offer { id: id.into(), ..Offer::default() }]);
        let all = pages(|next| OffersPage::in_turn(regions.to_vec(), next, sold));
        assert_eq!(all.map(|offer| offer.unwrap().id).collect::<Vec<_>>(), regions);
        let page = |these: &[&'static str], next: &str| OffersPage::in_turn(these.to_vec(), Some(next.into()), sold);
        let none = Ok(OffersPage::all(vec![]));
        assert_eq!((page(&[], "0"), page(&regions, "3")), (none.clone(), none), "the setting is shorter now");
        assert!(page(&regions, "fra").is_err());
    }

    #[test]
    fn charges_without_an_id_get_one_each() {
        let charge = |begins, what: &str| Charge { begins, what: what.into(), ..Charge::default() };
        let page = ChargesPage::new(vec![charge(1, "a"), charge(1, "b"), charge(1, "a"), charge(2, "a")], None::<u32>);
        let ids: Vec<String> = page.numbered("2026-11").items.into_iter().map(|charge| charge.id).collect();
        assert_eq!(ids, ["2026-11/1/0/a", "2026-11/1/0/b", "2026-11/1/1/a", "2026-11/2/0/a"]);
    }

    #[test]
    fn a_list_that_does_not_end_is_an_error_and_not_a_shorter_list() {
        assert!(walk(|_| Some(7)).is_err(), "the same cursor again");
        assert!(walk(|n| Some(n + 1)).is_err(), "always another page");
        let mut asked = 0;
        let found = pages(|_| {
            asked += 1;
            Ok((vec![1, 2, 3], Some(asked.to_string())))
        })
        .find(|n| *n == Ok(2));
        assert!(found.is_some());
        assert_eq!(asked, 1, "what is found on the first page asks for no second");
    }
}
