//! `bursar up`: shows the quote, rents, and waits until the machine is ready. The order runs in a task of its own:
//! leaving with Ctrl-C never cuts it in half.

use super::{
    Done,
    args::Up,
    exit::Code,
    open::open,
    out::Out,
    progress::Waiting,
    public_key::public_key,
    ready::make_ready,
    refused,
    text::{from_now, moment},
    values,
};
use crate::flow::{
    CreateInstance, Created, Fit, FlowError, InstanceState, LOCAL_PRINCIPAL, Reach, Rooms, Wanted, check_name,
};
use bursar_core::{
    exposure::Exposure,
    instance::{Instance, Stage},
    offer::Wish,
    quote::Quote,
    time::human,
};
use tokio::task::JoinHandle;

pub(super) async fn up(out: &Out, ask: Up) -> Done {
    let create = create_instance(&ask)?;
    let rooms = open(out).await?;
    if ask.dry_run || !is_open(&rooms, &ask.name).await {
        let fit = check(&rooms, &create).await?;
        if let Some(refusal) = fit.refusal {
            return Err(refusal.into());
        }
        if let Some(quote) = &fit.quote {
            show_quote(out, &ask, quote, fit.exposure);
        }
        if ask.dry_run {
            return Ok(Code::Done);
        }
    }
    rent(out, &rooms, &ask, create).await
}

async fn rent(out: &Out, rooms: &Rooms, ask: &Up, create: CreateInstance) -> Done {
    let waiting = Waiting::new("asking the provider");
    let order = tokio::spawn({
        let rooms = rooms.clone();
        async move { rooms.create_instance(create).await }
    });
    let ordered = finish_order(out, order).await;
    waiting.done();
    let Some((created, stay)) = ordered? else { return Ok(Code::Left) };
    for passed in &created.passed_over {
        out.aside(format!("passed over {passed}"));
    }
    let stay = stay && !ask.no_wait;
    let instance = match may_become_ready(&created.instance)? {
        true if stay => match make_ready(rooms, &created.instance.id).await? {
            Some(instance) => instance,
            None => return left(out, rooms, &ask.name).await,
        },
        true if !ask.no_wait => return left(out, rooms, &ask.name).await,
        _ => created.instance,
    };
    let state = rooms.get_instance(LOCAL_PRINCIPAL, &instance.id.0, false).await?;
    out.answer(|| values::instance(&state, None), || in_words(&state));
    let ready = state.instance.stage == Stage::Ready || ask.no_wait;
    Ok(if ready { Code::Done } else { Code::Failed })
}

/// Waits for the order. Ctrl-C lets it finish its sentence; a second one leaves it to the next start.
async fn finish_order(
    out: &Out,
    mut order: JoinHandle<Result<Created, FlowError>>,
) -> Result<Option<(Created, bool)>, FlowError> {
    let mut stay = true;
    loop {
        tokio::select! {
            made = &mut order => return Ok(Some((made.map_err(broke_down)??, stay))),
            _ = tokio::signal::ctrl_c() => match std::mem::replace(&mut stay, false) {
                true => out.aside("the order is on its way and is waited for; Ctrl-C again leaves at once"),
                false => {
                    out.aside("left in the middle of an order: its cost is held, and the next bursar command finds out what came of it");
                    return Ok(None);
                }
            },
        }
    }
}

fn may_become_ready(instance: &Instance) -> Result<bool, FlowError> {
    match instance.stage {
        Stage::Made => Ok(true),
        Stage::Ready => Ok(false),
        Stage::Requested | Stage::InDoubt => Err(FlowError::InDoubt {
            instance: instance.id.to_string(),
            what: format!("`{}` is asked for already, and it is not known yet whether it was made", instance.name),
            hint: "its cost is held; run `bursar settle` to look again, and do not rent another one instead".to_owned(),
        }),
        Stage::Stopping | Stage::Gone => Err(FlowError::refused(
            format!("`{}` is {}", instance.name, instance.stage),
            format!("wait for its end with `bursar down {}`, then ask again", instance.name),
        )),
    }
}

async fn left(out: &Out, rooms: &Rooms, name: &str) -> Done {
    let state = rooms.get_instance(LOCAL_PRINCIPAL, name, false).await?;
    out.aside(format!(
        "left: `{name}` runs on and costs {} USD/h\n  hint: `bursar up {name}` with the same arguments goes on with it, `bursar down {name}` ends it",
        state.instance.lease.per_hour
    ));
    out.answer(|| values::instance(&state, None), || end_in_words(&state));
    Ok(Code::Left)
}

fn broke_down(error: tokio::task::JoinError) -> FlowError {
    FlowError::failed(
        format!("the order broke down: {error}"),
        "run `bursar ls`; what was asked is on disk and is settled",
    )
}

async fn is_open(rooms: &Rooms, name: &str) -> bool {
    let known = rooms.get_instance(LOCAL_PRINCIPAL, name, false).await;
    known.is_ok_and(|state| state.instance.stage.is_open() && state.instance.name == name)
}

/// Prices the offer, or the cheapest that a wish finds.
async fn check(rooms: &Rooms, create: &CreateInstance) -> Result<Fit, FlowError> {
    let waiting = Waiting::new("asking for the price");
    let fit = check_exact(rooms, create).await;
    waiting.done();
    fit
}

async fn check_exact(rooms: &Rooms, create: &CreateInstance) -> Result<Fit, FlowError> {
    let Wanted::Wish { provider, wish } = &create.wanted else { return rooms.check_order(create).await };
    let found = rooms.find_offers(provider.as_deref(), wish).await?;
    let Some(first) = found.offers.iter().find(|offer| offer.in_stock != Some(false)) else {
        let silent: Vec<String> =
            found.no_answer.iter().map(|none| format!("{}: {}", none.provider, none.why)).collect();
        let why = if silent.is_empty() { String::new() } else { format!("; no answer from {}", silent.join("; ")) };
        return Err(FlowError::refused(
            format!("no offer in stock fits{why}"),
            "see `bursar offers --all`; ask for less or elsewhere",
        ));
    };
    let exact = Wanted::Offer { provider: first.provider.clone(), id: first.id.clone() };
    rooms.check_order(&CreateInstance { wanted: exact, ..create.clone() }).await
}

fn show_quote(out: &Out, ask: &Up, quote: &Quote, exposure: Option<Exposure>) {
    let exposed = exposure.map_or(String::new(), |exposure| format!("\n  if no keeper ever ran again: {exposure}"));
    let words = format!("{}{exposed}", quote_in_words(quote));
    let json = || {
        let mut json = values::quote(quote, None);
        json["backstop"] = serde_json::json!(exposure.map(|exposure| exposure.backstop));
        json["exposure_usd"] = exposure.and_then(|exposure| exposure.most).map(|most| most.to_string()).into();
        json
    };
    match ask.dry_run {
        true => out.answer(json, || format!("{words}\nit fits; nothing was rented")),
        false => out.line(words),
    }
}

/// Returns what an order costs, for people.
pub(super) fn quote_in_words(quote: &Quote) -> String {
    let Quote { order, per_hour, cost, hold, .. } = quote;
    let nodes = if order.nodes == 1 { String::new() } else { format!(", {} nodes", order.nodes) };
    let note = quote.note.as_ref().map_or(String::new(), |note| format!("\n  note:  {note}"));
    format!(
        "quote for {}:{}{nodes}\n  price: {per_hour} USD/h\n  for:   {}, {cost} USD as the provider bills it\n  \
         held:  {hold} USD, the time it takes to end it included{note}",
        order.provider,
        order.offer,
        human(order.length_secs),
    )
}

fn in_words(state: &InstanceState) -> String {
    let instance = &state.instance;
    let name = &instance.name;
    let first = match (instance.stage, &instance.note) {
        (Stage::Ready, _) => format!("`{name}` is ready: {}", instance.title),
        (_, Some(note)) => format!("`{name}` is not ready, and is kept: {note}"),
        (_, None) => {
            format!("`{name}` is made and not ready yet; the commands below make it ready first")
        }
    };
    format!(
        "{first}\n  use it:   bursar ssh {name}, or bursar run {name} -- COMMAND\n  it costs: {} USD/h; {} USD are held\n{}",
        instance.lease.per_hour,
        state.totals.held,
        end_in_words(state)
    )
}

fn end_in_words(state: &InstanceState) -> String {
    let (name, ends) = (&state.instance.name, state.instance.lease.ends);
    format!(
        "  it ends:  {} ({}), or with `bursar down {name}`\n  note:     {}",
        moment(ends),
        from_now(ends, state.as_of),
        Reach::here().in_words(),
    )
}

fn create_instance(ask: &Up) -> Result<CreateInstance, FlowError> {
    check_name(&ask.name)?;
    let wanted = match &ask.offer {
        Some(offer) => Wanted::Offer { provider: offer.provider.clone(), id: offer.id.clone() },
        None if ask.wanted.is_empty() => {
            let hint = "name an offer of `bursar offers` with --offer, or say what it must have: --gpu, --gpus, --vram, --max-price";
            return Err(FlowError::refused("nothing says what to rent", hint));
        }
        None => {
            let wish = Wish { nodes: ask.nodes, ..ask.wanted.wish() };
            Wanted::Wish { provider: ask.wanted.provider.clone(), wish }
        }
    };
    Ok(CreateInstance {
        principal: LOCAL_PRINCIPAL.to_owned(),
        name: ask.name.clone(),
        wanted,
        image: ask.image.clone(),
        nodes: ask.nodes,
        length_secs: ask.length,
        ssh_keys: ask.ssh_key.iter().map(|key| public_key(key)).collect::<Result<_, _>>()?,
        max_per_hour: ask.wanted.max_price,
    })
}

/// Returns the refusal of a dry run as the person sees it.
pub(super) fn refusal_in_words(fit: &Fit) -> Option<String> {
    fit.refusal.clone().map(|refusal| refused::message(&refusal.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bursar_core::{
        offer::{Order, Priced, Terms},
        time::Moment,
    };

    #[test]
    fn a_quote_says_price_length_cost_and_hold() {
        let price = super::super::offers::tests::offer("1/vcg/lax", 164_000, true).price;
        let terms = Terms { price, priced: Priced::Seen, good_until: None, note: None };
        let (provider, offer) = ("bitlaunch".into(), "1/vcg/lax".into());
        let order = Order { provider, offer, image: None, nodes: 1, length_secs: 14_400 };
        let quote = Quote::new(&order, &terms, 120, Moment(1_795_161_600)).unwrap();
        assert_eq!(
            quote_in_words(&quote),
            "quote for bitlaunch:1/vcg/lax\n  price: 0.164 USD/h\n  for:   4 h, 0.656 USD as the provider bills it\n  \
             held:  0.82 USD, the time it takes to end it included"
        );
        assert_eq!(values::quote(&quote, None)["hold_usd"], "0.82");
    }
}
