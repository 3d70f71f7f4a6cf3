//! What the fixture does to whichever scheduler is running.
//!
//! Owns the sysrq trigger and the listening for its effect. Never touches the
//! fixture's own.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, ensure};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt,
    socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

const TRIGGER: &str = "/proc/sysrq-trigger";
const STATE: &str = "/sys/kernel/sched_ext/state";
/// How the kernel's word on the end of a scheduler begins.
const REMOVED: &[u8] = b"remove@/kernel/sched_ext/root";
/// The group that the kernel itself talks to.
const FROM_KERNEL: u32 = 1;
/// Longest time in seconds that the end of a scheduler is waited for.
const PATIENCE: i64 = 10;

/// A key of sysrq, as if it had been pressed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    /// Disables the sched_ext scheduler.
    Disable,
    /// Panics.
    Panic,
}

/// Presses `key`.
pub(crate) fn press(key: Key) -> anyhow::Result<()> {
    let letter = match key {
        Key::Disable => "S",
        Key::Panic => "c",
    };
    fs::write(TRIGGER, letter).with_context(|| format!("failed to write {letter} to {TRIGGER}"))
}

/// Disables the scheduler that is running, if one is, and waits until it is gone.
pub(crate) fn disable() -> anyhow::Result<()> {
    let news = listen().context("failed to listen for uevents")?;
    let state = fs::read_to_string(STATE).with_context(|| format!("failed to read {STATE}"))?;
    if state.trim_end() != "enabled" {
        return Ok(());
    }
    press(Key::Disable)?;
    let mut message = [0; 4096];
    loop {
        let length = recv(news.as_raw_fd(), &mut message, MsgFlags::empty())
            .context("the scheduler that is running did not go away")?;
        ensure!(length > 0, "the kernel stopped talking");
        if message[..length].starts_with(REMOVED) {
            return Ok(());
        }
    }
}

fn listen() -> nix::Result<OwnedFd> {
    let news = socket(
        AddressFamily::Netlink,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkKObjectUEvent,
    )?;
    setsockopt(&news, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE))?;
    bind(news.as_raw_fd(), &NetlinkAddr::new(0, FROM_KERNEL))?;
    Ok(news)
}
