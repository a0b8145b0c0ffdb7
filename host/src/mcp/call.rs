//! One call of a tool: the rooms, who is told how it goes on, and how long one waits for work that goes on without us.

use super::{flows::Flows, render::ToolError, transfers::Transfers};
use crate::flow::{FlowError, LOCAL_PRINCIPAL, Progress, Rooms};
use rmcp::{
    RoleServer,
    model::{ProgressNotificationParam, ProgressToken},
    service::{Peer, RequestContext},
};
use std::time::Duration;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};

/// A call that waits for work answers by then, and says how to ask about the rest.
pub(super) const WAIT: Duration = Duration::from_secs(38);
/// No call takes longer. Work that was handed over goes on.
pub(super) const LONGEST: Duration = Duration::from_secs(44);
/// A client that asked for progress hears something at least this often.
const REPEAT: Duration = Duration::from_secs(10);

pub(super) struct Call {
    pub rooms: Rooms,
    pub flows: Flows,
    pub transfers: Transfers,
    pub begun: Instant,
    reporter: Reporter,
}

/// How far some work is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum News {
    Words(String),
    Bytes { done: u64, total: u64 },
}

struct Reporter {
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
}

impl Call {
    pub(super) fn new(rooms: Rooms, flows: Flows, transfers: Transfers, context: &RequestContext<RoleServer>) -> Call {
        let reporter = Reporter { peer: context.peer.clone(), token: context.meta.get_progress_token() };
        Call { rooms, flows, transfers, begun: Instant::now(), reporter }
    }

    /// The one whose instances this session sees.
    pub(super) fn principal(&self) -> &'static str {
        LOCAL_PRINCIPAL
    }

    /// When a call that waits should answer.
    pub(super) fn answer_by(&self) -> Instant {
        self.begun + WAIT
    }

    /// Waits for a flow that goes on whatever happens here; returns nothing where it is not finished in time.
    pub(super) async fn wait<T>(
        &self,
        flow: &mut JoinHandle<Result<T, FlowError>>,
        mut news: watch::Receiver<News>,
    ) -> Option<Result<T, ToolError>> {
        let mut step = 0.0;
        let mut listening = true;
        loop {
            let changed = async {
                match listening {
                    true => news.changed().await.is_ok(),
                    false => std::future::pending().await,
                }
            };
            tokio::select! {
                ended = &mut *flow => return Some(self.ended(ended)),
                () = sleep_until(self.answer_by()) => return None,
                more = changed => listening = more,
                () = sleep(REPEAT) => {}
            }
            step += 1.0;
            let latest = news.borrow_and_update().clone();
            self.tell(step, &latest).await;
        }
    }

    fn ended<T>(&self, ended: Result<Result<T, FlowError>, tokio::task::JoinError>) -> Result<T, ToolError> {
        match ended {
            Ok(result) => Ok(result?),
            Err(broke) => {
                tracing::error!(%broke, "a flow broke down");
                let hint = "what it reserved stays held and is settled by the watch; see list_instances";
                Err(ToolError { kind: "in_doubt", ..ToolError::failed("a flow of bursar broke down", hint) })
            }
        }
    }

    /// Tells the client how far the work is, if it asked to know. `step` grows with every message.
    pub(super) async fn tell(&self, step: f64, news: &News) {
        let Some(token) = &self.reporter.token else { return };
        let param = ProgressNotificationParam::new(token.clone(), step);
        let param = match news {
            News::Words(words) => param.with_message(super::text::line(words)),
            News::Bytes { done, total } => {
                let message = format!("{} of {}", super::text::size(*done), super::text::size(*total));
                param.with_message(message)
            }
        };
        if let Err(error) = self.reporter.peer.notify_progress(param).await {
            tracing::debug!(%error, "progress could not be told");
        }
    }
}

/// Returns a listener for words, and where a flow says them.
pub(super) fn words(first: &str) -> (watch::Receiver<News>, Progress) {
    let (teller, news) = watch::channel(News::Words(first.to_owned()));
    let progress = Progress::new(move |text| {
        teller.send_if_modified(|last| {
            let new = News::Words(text.to_owned());
            let changed = *last != new;
            *last = new;
            changed
        });
    });
    (news, progress)
}
