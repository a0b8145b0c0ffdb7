//! `bursar mcp`: hands stdin and stdout to the protocol room. It opens nothing itself, so that the first answer is quick.

use super::{Done, exit::Code};
use crate::{flow::FlowError, settings::Settings};

pub(super) async fn mcp() -> Done {
    let served = crate::mcp::serve_stdio(Settings::read(), crate::bundled::DRIVERS).await;
    served.map(|()| Code::Done).map_err(|error| {
        let hint = "it is started by an agent's client, as the README shows; in a terminal try `bursar doctor`";
        FlowError::failed(error.to_string(), hint)
    })
}
