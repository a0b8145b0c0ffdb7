//! Calls about one instance. A release is written by the host for the id it saw itself; where the driver fails, the host
//! sends the end on its own.

use crate::{
    bindings::provider,
    call::{At, Call, ask},
    convert,
    driver::Driver,
    error::{CallError, CallErrorKind},
    record::Left,
    template::CallKind,
};
use bursar_core::{
    instance::{Handle, View},
    money::Usd,
};

/// What asking for an end came to.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The provider accepted it at the door, or said that the instance had ended. It may still take a while.
    pub accepted: bool,
    /// The host sent the request that counted, without the driver.
    pub by_host: bool,
    pub result: Result<(), CallError>,
    /// The driver's new note on the instance.
    pub memo: Option<String>,
}

/// What asking to run again came to.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// The request that costs, as the door saw it.
    pub left: Left,
    pub result: Result<(), CallError>,
}

impl Driver {
    pub async fn get(&self, at: &At, handle: &Handle) -> Result<View, CallError> {
        Ok(self.get_seen(at, handle).await?.0)
    }

    /// Returns the view, and the rate if the host itself read one.
    pub async fn get_seen(&self, at: &At, handle: &Handle) -> Result<(View, Option<Usd>), CallError> {
        let call = self.about(CallKind::Get, at, handle).await?;
        let named = convert::to_handle(handle);
        let told = ask!(call, provider.call_get(&named)).await?;
        let view = self.view(&call, told)?;
        match view.handle.id == handle.id {
            true => {
                let rate = call.record().row(&handle.id).and_then(|row| row.rate);
                Ok((view, rate))
            }
            false => Err(call.failed(format!("asked for {}, its driver answered for {}", handle.id, view.handle.id))),
        }
    }

    /// Asks for the end through the driver; if the provider accepted none at the door, the host asks on its own.
    pub async fn destroy(&self, at: &At, handle: &Handle) -> Ended {
        let call = match self.about(CallKind::Destroy, at, handle).await {
            Ok(call) => call,
            Err(error) => return Ended { accepted: false, by_host: false, result: Err(error), memo: None },
        };
        let named = convert::to_handle(handle);
        let told = ask!(call, provider.call_destroy(&named)).await;
        let (accepted, answered) = {
            let record = call.record();
            (record.end_accepted, record.destroy_answered)
        };
        match (accepted, answered, told) {
            (true, _, told) => Ended { accepted, by_host: false, result: Ok(()), memo: told.ok().and_then(memo) },
            (false, true, Ok(_)) => {
                let result = Err(call.failed("it answered, and the answer accepts no end; ask again"));
                Ended { accepted, by_host: false, result, memo: None }
            }
            (false, true, Err(error)) => Ended { accepted, by_host: false, result: Err(error), memo: None },
            (false, false, told) => {
                let why = told.err().map_or("it sent no end".to_owned(), |error| error.to_string());
                tracing::warn!(
                    driver = self.name(),
                    instance = handle.id,
                    why,
                    "the host sends the end without the driver"
                );
                self.ended_by_host(&call).await
            }
        }
    }

    /// Asks for the end without the driver: also when it is gone, refused or replaced.
    pub async fn destroy_by_host(&self, at: &At, handle: &Handle) -> Ended {
        match self.about(CallKind::Destroy, at, handle).await {
            Ok(call) => self.ended_by_host(&call).await,
            Err(error) => Ended { accepted: false, by_host: true, result: Err(error), memo: None },
        }
    }

    async fn ended_by_host(&self, call: &Call<'_>) -> Ended {
        let sent = call.send("destroy").await;
        let accepted = call.record().end_accepted;
        let result = match (accepted, sent) {
            (true, _) => Ok(()),
            (false, Err(error)) => Err(error),
            (false, Ok(reply)) => Err(call.fail(match reply.status {
                401 | 403 => CallErrorKind::Unauthorized(format!("`destroy` answered {}", reply.status)),
                429 => CallErrorKind::RateLimited(reply.retry_after_secs),
                status => {
                    CallErrorKind::Failed(format!("`destroy` answered {status}, which accepts no end; ask again"))
                }
            })),
        };
        Ended { accepted, by_host: true, result, memo: None }
    }

    pub async fn restart(&self, at: &At, handle: &Handle) -> Result<(), CallError> {
        self.needs(CallKind::Restart, self.capabilities().restart)?;
        let call = self.about(CallKind::Restart, at, handle).await?;
        let named = convert::to_handle(handle);
        ask!(call, restart.call_restart(&named)).await
    }

    pub async fn pause(&self, at: &At, handle: &Handle) -> Result<(), CallError> {
        self.needs(CallKind::Pause, self.capabilities().pause)?;
        let call = self.about(CallKind::Pause, at, handle).await?;
        let named = convert::to_handle(handle);
        ask!(call, pause.call_pause(&named)).await
    }

    /// Lets a paused instance run again: at most one request that costs. The hold must be on disk.
    pub async fn resume(&self, at: &At, handle: &Handle) -> Resumed {
        let never = |error| Resumed { left: Left::Nothing, result: Err(error) };
        if let Err(error) = self.needs(CallKind::Resume, self.capabilities().pause) {
            return never(error);
        }
        let call = match self.about(CallKind::Resume, at, handle).await {
            Ok(call) => call,
            Err(error) => return never(error),
        };
        let named = convert::to_handle(handle);
        let told = ask!(call, pause.call_resume(&named)).await;
        let left = call.record().left();
        let result = match (&left, told) {
            (Left::Nothing, Ok(())) => Err(call.failed("its driver speaks of a resume, but none left the host")),
            (Left::Refused { status, text }, _) => {
                Err(call.fail(CallErrorKind::Refused(format!("it answered {status}: {text}"))))
            }
            (_, told) => told,
        };
        Resumed { left, result }
    }

    async fn about(&self, kind: CallKind, at: &At, handle: &Handle) -> Result<Call<'_>, CallError> {
        self.begin(kind, at, |words| words.instance(handle.id.as_str())).await
    }
}

fn memo(ending: provider::Ending) -> Option<String> {
    match ending {
        provider::Ending::Gone => None,
        provider::Ending::Going(memo) => convert::memo(memo).ok(),
    }
}
