//! Who else could have seen a scheduler go down, and when: threads that listen
//! to one of the kernel's announcements each, beside the runtime.

#![expect(unsafe_code, reason = "pidfd_open has no safe wrapper")]

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::poll::{PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use nix::unistd::Pid;

/// By what it is seen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// The kernel's uevent.
    Uevent,
    /// The line in the kernel's log.
    Log,
    /// The state file, looked at each 100 ms.
    State,
}

/// One of them.
pub(crate) struct Observer(JoinHandle<Instant>);

impl Observer {
    /// Listens from now on.
    pub(crate) fn start(source: Source) -> Self {
        Self(match source {
            Source::Uevent => {
                let socket = subscribe();
                thread::spawn(move || uevent(&socket))
            }
            Source::Log => {
                let mut log = OpenOptions::new().read(true).open("/dev/kmsg").unwrap();
                log.seek(SeekFrom::End(0)).unwrap();
                thread::spawn(move || line(log))
            }
            Source::State => thread::spawn(state),
        })
    }

    /// When it saw the scheduler go down.
    pub(crate) fn seen(self) -> Instant {
        self.0.join().unwrap()
    }
}

fn subscribe() -> OwnedFd {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkKObjectUEvent,
    )
    .unwrap();
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 1)).unwrap();
    socket
}

fn uevent(socket: &OwnedFd) -> Instant {
    let mut buffer = [0; 4096];
    loop {
        let flags = MsgFlags::empty();
        let length = recv(socket.as_raw_fd(), &mut buffer, flags).unwrap();
        let now = Instant::now();
        if buffer[..length].starts_with(b"remove@/kernel/sched_ext/root") {
            return now;
        }
    }
}

fn line(mut log: File) -> Instant {
    let mut buffer = [0; 8192];
    loop {
        let length = log.read(&mut buffer).unwrap();
        let now = Instant::now();
        let text = String::from_utf8_lossy(&buffer[..length]);
        if text.contains("sched_ext: BPF scheduler") && text.contains("disabled (") {
            return now;
        }
    }
}

fn state() -> Instant {
    let mut was_enabled = false;
    loop {
        let state = fs::read_to_string("/sys/kernel/sched_ext/state").unwrap();
        let now = Instant::now();
        match state.trim_end() {
            "enabled" => was_enabled = true,
            "disabling" | "disabled" if was_enabled => return now,
            _ => {}
        }
        poll(&mut [], PollTimeout::from(100_u8)).unwrap();
    }
}

/// A descriptor of a process.
pub(crate) fn pidfd(pid: Pid) -> OwnedFd {
    // SAFETY: two numbers; on success the descriptor is new and ours alone.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0);
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        OwnedFd::from_raw_fd(fd.try_into().unwrap())
    }
}
