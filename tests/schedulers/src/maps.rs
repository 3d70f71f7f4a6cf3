//! What is in BPF maps of a name, in lines of `name: number`.
//!
//! Owns the reading from outside, as somebody would who found a map that
//! outlived its scheduler. Never holds one.

use std::io::{Write, stdout};

use anyhow::Context;
use libbpf_rs::query::MapInfoIter;
use libbpf_rs::{MapCore, MapFlags, MapHandle};

/// Says how many maps have the name, and the token of each, the oldest first.
pub(crate) fn show(name: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    let mut count = 0;
    for map in MapInfoIter::default().filter(|map| map.name == *name) {
        let map = MapHandle::from_map_id(map.id).context("failed to open a map")?;
        if let Some(token) = token(&map)? {
            writeln!(out, "token-{count}: {token}")?;
        }
        count += 1;
    }
    writeln!(out, "maps: {count}")?;
    Ok(())
}

fn token(map: &MapHandle) -> anyhow::Result<Option<u64>> {
    let key = vec![0; map.key_size() as usize];
    let value = map
        .lookup(&key, MapFlags::ANY)
        .context("failed to read a map")?;
    let first = value.as_deref().and_then(|value| value.first_chunk());
    Ok(first.copied().map(u64::from_ne_bytes))
}
