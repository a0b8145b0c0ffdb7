//! The connection breaks 200 times at bytes that nobody chose: every job starts once, every byte of its output is read once
//! and in order, and its exit code is told once.

use bursar_ssh::{Env, FollowFrom, JobSpec, JobState, Ssh, SshError, Target};

use crate::machine::Machine;
use crate::proxy::{Drawn, Proxy};

const CUTS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_cuts_lose_nothing_and_repeat_nothing() {
    let machine = Machine::start();
    // Met once on a good road, so that its key is pinned.
    machine.run("true").await;
    let mut drawn = Drawn(0x5eed_0b5e_55ed);
    // A quarter breaks during the handshake, the others somewhere later.
    let proxy = Proxy::start(machine.at().port, move || match drawn.next(0, 4) {
        0 => drawn.next(1, 8_000),
        _ => drawn.next(6_000, 160_000),
    });
    let at = Target { port: proxy.port, ..machine.at() };
    let mut job = 0;
    while proxy.cuts() < CUTS {
        job += 1;
        let code = job % 100;
        let name = format!("job{job}");
        let command = format!(
            "echo once >>~/started-{job}\nfor part in 1 2 3 4; do seq -f 'job {job} line %010.0f' $((part * 20000)) $((part * 20000 + 19999)); sleep 0.1; done\n\
             printf 'no line end'; exit {code}"
        );
        start(
            &machine.ssh,
            &at,
            &JobSpec { name: name.clone(), command, workdir: None, save: vec![], env: Env::default() },
        )
        .await;
        let (mut log, mut ends) = (Vec::new(), 0);
        let ended = loop {
            // Each reader knows only how far it came, as a process would that was killed and started anew.
            let from = FollowFrom { offset: log.len() as u64, run: None };
            let reader = Ssh::open(&machine.state(), None).unwrap();
            let stop_after = log.len() + 700_000;
            let take = &mut |piece: &bursar_ssh::LogPiece| {
                assert_eq!(piece.from, log.len() as u64);
                log.extend_from_slice(&piece.bytes);
                ends += usize::from(piece.is_last());
                log.len() < stop_after
            };
            let seen = reader.follow_log(&at, &name, from, take).await.unwrap();
            if ends > 0 {
                break seen;
            }
        };
        assert_eq!((ended.state, ends), (JobState::Exited { code }, 1));
        let lines = (20_000..100_000).map(|n| format!("job {job} line {n:010}\n"));
        let expected: String = lines.chain(["no line end".to_owned()]).collect();
        assert!(log == expected.as_bytes(), "job {job}: {} bytes of {}", log.len(), expected.len());
        let started = std::fs::read_to_string(machine.home().join(format!("started-{job}"))).unwrap();
        assert_eq!(started, "once\n");
    }
    println!("{job} jobs over {} cuts", proxy.cuts());
}

/// Starts it for certain: where even the repeats got lost, whoever starts it again hears that it runs.
async fn start(ssh: &Ssh, at: &Target, spec: &JobSpec) {
    loop {
        match ssh.start_job(at, spec).await {
            Ok(_) | Err(SshError::JobRuns { .. }) => return,
            Err(error) => assert!(error.may_pass(), "{error}"),
        }
    }
}
