//! The virtio ports, found by name.
//!
//! A port's name arrives from the device after the port itself, possibly after
//! PID 1 has started. So the kernel's announcements are subscribed to first,
//! then looked for, and looked for again at each announcement. No polling.

use std::fs::{self, File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

use super::InitError;

/// Where ports are listed.
const CLASS: &str = "/sys/class/virtio-ports";
/// Longest wait for them.
const PATIENCE: Duration = Duration::from_secs(10);
/// Multicast group of the kernel's own uevents.
const KERNEL_GROUP: u32 = 1;

/// Opens the ports with these two names, in this order.
pub(super) fn find(names: [&'static str; 2]) -> Result<[File; 2], InitError> {
    let events = socket(
        AddressFamily::Netlink,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        SockProtocol::NetlinkKObjectUEvent,
    )
    .map_err(InitError::other("open a socket for the kernel's events"))?;
    bind(events.as_raw_fd(), &NetlinkAddr::new(0, KERNEL_GROUP))
        .map_err(InitError::other("listen to the kernel's events"))?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let name = match names.map(|name| device(CLASS.as_ref(), name)) {
            [Some(first), Some(second)] => return Ok([open(&first)?, open(&second)?]),
            [None, _] => names[0],
            [_, None] => names[1],
        };
        if Instant::now() >= deadline {
            return Err(InitError::NoPort {
                name,
                seconds: PATIENCE.as_secs(),
            });
        }
        await_event(&events, deadline)?;
    }
}

fn open(path: &Path) -> Result<File, InitError> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    file.map_err(InitError::other(format!("open {}", path.display())))
}

/// Waits until the kernel has announced something, or until the deadline.
fn await_event(events: &OwnedFd, deadline: Instant) -> Result<(), InitError> {
    let left = deadline.saturating_duration_since(Instant::now());
    // Rounded up: a wait that ends too early would spin.
    let timeout = PollTimeout::try_from(left + Duration::from_millis(1));
    let mut fds = [PollFd::new(events.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, timeout.unwrap_or(PollTimeout::MAX)) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(InitError::other("wait for the virtio ports")(errno)),
    }
    // What is said does not matter, only that something was; an overrun is no
    // different.
    let mut message = [0; 4096];
    while let Ok(_) | Err(Errno::ENOBUFS | Errno::EINTR) =
        recv(events.as_raw_fd(), &mut message, MsgFlags::empty())
    {}
    Ok(())
}

/// The device node of the port `name`.
fn device(class: &Path, name: &str) -> Option<PathBuf> {
    fs::read_dir(class).ok()?.flatten().find_map(|entry| {
        let named = fs::read_to_string(entry.path().join("name")).ok()?;
        (named.trim_end() == name).then(|| Path::new("/dev").join(entry.file_name()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_known_by_its_name_and_not_by_its_number() {
        let class = tempfile::tempdir().unwrap();
        let ports = [
            ("vport0p1", Some("other\n")),
            ("vport0p2", None),
            ("vport1p1", Some("mine\n")),
        ];
        for (port, name) in ports {
            fs::create_dir(class.path().join(port)).unwrap();
            if let Some(name) = name {
                fs::write(class.path().join(port).join("name"), name).unwrap();
            }
        }
        assert_eq!(device(class.path(), "mine"), Some("/dev/vport1p1".into()));
        assert_eq!(device(class.path(), "nobody's"), None);
    }
}
