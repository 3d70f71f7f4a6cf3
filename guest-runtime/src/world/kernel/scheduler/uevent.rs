//! The kernel's announcements of sched_ext going up and down: a netlink socket.
//!
//! Only says that there was one; what is so then is looked up. Anybody may
//! send to the socket, so the sender is checked, and every byte is hostile.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, socket,
};

/// The multicast group of the kernel's own announcements.
const KERNEL: u32 = 1;
/// Longest announcement; the kernel's own bound is 2 KiB and a header.
const MOST: usize = 4 << 10;
/// Announcements that are taken at a time. More are left for the next time.
const AT_A_TIME: usize = 64;
/// What those of sched_ext contain.
const SUBSYSTEM: &[u8] = b"SUBSYSTEM=sched_ext";

/// See the module.
#[derive(Debug)]
pub(super) struct Uevents {
    socket: OwnedFd,
}

/// What was announced of sched_ext.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Announced {
    /// Something was, or may have been.
    pub(super) any: bool,
    /// A scheduler went: the kernel is all but done with it.
    pub(super) removed: bool,
}

impl Uevents {
    /// Listens from now on.
    pub(super) fn subscribe() -> nix::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::NetlinkKObjectUEvent,
        )?;
        // 0: the kernel picks the port.
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, KERNEL))?;
        Ok(Self { socket })
    }

    /// Takes what has come.
    pub(super) fn take(&self) -> Announced {
        let mut buffer = [0; MOST];
        let mut announced = Announced::default();
        for _ in 0..AT_A_TIME {
            match recvfrom::<NetlinkAddr>(self.socket.as_raw_fd(), &mut buffer) {
                Ok((length, Some(sender))) if sender.pid() == 0 => {
                    let message = buffer.get(..length).unwrap_or_default();
                    if let Some(action) = parse(message) {
                        announced.any = true;
                        announced.removed |= action == Action::Removed;
                    }
                }
                Ok(_) | Err(Errno::EINTR) => {}
                // Some were lost, and who knows which.
                Err(Errno::ENOBUFS) => announced.any = true,
                Err(_) => break,
            }
        }
        announced
    }
}

impl AsFd for Uevents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What an announcement of sched_ext says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Removed,
    Other,
}

/// `ACTION@PATH`, then `KEY=VALUE`, each ended by NUL. `None`: it is not of
/// sched_ext.
fn parse(message: &[u8]) -> Option<Action> {
    let mut words = message.split(|byte| *byte == 0);
    let head = words.next()?;
    let at = head.iter().position(|byte| *byte == b'@')?;
    words
        .any(|word| word == SUBSYSTEM)
        .then_some(match &head[..at] {
            b"remove" => Action::Removed,
            _ => Action::Other,
        })
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{MsgFlags, getsockname, sendto};
    use proptest::prelude::*;

    use super::*;

    const REMOVE: &[u8] = b"remove@/kernel/sched_ext/root\0ACTION=remove\0\
        DEVPATH=/kernel/sched_ext/root\0SUBSYSTEM=sched_ext\0SCXOPS=simple\0SEQNUM=812\0";

    #[test]
    fn those_of_sched_ext_are_told_from_others() {
        assert_eq!(parse(REMOVE), Some(Action::Removed));
        let add = [b"add".as_slice(), &REMOVE[b"remove".len()..]].concat();
        assert_eq!(parse(&add), Some(Action::Other));
        for other in [
            b"".as_slice(),
            b"\0",
            b"remove",
            b"remove@/kernel/sched_ext/root",
            b"remove@/kernel/sched_ext/root\0SUBSYSTEM=sched_ext2\0",
            b"remove@/devices/x\0SUBSYSTEM=block\0",
            b"libudev\0\xfe\xed\xca\xfe",
        ] {
            assert_eq!(parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn who_is_not_the_kernel_is_not_heard() {
        let Ok(uevents) = Uevents::subscribe() else {
            return;
        };
        let port = getsockname::<NetlinkAddr>(uevents.socket.as_raw_fd());
        let other = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkKObjectUEvent,
        )
        .unwrap();
        let to = NetlinkAddr::new(port.unwrap().pid(), 0);
        let flags = MsgFlags::empty();
        // Where the kernel does not even deliver it, so much the better.
        let _ = sendto(other.as_raw_fd(), REMOVE, &to, flags);
        assert_eq!(uevents.take(), Announced::default());
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(message in prop::collection::vec(any::<u8>(), 0..600)) {
            parse(&message);
        }

        #[test]
        fn a_message_cut_anywhere_is_understood_or_left(length in 0..REMOVE.len()) {
            let parsed = parse(&REMOVE[..length]);
            prop_assert!(parsed.is_none() || parsed == Some(Action::Removed));
        }
    }
}
