//! A private folder that is gone when it is dropped.

use crate::flow::FlowError;
use std::{
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(what: &str) -> Result<Scratch, FlowError> {
        let mut bytes = [0_u8; 4];
        getrandom::fill(&mut bytes)
            .map_err(|error| FlowError::failed(format!("no random numbers: {error}"), "try again"))?;
        let path = std::env::temp_dir().join(format!("bursar-{what}-{:08x}", u32::from_ne_bytes(bytes)));
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            let what = format!("{} could not be made: {error}", path.display());
            FlowError::failed(what, "set TMPDIR to a folder of yours with some room")
        })?;
        Ok(Scratch(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "could not be removed");
        }
    }
}
