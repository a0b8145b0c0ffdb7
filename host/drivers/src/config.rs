//! What the owner's side gives to the drivers' room. Nothing here comes from a workspace or an agent.

use crate::audit::Audit;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// Looks a credential up: driver, name in its manifest, environment variables it may stand in.
pub type Credentials = Arc<dyn Fn(&str, &str, &[String]) -> Option<String> + Send + Sync>;

pub struct Config {
    /// Our own state: `drivers.lock`, granted files, compiled code. Made private (0700).
    pub home: PathBuf,
    /// Where strangers' `NAME.wasm` are dropped.
    pub plugins: Option<PathBuf>,
    /// File name and content. Loaded as a stranger's file would be; granted by being bundled.
    pub bundled: &'static [(&'static str, &'static [u8])],
    /// `http://127.0.0.1:PORT`: every endpoint of driver D is then at `{practice}/D` + the path of its base.
    pub practice: Option<String>,
    /// Driver → setting → what the owner wrote.
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
    pub credentials: Credentials,
    /// Hears of what the door refused, and of every request that is not a read.
    pub audit: Arc<dyn Audit>,
    /// The word `{key.name}`: a name of our public key, unique per ledger.
    pub key_name: String,
}
