//! The provider as the door meets it: BitLaunch's requests and answers, each after a while, each as wrong as chance will.

use crate::{
    faults::{AskFault, EndFault, ListFault, OrderFault},
    provider::{ACCOUNTS, Landing, Machine, TOKENS},
    world::World,
};
use bursar_http::{Later, SendError};
use http::{Request, Response};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{sync::oneshot, time::sleep};

type Answered = Result<Response<Vec<u8>>, SendError>;

/// Answers one request, whoever is still there to hear it: what left arrives.
pub fn ask<B: AsRef<[u8]>>(world: &Arc<World>, request: Request<B>) -> Later {
    let token = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let account = TOKENS.iter().position(|known| token == format!("Bearer {known}"));
    let path = request.uri().path().trim_start_matches("/api/").to_owned();
    let method = request.method().as_str().to_owned();
    let body: Value = serde_json::from_slice(request.body().as_ref()).unwrap_or(Value::Null);
    let Some(account) = account else {
        return Box::pin(async { Ok(answer(401, json!({"message": "Unauthorized"}))) });
    };
    let asked = Asked { world: world.clone(), account };
    match (&*method, path.split_once('/').unwrap_or((&path, ""))) {
        ("POST", ("servers", "")) => asked.order(&body),
        ("GET", ("servers", "")) => asked.list(),
        ("DELETE", ("servers", id)) => asked.end(id),
        (_, (what, id)) => asked.other(&method, what, id, &body),
    }
}

fn answer(status: u16, body: Value) -> Response<Vec<u8>> {
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}

fn fails() -> Answered {
    Ok(answer(500, json!({"message": "There was an error, please contact support"})))
}

fn unsent() -> Later {
    Box::pin(async { Err(SendError::NotSent("the simulated network has no way there".to_owned())) })
}

fn lost() -> SendError {
    SendError::MaybeSent("the simulated connection broke".to_owned())
}

struct Asked {
    world: Arc<World>,
    account: usize,
}

impl Asked {
    /// How long a request takes to arrive, and its answer to come back.
    fn times(&self) -> (u64, u64) {
        let mut state = self.world.state();
        let late = state.provider.faults.late;
        let (there, back) = (state.dice.within(5..150), state.dice.within(5..150));
        if state.dice.percent(late) { (there, back + state.dice.within(500..20_000)) } else { (there, back) }
    }

    /// Does what arrived, after a while, and carries the answer back, if anybody still waits for it.
    fn travel(self, there: u64, back: u64, does: impl FnOnce(&World, usize) -> Answered + Send + 'static) -> Later {
        let (heard, hears) = oneshot::channel();
        let Asked { world, account } = self;
        tokio::spawn(async move {
            world.until(there).await;
            let answered = does(&world, account);
            sleep(Duration::from_millis(back)).await;
            drop(heard.send(answered));
        });
        Box::pin(async move { hears.await.unwrap_or_else(|_| Err(lost())) })
    }

    fn order(self, body: &Value) -> Later {
        let tag = body["server"]["name"].as_str().unwrap_or_default().to_owned();
        let (mut there, back) = self.times();
        let (fault, hidden, boots, id) = {
            let mut state = self.world.state();
            let often = state.provider.faults.orders;
            let fault = OrderFault::draw(&mut state.dice, often);
            let hidden = if fault == OrderFault::Hidden { state.dice.within(1_000..240_000) } else { 0 };
            (fault, hidden, state.dice.within(0..9_000), state.dice.next())
        };
        self.world.tell(|| format!("order {tag}: {fault:?}"));
        if fault == OrderFault::NotSent {
            return unsent();
        }
        crate::laws::order_leaves(&self.world, &tag);
        match fault {
            OrderFault::Refused => {
                return self.travel(there, back, |_, _| Ok(answer(400, json!({"message": "Region is full"}))));
            }
            OrderFault::Fails => return self.travel(there, back, |_, _| fails()),
            OrderFault::Lost => return self.travel(there, back, |_, _| Err(lost())),
            OrderFault::LandsLate => there += self.world.state().dice.within(1_000..100_000),
            _ => {}
        }
        self.world.state().provider.landing.push(Landing { tag: tag.clone(), id });
        let arrives = move |world: &World, account: usize| {
            let now = world.true_ms();
            let machine = {
                let mut state = world.state();
                state.provider.landing.retain(|landing| landing.id != id);
                state.provider.make(&tag, account, now, hidden, boots)
            };
            world.tell(|| format!("machine {} of {tag} is made", machine.id));
            crate::laws::machine_made(world, &machine);
            match fault {
                OrderFault::FailsAndMakes => fails(),
                OrderFault::NoId => Ok(answer(200, json!({}))),
                OrderFault::AnswerLost | OrderFault::LandsLate => Err(lost()),
                _ => Ok(answer(200, row(&machine, now))),
            }
        };
        match fault {
            // Whoever asked hears of the break at once.
            OrderFault::LandsLate => {
                drop(self.travel(there, back, arrives));
                Box::pin(async {
                    sleep(Duration::from_millis(700)).await;
                    Err(lost())
                })
            }
            _ => self.travel(there, back, arrives),
        }
    }

    fn list(self) -> Later {
        let (there, back) = self.times();
        let (fault, which) = {
            let mut state = self.world.state();
            let often = state.provider.faults.lists;
            (ListFault::draw(&mut state.dice, often), state.dice.next())
        };
        if fault == ListFault::NotSent {
            return unsent();
        }
        self.travel(there, back, move |world, account| {
            let now = world.true_ms();
            let listed = |machine: &&Machine| machine.listed_ms <= now;
            let all: Vec<Machine> = world.state().provider.living(account, now).filter(listed).cloned().collect();
            let mut rows: Vec<Value> = all.iter().map(|machine| row(machine, now)).collect();
            let mut left_out = usize::try_from(which).unwrap_or(0) % all.len().max(1);
            let fault = world.stays_incomplete(now, which, fault, &all, &mut left_out);
            let shown = all.iter().map(|machine| machine.id.as_str()).collect::<Vec<_>>().join(" ");
            world.tell(|| format!("list of account {account}: {shown} {fault:?}"));
            match fault {
                ListFault::Fails => return fails(),
                ListFault::Lost => return Err(lost()),
                ListFault::Cut => return Ok(answer(200, json!("[{\"id\": \"m0"))),
                ListFault::Lies if !rows.is_empty() => {
                    rows.remove(left_out);
                    let mut state = world.state();
                    let lied = state.provider.machines.iter_mut().find(|machine| machine.id == all[left_out].id);
                    lied.into_iter().for_each(|machine| machine.lies.push(now));
                }
                ListFault::Incomplete => {
                    if !rows.is_empty() {
                        rows.remove(left_out);
                    }
                    rows.push(json!({"id": "m-new", "status": "launching"}));
                }
                _ => {}
            }
            Ok(answer(200, Value::Array(rows)))
        })
    }

    fn end(self, id: &str) -> Later {
        let (there, back) = self.times();
        let (fault, slow, ignored) = {
            let mut state = self.world.state();
            let often = state.provider.faults.ends;
            (EndFault::draw(&mut state.dice, often), state.dice.within(1_000..90_000), state.dice.within(1..5))
        };
        self.world.tell(|| format!("end of {id}: {fault:?}"));
        let now = self.world.true_ms();
        {
            let mut state = self.world.state();
            state.provider.ends.entry(id.to_owned()).or_insert(now);
            if let Some(machine) = state.provider.machines.iter_mut().find(|machine| machine.id == id) {
                machine.end_asked_ms.get_or_insert(now);
                if fault == EndFault::Ignored {
                    machine.ignores = u32::try_from(ignored).unwrap_or(1);
                }
            }
        }
        let id = id.to_owned();
        match fault {
            EndFault::NotSent => unsent(),
            EndFault::Fails => self.travel(there, back, |_, _| fails()),
            EndFault::TooMany => {
                self.travel(there, back, |_, _| Ok(answer(429, json!({"message": "Too many requests"}))))
            }
            EndFault::Lost => self.travel(there, back, |_, _| Err(lost())),
            EndFault::SaysGone => self.travel(there, back, move |world, _| {
                world.counts_lies_anew(&id);
                Ok(answer(404, json!({"message": "Server not found"})))
            }),
            _ => self.travel(there, back, move |world, account| {
                let found = world.ends(account, &id, if fault == EndFault::Slow { slow } else { 0 });
                match (fault, found) {
                    (EndFault::FailsAndEnds, _) => fails(),
                    (EndFault::AnswerLost, _) => Err(lost()),
                    (_, false) => Ok(answer(404, json!({"message": "Server not found"}))),
                    (_, true) => Ok(answer(200, Value::Null)),
                }
            }),
        }
    }

    fn other(self, method: &str, what: &str, id: &str, body: &Value) -> Later {
        let (there, back) = self.times();
        let fault = {
            let mut state = self.world.state();
            let often = if what == "servers" { state.provider.faults.gets } else { state.provider.faults.others };
            AskFault::draw(&mut state.dice, often)
        };
        if fault == AskFault::NotSent {
            return unsent();
        }
        let (method, what, id, body) = (method.to_owned(), what.to_owned(), id.to_owned(), body.clone());
        self.travel(there, back, move |world, account| match fault {
            AskFault::Fails => fails(),
            AskFault::Lost => Err(lost()),
            AskFault::NotFound => Ok(answer(404, json!({"message": "Not found"}))),
            _ => Ok(world.told(account, &method, &what, &id, &body)),
        })
    }
}

impl World {
    /// A list that is incomplete stays so for a while, mostly, and hides the same machine.
    fn stays_incomplete(
        &self,
        now: u64,
        which: u64,
        fault: ListFault,
        all: &[Machine],
        left_out: &mut usize,
    ) -> ListFault {
        let mut state = self.state();
        if fault == ListFault::Incomplete
            && let Some(hidden) = all.get(*left_out)
        {
            state.provider.incomplete = Some((now + 2_000 + which / 7 % 20_000, hidden.id.clone()));
        }
        let Some((_, id)) = state.provider.incomplete.clone().filter(|(until, _)| now < *until) else { return fault };
        match all.iter().position(|machine| machine.id == id) {
            Some(place) => {
                *left_out = place;
                ListFault::Incomplete
            }
            None => fault,
        }
    }

    /// An end that was accepted makes the lists after it count, and no earlier one.
    fn counts_lies_anew(&self, id: &str) {
        let mut state = self.state();
        let found = state.provider.machines.iter_mut().find(|machine| machine.id == id);
        found.into_iter().for_each(|machine| machine.lies.clear());
    }

    /// Ends a machine, and returns whether there was one.
    fn ends(&self, account: usize, id: &str, slow_ms: u64) -> bool {
        let now = self.true_ms();
        let mut state = self.state();
        let mut here = state.provider.machines.iter_mut().filter(|m| m.account == account && m.lives(now));
        let Some(machine) = here.find(|machine| machine.id == id) else { return false };
        machine.lies.clear();
        match machine.ignores {
            0 => machine.dies_ms = Some(machine.dies_ms.unwrap_or(u64::MAX).min(now + slow_ms)),
            n => machine.ignores = n - 1,
        }
        true
    }

    fn told(&self, account: usize, method: &str, what: &str, id: &str, body: &Value) -> Response<Vec<u8>> {
        let now = self.true_ms();
        let mut state = self.state();
        match (method, what) {
            ("GET", "user") => {
                let burn: u64 = state.provider.living(account, now).map(|machine| machine.rate_musd).sum();
                let used = state.provider.living(account, now).count();
                let name = ACCOUNTS[account];
                answer(
                    200,
                    json!({"id": name, "email": "a@b.example", "emailConfirmed": true, "balance": 500_000, "costPerHr": burn, "limit": 50, "used": used}),
                )
            }
            ("GET", "hosts-create-options") => answer(200, sold(state.provider.rate_musd)),
            ("GET", "ssh-keys") => {
                let keys = state.provider.keys[account].iter().enumerate();
                let keys: Vec<Value> =
                    keys.map(|(n, key)| json!({"id": format!("k{n}"), "name": "k", "content": key})).collect();
                answer(200, json!({"keys": keys, "total": keys.len()}))
            }
            ("POST", "ssh-keys") => {
                let key = body["content"].as_str().unwrap_or_default().to_owned();
                let keys = &mut state.provider.keys[account];
                keys.push(key.clone());
                answer(200, json!({"id": format!("k{}", keys.len() - 1), "name": "k", "content": key}))
            }
            ("GET", "servers") => {
                let found = state.provider.living(account, now).find(|machine| machine.id == id);
                match found {
                    Some(machine) => answer(200, json!({"server": row(machine, now)})),
                    None => answer(404, json!({"message": "Server not found"})),
                }
            }
            _ => answer(404, json!({"message": "Not found"})),
        }
    }
}

fn row(machine: &Machine, now: u64) -> Value {
    let number = machine.id.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let address = format!("45.63.{}.{}", number / 200 % 200 + 1, number % 200 + 1);
    let (status, ipv4) = if machine.boots_ms <= now { ("ok", address) } else { ("launching", String::new()) };
    json!({
        "id": machine.id, "name": machine.tag, "host": 1, "ipv4": ipv4, "region": "fra", "size": "vc2-1c-2gb",
        "rate": machine.rate_musd, "status": status, "errorText": "", "created": "2026-11-20T08:00:00Z",
    })
}

fn sold(rate_musd: u64) -> Value {
    json!({
        "hostID": 1, "available": true, "bandwidthCost": 30,
        "image": [{"id": 0, "name": "Ubuntu", "type": "image", "minDiskSize": 10, "unavailableRegions": [],
            "unavailablePlans": [], "version": {"id": "2284", "description": "Ubuntu 24.04 LTS x64"}, "extraCostPerMonth": 0,
            "windows": false, "versions": []}],
        "size": [{"id": "vc2-1c-2gb", "slug": "vc2-1c-2gb", "bandwidthGB": 3_000, "cpuCount": 1, "diskGB": 55,
            "memoryMB": 2_048, "costPerHr": rate_musd, "costPerMonth": 100_000, "planType": "standard"}],
        "region": [place(9, "Frankfurt", "fra"), place(10, "Amsterdam", "ams")],
        "planTypes": [], "hostOptions": {},
    })
}

fn place(id: u32, name: &str, slug: &str) -> Value {
    let part = json!({"id": slug, "description": name, "slug": slug, "unavailableSizes": []});
    json!({"id": id, "name": name, "iso": "eu", "subregions": [], "subregion": part})
}
