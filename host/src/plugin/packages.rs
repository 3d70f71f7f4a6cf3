//! The packages of the contract that a core module carries, before the encoder
//! walks them.
//!
//! `wit-parser` goes from a package to those it needs, by recursion, and takes
//! for granted that none needs itself in the end: WIT cannot say such a thing,
//! bytes can. Anything else that may be wrong with them is left to the encoder.

use std::collections::{HashMap, HashSet};

use wasmparser::BinaryReader;
use wit_parser::decoding::{DecodedWasm, decode, decode_world};
use wit_parser::{PackageId, Resolve};

/// How a section begins that has the encoding of strings and the world's name
/// in front of the packages; newer ones are a component from the first byte.
const OLD_FORMAT: u8 = 3;

/// Refuses a section with packages that need each other, and names one that does
/// or that needs such ones.
///
/// # Errors
/// That, or why there are no packages in it.
pub(super) fn check(section: &[u8]) -> Result<(), String> {
    let packages = read(section).map_err(|error| format!("{error:#}"))?;
    let Some(package) = in_a_circle(&packages) else {
        return Ok(());
    };
    let name = &packages.packages[package].name;
    Err(format!(
        "package {name} of its contract needs packages that need each other"
    ))
}

fn read(section: &[u8]) -> Result<Resolve, Box<dyn std::error::Error + Send + Sync>> {
    if section.first() != Some(&OLD_FORMAT) {
        return Ok(decode_world(section)?.0);
    }
    let mut reader = BinaryReader::new(section, 0);
    reader.read_bytes(2)?;
    reader.read_string()?;
    let rest = reader.read_bytes(reader.bytes_remaining())?;
    let (DecodedWasm::WitPackage(resolve, _) | DecodedWasm::Component(resolve, _)) = decode(rest)?;
    Ok(resolve)
}

/// A package that is in such a circle, or needs one that is. What needs nothing
/// is taken away, until nothing is left or nobody can be taken away any more.
fn in_a_circle(resolve: &Resolve) -> Option<PackageId> {
    let needs = |id| resolve.package_direct_deps(id).collect::<HashSet<_>>();
    let mut open: HashMap<PackageId, usize> = HashMap::new();
    let mut needed_by: HashMap<PackageId, Vec<PackageId>> = HashMap::new();
    for (id, _) in &resolve.packages {
        let needs = needs(id);
        open.insert(id, needs.len());
        for other in needs {
            needed_by.entry(other).or_default().push(id);
        }
    }
    let free = |(id, needs): (&PackageId, &usize)| (*needs == 0).then_some(*id);
    let mut free: Vec<PackageId> = open.iter().filter_map(free).collect();
    while let Some(id) = free.pop() {
        open.remove(&id);
        for other in needed_by.remove(&id).unwrap_or_default() {
            if let Some(needs) = open.get_mut(&other) {
                *needs -= 1;
                if *needs == 0 {
                    free.push(other);
                }
            }
        }
    }
    open.into_keys().min_by_key(|id| id.index())
}
