//! What an ELF file asks of the dynamic linker.
//!
//! The file is the operator's, but may be damaged: every offset is checked. Of
//! a file only that is read which has to do with it: libraries have megabytes.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, ReadCache, ReadRef, elf};

type Header = elf::FileHeader64<Endianness>;

/// Most libraries that one file may name.
const MAX_NEEDED: usize = 1_024;

/// The dynamic section, as far as searching goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Linkage {
    /// The dynamic linker; none: linked statically, or a library.
    pub(super) interpreter: Option<String>,
    /// `DT_NEEDED`, in order.
    pub(super) needed: Vec<String>,
    /// `DT_RPATH`, searched first and on behalf of libraries too.
    pub(super) rpath: Vec<String>,
    /// `DT_RUNPATH`, which makes `DT_RPATH` void.
    pub(super) runpath: Vec<String>,
}

/// Whether a file begins as one.
pub(super) fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut magic))
        .is_ok_and(|()| magic == *b"\x7fELF")
}

/// Reads what the file `path` asks for.
///
/// # Errors
///
/// Why it is no file that x86-64 Linux can load, as a clause.
pub(super) fn linkage(path: &Path) -> Result<Linkage, &'static str> {
    let file = File::open(path).map_err(|_| "it cannot be read")?;
    parse(&ReadCache::new(file))
}

fn parse<'a>(bytes: impl ReadRef<'a>) -> Result<Linkage, &'static str> {
    let damaged = |_| "its program headers are damaged";
    let header = Header::parse(bytes).map_err(|_| "it is no 64-bit ELF file")?;
    let endian = header.endian().map_err(|_| "it is no 64-bit ELF file")?;
    if header.e_machine(endian) != elf::EM_X86_64 {
        return Err("it is for another processor");
    }
    let segments = header.program_headers(endian, bytes).map_err(damaged)?;
    let mut linkage = Linkage::default();
    for segment in segments {
        if let Some(path) = segment.interpreter(endian, bytes).map_err(damaged)? {
            linkage.interpreter = Some(text(path));
        }
        let entries = segment.dynamic(endian, bytes).map_err(damaged)?;
        let Some(entries) = entries else { continue };
        let value = |tag: i64| {
            entries
                .iter()
                .find(|entry| entry.d_tag(endian) == tag)
                .map(|entry| entry.d_val(endian))
        };
        let Some((address, size)) = value(elf::DT_STRTAB).zip(value(elf::DT_STRSZ)) else {
            continue;
        };
        let strings = segments
            .iter()
            .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
            .find_map(|segment| segment.data_range(endian, bytes, address, size).ok()?)
            .ok_or("its dynamic strings are outside of it")?;
        for entry in entries {
            let string = || string_at(strings, entry.d_val(endian));
            match entry.d_tag(endian) {
                elf::DT_NULL => break,
                elf::DT_NEEDED if linkage.needed.len() < MAX_NEEDED => {
                    linkage.needed.push(string()?);
                }
                elf::DT_RPATH => linkage.rpath = folders(&string()?),
                elf::DT_RUNPATH => linkage.runpath = folders(&string()?),
                _ => {}
            }
        }
    }
    Ok(linkage)
}

fn string_at(strings: &[u8], at: u64) -> Result<String, &'static str> {
    usize::try_from(at)
        .ok()
        .and_then(|at| strings.get(at..))
        .and_then(|rest| rest.split(|byte| *byte == 0).next())
        .map(text)
        .ok_or("a dynamic string is outside of it")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn folders(list: &str) -> Vec<String> {
    list.split(':')
        .filter(|folder| !folder.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_needs_libc_through_an_interpreter() {
        let linkage = linkage(&std::env::current_exe().unwrap()).unwrap();
        assert!(linkage.interpreter.unwrap().starts_with("/lib"));
        assert!(
            linkage
                .needed
                .iter()
                .any(|name| name.starts_with("libc.so"))
        );
    }

    #[test]
    fn what_is_cut_or_damaged_is_refused_or_read_in_part_and_never_more() {
        assert!(parse(&b"#!/bin/sh\n"[..]).is_err());
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for length in [0, 10, 64, 100, 700, 4_096] {
            let _ = parse(&bytes[..length.min(bytes.len())]);
        }
        let mut other = bytes;
        other[18] = 183;
        assert_eq!(parse(&other[..]), Err("it is for another processor"));
    }
}
