//! Looking at drivers, and letting one in: for the owner, in a terminal. Nothing here calls a provider.

use super::{FlowError, Rooms};
use bursar_drivers::{Inspection, Listed};
use std::path::{Path, PathBuf};

impl Rooms {
    /// Returns where every driver stands. Compiles what was never seen before.
    pub async fn list_drivers(&self) -> Result<Vec<Listed>, FlowError> {
        let drivers = self.drivers.clone();
        let listed = tokio::task::spawn_blocking(move || drivers.list()).await;
        listed.map_err(|error| FlowError::failed(format!("the drivers could not be looked at: {error}"), "try again"))
    }

    /// Says what a file is, or a driver by its name, and what it asks for. Nothing is granted by it.
    pub async fn inspect_driver(&self, file_or_name: &Path) -> Result<Inspection, FlowError> {
        let bytes = match self.bundled(file_or_name) {
            Some(bytes) => bytes.to_vec(),
            None => self.read(file_or_name)?,
        };
        self.drivers.inspect(&bytes).await.map_err(|error| {
            let what = format!("{} is no driver that could be let in: {error}", file_or_name.display());
            FlowError::refused(what, "a driver is a component of the world `bursar:driver`, built for this version")
        })
    }

    /// Lets in a dropped driver as it lies there now.
    pub async fn allow_driver(&self, name: &str) -> Result<(), FlowError> {
        if self.bundled(Path::new(name)).is_some() {
            return Err(FlowError::refused(
                format!("`{name}` comes with this binary and serves without your word"),
                "drop a file into the plugins folder first, if you want another one in its place",
            ));
        }
        let (drivers, name) = (self.drivers.clone(), name.to_owned());
        let allowed = tokio::task::spawn_blocking(move || drivers.allow(&name)).await;
        Ok(allowed.map_err(|error| FlowError::failed(format!("it could not be let in: {error}"), "try again"))??)
    }

    /// A file of that name in the folder of drivers, or at that path, goes before what is inside the binary.
    fn bundled(&self, name: &Path) -> Option<&'static [u8]> {
        let file = PathBuf::from(format!("{}.wasm", name.display()));
        let dropped = name.is_file() || self.settings.plugins.join(&file).is_file();
        let inside = self.bundled.iter().find(|(known, _)| Path::new(known) == file);
        inside.filter(|_| !dropped).map(|(_, bytes)| *bytes)
    }

    fn read(&self, file_or_name: &Path) -> Result<Vec<u8>, FlowError> {
        let dropped = self.settings.plugins.join(format!("{}.wasm", file_or_name.display()));
        let path = if file_or_name.is_file() { file_or_name } else { &dropped };
        std::fs::read(path).map_err(|error| {
            let what =
                format!("{} is no driver of this bursar and no file that can be read: {error}", file_or_name.display());
            FlowError::refused(what, "name a .wasm file, or a driver that `bursar driver list` shows")
        })
    }
}
