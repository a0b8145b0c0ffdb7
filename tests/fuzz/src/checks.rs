//! What must hold of everything the host takes from a component: money in range, texts bounded and clean, ids whole.

use crate::secret;
use bursar_core::{
    instance::{ProviderState, View},
    money::Usd,
    offer::{Offer, Price, ProviderCharge, Site},
    time::Moment,
};
use bursar_drivers::CallError;

const PER_HOUR_MAX: Usd = Usd::dollars(100_000);
/// No sum that anybody has.
const SUM_MAX: Usd = Usd::dollars(1_000_000_000);
const YEAR_9999: Moment = Moment(253_402_300_799);

/// A message of the host's: for one line on a screen, whatever a stranger put into it.
pub(crate) fn told(text: &str) {
    assert!(text.len() <= 8_192, "a message of {} bytes", text.len());
    prints(text, "a message");
    secret::must_not_stand_in(text, "a message");
}

pub(crate) fn error(error: &CallError) {
    told(&error.to_string());
}

fn prints(text: &str, what: &str) {
    let odd = text.chars().find(|c| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    });
    assert!(odd.is_none(), "{what} has {odd:?}: {text:?}");
}

pub(crate) fn text(text: &str, max: usize) {
    assert!(text.chars().count() <= max, "{} characters, not {max}", text.chars().count());
    prints(text, "a text");
}

pub(crate) fn id(id: &str) {
    assert!(!id.is_empty() && !id.contains(char::is_whitespace), "no id: {id:?}");
    text(id, 128);
}

/// An id that the host read itself.
pub(crate) fn id_as_seen(id: &str) {
    assert!(!id.is_empty() && id.len() <= 256, "no id: {id:?}");
    prints(id, "an id");
    secret::must_not_stand_in(id, "an id");
}

pub(crate) fn rate(amount: Usd) {
    assert!((Usd::ZERO..=PER_HOUR_MAX).contains(&amount), "an absurd amount: {amount}");
}

pub(crate) fn sum(amount: Usd) {
    assert!(amount >= Usd::ZERO.minus(SUM_MAX) && amount <= SUM_MAX, "an absurd sum: {amount}");
}

pub(crate) fn moment(moment: Option<Moment>) {
    assert!(moment.is_none_or(|at| at <= YEAR_9999), "no calendar has {moment:?}");
}

/// `seen`: the host raised it to what it read in an answer, which may be any amount, and can only refuse.
pub(crate) fn price(price: &Price, seen: bool) {
    if !seen {
        rate(price.per_hour);
    }
    assert!(price.per_hour >= Usd::ZERO);
    [price.per_hour_paused, price.once, price.per_gb_in, price.per_gb_out].into_iter().for_each(rate);
    assert!(price.per_hour > Usd::ZERO || price.once > Usd::ZERO, "a price of nothing");
    let billing = &price.billing;
    const YEARS: u64 = 10 * 366 * 86_400;
    assert!((1..=YEARS).contains(&billing.step_secs), "a step of {} s", billing.step_secs);
    assert!(billing.minimum_secs <= YEARS && billing.balance_secs <= YEARS, "{billing:?}");
    let least = price.per_hour.times(240);
    assert!(billing.month_cap.is_none_or(|cap| cap >= least), "a month for less than ten days: {price:?}");
}

pub(crate) fn offer(offer: &Offer) {
    id(&offer.id);
    let parts: Vec<&str> = offer.id.split('/').collect();
    assert_eq!(parts.len(), 2, "{} is no offer of this driver", offer.id);
    text(&offer.title, 160);
    price(&offer.price, false);
    offer.site.iter().for_each(site);
    assert!(offer.nodes_min >= 1 && offer.nodes_min <= offer.nodes_max);
    offer.image.iter().for_each(|image| id(image));
    if let Some(gpu) = &offer.hardware.gpu {
        text(&gpu.model, 80);
        assert!(gpu.count > 0 && gpu.slice.is_none_or(|(part, whole)| part > 0 && part <= whole));
        gpu.link.iter().for_each(|link| text(link, 80));
    }
    moment(offer.ends);
}

pub(crate) fn site(site: &Site) {
    id(&site.id);
    text(&site.name, 80);
    site.country.iter().for_each(|country| text(country, 80));
}

pub(crate) fn charge(charge: &ProviderCharge) {
    id(&charge.id);
    charge.instance.iter().for_each(|instance| id(instance));
    text(&charge.what, 160);
    sum(charge.amount);
    assert!(charge.begins <= charge.ends);
    moment(Some(charge.ends));
}

/// `said`: whether a text stood in an answer of this call.
pub(crate) fn view(view: &View, said: impl Fn(&str) -> bool) {
    id(&view.handle.id);
    assert!(view.handle.memo.len() <= 1_024);
    view.tag.iter().for_each(|tag| tag_as_seen(tag));
    state(&view.state);
    view.per_hour.into_iter().for_each(|rate| assert!(rate >= Usd::ZERO));
    view.spent.into_iter().for_each(|spent| assert!(spent >= Usd::ZERO));
    moment(view.made_at);
    moment(view.paid_until);
    view.note.iter().for_each(|note| text(note, 500));
    assert!(view.nodes.len() <= 256);
    for node in &view.nodes {
        text(&node.id, 80);
        text(&node.name, 80);
        state(&node.state);
        let Some(ssh) = &node.ssh else { continue };
        let hops = ssh.jump.iter().map(|hop| (&hop.host, hop.port, &hop.user));
        for (host, port, user) in std::iter::once((&ssh.host, ssh.port, &ssh.user)).chain(hops) {
            assert!(said(host), "{host} answers SSH, and no answer showed it");
            assert!(
                host.len() <= 253 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b)),
                "{host:?}"
            );
            assert!(!host.starts_with("127.") && host != "localhost" && host != "::1", "{host} is ours");
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
            assert!(port > 0 && user.bytes().all(plain) && !user.starts_with('-') && !user.is_empty(), "{user:?}");
        }
    }
}

pub(crate) fn tag_as_seen(tag: &str) {
    prints(tag, "a tag");
    secret::must_not_stand_in(tag, "a tag");
}

fn state(state: &ProviderState) {
    match state {
        ProviderState::Failed(why) => text(why, 500),
        ProviderState::Other(what) => text(what, 80),
        _ => {}
    }
}
