//! The dynamic linker's cache: which file a library's name means here.
//!
//! Owns the reading of glibc's `/etc/ld.so.cache`, format 1.1. Missing or
//! unknown caches are empty ones: the default folders are searched anyway.

use std::collections::HashMap;
use std::path::PathBuf;

/// Where glibc keeps it.
pub(super) const PATH: &str = "/etc/ld.so.cache";

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// Bytes before the entries.
const HEADER: usize = 48;
/// Bytes of an entry: flags, key, value, version, capabilities.
const ENTRY: usize = 24;
/// An ELF library for glibc on x86-64.
const X86_64_LIBC6: u32 = 0x0303;

/// Paths by name. The first of a name counts; those for special processors,
/// which the guest's may not be, are left out.
pub(super) fn parse(bytes: &[u8]) -> HashMap<String, PathBuf> {
    // An older cache may stand before the one that is meant.
    let start = bytes.windows(MAGIC.len()).position(|at| at == MAGIC);
    let mut libraries = HashMap::new();
    let Some(cache) = start.and_then(|start| bytes.get(start..)) else {
        return libraries;
    };
    let count = number(cache, MAGIC.len()).unwrap_or(0) as usize;
    let entries = cache.get(HEADER..).unwrap_or_default().chunks_exact(ENTRY);
    for entry in entries.take(count) {
        let capabilities = [16, 20].map(|at| number(entry, at));
        if number(entry, 0) != Some(X86_64_LIBC6) || capabilities != [Some(0), Some(0)] {
            continue;
        }
        if let Some((name, path)) = string(cache, entry, 4).zip(string(cache, entry, 8)) {
            libraries.entry(name).or_insert_with(|| path.into());
        }
    }
    libraries
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes))
}

/// The string that the entry's field at `field` is the offset of.
fn string(cache: &[u8], entry: &[u8], field: usize) -> Option<String> {
    let rest = cache.get(number(entry, field)? as usize..)?;
    let text = rest.split(|byte| *byte == 0).next()?;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(u32, u32, &str, &str)]) -> Vec<u8> {
        let mut strings = Vec::new();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(u32::try_from(entries.len()).unwrap().to_le_bytes());
        bytes.resize(HEADER, 0);
        let base = HEADER + ENTRY * entries.len();
        for (flags, capability, name, path) in entries {
            let mut offset = |text: &str| {
                let at = u32::try_from(base + strings.len()).unwrap();
                strings.extend(text.bytes().chain([0]));
                at
            };
            let fields = [*flags, offset(name), offset(path), 0, 0, *capability];
            bytes.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
        }
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn names_lead_to_plain_x86_64_libraries() {
        let bytes = cache(&[
            (X86_64_LIBC6, 2, "liba.so.1", "/hwcaps/liba.so.1"),
            (X86_64_LIBC6, 0, "liba.so.1", "/lib/liba.so.1"),
            (0x0003, 0, "libb.so", "/lib32/libb.so"),
        ]);
        let libraries = parse(&bytes);
        assert_eq!(libraries["liba.so.1"], PathBuf::from("/lib/liba.so.1"));
        assert!(!libraries.contains_key("libb.so"));
        let behind = [b"ld.so-1.7.0".to_vec(), bytes.clone()].concat();
        assert_eq!(parse(&behind).len(), 1);
    }

    #[test]
    fn a_cut_cache_holds_what_is_left_of_it() {
        let bytes = cache(&[(X86_64_LIBC6, 0, "liba.so.1", "/lib/liba.so.1")]);
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length]).len() <= 1);
        }
        assert!(parse(b"something else").is_empty());
    }
}
