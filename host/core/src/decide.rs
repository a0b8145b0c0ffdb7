//! May this be rented? Pure: limits × ledger × quote × what the account shows. Names every limit that refuses.
//!
//! Limits bound everything, one provider, or one principal. All of them are evaluated, so the strictest wins.

use crate::{
    bounds::InForce,
    exposure::exposure,
    ledger::{OpenLease, Over, Refusal, Standing},
    limits::{LimitKey, Limits},
    money::Usd,
    quote::Quote,
    scope::{LimitName, Scope},
    time::{self, Moment},
    window::{self, Paid, Timed, Window},
};

/// What the provider showed of the account just before deciding. Guards see everything on it, not only what is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountView {
    pub provider: String,
    pub identity: String,
    pub balance: Option<Usd>,
    /// Where the ledger ended just before the balance was asked: what is charged on this account since then, the balance may
    /// not show.
    pub position: i64,
    pub burn_per_hour: Option<Usd>,
    /// Live instances on the account that do not carry our tag.
    pub foreign: u64,
}

/// Everything that a decision looks at.
struct Case<'a> {
    limits: &'a Limits,
    standing: &'a Standing,
    quote: &'a Quote,
    account: &'a AccountView,
    now: Moment,
}

/// Decides whether a principal's order fits inside every limit. The caller writes the hold in the same step, or nothing.
///
/// The standing must have been read with `limits.lookback`: a window whose past was not read refuses.
pub fn decide(
    limits: &Limits,
    standing: &Standing,
    quote: &Quote,
    account: &AccountView,
    principal: &str,
) -> Result<(), Refusal> {
    let case = Case { limits, standing, quote, account, now: quote.asked_at.max(standing.at) };
    let mut over = common(&case, principal);
    over.push(creates(&case));
    refused(over)
}

/// Decides whether a longer life fits, as one order of the whole of it from its begin. Nothing new is created, so creates are not
/// counted; the standing is that without this instance.
pub fn decide_longer(
    limits: &Limits,
    standing: &Standing,
    whole: &Quote,
    account: &AccountView,
    principal: &str,
    now: Moment,
) -> Result<(), Refusal> {
    refused(common(&Case { limits, standing, quote: whole, account, now: now.max(standing.at) }, principal))
}

/// What bounds every lease, new or longer. Ledger time never runs backwards: where a clock is behind it, what is charged
/// still counts.
fn common(case: &Case, principal: &str) -> Vec<Option<Over>> {
    let Case { limits, standing, quote, account, now } = case;
    let until = quote.asked_at.after(quote.order.length_secs).after(quote.stop_secs);
    let hold = Timed { amount: quote.hold, paid: Paid::stay(&quote.price, quote.asked_at, until) };
    let mut over = vec![];
    for of in limits.in_force(&account.provider, principal) {
        over.extend([price(case, &of), length(case, &of), count(case, &of), burn(case, &of), total(case, &of)]);
        over.extend(windows(limits, standing, &of, &hold, *now).into_iter().map(Some));
    }
    over.extend([balance(case), share(case), exposed(case), session(limits, standing, quote.hold)]);
    over
}

/// Decides whether a principal could spend a plain amount at once, now: against totals and windows only.
pub fn decide_amount(
    limits: &Limits,
    standing: &Standing,
    amount: Usd,
    principal: &str,
    now: Moment,
) -> Result<(), Refusal> {
    let now = now.max(standing.at);
    let hold = Timed { amount, paid: Paid::now(now) };
    let mut over = vec![];
    for of in limits.in_force("", principal) {
        over.push(total_of(limits, standing, &of, amount, |left| format!("{left} USD are left")));
        over.extend(windows(limits, standing, &of, &hold, now).into_iter().map(Some));
    }
    over.push(session(limits, standing, amount));
    refused(over)
}

/// What this process has reserved, whatever became of it. A convenience: another process begins anew.
fn session(limits: &Limits, standing: &Standing, hold: Usd) -> Option<Over> {
    let (most, spent) = (limits.max_session_spending?, standing.session.unwrap_or(standing.totals.committed()));
    if spent.plus(hold) <= most {
        return None;
    }
    let left = most.minus(spent).max(Usd::ZERO);
    let would_be = format!(
        "this would hold {hold} USD, its end included; {spent} USD are held and charged in this session already"
    );
    let hint = format!("{left} USD are left in this session; one that starts anew has {most}");
    over(limits, &Scope::All, LimitKey::MaxSessionSpending, would_be, hint)
}

fn refused(over: Vec<Option<Over>>) -> Result<(), Refusal> {
    let over: Vec<Over> = over.into_iter().flatten().collect();
    if over.is_empty() { Ok(()) } else { Err(Refusal { over }) }
}

fn over(limits: &Limits, scope: &Scope, limit: LimitKey, would_be: String, hint: String) -> Option<Over> {
    let allowed = limits.show_named(&LimitName { scope: scope.clone(), key: limit });
    Some(Over { scope: scope.clone(), limit, allowed, would_be, hint, narrowed_by: None })
}

/// Returns what is open in a scope.
fn open_in<'a>(standing: &'a Standing, scope: &'a Scope) -> impl Iterator<Item = &'a OpenLease> {
    standing.open.iter().filter(|open| scope.holds(&open.provider, &open.principal))
}

fn price(case: &Case, of: &InForce) -> Option<Over> {
    let (asked, most) = (case.quote.per_hour, of.max_price_per_hour?);
    if asked <= most {
        return None;
    }
    let would_be = format!("this offer costs {asked} USD/h");
    over(case.limits, &of.scope, LimitKey::MaxPricePerHour, would_be, format!("find an offer up to {most} USD/h"))
}

fn length(case: &Case, of: &InForce) -> Option<Over> {
    let (asked, most) = (case.quote.order.length_secs, of.max_lease_secs?);
    if asked <= most {
        return None;
    }
    let would_be = format!("the lease would last {}", time::human(asked));
    over(case.limits, &of.scope, LimitKey::MaxLease, would_be, format!("ask for {} or less", time::human(most)))
}

fn count(case: &Case, of: &InForce) -> Option<Over> {
    let open: Vec<&str> = open_in(case.standing, &of.scope).map(|open| open.name.as_str()).collect();
    // What is not ours belongs to no principal.
    let foreign = if matches!(of.scope, Scope::Principal(_)) { 0 } else { case.account.foreign };
    let ours = open.len() as u64;
    if ours.saturating_add(foreign) < of.max_instances? {
        return None;
    }
    let names = open.iter().take(8).copied().collect::<Vec<_>>().join(", ");
    let would_be = match foreign {
        0 => format!("{ours} of ours are open ({names})"),
        n => format!("{ours} of ours ({names}) and {n} that are not ours are open on this account"),
    };
    let hint = match open.first() {
        Some(name) => format!("destroy one first, for example `{name}`"),
        None => "wait until what runs on the account has ended".to_owned(),
    };
    over(case.limits, &of.scope, LimitKey::MaxInstances, would_be, hint)
}

fn on_account<'a>(case: &'a Case) -> impl Iterator<Item = &'a OpenLease> {
    let here = |open: &&OpenLease| open.provider == case.account.provider && open.account == case.account.identity;
    case.standing.open.iter().filter(here)
}

/// Returns what a scope costs per hour, by our book or as the account tells, whichever is more.
fn burning(case: &Case, scope: &Scope) -> Usd {
    let ours: Usd = open_in(case.standing, scope).map(|open| open.per_hour).sum();
    if matches!(scope, Scope::Principal(_)) {
        return ours;
    }
    let here: Usd = on_account(case).map(|open| open.per_hour).sum();
    ours.plus(case.account.burn_per_hour.unwrap_or_default().minus(here).max(Usd::ZERO))
}

fn burn(case: &Case, of: &InForce) -> Option<Over> {
    let (now, most, more) = (burning(case, &of.scope), of.max_burn_per_hour?, case.quote.per_hour);
    if now.plus(more) <= most {
        return None;
    }
    let left = most.minus(now).max(Usd::ZERO);
    let hint = format!("an offer up to {left} USD/h fits, or destroy something first");
    let would_be = format!("{now} USD/h run now, {more} USD/h would be added");
    over(case.limits, &of.scope, LimitKey::MaxBurnPerHour, would_be, hint)
}

fn total(case: &Case, of: &InForce) -> Option<Over> {
    let hint = |left: Usd| match case.quote.longest_secs(left) {
        Some(secs) => format!("{left} USD are left: {} of this offer, its end included", time::human(secs)),
        None => format!("{left} USD are left, too little for this offer"),
    };
    total_of(case.limits, case.standing, of, case.quote.hold, hint)
}

fn total_of(
    limits: &Limits,
    standing: &Standing,
    of: &InForce,
    hold: Usd,
    hint: impl FnOnce(Usd) -> String,
) -> Option<Over> {
    let most = of.max_total_spending?;
    let held: Usd = match of.scope {
        Scope::All => standing.totals.held,
        _ => open_in(standing, &of.scope).map(|open| open.held).sum(),
    };
    let charged = standing.charged(&of.scope);
    if charged.plus(held).plus(hold) <= most {
        return None;
    }
    let would_be =
        format!("this would hold {hold} USD, its end included; {charged} USD are charged and {held} USD held already");
    let left = most.minus(charged.plus(held)).max(Usd::ZERO);
    over(limits, &of.scope, LimitKey::MaxTotalSpending, would_be, hint(left))
}

/// Every window must hold at every moment to come, with what is charged, what is held, and this.
fn windows(limits: &Limits, standing: &Standing, of: &InForce, new: &Timed, now: Moment) -> Vec<Over> {
    let mut holds = timed(standing, &of.scope, now);
    let mut over_all = vec![];
    for window in of.windows {
        let length = time::human(window.secs());
        let past = standing.past.iter().find(|past| past.covers(&of.scope, *window));
        let Some(past) = past else {
            let would_be = format!("what was spent in the last {length} was not read");
            let hint = "report this as a fault of bursar".to_owned();
            over_all.extend(over(limits, &of.scope, LimitKey::Windows, would_be, hint));
            continue;
        };
        let before = window::fullest(*window, past, &holds, now).0;
        holds.push(new.clone());
        let (most, at) = window::fullest(*window, past, &holds, now);
        holds.pop();
        if most > window.usd {
            let would_be = format!(
                "{most} USD would be spent in the {length} that end at {at}, {} USD of it in this hold of {}",
                most.minus(before).max(Usd::ZERO),
                new.amount
            );
            let left = window.usd.minus(before).max(Usd::ZERO);
            let hint = format!("{left} USD are sure to fit into any {length} now: take less, or wait");
            let allowed = format!("{} USD in any {length}", window.usd);
            let found = over(limits, &of.scope, LimitKey::Windows, would_be, hint);
            over_all.extend(found.map(|found| Over { allowed, ..found }));
        }
    }
    over_all
}

/// One window as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowState {
    pub scope: Scope,
    pub window: Window,
    /// Spent in the window that ends now.
    pub spent: Usd,
    /// The most that any window to come holds if everything open runs to its end, and when that one ends.
    pub most: Usd,
    pub most_at: Moment,
}

/// Returns how every window stands. The standing must have been read with `limits.lookback_all`.
pub fn window_states(limits: &Limits, standing: &Standing, now: Moment) -> Vec<WindowState> {
    let now = now.max(standing.at);
    let mut states = vec![];
    for (scope, windows) in limits.all_windows() {
        let holds = timed(standing, &scope, now);
        for window in windows {
            let Some(past) = standing.past.iter().find(|past| past.covers(&scope, *window)) else { continue };
            let (most, most_at) = window::fullest(*window, past, &holds, now);
            let spent = window::spent(*window, past, &holds, now);
            states.push(WindowState { scope: scope.clone(), window: *window, spent, most, most_at });
        }
    }
    states
}

/// Returns what is held in a scope, with its time. What outlives its hold is spent until now.
fn timed(standing: &Standing, scope: &Scope, now: Moment) -> Vec<Timed> {
    let one =
        |open: &OpenLease| Timed { amount: open.held, paid: Paid { until: open.paid.until.max(now), ..open.paid } };
    open_in(standing, scope).map(one).collect()
}

fn creates(case: &Case) -> Option<Over> {
    const HOUR: u64 = 3_600;
    let (most, now) = (case.limits.max_creates_per_hour, case.now);
    let waits = match case.standing.crowding {
        _ if most == 0 => None,
        Some(at) if now.since(at) < HOUR => Some(HOUR - now.since(at)),
        _ => return None,
    };
    let would_be = format!("{most} orders went out in the last hour, whatever became of them");
    let hint = match waits {
        Some(secs) => format!("the next one fits in {}", time::human(secs)),
        None => "no order fits".to_owned(),
    };
    over(case.limits, &Scope::All, LimitKey::MaxCreatesPerHour, would_be, hint)
}

/// Returns what the account has by what it told or, where it tells nothing, by what the owner stated; and what of it is
/// neither held nor taken since. The standing must have been read for this account and position.
///
/// A hold may have been taken from the balance in part already; counting it whole errs to the safe side.
fn usable(case: &Case) -> Option<(Usd, Usd, Usd)> {
    let here = Scope::Provider(case.account.provider.clone());
    let charged = case.standing.charged(&here);
    let stated = || case.limits.of(&here)?.funds.map(|funds| funds.left(charged));
    let taken = case.standing.taken_since.unwrap_or(charged);
    let balance = case.account.balance.map(|told| told.minus(taken)).or_else(stated)?;
    let held: Usd = on_account(case).map(|open| open.held).sum();
    Some((balance, held, balance.minus(held)))
}

fn unknown_balance(case: &Case, limit: LimitKey) -> Option<Over> {
    let hint = format!(
        "state what lies there: bursar limits set provider.{}.funds USD; or set {limit} to 0 if that is all right",
        case.account.provider
    );
    over(case.limits, &Scope::All, limit, "this provider tells no balance".to_owned(), hint)
}

fn balance(case: &Case) -> Option<Over> {
    let Case { limits, quote, account, .. } = case;
    let here: Usd = on_account(case).map(|open| open.per_hour).sum();
    let burn = account.burn_per_hour.unwrap_or_default().max(here).plus(quote.per_hour);
    let hours = limits.min_balance_hours.max(quote.price.billing.balance_secs.div_ceil(3_600));
    let must_stay = burn.times(hours);
    let Some((balance, held, usable)) = usable(case) else {
        return (hours > 0).then(|| unknown_balance(case, LimitKey::MinBalanceHours))?;
    };
    if usable.minus(quote.hold) >= must_stay {
        return None;
    }
    let would_be = format!(
        "the balance is {balance} USD, {held} of it held; after {} for this, {must_stay} must stay for {hours} h of {burn} USD/h",
        quote.hold
    );
    let missing = must_stay.plus(quote.hold).minus(usable);
    let hint = format!("{missing} USD are missing: top up, or take a cheaper or shorter lease");
    over(limits, &Scope::All, LimitKey::MinBalanceHours, would_be, hint)
}

fn share(case: &Case) -> Option<Over> {
    let share = case.limits.min_balance_share;
    let Some((balance, held, usable)) = usable(case) else {
        return (share > 0).then(|| unknown_balance(case, LimitKey::MinBalanceShare))?;
    };
    let must_stay = balance.max(Usd::ZERO).share(share);
    let stays = usable.minus(case.quote.hold);
    if share == 0 || stays >= must_stay {
        return None;
    }
    let would_be = format!("of the balance of {balance} USD, {held} of it held, {stays} would stay");
    let hint = format!("{} USD are missing: top up, or take a cheaper or shorter lease", must_stay.minus(stays));
    over(case.limits, &Scope::All, LimitKey::MinBalanceShare, would_be, hint)
}

fn exposed(case: &Case) -> Option<Over> {
    let exposure = exposure(case.quote, case.account);
    if exposure.is_within(case.limits.max_exposure) {
        return None;
    }
    let would_be = format!("if no keeper ever ran again, {exposure}");
    let hint = "keep less on the account, or take a provider whose machines end by themselves".to_owned();
    over(case.limits, &Scope::All, LimitKey::MaxExposure, would_be, hint)
}

#[cfg(test)]
mod tests;
