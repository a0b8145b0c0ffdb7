//! Ways to use up the host: its time, its memory, its log, its patience.

use crate::{
    bursar::driver::{http::Request, log, types::Error},
    ideas::Resources,
    run::{Asked, Run},
    told,
};
use std::{hint::black_box, net::UdpSocket, time::Duration};

pub fn act(idea: Resources, run: &mut Run) -> Result<(), Error> {
    match idea {
        Resources::ALoop => loop {
            black_box(0);
        },
        Resources::ALoopOfRequests => loop {
            run.send("user");
        },
        Resources::ALoopOfDenials => loop {
            run.give("create", &[("x", "y")]);
        },
        Resources::Recursion => run.last = deep(1).to_string(),
        Resources::Growth => grow(),
        Resources::ManyHandles => handles(run),
        Resources::ATrap => std::process::abort(),
        Resources::AnExit => std::process::exit(0),
        Resources::APanic => panic!("{}", "x".repeat(1 << 20)),
        Resources::ALogFlood => (0..100_000).for_each(|_| log::write(log::Level::Error, "\u{1b}[31mnoise\r\n")),
        Resources::ALogLine => log::write(log::Level::Warn, &"\u{1b}[2J line\r\n".repeat(200_000)),
        Resources::AHundredMegabytes => {
            run.told.title = "x".repeat(if matches!(run.asked, Asked::Account) { 100 << 20 } else { 5 << 20 });
            return run.stop();
        }
        Resources::TenMillionRows => return rows(run),
        Resources::EndlessPages => {
            run.told.next = Some("again".repeat(1_000));
            return run.stop();
        }
        Resources::AnAnswerNestedDeeply => {
            run.send("big");
            run.send("servers");
        }
        Resources::ABodyNestedDeeply => {
            for body in ["[".repeat(250_000), "[".repeat(100_000) + &"]".repeat(100_000), r#"{"a":"#.repeat(40_000)] {
                run.ask(Request { route: "search".into(), values: vec![], address: None, body: Some(body) });
            }
            return run.report();
        }
        Resources::HugeValues => {
            let huge = "x".repeat(1 << 20);
            run.give("echo", &[("text", &huge)]);
            run.give("echo", &[(&huge, "x")]);
            run.send(&huge);
            run.at("status", &huge);
            run.give("echo", &vec![("text", "x"); 10_000]);
            return run.report();
        }
        Resources::MoreThanTwentyRequests => {
            (0..21).for_each(|_| run.send("user"));
            return run.report();
        }
        Resources::ManyLookUps => {
            (0..2).for_each(|_| run.send("big"));
            run.told.ssh = (0..8_000).map(|n| told::ssh(&format!("host-{n}.example"), "root")).collect();
            run.told.ids = (0..8_000).map(|n| (format!("id-{n}"), None)).collect();
            return run.stop();
        }
        Resources::WaitsForEver => std::thread::sleep(Duration::from_secs(1 << 30)),
    }
    run.echo()
}

#[expect(unconditional_recursion, reason = "that is the idea")]
fn deep(n: u64) -> u64 {
    black_box(deep(black_box(n + 1)) + n)
}

fn grow() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1_u8; 1 << 20]);
    }
}

fn handles(run: &mut Run) {
    let held: Vec<_> = (0..5_000).map(|_| UdpSocket::bind("127.0.0.1:0")).collect();
    run.last = format!("{} handles", held.iter().flatten().count());
}

/// Ten million at once, or two thousand on each of endless pages.
fn rows(run: &mut Run) -> Result<(), Error> {
    if run.asked == Asked::Offers {
        run.told.offers = vec!["small/eu".into(); 10_000_000];
    } else if run.asked == Asked::List {
        run.told.ids = (0..2_000).map(|n| (format!("id-{n}"), None)).collect();
        run.told.next = Some("more".into());
    }
    run.stop()
}
