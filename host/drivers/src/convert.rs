//! The adapter between `bursar:driver@0.1` and core: pure, both ways. What a driver returns is data from a stranger, so
//! texts are cleaned and bounded, ids are taken whole or not at all, and money is checked for sense.

use crate::{
    bindings::types as wit,
    bindings::{charges, images},
    error::CallErrorKind,
    text,
};
use bursar_core::{
    gpu,
    instance::{Handle, Hop, Node, ProviderState, SshAt, View},
    money::Usd,
    offer::{Account, Billing, Gpu, Hardware, Image, Offer, Order, Price, ProviderCharge, Site, Wish},
    time::Moment,
};

const NAME_MAX: usize = 80;
const TITLE_MAX: usize = 160;
const TEXT_MAX: usize = 500;
pub(crate) const MEMO_MAX: usize = 1_024;
const NODES_MAX: usize = 256;
/// Nobody rents for more; what says so is broken or lies.
const PER_HOUR_MAX: Usd = Usd::dollars(100_000);
/// A monthly cap below so many hours of the rate is not believed: it would make a long lease nearly free.
const CAP_HOURS_MIN: u64 = 240;
/// Nobody has as much: no balance, no charge.
const SUM_MAX: Usd = Usd::dollars(1_000_000_000);
/// Nobody bills in longer steps; a cost is counted month by month, and must not take the host's time.
const BILLING_SECS_MAX: u64 = 10 * 366 * 86_400;
/// The end of the year 9999: no calendar goes on.
const MOMENT_MAX: u64 = 253_402_300_799;

/// Why something a driver said is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Nonsense(pub(crate) String);

fn no<T>(why: impl Into<String>) -> Result<T, Nonsense> {
    Err(Nonsense(why.into()))
}

fn usd(micros: u64, what: &str) -> Result<Usd, Nonsense> {
    Usd::from_micros(micros)
        .filter(|amount| *amount <= PER_HOUR_MAX)
        .ok_or_else(|| Nonsense(format!("{what} of {micros} millionths of a USD")))
}

fn sum(micros: i64, what: &str) -> Result<Usd, Nonsense> {
    let (amount, least) = (Usd(micros), Usd::ZERO.minus(SUM_MAX));
    if (least..=SUM_MAX).contains(&amount) { Ok(amount) } else { no(format!("{what} of {amount} USD")) }
}

fn moment(secs: u64, what: &str) -> Result<Moment, Nonsense> {
    if secs <= MOMENT_MAX { Ok(Moment(secs)) } else { no(format!("{what} {secs} s after 1970")) }
}

pub(crate) fn price(price: &wit::Price) -> Result<Price, Nonsense> {
    let b = &price.billing;
    if b.step_secs == 0 {
        return no("a billing step of 0 s");
    }
    if let Some(secs) = [b.step_secs.into(), b.minimum_secs, b.balance_secs].into_iter().find(|s| *s > BILLING_SECS_MAX)
    {
        return no(format!("billing by {secs} s at a time"));
    }
    let per_hour = usd(price.per_hour, "a price per hour")?;
    let once = usd(price.once, "a price at create")?;
    if per_hour == Usd::ZERO && once == Usd::ZERO {
        return no("a price of nothing");
    }
    let mut price = Price {
        per_hour,
        per_hour_paused: usd(price.per_hour_paused, "a price per paused hour")?,
        once,
        per_gb_in: usd(price.per_gb_in, "a price per GB")?,
        per_gb_out: usd(price.per_gb_out, "a price per GB")?,
        gb_free: price.gb_free,
        billing: Billing {
            step_secs: u64::from(b.step_secs),
            on_the_clock: b.on_the_clock,
            minimum_secs: b.minimum_secs,
            prepaid: b.prepaid,
            refunds: b.refunds,
            month_cap: b.month_cap.map(|cap| Usd::from_micros(cap).unwrap_or(Usd::MAX)),
            balance_secs: b.balance_secs,
        },
    };
    drop_low_cap(&mut price);
    Ok(price)
}

pub(crate) fn drop_low_cap(price: &mut Price) {
    let least = price.per_hour.times(CAP_HOURS_MIN);
    price.billing.month_cap = price.billing.month_cap.filter(|cap| *cap >= least);
}

/// Takes an offer. An image that is not known is left out.
pub(crate) fn offer(provider: &str, offer: wit::Offer, known: impl Fn(&str) -> bool) -> Result<Offer, Nonsense> {
    let Some(id) = text::id(offer.id) else { return no("an offer whose id cannot be one") };
    if offer.nodes_min == 0 || offer.nodes_max < offer.nodes_min {
        return no(format!("offer {id} of {} to {} nodes", offer.nodes_min, offer.nodes_max));
    }
    Ok(Offer {
        provider: provider.to_owned(),
        title: text::cleaned(offer.title, TITLE_MAX),
        hardware: hardware(offer.hardware),
        price: price(&offer.price).map_err(|Nonsense(why)| Nonsense(format!("offer {id}: {why}")))?,
        site: offer.site.map(site).transpose()?,
        in_stock: offer.in_stock,
        nodes_min: offer.nodes_min,
        nodes_max: offer.nodes_max,
        image: offer.image.and_then(text::id).filter(|image| known(image)),
        interruptible: offer.interruptible,
        ends: offer.ends.map(|at| moment(at, "an end")).transpose()?,
        id,
    })
}

fn hardware(hardware: wit::Hardware) -> Hardware {
    let gpu = hardware.gpu.filter(|gpu| gpu.count > 0).map(|told| Gpu {
        model: gpu::model(&text::cleaned(told.model, NAME_MAX)).name,
        count: told.count,
        vram_mib: told.vram_mib,
        slice: told.slice.filter(|(part, whole)| *part > 0 && part <= whole),
        link: told.link.map(|link| text::cleaned(link, NAME_MAX)),
    });
    let wit::Hardware { vcpus, memory_mib, disk_gib, .. } = hardware;
    Hardware { gpu, vcpus, memory_mib, disk_gib }
}

pub(crate) fn site(site: wit::Site) -> Result<Site, Nonsense> {
    let Some(id) = text::id(site.id) else { return no("a site whose id cannot be one") };
    let country = site.country.map(|country| text::cleaned(country, NAME_MAX));
    Ok(Site { id, name: text::cleaned(site.name, NAME_MAX), country })
}

pub(crate) fn image(image: images::Image) -> Result<Image, Nonsense> {
    let Some(id) = text::id(image.id) else { return no("an image whose id cannot be one") };
    Ok(Image { id, name: text::cleaned(image.name, TITLE_MAX), per_hour: usd(image.per_hour, "a price per hour")? })
}

pub(crate) fn charge(charge: charges::Charge) -> Result<ProviderCharge, Nonsense> {
    let Some(id) = text::id(charge.id) else { return no("a charge whose id cannot be one") };
    if charge.ends < charge.begins {
        return no(format!("charge {id} ends before it begins"));
    }
    Ok(ProviderCharge {
        id,
        begins: Moment(charge.begins),
        ends: moment(charge.ends, "a charge that ends")?,
        amount: sum(charge.amount, "a charge")?,
        instance: charge.instance.and_then(text::id),
        what: text::cleaned(charge.what, TITLE_MAX),
    })
}

pub(crate) fn account(identity: String, account: wit::AccountInfo) -> Result<Account, Nonsense> {
    Ok(Account {
        identity,
        balance: account.balance.map(|balance| sum(balance, "a balance")).transpose()?,
        // What does not fit is held at the end of the range: it can only refuse.
        burn_per_hour: account.burn_per_hour.map(|burn| Usd::from_micros(burn).unwrap_or(Usd::MAX)),
        instances_max: account.instances_max,
        blocked: account.blocked.map(|why| text::cleaned(why, TEXT_MAX)),
    })
}

/// Takes a driver's view of an instance. `trusted` judges where it is said to answer SSH.
pub(crate) fn view(instance: wit::Instance, trusted: impl Fn(&SshAt) -> Result<(), String>) -> Result<View, Nonsense> {
    let Some(id) = text::id(instance.handle.id) else { return no("an instance whose id cannot be one") };
    if instance.nodes.len() > NODES_MAX {
        return no(format!("instance {id} of {} nodes", instance.nodes.len()));
    }
    let mut note = instance.note.map(|note| text::cleaned(note, TEXT_MAX));
    let mut nodes = Vec::with_capacity(instance.nodes.len());
    for node in instance.nodes {
        let ssh = node.ssh.map(ssh_at).filter(|at| match trusted(at) {
            Ok(()) => true,
            Err(why) => {
                note = Some(why);
                false
            }
        });
        let (id, name) = (text::cleaned(node.id, NAME_MAX), text::cleaned(node.name, NAME_MAX));
        nodes.push(Node { id, name, state: state(node.state), ssh });
    }
    Ok(View {
        handle: Handle { id, memo: memo(instance.handle.memo)? },
        tag: instance.tag.and_then(text::id),
        state: state(instance.state),
        per_hour: instance.per_hour.map(|rate| usd(rate, "a rate")).transpose()?,
        spent: instance.spent.map(|spent| Usd::from_micros(spent).unwrap_or(Usd::MAX)),
        // Only told on: one that no calendar has is left out, and the instance stays in sight.
        made_at: instance.made_at.and_then(|at| moment(at, "made").ok()),
        paid_until: instance.paid_until.and_then(|at| moment(at, "paid until").ok()),
        nodes,
        note,
    })
}

pub(crate) fn good_until(secs: Option<u64>) -> Result<Option<Moment>, Nonsense> {
    secs.map(|at| moment(at, "a price good until")).transpose()
}

pub(crate) fn memo(memo: String) -> Result<String, Nonsense> {
    if memo.len() > MEMO_MAX { no(format!("a note of {} bytes; {MEMO_MAX} are kept", memo.len())) } else { Ok(memo) }
}

fn ssh_at(ssh: wit::Ssh) -> SshAt {
    let jump = ssh.jump.map(|hop| Hop { host: hop.host, port: hop.port, user: hop.user });
    SshAt { host: ssh.host, port: ssh.port, user: ssh.user, jump }
}

fn state(state: wit::State) -> ProviderState {
    use ProviderState as P;
    use wit::State as S;
    match state {
        S::Requested => P::Requested,
        S::Starting => P::Starting,
        S::Running => P::Running,
        S::Pausing => P::Pausing,
        S::Paused => P::Paused,
        S::Stopping => P::Stopping,
        S::Failed(why) => P::Failed(text::cleaned(why, TEXT_MAX)),
        S::Gone => P::Gone,
        S::Other(what) => P::Other(text::cleaned(what, NAME_MAX)),
    }
}

pub(crate) fn error(error: wit::Error, clean: impl Fn(&str) -> String) -> CallErrorKind {
    use CallErrorKind as K;
    use wit::Error as E;
    let told = |why: String| text::clean(&clean(&why), TEXT_MAX);
    match error {
        E::Refused(why) => K::Refused(told(why)),
        E::OutOfStock(why) => K::OutOfStock(told(why)),
        E::InsufficientFunds(why) => K::InsufficientFunds(told(why)),
        E::Unauthorized(why) => K::Unauthorized(told(why)),
        E::RateLimited(secs) => K::RateLimited(secs),
        E::Gone => K::Gone,
        E::NotSent(why) => K::NotSent(told(why)),
        E::MaybeSent(why) => K::MaybeSent(told(why)),
        E::Failed(why) | E::Other(why) => K::Failed(told(why)),
        E::Unsupported(why) => K::Unsupported(told(why)),
    }
}

pub(crate) fn to_order(order: &Order) -> wit::Order {
    let Order { offer, image, nodes, length_secs, .. } = order.clone();
    wit::Order { offer, image, nodes, length_secs }
}

pub(crate) fn to_handle(handle: &Handle) -> wit::Handle {
    wit::Handle { id: handle.id.clone(), memo: handle.memo.clone() }
}

pub(crate) fn to_wish(wish: &Wish) -> wit::Wish {
    wit::Wish {
        gpu: wish.gpu.clone(),
        gpus_min: wish.gpus_min,
        vram_mib_min: wish.vram_mib_min,
        per_hour_max: wish.per_hour_max.map(|most| u64::try_from(most.0).unwrap_or(0)),
        disk_gib: wish.disk_gib,
        nodes: wish.nodes,
        site: wish.site.clone(),
        limit: wish.limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn billing_sums_and_moments_without_sense_are_not_taken() {
        let told = |step_secs, minimum_secs, balance_secs, per_hour| wit::Price {
            per_hour,
            per_hour_paused: 0,
            once: 0,
            per_gb_in: 0,
            per_gb_out: 0,
            gb_free: 0,
            billing: wit::Billing {
                step_secs,
                on_the_clock: true,
                minimum_secs,
                prepaid: false,
                refunds: false,
                month_cap: Some(u64::MAX),
                balance_secs,
            },
        };
        for (step, minimum, balance, per_hour, taken) in [
            (3_600, 0, 0, 164_000, true),
            (3_600, 31_536_000, 86_400, 164_000, true),
            (0, 0, 0, 164_000, false),
            (3_600, u64::MAX, 0, 164_000, false),
            (3_600, 0, u64::MAX, 164_000, false),
            (u32::MAX, 0, 0, 164_000, false),
            (3_600, 0, 0, 0, false),
            (3_600, 0, 0, 100_000_000_001, false),
        ] {
            assert_eq!(price(&told(step, minimum, balance, per_hour)).is_ok(), taken, "{step} {minimum} {balance}");
        }
        for (balance, taken) in [(-250, true), (0, true), (i64::MAX, false), (i64::MIN, false)] {
            assert_eq!(sum(balance, "a balance").is_ok(), taken, "{balance}");
        }
        assert!(moment(MOMENT_MAX, "an end").is_ok() && moment(MOMENT_MAX + 1, "an end").is_err());
    }
}
