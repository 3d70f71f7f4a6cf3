//! The two ports to the host: frames out, commands in.
//!
//! Frames are encoded into one buffer and written in batches. Writing blocks
//! while the host does not read; nothing is dropped. A port that breaks is
//! remembered and asked for at the end. Nothing here knows what is in a frame,
//! except for the hello that opens the conversation.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use proscenium_wire::{
    Command, Corruption, Event, Hello, Received, VersionMismatch, check_version,
};

use crate::sink::Sink;

mod control;
mod sink;
#[cfg(test)]
mod tests;

pub use control::Control;
pub use sink::PortSink;

/// Longest wait for the host's hello.
pub const HELLO_PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for the host to take what was sent, at the end.
pub const FAREWELL_PATIENCE: Duration = Duration::from_millis(500);

/// Why the host cannot be talked to.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Another version.
    #[error(transparent)]
    Version(#[from] VersionMismatch),
    /// No hello in time.
    #[error("the host did not answer the guest's hello within {} s: its side of the control port is not served", .0.as_secs())]
    Silent(Duration),
    /// The port itself.
    #[error("failed to {what}: {error}")]
    Port {
        /// Verb and object.
        what: &'static str,
        /// The kernel's answer.
        error: io::Error,
    },
}

/// Says hello and waits for the host's.
///
/// # Errors
/// [`LinkError`]; nothing else may be sent then but a fault.
pub fn greet(
    sink: &mut PortSink,
    control: &mut Control,
    hello: Hello,
    patience: Duration,
) -> Result<(), LinkError> {
    sink.emit(Event::Hello(hello));
    sink.flush();
    wait_for(control, patience, |control| {
        while let Some(received) = control.next_received() {
            match received {
                Received::Message(Command::Hello { wire_version }) => {
                    return Some(check_version(wire_version).map_err(LinkError::from));
                }
                Received::Corrupt {
                    why: Corruption::Version(mismatch),
                    ..
                } => {
                    return Some(Err(mismatch.into()));
                }
                other => tracing::warn!("before its hello the host sent {other:?}"),
            }
        }
        None
    })?
    .unwrap_or(Err(LinkError::Silent(patience)))
}

/// Sends what is left and waits until the host hangs up the control port or
/// says anything on it. A virtio port takes bytes into a queue; powering off
/// before the host has read them would lose them.
///
/// # Errors
/// [`LinkError::Port`].
pub fn farewell(
    sink: &mut PortSink,
    control: &mut Control,
    patience: Duration,
) -> Result<(), LinkError> {
    sink.flush();
    let before = control.received;
    wait_for(control, patience, |control| {
        while control.next_received().is_some() {}
        (control.hung_up || control.received > before).then_some(())
    })
    .map(drop)
}

/// Looks at the port whenever something happens on it, until `look` has what
/// it looks for. `None`: the time is over.
fn wait_for<T>(
    control: &mut Control,
    patience: Duration,
    mut look: impl FnMut(&mut Control) -> Option<T>,
) -> Result<Option<T>, LinkError> {
    let deadline = Instant::now() + patience;
    let epoll =
        Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(port_error("create an epoll"))?;
    // Edge-triggered: until the host opens its side, the port reads as ended.
    let event = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0);
    epoll
        .add(control.as_fd(), event)
        .map_err(port_error("watch the control port"))?;
    loop {
        if let Some(found) = look(control) {
            return Ok(Some(found));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        // Rounded up: a wait that ends too early would spin.
        let left = EpollTimeout::try_from(left + Duration::from_millis(1));
        match epoll.wait(
            &mut [EpollEvent::empty()],
            left.unwrap_or(EpollTimeout::MAX),
        ) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(port_error("wait for the control port")(errno)),
        }
    }
}

fn port_error(what: &'static str) -> impl Fn(Errno) -> LinkError {
    move |errno| LinkError::Port {
        what,
        error: errno.into(),
    }
}
