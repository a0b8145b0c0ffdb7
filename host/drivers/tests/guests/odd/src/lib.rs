//! A driver that does what its settings say, line by line: every attack and every oddity of the tests is a script.
//! `send ROUTE [name=value …]` asks the door; `echo` fails with what came back; the rest is in `Run::line`.

wit_bindgen::generate!({
    path: "../../../../../wit",
    inline: "package bursar:odd; world odd {
        include bursar:driver/driver@0.1.0;
        export bursar:driver/keys@0.1.0;
        export bursar:driver/restart@0.1.0;
    }",
    world: "bursar:odd/odd",
    generate_all,
});

use bursar::driver::{http, log, types::*};
use exports::bursar::driver::{keys, provider, restart};
use std::cell::Cell;

struct Odd;
export!(Odd);

thread_local! { static CALLS: Cell<u32> = const { Cell::new(0) }; }

/// What a script leaves behind.
#[derive(Default)]
struct Run {
    last: String,
    made: Option<String>,
    ids: Vec<(String, Option<String>)>,
    pending: Option<String>,
    ssh: Option<Ssh>,
    image: Option<String>,
    title: String,
    price: u64,
    next: Option<String>,
}

fn run(call: &Call, function: &str) -> Result<Run, Error> {
    let script =
        call.settings.iter().find(|(name, _)| name == function).map(|(_, text)| text.clone()).unwrap_or_default();
    let mut run = Run { price: 1_000_000, ..Run::default() };
    for line in script.split(';').map(str::trim).filter(|line| !line.is_empty()) {
        run.line(call, line)?;
    }
    Ok(run)
}

impl Run {
    fn line(&mut self, call: &Call, line: &str) -> Result<(), Error> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "send" => self.send(rest),
            // Several routes at once, with no values.
            "all" => self.send_all(rest),
            "echo" => return Err(Error::Failed(self.last.clone())),
            "refuse" => return Err(Error::Refused(rest.into())),
            "gone" => return Err(Error::Gone),
            "trap" => std::process::abort(),
            "loop" => loop {
                std::hint::black_box(0);
            },
            "grow" => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(vec![1_u8; 1 << 20]);
                }
            }
            "recurse" => self.last = deep(1).to_string(),
            "chatter" => (0..100_000).for_each(|_| log::write(log::Level::Info, "\u{1b}[31mnoise")),
            "shout" => return Err(Error::Failed("x".repeat(rest.parse().unwrap_or(0)))),
            "sends" => (0..rest.parse().unwrap_or(0)).for_each(|_| self.send("user")),
            "plead" => loop {
                self.send("user");
            },
            "count" => {
                let calls = CALLS.with(|calls| calls.replace(calls.get() + 1));
                return Err(Error::Failed(format!("seen {calls} calls")));
            }
            "wasi" => {
                self.last = format!(
                    "{:?} {:?} {:?}",
                    std::env::vars().count(),
                    std::fs::read_dir("/").is_ok(),
                    std::env::args().count()
                )
            }
            "price" => self.price = rest.parse().unwrap_or(u64::MAX),
            // No setting holds control characters, so these are written as letters.
            "title" => self.title = rest.replace("\\e", "\u{1b}").replace("\\o", "\u{202e}"),
            "image" => self.image = Some(rest.into()),
            "next" => self.next = Some(rest.into()),
            "pending" => self.pending = Some(rest.into()),
            "made" => self.ids = vec![(rest.into(), call.tag.clone())],
            "row" => {
                let (id, tag) = rest.split_once(' ').map_or((rest, None), |(id, tag)| (id, Some(tag.to_owned())));
                self.ids.push((id.into(), tag));
            }
            "seen" => self.ids = vec![(self.made.clone().unwrap_or_default(), call.tag.clone())],
            "ssh" => self.ssh = Some(Ssh { host: rest.into(), port: 22, user: "root".into(), jump: None }),
            other => return Err(Error::Other(format!("no such line: {other}"))),
        }
        Ok(())
    }

    fn send(&mut self, line: &str) {
        let mut words = line.split(' ');
        let address = line.split_once('@').map(|(_, address)| address.to_owned());
        let route = words.next().unwrap_or_default().to_owned();
        let values =
            words.filter_map(|word| word.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect();
        let answer = http::send(&http::Request { route, values, address, body: None });
        self.last = self.told(answer);
    }

    fn send_all(&mut self, routes: &str) {
        let request = |route: &str| http::Request { route: route.into(), values: vec![], address: None, body: None };
        let requests: Vec<http::Request> = routes.split(' ').map(request).collect();
        let answers = http::send_all(&requests);
        self.last = answers.into_iter().map(|answer| self.told(answer)).collect::<Vec<_>>().join(" | ");
    }

    fn told(&mut self, answer: Result<http::Response, http::SendError>) -> String {
        match answer {
            Ok(answer) => {
                self.made = answer.made;
                let headers: Vec<String> =
                    answer.headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{} {} [{}]", answer.status, String::from_utf8_lossy(&answer.body), headers.join(","))
            }
            Err(http::SendError::Denied(why)) => format!("denied {why}"),
            Err(http::SendError::NotSent(why)) => format!("not sent {why}"),
            Err(http::SendError::MaybeSent(why)) => format!("maybe sent {why}"),
            Err(http::SendError::Other(why)) => why,
        }
    }

    fn instance(&self, id: String, tag: Option<String>) -> Instance {
        let node = Node { id: id.clone(), name: "n".into(), state: State::Running, ssh: self.ssh.clone() };
        let handle = Handle { id, memo: String::new() };
        Instance {
            handle,
            tag,
            state: State::Running,
            per_hour: None,
            spent: None,
            made_at: None,
            paid_until: None,
            nodes: vec![node],
            note: None,
        }
    }

    fn first(&self) -> Instance {
        let (id, tag) = self.ids.first().cloned().unwrap_or_default();
        self.instance(id, tag)
    }

    fn price(&self) -> Price {
        let billing = Billing {
            step_secs: 3_600,
            on_the_clock: true,
            minimum_secs: 0,
            prepaid: false,
            refunds: false,
            month_cap: None,
            balance_secs: 0,
        };
        Price { per_hour: self.price, per_hour_paused: 0, once: 0, per_gb_in: 0, per_gb_out: 0, gb_free: 0, billing }
    }

    fn offer(&self, id: String) -> Offer {
        let hardware = Hardware { gpu: None, vcpus: 1, memory_mib: 1_024, disk_gib: 10 };
        let (title, image, price) = (self.title.clone(), self.image.clone(), self.price());
        Offer {
            id,
            title,
            hardware,
            price,
            site: None,
            in_stock: Some(true),
            nodes_min: 1,
            nodes_max: 1,
            image,
            interruptible: false,
            ends: None,
        }
    }

    fn outcome(&self) -> provider::Outcome {
        match &self.pending {
            Some(text) => provider::Outcome::Pending(text.clone()),
            None => provider::Outcome::Made(self.first()),
        }
    }
}

#[allow(unconditional_recursion)]
fn deep(n: u64) -> u64 {
    std::hint::black_box(deep(std::hint::black_box(n + 1)) + n)
}

impl provider::Guest for Odd {
    fn describe() -> String {
        include_str!("../driver.toml").into()
    }

    fn account(call: Call) -> Result<AccountInfo, Error> {
        let run = run(&call, "account")?;
        let id = run.ids.first().map(|(id, _)| id.clone());
        Ok(AccountInfo {
            id,
            balance: Some(5_000_000),
            burn_per_hour: None,
            instances_max: None,
            blocked: Some(run.title),
        })
    }

    fn offers(call: Call, _: Wish, _: Option<String>) -> Result<provider::OffersPage, Error> {
        let run = run(&call, "offers")?;
        Ok(provider::OffersPage {
            items: run.ids.iter().map(|(id, _)| run.offer(id.clone())).collect(),
            next: run.next,
        })
    }

    fn quote(call: Call, _: Order) -> Result<Terms, Error> {
        Ok(Terms { price: run(&call, "quote")?.price(), good_until: None, note: None })
    }

    fn create(call: Call, _: Order, _: Key) -> Result<provider::Outcome, Error> {
        Ok(run(&call, "create")?.outcome())
    }

    fn advance(call: Call, _: Order, _: String) -> Result<provider::Outcome, Error> {
        Ok(run(&call, "advance")?.outcome())
    }

    fn get(call: Call, _: Handle) -> Result<Instance, Error> {
        Ok(run(&call, "get")?.first())
    }

    fn list(call: Call, _: Option<String>) -> Result<provider::InstancesPage, Error> {
        let run = run(&call, "list")?;
        let items = run.ids.iter().map(|(id, tag)| run.instance(id.clone(), tag.clone())).collect();
        Ok(provider::InstancesPage { items, next: run.next })
    }

    fn destroy(call: Call, _: Handle) -> Result<provider::Ending, Error> {
        run(&call, "destroy").map(|_| provider::Ending::Gone)
    }
}

impl keys::Guest for Odd {
    fn ensure(call: Call, _: String) -> Result<String, Error> {
        Ok(run(&call, "ensure")?.ids.first().map(|(id, _)| id.clone()).unwrap_or_default())
    }
}

impl restart::Guest for Odd {
    fn restart(call: Call, _: Handle) -> Result<(), Error> {
        run(&call, "restart").map(drop)
    }
}
