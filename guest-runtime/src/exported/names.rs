//! Which loops a component has: asked for in an instance of its own, in which
//! every import traps, and bounded.

use std::collections::BTreeSet;

use proscenium_wire::Limits;

use super::body::Body;
use crate::name::quote;
use crate::plugin::{CallError, Plugin, check_name, watchdog};

/// Most loops of one component.
const MAX_WORKS: usize = 64;
/// Computing time of the question, start functions included.
const WORKS_MS: u64 = 2_000;

impl Plugin {
    /// Names of the loops that it exports for its workers; none if it exports
    /// no work at all.
    ///
    /// # Errors
    /// It traps, loops, hits a limit, or gives names out of bounds.
    pub fn works(&self, limits: &Limits) -> Result<Vec<String>, CallError> {
        if !self.exports_work() {
            return Ok(Vec::new());
        }
        let limits = Limits {
            compute_ms: WORKS_MS.min(limits.compute_ms),
            ..*limits
        };
        let failed = |reason: String| CallError::Works(reason);
        let mut watchdog = watchdog(self, &limits).map_err(|abort| failed(abort.to_string()))?;
        watchdog.resume();
        let asked = Body::open(self, &limits, 1).and_then(|mut body| body.works());
        watchdog.pause();
        let names = asked.map_err(|breakdown| failed(breakdown.message))?;
        check_works(names)
    }
}

/// Names of loops, within their bounds.
///
/// # Errors
/// `Works`: what is out of bounds.
pub fn check_works(names: Vec<String>) -> Result<Vec<String>, CallError> {
    checked(names).map_err(CallError::Works)
}

fn checked(names: Vec<String>) -> Result<Vec<String>, String> {
    if names.len() > MAX_WORKS {
        let count = names.len();
        return Err(format!("{count} names, {MAX_WORKS} is the most"));
    }
    let mut seen = BTreeSet::new();
    for name in &names {
        check_name("name", name)?;
        if !seen.insert(name.as_str()) {
            return Err(format!("name {} is there twice", quote(name)));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_few_short_and_different() {
        let list = |names: &[&str]| checked(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(list(&["hash", "chase"]).unwrap().len(), 2);
        assert!(list(&["Hash"]).unwrap_err().contains("\"Hash\""));
        assert!(list(&["a", "a"]).unwrap_err().contains("twice"));
        let many: Vec<String> = (0..65).map(|number| format!("w{number}")).collect();
        assert!(checked(many).unwrap_err().contains("64"));
    }
}
