//! The protocol: an MCP server over any byte stream, in both of its eras. It turns what flows return into text and typed
//! answers. It decides nothing, and reaches providers, machines and the ledger through flows only.

mod args;
mod call;
mod changes;
mod flows;
mod opening;
mod render;
mod resources;
mod schema;
mod server;
mod show;
mod text;
mod tools;
mod transfers;

#[cfg(test)]
mod tests;

use crate::flow::{BadSetting, Settings};
use opening::Opening;
use rmcp::{
    RoleServer,
    service::ServerInitializeError,
    transport::{IntoTransport, stdio},
};
use server::Mcp;
use std::time::Duration;

/// Drivers that come inside the binary: file name and component.
pub type Bundled = &'static [(&'static str, &'static [u8])];

/// A create that was asked is written down before this process ends, however late its answer.
const LAST_SENTENCE: Duration = Duration::from_secs(170);

/// Why a session could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the client did not speak MCP: {0}")]
    Opening(String),
    #[error("the session broke off: {0}")]
    Broken(String),
}

/// Serves standard input and output until the client closes them.
pub async fn serve_stdio(settings: Result<Settings, BadSetting>, bundled: Bundled) -> Result<(), ServeError> {
    serve(settings, bundled, stdio()).await
}

/// Serves one client over any byte stream. The ledger is opened behind the first answer; where it cannot be, or the
/// settings are bad, the session stands all the same and every tool says why.
pub async fn serve<T, E, A>(
    settings: Result<Settings, BadSetting>,
    bundled: Bundled,
    transport: T,
) -> Result<(), ServeError>
where
    T: IntoTransport<RoleServer, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let opening = Opening::new(settings, bundled);
    let mcp = Mcp::new(opening.clone());
    let flows = mcp.flows();
    let session = match rmcp::serve_server(mcp, transport).await {
        Ok(session) => session,
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(ServeError::Opening(error.to_string())),
    };
    tokio::spawn(async move {
        if let Err(error) = opening.rooms().await {
            tracing::warn!(error = error.message, "not open; every tool says why");
        }
    });
    let ended = session.waiting().await;
    flows.finish(LAST_SENTENCE).await;
    ended.map(|_| ()).map_err(|error| ServeError::Broken(error.to_string()))
}
