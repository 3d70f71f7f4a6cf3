//! From a file's bytes to a component's bytes.
//!
//! Owns the size bound and the wrapping of core modules that carry their
//! contract with them, as `cargo build --target wasm32-unknown-unknown` makes
//! them. It does not judge the component: that is the runtime's affair.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use super::packages;
use crate::error::ExpectedError;

/// Greatest plugin that is read, in bytes. The largest that a language needs
/// (Python's interpreter inside) is 18 MB.
pub const MAX_BYTES: u64 = 64 << 20;

/// Reads a plugin's file, refusing what is too large before any of it is read.
///
/// # Errors
///
/// When the file is missing, is not a regular file, cannot be read, or is
/// larger than [`MAX_BYTES`].
pub fn read(path: &Path) -> Result<Vec<u8>, ExpectedError> {
    let failed = |why: &dyn std::fmt::Display| {
        ExpectedError::refused(format!("cannot read the plugin {}", path.display())).because(why)
    };
    // Opening a fifo would wait for a writer, so the kind is looked at first.
    let metadata = path.metadata().map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        return Err(failed(&"not a regular file").remedy("name a .wasm file or a project's folder"));
    }
    let too_large = || {
        failed(&format!("larger than {} MiB", MAX_BYTES >> 20))
            .remedy("strip its debug information, for instance with `wasm-tools strip`")
    };
    if metadata.len() > MAX_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(&error))?;
    // It may have grown between the two looks.
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Wraps a core module that says which contract it is for; passes everything
/// else on as it is. This takes foreign bytes apart: a plugin that somebody
/// names goes through [`crate::shield`].
///
/// # Errors
///
/// Why such a module's contract and its code do not agree.
pub fn wrap(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let contracts = contracts(&bytes);
    if contracts.is_empty() {
        return Ok(bytes);
    }
    contracts.into_iter().try_for_each(packages::check)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| format!("{error:#}"))
}

/// As [`wrap`], for a file of one's own.
///
/// # Errors
///
/// When such a module's contract and its code do not agree.
pub fn to_component(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, ExpectedError> {
    wrap(bytes).map_err(|reason| unwrappable(path, &reason))
}

/// What is said of a file that [`wrap`] cannot wrap.
pub(super) fn unwrappable(path: &Path, reason: &str) -> ExpectedError {
    ExpectedError::refused(format!("cannot make a component of {}", path.display()))
        .because(reason)
        .remedy("build it with the SDK of this version of proscenium")
}

/// The sections that wit-bindgen put into a core module; none where `bytes` are
/// something else.
fn contracts(bytes: &[u8]) -> Vec<&[u8]> {
    if !Parser::is_core_wasm(bytes) {
        return Vec::new();
    }
    // A parse error ends the search; the runtime's own check says what is wrong.
    let sections = Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let contract = |section| match section {
        Payload::CustomSection(section) if section.name().starts_with("component-type") => {
            Some(section.data())
        }
        _ => None,
    };
    sections.filter_map(contract).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn what_is_no_annotated_module_passes_unchanged() {
        for bytes in [
            b"hello".as_slice(),
            b"",
            EMPTY_MODULE,
            b"\0asm\x0d\0\x01\0",
            b"\0asm\x01\0\0\0\0\xff",
        ] {
            assert_eq!(to_component(Path::new("x"), bytes.to_vec()).unwrap(), bytes);
        }
    }

    #[test]
    fn a_module_with_a_broken_contract_is_refused_by_name() {
        let mut module = EMPTY_MODULE.to_vec();
        let name = b"component-type:broken";
        module.extend([
            0,
            u8::try_from(name.len() + 2).unwrap(),
            u8::try_from(name.len()).unwrap(),
        ]);
        module.extend(name);
        module.push(0xff);
        let error = to_component(Path::new("odd.wasm"), module).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot make a component of odd.wasm: "),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_without_reading_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // Sparse: reading it would take the memory, looking at it does not.
        file.as_file().set_len(MAX_BYTES + 1).unwrap();
        let error = read(file.path()).unwrap_err().to_string();
        assert!(error.contains("larger than 64 MiB"), "{error}");
    }

    #[test]
    fn a_folder_is_not_read_as_a_file() {
        let error = read(Path::new("/proc")).unwrap_err().to_string();
        assert!(error.contains("not a regular file"), "{error}");
    }
}
