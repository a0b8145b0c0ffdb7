//! The scheme `aleph-message`: the template's JSON becomes the content of an envelope, whose hash the account signs. The hash
//! is the id of what is made, known before anything leaves.

use super::{Key, ascii_json, key::hex};
use sha2::{Digest, Sha256};

const CHAIN: &str = "ETH";
const CHANNEL: &str = "ALEPH-CLOUDSOLUTIONS";

/// One signed message.
pub(crate) struct Message {
    envelope: String,
    pub(crate) item_hash: String,
}

impl Message {
    /// Returns the body of the request; in `sync` it is answered once it was judged.
    pub(crate) fn body(&self, sync: bool) -> String {
        format!("{{\"sync\": {sync}, \"message\": {}}}", self.envelope)
    }
}

/// Signs a content, serialised once: these bytes are hashed, and these are sent. `time` is that of the envelope, which no
/// signature covers.
pub(crate) fn message(key: &Key, kind: &str, content: &str, time: &str) -> Message {
    let item_hash = hex(&Sha256::digest(content.as_bytes()));
    let sender = key.address();
    let signature = key.sign(buffer(sender, kind, &item_hash).as_bytes());
    let envelope = format!(
        "{{\"chain\": \"{CHAIN}\", \"sender\": \"{sender}\", \"type\": {}, \
         \"channel\": \"{CHANNEL}\", \"signature\": \"{signature}\", \"time\": {time}, \"item_type\": \"inline\", \
         \"item_content\": {}, \"item_hash\": \"{item_hash}\"}}",
        ascii_json(kind),
        ascii_json(content),
    );
    Message { envelope, item_hash }
}

/// What the signature covers: neither time nor channel.
pub(super) fn buffer(sender: &str, kind: &str, item_hash: &str) -> String {
    format!("{CHAIN}\n{sender}\n{kind}\n{item_hash}")
}
