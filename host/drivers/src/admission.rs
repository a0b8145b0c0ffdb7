//! What a file must be before anything in it is compiled: a plain file of ours, not too large, a component, and one
//! that imports nothing but what the sandbox links. It never runs a line of the driver.

use crate::{authority, cache::hex};
use sha2::{Digest, Sha256};
use std::{
    fmt, fs,
    io::Read,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};
use wasmparser::{Encoding, Parser, Payload};

pub(crate) const FILE_MAX: u64 = 32 << 20;
/// Linux: do not follow a symlink in the last part; do not wait for a pipe.
const O_NOFOLLOW_NONBLOCK: i32 = if cfg!(target_os = "macos") { 0x100 | 0x4 } else { 0o400_000 | 0o4_000 };

/// Why a file is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    #[error("it is {0}, not a plain file; copy the driver itself into the folder")]
    NotAFile(&'static str),
    #[error("it belongs to another user (uid {file}, expected {ours}); copy it as yourself")]
    ForeignOwner { file: u32, ours: u32 },
    #[error("it has {bytes} bytes, at most {FILE_MAX} are taken")]
    TooLarge { bytes: u64 },
    #[error("it is native code compiled elsewhere, which cannot be checked; drop the .wasm it was made from")]
    Precompiled,
    #[error("it is not WebAssembly")]
    NotWasm,
    #[error("it is a core module, not a component; build it for wasm32-wasip2")]
    CoreModule,
    #[error("it is damaged: {0}")]
    Damaged(String),
    #[error("it imports {}, which no driver is given; only bursar:driver@0.1 and the WASI 0.2 that runtimes drag in are there", Quoted(.0))]
    Imports(Vec<String>),
    #[error("it does not export bursar:driver/provider@0.1, so it is no driver; build it against this version's sdk")]
    NoProvider,
}

/// What a component says of itself before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

/// Reads a dropped file. `owner` is whose files are taken: the owner of our own folder.
pub(crate) fn read(path: &Path, owner: u32) -> Result<Vec<u8>, NotAdmitted> {
    let unreadable = |e: std::io::Error| NotAdmitted::Unreadable(e.to_string());
    if path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("cwasm")) {
        return Err(NotAdmitted::Precompiled);
    }
    let seen = fs::symlink_metadata(path).map_err(unreadable)?;
    plain(&seen)?;
    let file = fs::OpenOptions::new().read(true).custom_flags(O_NOFOLLOW_NONBLOCK).open(path).map_err(unreadable)?;
    // Judged again on what is open, so that a swap in between changes nothing.
    let meta = file.metadata().map_err(unreadable)?;
    plain(&meta)?;
    if meta.uid() != owner && meta.uid() != 0 {
        return Err(NotAdmitted::ForeignOwner { file: meta.uid(), ours: owner });
    }
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match bytes.len() as u64 > FILE_MAX {
        true => Err(NotAdmitted::TooLarge { bytes: meta.len() }),
        false => Ok(bytes),
    }
}

fn plain(meta: &fs::Metadata) -> Result<(), NotAdmitted> {
    let kind = meta.file_type();
    if kind.is_symlink() {
        return Err(NotAdmitted::NotAFile("a symlink"));
    }
    if kind.is_dir() {
        return Err(NotAdmitted::NotAFile("a folder"));
    }
    if !kind.is_file() {
        return Err(NotAdmitted::NotAFile("a pipe, socket or device"));
    }
    if meta.len() > FILE_MAX {
        return Err(NotAdmitted::TooLarge { bytes: meta.len() });
    }
    Ok(())
}

/// Checks header and imports. What passes may be compiled.
pub(crate) fn audit(bytes: &[u8]) -> Result<Shape, NotAdmitted> {
    if bytes.len() as u64 > FILE_MAX {
        return Err(NotAdmitted::TooLarge { bytes: bytes.len() as u64 });
    }
    if bytes.starts_with(b"\x7fELF") {
        return Err(NotAdmitted::Precompiled);
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(NotAdmitted::NotWasm);
    }
    let shape = shape(bytes)?;
    let foreign: Vec<String> = shape.imports.iter().filter(|name| !authority::allows(name)).cloned().collect();
    if !foreign.is_empty() {
        return Err(NotAdmitted::Imports(foreign));
    }
    match shape.exports.iter().any(|name| name.starts_with("bursar:driver/provider@0.1.")) {
        true => Ok(shape),
        false => Err(NotAdmitted::NoProvider),
    }
}

/// Reads the names at the component's own level; what nested modules import from each other is their affair.
fn shape(bytes: &[u8]) -> Result<Shape, NotAdmitted> {
    let mut shape = Shape { imports: Vec::new(), exports: Vec::new() };
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => return Err(NotAdmitted::CoreModule),
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    shape.imports.push(import.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    shape.exports.push(export.map_err(damaged)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(shape)
}

fn damaged(error: wasmparser::BinaryReaderError) -> NotAdmitted {
    NotAdmitted::Damaged(error.to_string())
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

struct Quoted<'a>(&'a [String]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> =
            self.0.iter().take(5).map(|name| format!("`{}`", crate::text::clean(name, 80))).collect();
        f.write_str(&names.join(", "))?;
        match self.0.len() {
            0..=5 => Ok(()),
            n => write!(f, " and {} more", n - 5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_refused_by_its_reason() {
        let module = b"\0asm\x01\0\0\0";
        let empty_component = b"\0asm\x0d\0\x01\0";
        for (bytes, expected) in [
            (&b""[..], "it is not WebAssembly"),
            (b"#!/bin/sh", "it is not WebAssembly"),
            (b"\x7fELF\x02", "native code"),
            (module, "core module"),
            (&empty_component[..6], "damaged"),
            (empty_component, "no driver"),
        ] {
            let error = audit(bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{bytes:?}: {error}");
        }
    }

    /// Case 42.
    #[test]
    fn only_plain_files_of_the_owner_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.wasm"), b"\0asm").unwrap();
        fs::write(at("a.cwasm"), b"\0asm").unwrap();
        fs::create_dir(at("d.wasm")).unwrap();
        std::os::unix::fs::symlink(at("a.wasm"), at("s.wasm")).unwrap();
        let big = fs::File::create(at("big.wasm")).unwrap();
        big.set_len(FILE_MAX + 1).unwrap();
        let ours = fs::metadata(folder.path()).unwrap().uid();

        assert_eq!(read(&at("a.wasm"), ours), Ok(b"\0asm".to_vec()));
        assert_eq!(read(&at("a.cwasm"), ours), Err(NotAdmitted::Precompiled));
        assert_eq!(read(&at("d.wasm"), ours), Err(NotAdmitted::NotAFile("a folder")));
        assert_eq!(read(&at("s.wasm"), ours), Err(NotAdmitted::NotAFile("a symlink")));
        assert_eq!(read(&at("big.wasm"), ours), Err(NotAdmitted::TooLarge { bytes: FILE_MAX + 1 }));
        if ours != 0 {
            assert_eq!(read(&at("a.wasm"), ours + 1), Err(NotAdmitted::ForeignOwner { file: ours, ours: ours + 1 }));
        }
    }

    #[test]
    fn the_import_list_knows_ours_and_empty_wasi_only() {
        for (import, allowed) in [
            ("bursar:driver/http@0.1.0", true),
            ("bursar:driver/types@0.1.9", true),
            ("bursar:driver/files@0.1.0", false),
            ("bursar:driver/http@0.2.0", false),
            ("bursar:driver/http", false),
            ("wasi:cli/environment@0.2.6", true),
            ("wasi:sockets/tcp@0.2.0", true),
            ("wasi:http/outgoing-handler@0.2.0", false),
            ("wasi:cli/stdout@0.3.0", false),
            ("wasi:keyvalue/store@0.2.0", false),
            ("host", false),
        ] {
            assert_eq!(authority::allows(import), allowed, "{import}");
        }
    }
}
