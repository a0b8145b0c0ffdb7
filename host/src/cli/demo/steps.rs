//! The steps of the demo, in their order. Each shows what it found; one that does not find what it must fails the demo.

use super::Walk;
use crate::{
    cli::{logs, offers, progress::Waiting, spending, up},
    flow::{CreateInstance, Env, FlowError, JobRead, JobSpec, LOCAL_PRINCIPAL, Source, Wanted},
};
use bursar_core::{
    instance::{InstanceId, Stage},
    job::JobState,
    money::Usd,
    offer::{Offer, Wish},
};
use std::{path::Path, time::Duration};

const NAME: &str = "trainer";
const SCRIPT: &str = include_str!("train.sh");
const HOUR: u64 = 3_600;

/// The machine that was rented.
pub(super) struct Stay {
    pub(super) id: InstanceId,
    pub(super) name: String,
}

fn unexpected(what: impl Into<String>) -> FlowError {
    FlowError::failed(
        what,
        "this is a fault of bursar: please report it with the output of `BURSAR_LOG=debug bursar demo`",
    )
}

fn shown(offer: &Offer) -> String {
    format!("{}:{}", offer.provider, offer.id)
}

fn order(offer: &Offer) -> CreateInstance {
    CreateInstance {
        principal: LOCAL_PRINCIPAL.to_owned(),
        name: NAME.to_owned(),
        wanted: Wanted::Offer { provider: offer.provider.clone(), id: offer.id.clone() },
        image: None,
        nodes: 1,
        length_secs: Some(2 * HOUR),
        ssh_keys: vec![],
        max_per_hour: None,
    }
}

impl Walk<'_> {
    /// Returns the cheapest GPU, and one that is dearer than the limits allow.
    pub(super) async fn find_offers(&mut self) -> Result<(Offer, Offer), FlowError> {
        self.step(
            "Find a GPU",
            "Every provider is asked at once; the cheapest in stock comes first.",
            "bursar offers --gpus 1",
        )
        .await;
        let wish = Wish { gpus_min: 1, ..Wish::default() };
        let waiting = Waiting::new("asking the providers (the very first time its driver is compiled)");
        let found = self.rooms.find_offers(None, &wish).await;
        waiting.done();
        let found = found?;
        let limits = self.rooms.limits().await?;
        let in_stock: Vec<&Offer> = found.offers.iter().filter(|offer| offer.in_stock != Some(false)).collect();
        let dear = in_stock.iter().find(|offer| offer.price.per_hour > limits.max_price_per_hour);
        let (Some(cheap), Some(dear)) = (in_stock.first(), dear) else {
            return Err(unexpected("the imitated market has no cheap and no dear GPU"));
        };
        // One line per price is enough to see the market.
        let mut seen = vec![];
        let rows: Vec<&Offer> = in_stock
            .iter()
            .filter(|offer| {
                !seen.contains(&offer.price.per_hour) && {
                    seen.push(offer.price.per_hour);
                    true
                }
            })
            .copied()
            .collect();
        self.show(&offers::in_table(&rows));
        Ok(((*cheap).clone(), (*dear).clone()))
    }

    pub(super) async fn quote(&mut self, offer: &Offer) -> Result<(), FlowError> {
        let why = "The price of the exact order, as this provider really bills it, its end included.";
        self.step("Ask what it costs", why, &format!("bursar up {NAME} --offer {} --for 2h --dry-run", shown(offer)))
            .await;
        let fit = self.rooms.check_order(&order(offer)).await?;
        let quote = fit.quote.ok_or_else(|| unexpected("there is no quote"))?;
        self.show(&up::quote_in_words(&quote));
        match fit.refusal {
            Some(refusal) => Err(refusal.into()),
            None => Ok(()),
        }
    }

    pub(super) async fn be_refused(&mut self, offer: &Offer) -> Result<(), FlowError> {
        let why =
            "An agent wants a bigger one. The owner's limits refuse it, before anybody is asked to make anything.";
        self.step("Meet a limit", why, &format!("bursar up {NAME} --offer {} --for 2h", shown(offer))).await;
        let fit = self.rooms.check_order(&order(offer)).await?;
        let refusal = up::refusal_in_words(&fit).ok_or_else(|| unexpected("a dear machine was not refused"))?;
        self.show(&refusal);
        Ok(())
    }

    pub(super) async fn rent(&mut self, offer: &Offer) -> Result<Stay, FlowError> {
        let why =
            "Its cost is held in the ledger, on disk, before the provider is asked. Then it is made ready over SSH.";
        self.step("Rent the small one", why, &format!("bursar up {NAME} --offer {} --for 2h", shown(offer))).await;
        let waiting = Waiting::new("asking the provider");
        let (rooms, progress, ask) = (self.rooms.clone(), waiting.progress(), order(offer));
        let task = tokio::spawn(async move {
            let made = rooms.create_instance(ask).await?.instance;
            progress.tell("made; waiting for its address");
            rooms.make_ready(&made.id, &progress).await
        });
        let ready = task.await.map_err(|error| unexpected(format!("the order broke down: {error}")));
        waiting.done();
        let ready = ready??;
        if ready.stage != Stage::Ready {
            return Err(unexpected(format!("`{NAME}` did not become ready: {}", ready.note.unwrap_or_default())));
        }
        let held = self.rooms.get_spending().await?.totals.held;
        let address = ready.ssh.as_ref().map(|ssh| ssh.host.clone()).unwrap_or_default();
        self.show(&format!(
            "`{}` is ready at {address}: SSH answers, it is set up, nvidia-smi works; {held} USD are held",
            ready.name
        ));
        Ok(Stay { id: ready.id, name: ready.name })
    }

    /// Uploads, runs, follows and fetches.
    pub(super) async fn work(&mut self, name: &str, work: &Path) -> Result<(), FlowError> {
        self.upload(name, work).await?;
        self.train(name).await?;
        self.download(name).await
    }

    async fn upload(&mut self, name: &str, work: &Path) -> Result<(), FlowError> {
        let why = "A small training script goes there. Agents send files from one folder only, the workspace.";
        self.step("Send the work", why, "upload_file train.sh (a tool of bursar mcp)").await;
        let written = std::fs::create_dir_all(work).and_then(|()| std::fs::write(work.join("train.sh"), SCRIPT));
        written.map_err(|error| {
            FlowError::failed(format!("train.sh could not be written: {error}"), "see that the disk has room")
        })?;
        let source = Source::File("train.sh".to_owned());
        let waiting = Waiting::new("sending train.sh");
        let mut progress = |done, of| waiting.bytes(done, of);
        let copied = self.rooms.upload_file(LOCAL_PRINCIPAL, name, source, "train.sh", &mut progress).await;
        waiting.done();
        let copied = copied?;
        let checked = if copied.checked { "arrived unchanged (SHA-256)" } else { "were sent" };
        self.show(&format!("train.sh: {} bytes {checked}", copied.bytes));
        Ok(())
    }

    async fn train(&mut self, name: &str) -> Result<(), FlowError> {
        let why = "A job outlives every connection, and this program too. Its output is read while it runs.";
        self.step("Run it", why, &format!("bursar run {name} --job train -- sh train.sh; bursar logs {name} train -f"))
            .await;
        let job = JobSpec {
            name: "train".to_owned(),
            command: "sh train.sh".to_owned(),
            workdir: None,
            save: vec![],
            env: Env::default(),
        };
        self.rooms.start_job(LOCAL_PRINCIPAL, name, &job).await?;
        let from_start = JobRead { tail_lines: 0, from_offset: Some(0), max_bytes: 64 * 1024 };
        let begun = self.rooms.get_job(LOCAL_PRINCIPAL, name, "train", &from_start).await?;
        let print = |text: &str| {
            if !text.is_empty() {
                self.show(text)
            }
        };
        print(&begun.job.log);
        let ended = logs::follow(&self.rooms, name, &begun.job, print).await?;
        match ended.state {
            JobState::Exited { code: 0 } => Ok(()),
            other => Err(unexpected(format!("the training ended as: {other}"))),
        }
    }

    async fn download(&mut self, name: &str) -> Result<(), FlowError> {
        self.step(
            "Fetch the result",
            "What was learned comes home.",
            "download_file model.json (a tool of bursar mcp)",
        )
        .await;
        let waiting = Waiting::new("receiving model.json");
        let mut progress = |done, of| waiting.bytes(done, of);
        let local = self.rooms.download_file(LOCAL_PRINCIPAL, name, "model.json", "model.json", &mut progress).await;
        waiting.done();
        let read = std::fs::read_to_string(local?.local_path.unwrap_or_default());
        let model = read.map_err(|error| unexpected(format!("the result cannot be read: {error}")))?;
        if !model.contains("\"w\": 3.0") && !model.contains("\"w\": 2.9") {
            return Err(unexpected(format!("the training learned something else: {model}")));
        }
        self.show(&format!("model.json: {}  (the truth was w = 3, b = 2)", model.trim()));
        Ok(())
    }

    pub(super) async fn end(&mut self, id: &InstanceId) -> Result<(), FlowError> {
        let why = "An end counts when two complete lists of the account are without it, not when somebody says so.";
        self.step("Give it back", why, &format!("bursar down {NAME}")).await;
        let waiting = Waiting::new("ending it");
        let stopped = self.rooms.stop_instance(id, "the demo is over", Duration::from_secs(30)).await;
        waiting.done();
        let stopped = stopped?;
        self.show(&stopped.in_words());
        if stopped.is_gone() { Ok(()) } else { Err(unexpected("the machine was not seen to be gone within 30 s")) }
    }

    pub(super) async fn count(&mut self, id: &InstanceId) -> Result<Usd, FlowError> {
        self.step(
            "See what it cost",
            "The ledger only grows; holds become charges or are released.",
            "bursar spending --entries 10",
        )
        .await;
        let mut entries = self.rooms.entries(Some(id), 10).await?;
        entries.reverse();
        let names = spending::names(&self.rooms, &entries).await?;
        self.show(&spending::entries_in_table(&entries, &names));
        let totals = self.rooms.get_spending().await?.totals;
        if totals.held != Usd::ZERO {
            return Err(unexpected(format!("{} USD are still held", totals.held)));
        }
        Ok(totals.charged)
    }

    /// Asks the imitation itself, which knows what lives whatever the ledger believes.
    pub(super) fn check_nothing_is_left(&self, cost: Usd) -> Result<(), FlowError> {
        let truth = self.practice.state();
        let servers = truth["servers"].as_array().cloned().unwrap_or_default();
        let alive = servers.iter().filter(|server| server["alive"] == true).count();
        let charged = Usd(servers.iter().filter_map(|server| server["charged_micros"].as_i64()).sum());
        self.out.line("");
        self.show(&format!(
            "the provider's own truth: {} made, {alive} alive; it charged {charged} USD, our ledger {cost} USD",
            servers.len()
        ));
        match (servers.len(), alive) {
            (1, 0) if charged <= cost => Ok(()),
            (made, alive) => {
                Err(unexpected(format!("{made} were made, {alive} live, {charged} USD against {cost} USD")))
            }
        }
    }
}
