//! What a component can reach, told from its imports without running it.

use wasmtime::Engine;
use wasmtime::component::Component;

use super::LoadError;
use crate::capability::{CONTRACT, Capability, PACKAGE};
use crate::name::clean_line;

/// Interface that every plugin exports.
const EXPORT: &str = "scenario";
/// Interface that plugins export which bring loops of their own.
const WORK: &str = "work";
/// Interfaces of ours that grant nothing.
const DATA: [&str; 2] = ["types", "ops"];

/// Most names that a message lists.
pub(super) const SHOWN: usize = 8;

/// One import of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Full name with version, such as `proscenium:scenario/stage@0.1.0`.
    pub name: String,
    /// What it is to us.
    pub reach: Reach,
}

/// What an import lets a component do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Data types only.
    Data,
    /// One of our capabilities.
    Capability(Capability),
    /// Something that is not ours, such as WASI.
    Foreign,
}

/// Lists imports, says whether it exports work, and checks that the component
/// is a scenario of a contract version that this runtime offers.
pub(super) fn reach_and_exports(
    engine: &Engine,
    component: &Component,
) -> Result<(Vec<Import>, bool), LoadError> {
    let component_type = component.component_type();
    let mut imports = Vec::new();
    for (name, _) in component_type.imports(engine) {
        imports.push(Import {
            name: name.to_owned(),
            reach: reach(name)?,
        });
    }
    let exports = |wanted| {
        let named = component_type
            .exports(engine)
            .filter_map(|(name, _)| Some((name, ours(name)?)))
            .find(|(_, (interface, _))| *interface == wanted);
        named.map_or(Ok(false), |(name, (_, version))| {
            check_version(name, version).map(|()| true)
        })
    };
    if exports(EXPORT)? {
        return Ok((imports, exports(WORK)?));
    }
    Err(LoadError::WrongWorld {
        exports: component_type
            .exports(engine)
            .map(|(name, _)| bounded(name))
            .take(SHOWN)
            .collect(),
    })
}

/// A name for a message; it is as long as the component's author liked.
pub(super) fn bounded(name: &str) -> String {
    clean_line(name, 120)
}

fn reach(name: &str) -> Result<Reach, LoadError> {
    let Some((interface, version)) = ours(name) else {
        return Ok(Reach::Foreign);
    };
    check_version(name, version)?;
    if DATA.contains(&interface) {
        return Ok(Reach::Data);
    }
    Capability::of_interface(interface)
        .map(Reach::Capability)
        .ok_or_else(|| LoadError::UnknownInterface {
            name: bounded(name),
        })
}

/// Interface and version of a name of our package.
fn ours(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    Some(rest.split_once('@').unwrap_or((rest, "")))
}

/// A host links what differs in the patch version only, and what is older.
fn check_version(name: &str, version: &str) -> Result<(), LoadError> {
    let mut parts = version.split('.').map(|part| part.parse::<u64>().ok());
    let wanted = (
        parts.next().flatten(),
        parts.next().flatten(),
        parts.next().flatten(),
    );
    let (major, minor, patch) = CONTRACT;
    let same_line = wanted.0 == Some(major) && wanted.1 == Some(minor);
    if same_line && wanted.2.is_some_and(|wanted| wanted <= patch) {
        return Ok(());
    }
    Err(LoadError::OtherContract {
        wanted: bounded(name),
        offered: format!("{major}.{minor}.{patch}"),
    })
}
