//! The tools: name, words, hints, shapes and what each does, in one list. A tool's schemas come from the types it takes
//! and gives.

mod extend;
mod http;
mod instances;
mod jobs;
mod market;
mod money;
mod remote;
mod rent;

use super::{
    call::Call,
    render::{Answer, Said, ToolError},
    schema,
};
use futures::future::BoxFuture;
use rmcp::{
    model::{JsonObject, Tool as Listed, ToolAnnotations},
    schemars::JsonSchema,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{future::Future, sync::LazyLock};

/// What a tool does to the world, as clients are told.
#[derive(Debug, Clone, Copy)]
struct Hints {
    reads_only: bool,
    destroys: bool,
    repeats: bool,
    outside: bool,
}

/// Asks providers or machines and changes nothing.
const LOOKS_OUT: Hints = Hints { reads_only: true, destroys: false, repeats: true, outside: true };
/// Reads our own book.
const LOOKS_IN: Hints = Hints { outside: false, ..LOOKS_OUT };
/// Adds something; asked again with the same arguments, it adds nothing.
const ADDS: Hints = Hints { reads_only: false, ..LOOKS_OUT };
/// May replace or end something; asked again, it does nothing more.
const ENDS: Hints = Hints { destroys: true, ..ADDS };
/// May do anything on a machine, each time anew.
const ACTS: Hints = Hints { repeats: false, ..ENDS };

type Run = Box<dyn Fn(Call, JsonObject) -> BoxFuture<'static, Result<Said, ToolError>> + Send + Sync>;

pub(super) struct Tool {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    hints: Hints,
    input: fn() -> JsonObject,
    output: fn() -> JsonObject,
    run: Run,
}

impl Tool {
    fn new<A, O, F, R>(name: &'static str, title: &'static str, about: &'static str, hints: Hints, run: F) -> Tool
    where
        A: DeserializeOwned + JsonSchema,
        O: Serialize + JsonSchema + 'static,
        F: Fn(Call, A) -> R + Copy + Send + Sync + 'static,
        R: Future<Output = Result<Answer<O>, ToolError>> + Send + 'static,
    {
        let run = move |call: Call, args: JsonObject| -> BoxFuture<'static, Result<Said, ToolError>> {
            match serde_json::from_value::<A>(Value::Object(args)) {
                Err(error) => Box::pin(std::future::ready(Err(unreadable(name, &error)))),
                Ok(args) => Box::pin(said(run(call, args))),
            }
        };
        Tool { name, title, about, hints, input: schema::input::<A>, output: schema::output::<O>, run: Box::new(run) }
    }

    pub(super) async fn run(&self, call: Call, args: JsonObject) -> Result<Said, ToolError> {
        (self.run)(call, args).await
    }

    fn listed(&self) -> Listed {
        let Hints { reads_only, destroys, repeats, outside } = self.hints;
        let hints =
            ToolAnnotations::new().read_only(reads_only).destructive(destroys).idempotent(repeats).open_world(outside);
        Listed::new(self.name, self.about, (self.input)())
            .with_title(self.title)
            .with_raw_output_schema((self.output)().into())
            .with_annotations(hints)
    }
}

async fn said<O: Serialize>(run: impl Future<Output = Result<Answer<O>, ToolError>>) -> Result<Said, ToolError> {
    let Answer { text, data } = run.await?;
    let data = serde_json::to_value(data)
        .map_err(|error| ToolError::failed(format!("the answer could not be written: {error}"), "report this"))?;
    Ok(Said { text, data })
}

fn unreadable(tool: &str, error: &serde_json::Error) -> ToolError {
    let why = super::text::bounded(&error.to_string());
    ToolError::refused(
        format!("the arguments of {tool} cannot be taken: {why}"),
        "nothing was done; mend them and call again",
    )
}

/// Arguments of a tool that takes none.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
struct Nothing {}

static ALL: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let mut all = Vec::new();
    all.extend(market::tools());
    all.push(rent::tool());
    all.push(extend::tool());
    all.extend(instances::tools());
    all.extend(remote::tools());
    all.push(http::tool());
    all.extend(jobs::tools());
    all.extend(money::tools());
    all
});

pub(super) fn find(name: &str) -> Option<&'static Tool> {
    ALL.iter().find(|tool| tool.name == name)
}

/// Returns all tools as clients list them, in the order of a loop through them.
pub(super) fn list() -> Vec<Listed> {
    static LIST: LazyLock<Vec<Listed>> = LazyLock::new(|| ALL.iter().map(Tool::listed).collect());
    LIST.clone()
}
