//! What goes on meanwhile, on stderr: a spinner or a bar on a terminal, plain lines elsewhere, each said once.

use crate::flow::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::{IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// One thing that takes a while. Dropped, it leaves no spinner behind.
#[derive(Clone)]
pub(super) struct Waiting {
    /// On a terminal only.
    bar: Option<ProgressBar>,
    said: Arc<Mutex<String>>,
}

impl Waiting {
    pub(super) fn new(what: &str) -> Waiting {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(120));
            bar.set_style(style("{spinner} {msg} ({elapsed})"));
            bar
        });
        let waiting = Waiting { bar, said: Arc::default() };
        waiting.say(what);
        waiting
    }

    pub(super) fn say(&self, what: &str) {
        let what = super::text::one_line(what);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if *said == what {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_message(what.clone()),
            None => drop(writeln!(std::io::stderr(), "... {what}")),
        }
        *said = what;
    }

    /// Shows how much of a copy is done.
    pub(super) fn bytes(&self, done: u64, of: u64) {
        let Some(bar) = &self.bar else { return };
        if bar.length() != Some(of) {
            bar.set_style(style("{spinner} {msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}"));
            bar.set_length(of);
        }
        bar.set_position(done);
    }

    /// Returns what a flow tells its steps to.
    pub(super) fn progress(&self) -> Progress {
        let waiting = self.clone();
        Progress::new(move |text| waiting.say(text))
    }

    pub(super) fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates of this file are well formed")
}
