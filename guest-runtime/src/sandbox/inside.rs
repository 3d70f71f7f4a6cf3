//! The life of the component's process: take over, give up every privilege,
//! run the component, say how it ended.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use super::channel::{Channel, ChannelError};
use super::confine;
use super::protocol::{Said, Start};
use super::proxy::Proxy;
use super::slots::{Side, Slots};
use crate::bindings::scenario::Context;
use crate::descriptors::close_all_but;
use crate::init::say;
use crate::plugin::{Foreign, Plugin, instantiate, store, store_limits, watchdog};

/// First argument of such a process.
const COMMAND: &str = "component";
/// The standard descriptors are not handed over.
const FIRST: RawFd = 3;

/// Arguments of the process to start, which must inherit these descriptors: a
/// socket to the runtime, memory that the runtime has as well, and the
/// precompiled code.
#[must_use]
pub fn arguments(descriptors: [RawFd; 3]) -> [String; 4] {
    let [socket, memory, code] = descriptors.map(|fd| fd.to_string());
    [COMMAND.to_owned(), socket, memory, code]
}

/// The descriptors, if these are such arguments.
fn descriptors(arguments: impl IntoIterator<Item = OsString>) -> Option<[RawFd; 3]> {
    let mut arguments = arguments
        .into_iter()
        .map(|argument| argument.into_string().ok());
    if arguments.next()?? != COMMAND {
        return None;
    }
    let mut descriptor = || arguments.next()??.parse().ok();
    let all = [descriptor()?, descriptor()?, descriptor()?];
    let mut sorted: [RawFd; 3] = all;
    sorted.sort_unstable();
    let distinct = sorted.windows(2).all(|pair| pair[0] < pair[1]);
    (distinct && sorted[0] >= FIRST && arguments.next().is_none()).then_some(all)
}

/// Lives that life, if `arguments` say so.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let handed = descriptors(arguments)?;
    if let Err(error) = close_all_but(&handed) {
        say(format_args!("failed to close what was inherited: {error}"));
        return Some(ExitCode::FAILURE);
    }
    #[expect(unsafe_code, reason = "a descriptor by number has no other owner yet")]
    // SAFETY: the arguments name three descriptors, no standard one among them,
    // and this process has opened none.
    let [socket, memory, code] = handed.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    let lived = live(UnixStream::from(socket), memory, code);
    Some(match lived {
        // Who is gone needs no words.
        Ok(()) | Err(Unable::Channel(ChannelError::Closed)) => ExitCode::SUCCESS,
        Err(error) => {
            say(error);
            ExitCode::FAILURE
        }
    })
}

/// Why the component was not run.
#[derive(Debug, thiserror::Error)]
enum Unable {
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    Confine(#[from] confine::ConfineError),
    #[error("failed to map the memory shared with the runtime: {0}")]
    Memory(io::Error),
    #[error("failed to load the component: {0}")]
    Load(String),
}

fn live(socket: UnixStream, memory: OwnedFd, code: OwnedFd) -> Result<(), Unable> {
    let slots = Slots::new(&memory, Side::Component).map_err(Unable::Memory)?;
    drop(memory);
    let mut channel = Channel::new(socket).with_slots(slots);
    let Start {
        limits,
        trap_foreign_imports,
    } = channel.receive()?;
    let foreign = Foreign::trapping(trap_foreign_imports);
    let path = PathBuf::from(format!("/proc/self/fd/{}", code.as_raw_fd()));
    #[expect(unsafe_code, reason = "deserializing machine code has no safe form")]
    // SAFETY: the host hands over what it compiled itself, in a sealed file.
    let plugin = unsafe { Plugin::map_precompiled(&path, foreign) }
        .map_err(|error| Unable::Load(error.to_string()))?;
    drop(code);
    confine::give_up(&limits)?;

    let works = plugin.works(&limits).map_err(|error| error.to_string());
    channel.send(&Said::Works(works))?;
    let context: Context = channel.receive()?;
    let watchdog = match watchdog(&plugin, &limits) {
        Ok(watchdog) => watchdog,
        Err(abort) => return Ok(channel.send(&Said::Ended(Err(abort.into())))?),
    };
    let proxy = Proxy::new(channel, store_limits(&limits), watchdog);
    let mut store = store(&plugin, proxy, &limits);
    let ended = instantiate(&plugin, &mut store, &limits, true, |store, scenario| {
        scenario
            .proscenium_scenario_scenario()
            .call_run(store, &context)
    });
    let mut channel = store.into_data().into_channel();
    Ok(channel.send(&Said::Ended(ended.map_err(Into::into)))?)
}
