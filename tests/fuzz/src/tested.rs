//! One of each for the whole process: the runtime, and the configuration with the credential.

use crate::{KEY_NAME, secret::TOKEN};
use bursar_drivers::Config;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use tokio::runtime::Runtime;

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime can be made")
}

pub(crate) fn config(home: PathBuf, bundled: &'static [(&'static str, &'static [u8])]) -> Config {
    Config {
        audit: std::sync::Arc::new(()),
        home,
        plugins: None,
        bundled,
        practice: None,
        settings: BTreeMap::new(),
        credentials: Arc::new(|_, _, _| Some(TOKEN.to_owned())),
        key_name: KEY_NAME.to_owned(),
    }
}
