//! Runs a driver natively against recorded replies, one method per call. Each call is judged by the manifest.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::rc::Rc;

use super::door::{RUNNING, Running, Seen};
use super::evidence::{Shown, shown};
use super::judge;
use super::manifest::Manifest;
use super::reply::Reply;
use super::rules::InHand;
use crate::bindings::driver::exports::bursar::driver::provider::Guest;
use crate::types::*;
use crate::{Driver, Exports, Result, pages};

/// A recording: replies by the name of the route, and what the calls know.
///
/// ```ignore
/// let mut bitlaunch = Recorded::<BitLaunch>::new().reply("servers", "null");
/// assert!(bitlaunch.list().unwrap().is_empty());
/// assert_eq!(bitlaunch.sent(), ["GET /servers"]);
/// ```
pub struct Recorded<T> {
    manifest: Rc<Manifest>,
    replies: Vec<(String, Reply)>,
    signers: Vec<(String, String)>,
    settings: BTreeMap<String, String>,
    tag: String,
    key_id: String,
    now: u64,
    last: Seen,
    part: BTreeMap<String, String>,
    driver: PhantomData<T>,
}

impl<T: Driver> Default for Recorded<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Driver> Recorded<T> {
    /// Returns an empty recording for a driver, with the settings its manifest has by default.
    pub fn new() -> Self {
        let manifest = Manifest::read(T::MANIFEST);
        Recorded {
            replies: Vec::new(),
            signers: Vec::new(),
            settings: manifest.settings.clone(),
            manifest: Rc::new(manifest),
            tag: "b7f3a0001".into(),
            key_id: "key-1".into(),
            now: 1_795_154_400,
            last: Seen::default(),
            part: BTreeMap::new(),
            driver: PhantomData,
        }
    }

    /// Records a reply. Several for one route are used in order; the last one stays.
    pub fn reply(mut self, route: &str, reply: impl Into<Reply>) -> Self {
        self.replies.push((route.to_owned(), reply.into()));
        self
    }

    /// Sets what the owner set.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets the public address of a signer.
    pub fn signer(mut self, name: &str, address: &str) -> Self {
        self.signers.push((name.to_owned(), address.to_owned()));
        self
    }

    /// Sets our name for the instance; otherwise it is `b7f3a0001`.
    pub fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    /// Sets the moment of the calls; otherwise it is 2026-11-20 06:00 UTC.
    pub fn now(mut self, secs: u64) -> Self {
        self.now = secs;
        self
    }

    /// Returns the requests of the last call, such as `GET /servers/6a92`.
    pub fn sent(&self) -> &[String] {
        &self.last.lines
    }

    /// Returns the log lines of the last call.
    pub fn logged(&self) -> &[String] {
        &self.last.log
    }

    /// Returns what the host would have read in the answers of the last call, by the manifest's evidence lines.
    pub fn shown(&self) -> Vec<Shown> {
        let part = |name: &str| self.part.get(&format!("offer.{name}")).cloned();
        self.last.answers.iter().flat_map(|(route, body)| shown(&self.manifest, route, body, part)).collect()
    }

    /// Returns the id that the host would have read in the answer to the spend request of the last call.
    pub fn made(&self) -> Option<&str> {
        self.last.made.as_deref()
    }

    /// Calls `account`.
    pub fn account(&mut self) -> Result<AccountInfo> {
        self.run("account", [], Exports::<T>::account, nothing)
    }

    /// Calls `offers`, page after page.
    pub fn offers(&mut self, wish: &Wish) -> Result<Vec<Offer>> {
        pages(|next| self.offers_page(wish, next)).collect()
    }

    /// Calls `offers` for one page.
    pub fn offers_page(&mut self, wish: &Wish, next: Option<String>) -> Result<OffersPage> {
        self.run(
            "offers",
            [],
            |call| Exports::<T>::offers(call, wish.clone(), next),
            |manifest, seen, page| page.items.iter().flat_map(|offer| judge::offer(manifest, seen, offer)).collect(),
        )
    }

    /// Calls `quote`.
    pub fn quote(&mut self, order: &Order) -> Result<Terms> {
        let words = self.order(order);
        self.run("quote", words, |call| Exports::<T>::quote(call, order.clone()), nothing)
    }

    /// Calls `create`.
    pub fn create(&mut self, order: &Order, key: &Key) -> Result<Outcome> {
        let id = key.id.clone().unwrap_or_else(|| self.key_id.clone());
        let key_words = [("key", key.line.clone()), ("key.id", id), ("key.name", "bursar-b7f3a".into())];
        let words: Vec<_> =
            self.order(order).into_iter().chain(key_words.map(|(name, value)| (name.to_owned(), value))).collect();
        self.run("create", words, |call| Exports::<T>::create(call, order.clone(), key.clone()), judge::outcome)
    }

    /// Calls `advance`, with the id of the instance if the host has seen one.
    pub fn advance(&mut self, order: &Order, pending: &str, instance: Option<&str>) -> Result<Outcome> {
        let id = instance.map(|id| ("instance".to_owned(), id.to_owned()));
        let words: Vec<_> = self.order(order).into_iter().chain(id).collect();
        self.run(
            "advance",
            words,
            |call| Exports::<T>::advance(call, order.clone(), pending.to_owned()),
            judge::outcome,
        )
    }

    /// Calls `get`.
    pub fn get(&mut self, handle: &Handle) -> Result<Instance> {
        self.run("get", about(handle), |call| Exports::<T>::get(call, handle.clone()), judge::instance)
    }

    /// Calls `list`, page after page.
    pub fn list(&mut self) -> Result<Vec<Instance>> {
        pages(|next| self.list_page(next)).collect()
    }

    /// Calls `list` for one page.
    pub fn list_page(&mut self, next: Option<String>) -> Result<InstancesPage> {
        self.run(
            "list",
            [],
            |call| <Exports<T> as Guest>::list(call, next),
            |manifest, seen, page| {
                page.items.iter().flat_map(|instance| judge::instance(manifest, seen, instance)).collect()
            },
        )
    }

    /// Calls `destroy`.
    pub fn destroy(&mut self, handle: &Handle) -> Result<Ending> {
        let judge = |_: &Manifest, _: &Seen, ending: &Ending| judge::ending(ending);
        self.run("destroy", about(handle), |call| Exports::<T>::destroy(call, handle.clone()), judge)
    }

    /// Runs one call without judging what it returns: for measuring the driver's own code.
    #[doc(hidden)]
    pub fn unjudged<R>(&mut self, name: &'static str, act: impl FnOnce(&Call) -> Result<R>) -> Result<R> {
        self.run(name, [], |call| act(&call), nothing)
    }

    pub(super) fn order(&self, order: &Order) -> Vec<(String, String)> {
        let names = self.manifest.offer.split('/').map(|part| format!("offer.{}", part.trim_matches(['{', '}'])));
        let parts = names.zip(order.offer.split('/').map(str::to_owned));
        let hours = order.length_secs.div_ceil(3600);
        let lengths = [("minutes", order.length_secs.div_ceil(60)), ("hours", hours), ("days", hours.div_ceil(24))];
        let mut words: Vec<(String, String)> = parts.collect();
        words.extend(lengths.map(|(name, value)| (name.to_owned(), value.to_string())));
        words.push(("offer".into(), order.offer.clone()));
        words.push(("nodes".into(), order.nodes.to_string()));
        words.extend(order.image.clone().map(|image| ("image".into(), image)));
        words
    }

    pub(super) fn run<R>(
        &mut self,
        name: &'static str,
        words: impl IntoIterator<Item = (String, String)>,
        act: impl FnOnce(Call) -> Result<R>,
        judge: impl FnOnce(&Manifest, &Seen, &R) -> Vec<String>,
    ) -> Result<R> {
        let hand = InHand { call: name, words: self.words(name, words) };
        self.part.clone_from(&hand.words);
        let about_one = hand.words.contains_key("tag");
        let call = Call {
            now: self.now,
            deadline: self.now + 30,
            tag: about_one.then(|| self.tag.clone()),
            settings: self.settings.clone().into_iter().collect(),
        };
        let running = Running {
            manifest: Rc::clone(&self.manifest),
            hand,
            replies: std::mem::take(&mut self.replies),
            signers: self.signers.clone(),
            seen: Seen::default(),
        };
        RUNNING.set(Some(running));
        let result = act(call);
        let running = RUNNING.take().expect("nothing else takes the running call");
        self.replies = running.replies;
        self.last = running.seen;
        let judged = result.as_ref().map(|value| judge(&self.manifest, &self.last, value)).unwrap_or_default();
        let broken: Vec<&String> = self.last.broken.iter().chain(&judged).collect();
        assert!(broken.is_empty(), "the host would refuse this: {broken:#?}");
        result
    }

    fn words(&self, call: &str, more: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
        let mut words: BTreeMap<String, String> = more.into_iter().collect();
        words.insert("now".into(), self.now.to_string());
        words.insert("null".into(), "null".into());
        words.extend(self.settings.iter().map(|(name, value)| (format!("setting.{name}"), value.clone())));
        words.extend(self.signers.iter().map(|(name, value)| (format!("signer.{name}"), value.clone())));
        if words.contains_key("instance") || matches!(call, "create" | "advance") {
            words.insert("tag".into(), self.tag.clone());
        }
        words
    }
}

pub(super) fn about(handle: &Handle) -> [(String, String); 1] {
    [("instance".into(), handle.id.clone())]
}

pub(super) fn nothing<R>(_: &Manifest, _: &Seen, _: &R) -> Vec<String> {
    Vec::new()
}
