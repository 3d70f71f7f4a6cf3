//! What the fixture does to whichever scheduler is running.
//!
//! Owns the sysrq trigger, signals to the other loader, and the listening for
//! their effect. Never touches the scheduler of this process.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::{env, fs, process};

use anyhow::{Context, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt,
    socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::Pid;

use crate::options::Against;

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
    if is_enabled()? {
        end(Against::Disable)?;
    }
    Ok(())
}

/// Ends the scheduler that is running, and waits until it is gone.
pub(crate) fn end(how: Against) -> anyhow::Result<()> {
    let news = listen().context("failed to listen for uevents")?;
    ensure!(is_enabled()?, "no scheduler is running");
    let signal = |signal| kill(loader()?, signal).context("failed to signal the loader");
    match how {
        Against::Kill => signal(Signal::SIGKILL)?,
        Against::Term => signal(Signal::SIGTERM)?,
        Against::Nudge => signal(Signal::SIGUSR1)?,
        Against::Disable => press(Key::Disable)?,
    }
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

fn is_enabled() -> anyhow::Result<bool> {
    let state = fs::read_to_string(STATE).with_context(|| format!("failed to read {STATE}"))?;
    Ok(state.trim_end() == "enabled")
}

/// The other process of this program, of which a test has one.
fn loader() -> anyhow::Result<Pid> {
    let own = env::current_exe()?;
    let of_this_program = |process: &Path| {
        let exe = fs::read_link(process.join("exe"));
        exe.is_ok_and(|exe| exe.file_name() == own.file_name())
    };
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let pid = name.and_then(|name| name.parse::<u32>().ok());
        if let Some(pid) = pid.filter(|pid| *pid != process::id())
            && of_this_program(&path)
        {
            return Ok(Pid::from_raw(i32::try_from(pid)?));
        }
    }
    bail!("there is no other {}", own.display())
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
