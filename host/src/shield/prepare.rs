//! A plugin's file, compiled and described by a child.
//!
//! The child wraps, compiles, sends the code, and only then runs what it
//! compiled, to ask what it is. The parent believes nothing: lengths are bounded,
//! and what the plugin says is checked once more by the runtime's own rules.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;

use proscenium_guest_runtime::exported::check_works;
use proscenium_guest_runtime::plugin::{Foreign, LoadError, Plugin, check_manifest};
use proscenium_wire::Limits;

use super::child::Task;
use super::reply::{self, Reader, Refusal, ReplyError, Said};
use super::{Shield, ShieldError};
use crate::child::in_memory;
use crate::plugin::Facts;
use crate::plugin::read::{MAX_BYTES, wrap};

/// What became of a plugin's bytes.
#[derive(Debug)]
pub struct Prepared {
    /// Machine code, from our compiler.
    pub code: Vec<u8>,
    /// What the plugin says of itself, within its bounds; or why it does not.
    pub facts: Result<Facts, Refusal>,
}

impl Shield {
    /// Has `bytes`, a component or a core module that carries its contract,
    /// compiled and described by a child.
    ///
    /// # Errors
    ///
    /// [`ShieldError`]; the child is gone in any case.
    pub fn prepare(&self, bytes: &[u8]) -> Result<Prepared, ShieldError> {
        let input = in_memory(bytes).map_err(ShieldError::system)?;
        let mut reader = Reader::new(self.bounds.code_bytes);
        let mut bad = None;
        let ended = self.run(
            Task::Prepare,
            input,
            &mut |bytes| match reader.push(bytes) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    bad = Some(error);
                    ControlFlow::Break(())
                }
            },
        )?;
        if let Some(bad) = bad {
            return Err(unreadable(bad));
        }
        match (reader.finish(), ended.failure(&self.bounds)) {
            (Ok(said), _) => concluded(said),
            (Err(_), Some(failure)) => Err(failure),
            (Err(error), None) => Err(unreadable(error)),
        }
    }
}

fn unreadable(error: ReplyError) -> ShieldError {
    match error {
        ReplyError::TooLong { kind, limit, .. } => ShieldError::TooMuch {
            limit: format!("{limit} bytes of {kind}"),
        },
        other => ShieldError::system(other),
    }
}

/// A complete reply, with a manifest that is none of the child's.
fn concluded(said: Said) -> Result<Prepared, ShieldError> {
    // Its words quote the plugin, and after the code they may be the plugin's.
    let facts = match (said.facts, said.refusal.map(Refusal::cleaned)) {
        (Some(facts), _) => checked(facts),
        (None, Some(refusal @ Refusal::Silent { .. })) => Err(refusal),
        (None, Some(refusal)) => return Err(ShieldError::Refused(refusal)),
        (None, None) => return Err(unreadable(ReplyError::Incomplete)),
    };
    let code = said
        .code
        .ok_or_else(|| unreadable(ReplyError::Incomplete))?;
    Ok(Prepared { code, facts })
}

/// The child has checked them too; by now foreign code has run in it.
fn checked(facts: Facts) -> Result<Facts, Refusal> {
    Ok(Facts {
        manifest: check_manifest(facts.manifest).map_err(|error| silent("describe", &error))?,
        works: check_works(facts.works).map_err(|error| silent("works", &error))?,
    })
}

fn silent(export: &str, error: &dyn fmt::Display) -> Refusal {
    Refusal::Silent {
        export: export.to_owned(),
        reason: error.to_string(),
    }
}

/// The child's side.
pub(super) fn serve(confined: io::Result<()>, mut out: File) -> io::Result<()> {
    reply::begin(&mut out)?;
    if let Err(error) = confined {
        return reply::send_refusal(&mut out, &Refusal::Unconfined(error.to_string()));
    }
    let mut bytes = Vec::new();
    io::stdin().take(MAX_BYTES).read_to_end(&mut bytes)?;
    let plugin = match compile(bytes) {
        Ok((plugin, code)) => {
            // Before any of it runs: what it does now cannot change what was sent.
            reply::send_code(&mut out, &code)?;
            plugin
        }
        Err(refusal) => return reply::send_refusal(&mut out, &refusal),
    };
    match describe(&plugin) {
        Ok(facts) => reply::send_facts(&mut out, &facts),
        Err(refusal) => reply::send_refusal(&mut out, &refusal),
    }
}

/// Compiled with foreign imports as they are: what comes of it serves both
/// those who refuse them and those who do not.
fn compile(bytes: Vec<u8>) -> Result<(Plugin, Vec<u8>), Refusal> {
    let component = wrap(bytes).map_err(Refusal::Unwrappable)?;
    let plugin = Plugin::compile(&component, Foreign::Trap).map_err(no_plugin)?;
    let code = plugin.precompiled().map_err(no_plugin)?;
    Ok((plugin, code))
}

fn no_plugin(error: LoadError) -> Refusal {
    match error {
        LoadError::Engine { reason } => Refusal::Machine(reason),
        other => Refusal::NoPlugin(other.to_string()),
    }
}

fn describe(plugin: &Plugin) -> Result<Facts, Refusal> {
    let limits = Limits::default();
    Ok(Facts {
        manifest: plugin
            .describe(&limits)
            .map_err(|error| silent("describe", &error))?,
        works: plugin
            .works(&limits)
            .map_err(|error| silent("works", &error))?,
    })
}
