//! The two ports to the host: frames out, commands in.
//!
//! Frames are encoded into one buffer and written in batches. Writing blocks
//! while the host does not read; nothing is dropped. A port that breaks is
//! remembered and asked for at the end. Nothing here knows what is in a frame,
//! except for the hello that opens the conversation.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use proscenium_wire::{
    Command, Corruption, Decoder, Event, Hello, LogLevel, LogSource, Received, VersionMismatch,
    check_version, encode,
};

use crate::sink::Sink;

/// A batch is written when it has grown to this many bytes.
const BATCH: usize = 64 << 10;
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

/// Sends events over a port.
#[derive(Debug)]
pub struct PortSink {
    port: File,
    batch: Vec<u8>,
    frames: u64,
    broken: Option<io::Error>,
}

impl PortSink {
    /// Sends over `port`, which blocks when its other side is slow.
    #[must_use]
    pub fn new(port: File) -> Self {
        Self {
            port,
            batch: Vec::with_capacity(2 * BATCH),
            frames: 0,
            broken: None,
        }
    }

    /// Why events can no longer be sent, if so.
    #[must_use]
    pub fn broken(&self) -> Option<&io::Error> {
        self.broken.as_ref()
    }
}

impl Sink for PortSink {
    fn emit(&mut self, event: Event) {
        if let Err(error) = encode(&event, &mut self.batch) {
            // What cannot be sent is at least told of; this one is short.
            let message = format!("an event is missing here: {error}");
            let told = Event::Log {
                source: LogSource::Runtime,
                level: LogLevel::Error,
                message,
            };
            if encode(&told, &mut self.batch).is_err() {
                return;
            }
        }
        self.frames += 1;
        if self.batch.len() >= BATCH {
            self.flush();
        }
    }

    fn frames(&self) -> u64 {
        self.frames
    }

    fn flush(&mut self) {
        if self.broken.is_none()
            && let Err(error) = self.port.write_all(&self.batch)
        {
            self.broken = Some(error);
        }
        self.batch.clear();
    }
}

impl Drop for PortSink {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Receives commands over a port, without ever waiting in a read.
#[derive(Debug)]
pub struct Control {
    port: File,
    decoder: Decoder<Command>,
    /// The last read found the other side gone.
    hung_up: bool,
    /// Bytes that came so far.
    received: u64,
}

impl Control {
    /// Receives over `port`, which is made non-blocking.
    ///
    /// # Errors
    /// [`LinkError::Port`].
    pub fn new(port: OwnedFd) -> Result<Self, LinkError> {
        let flags = fcntl(&port, FcntlArg::F_GETFL).map(OFlag::from_bits_retain);
        flags
            .and_then(|flags| fcntl(&port, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)))
            .map_err(port_error("make the control port non-blocking"))?;
        Ok(Self {
            port: File::from(port),
            decoder: Decoder::new(),
            hung_up: false,
            received: 0,
        })
    }

    /// The next command, if one has come whole. What is no command is passed over.
    pub fn next_command(&mut self) -> Option<Command> {
        loop {
            match self.next_received()? {
                Received::Message(command) => return Some(command),
                other => tracing::warn!("the control port brought no command: {other:?}"),
            }
        }
    }

    fn next_received(&mut self) -> Option<Received<Command>> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(received) = self.decoder.next() {
                return Some(received);
            }
            // Every error here means that nothing more is to be had now.
            let length = match self.port.read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.hung_up = error.kind() != io::ErrorKind::WouldBlock;
                    return None;
                }
                Ok(0) => {
                    self.hung_up = true;
                    return None;
                }
                Ok(length) => length,
            };
            self.hung_up = false;
            self.received = self.received.saturating_add(length as u64);
            self.decoder.push(bytes.get(..length).unwrap_or_default());
        }
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.port.as_fd()
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proscenium_wire::WIRE_VERSION;
    use std::os::unix::net::UnixStream;
    use std::thread;

    fn hello() -> Hello {
        Hello {
            wire_version: WIRE_VERSION,
            runtime_version: "0".into(),
            kernel_release: "6".into(),
            cpus: 1,
            memory_bytes: 1,
            booted_ns: 1,
        }
    }

    /// Sink, control, and the host's ends of both.
    fn link() -> (PortSink, Control, UnixStream, UnixStream) {
        let (events, host_events) = UnixStream::pair().unwrap();
        let (control, host_control) = UnixStream::pair().unwrap();
        let sink = PortSink::new(File::from(OwnedFd::from(events)));
        (
            sink,
            Control::new(control.into()).unwrap(),
            host_events,
            host_control,
        )
    }

    fn say(host: &mut UnixStream, command: &Command) {
        let mut bytes = Vec::new();
        encode(command, &mut bytes).unwrap();
        host.write_all(&bytes).unwrap();
    }

    fn line(message: String) -> Event {
        Event::Log {
            source: LogSource::Plugin,
            level: LogLevel::Info,
            message,
        }
    }

    #[test]
    fn the_guest_speaks_first_and_goes_on_when_the_host_answers() {
        let (mut sink, mut control, mut events, mut commands) = link();
        say(
            &mut commands,
            &Command::Hello {
                wire_version: WIRE_VERSION,
            },
        );
        greet(&mut sink, &mut control, hello(), HELLO_PATIENCE).unwrap();
        let mut bytes = [0; 4096];
        let length = events.read(&mut bytes).unwrap();
        let mut decoder = Decoder::<Event>::new();
        decoder.push(&bytes[..length]);
        assert_eq!(
            decoder.next(),
            Some(Received::Message(Event::Hello(hello())))
        );
    }

    #[test]
    fn another_version_is_refused_by_name_of_both() {
        let (mut sink, mut control, _events, mut commands) = link();
        say(&mut commands, &Command::Hello { wire_version: 999 });
        let error = greet(&mut sink, &mut control, hello(), HELLO_PATIENCE).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("999") && text.contains(&WIRE_VERSION.to_string()),
            "{text}"
        );
    }

    #[test]
    fn a_host_that_says_nothing_is_waited_for_no_longer_than_asked() {
        let (mut sink, mut control, _events, _commands) = link();
        let begun = Instant::now();
        let error = greet(&mut sink, &mut control, hello(), Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error, LinkError::Silent(_)), "{error}");
        assert!(begun.elapsed() >= Duration::from_millis(50));
    }

    #[test]
    fn what_follows_the_hello_in_the_same_read_is_not_lost() {
        let (mut sink, mut control, _events, mut commands) = link();
        say(
            &mut commands,
            &Command::Hello {
                wire_version: WIRE_VERSION,
            },
        );
        say(
            &mut commands,
            &Command::Cancel {
                reason: "enough".into(),
            },
        );
        greet(&mut sink, &mut control, hello(), HELLO_PATIENCE).unwrap();
        assert_eq!(
            control.next_command(),
            Some(Command::Cancel {
                reason: "enough".into()
            })
        );
        assert_eq!(control.next_command(), None);
    }

    #[test]
    fn a_slow_host_gets_every_frame_in_order() {
        let (mut sink, _control, mut events, _commands) = link();
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            events.read_to_end(&mut bytes).unwrap();
            let mut decoder = Decoder::<Event>::new();
            decoder.push(&bytes);
            decoder.by_ref().collect::<Vec<_>>()
        });
        let sent: Vec<_> = (0..20_000)
            .map(|n| line(format!("{n} {}", "x".repeat(50))))
            .collect();
        for event in sent.clone() {
            sink.emit(event);
        }
        assert_eq!(sink.frames(), 20_000);
        drop(sink);
        let received = reader.join().unwrap();
        assert!(
            received
                .into_iter()
                .eq(sent.into_iter().map(Received::Message))
        );
    }

    #[test]
    fn a_broken_port_is_remembered_and_does_not_stop_the_guest() {
        let (mut sink, _control, events, _commands) = link();
        drop(events);
        sink.emit(Event::ScenarioStart);
        sink.flush();
        sink.emit(Event::End);
        sink.flush();
        assert_eq!(sink.broken().unwrap().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn an_event_that_is_too_long_leaves_a_line_in_its_place() {
        let (mut sink, _control, mut events, _commands) = link();
        sink.emit(line("x".repeat(5 << 20)));
        sink.flush();
        let mut bytes = [0; 4096];
        let length = events.read(&mut bytes).unwrap();
        let mut decoder = Decoder::<Event>::new();
        decoder.push(&bytes[..length]);
        let Some(Received::Message(Event::Log { message, .. })) = decoder.next() else {
            panic!("no line");
        };
        assert!(message.starts_with("an event is missing here"), "{message}");
    }

    #[test]
    fn the_farewell_ends_when_the_host_hangs_up() {
        let (mut sink, mut control, _events, commands) = link();
        drop(commands);
        let begun = Instant::now();
        farewell(&mut sink, &mut control, Duration::from_secs(5)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(4));
    }
}
