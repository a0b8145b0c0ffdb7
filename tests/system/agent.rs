//! An MCP client over stdio, as an agent's program would be: it starts the server, calls tools, and may kill it.

use crate::world::World;
use rmcp::{
    ClientServiceExt, RoleClient,
    model::{CallToolRequestParams, ProtocolVersion},
    service::{ClientLifecycleMode, RunningService},
};
use serde_json::Value;
use std::{
    process::Stdio,
    time::{Duration, Instant},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    Legacy,
    Modern,
}

pub struct Agent {
    client: RunningService<RoleClient, ()>,
    server: tokio::process::Child,
}

/// A tool's answer: the structured content, whether it is an error, and the text.
#[derive(Debug, Clone)]
pub struct Answer {
    pub content: Value,
    pub is_error: bool,
    pub text: String,
}

impl Agent {
    pub async fn start(world: &World, era: Era) -> Agent {
        let mut command = tokio::process::Command::from(world.bursar(&["mcp"]));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut server = command.spawn().unwrap();
        let transport = (server.stdout.take().unwrap(), server.stdin.take().unwrap());
        let mode = match era {
            Era::Legacy => ClientLifecycleMode::Initialize,
            Era::Modern => ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
        };
        let client = ().serve_with_lifecycle(transport, mode).await.unwrap();
        Agent { client, server }
    }

    pub async fn call(&self, tool: &str, arguments: Value) -> Answer {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.as_object().unwrap().clone());
        let result = self.client.call_tool(params).await.unwrap_or_else(|error| panic!("{tool}: {error}"));
        let texts: Vec<String> = result.content.iter().filter_map(|c| Some(c.as_text()?.text.clone())).collect();
        Answer {
            content: result.structured_content.unwrap_or_default(),
            is_error: result.is_error.unwrap_or(false),
            text: texts.join("\n"),
        }
    }

    /// Calls a tool that must succeed.
    pub async fn get(&self, tool: &str, arguments: Value) -> Value {
        let answer = self.call(tool, arguments).await;
        assert!(!answer.is_error, "{tool}: {}", answer.text);
        answer.content
    }

    /// Calls a tool until its answer is as wanted.
    pub async fn until(&self, tool: &str, arguments: Value, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let answer = self.get(tool, arguments.clone()).await;
            if wanted(&answer) {
                return answer;
            }
            assert!(began.elapsed() < limit, "{tool} stays {answer:#}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    pub fn pid(&self) -> i32 {
        self.server.id().unwrap().try_into().unwrap()
    }

    /// Ends the server the hard way.
    pub async fn kill(mut self) {
        self.server.start_kill().unwrap();
        self.server.wait().await.unwrap();
    }
}
