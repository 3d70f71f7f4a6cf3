//! Messages between the runtime and the component's process, in postcard: over
//! a socket with a length before each, or, where both have memory for it, in a
//! slot of that. Owns the framing and its bounds; knows nothing of what is said.

use std::io::{self, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::slots::{ROOM, Slots, TooLong};

/// Longest message, in bytes. A plan is the largest: a call may bring 1 MiB of
/// lists and strings ([`proscenium_wire::Limits::call_bytes`]), which is more
/// in the component's memory than encoded.
const MAX_MESSAGE: usize = 16 << 20;
/// Bytes of the length before each message.
const LENGTH: usize = 4;
/// No message, but the word that there is one in the slot: a length of nothing.
const RING: [u8; LENGTH] = [0; LENGTH];

/// One end of the conversation.
#[derive(Debug)]
pub(super) struct Channel {
    socket: BufReader<UnixStream>,
    slots: Option<Slots>,
    /// Reused: a call costs no allocation for its frame.
    buffer: Vec<u8>,
}

/// Why there is no message.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChannelError {
    /// The other process has closed its end, or is gone.
    #[error("the other process is gone")]
    Closed,
    /// Longer than a message may be.
    #[error("a message of {0} bytes: {MAX_MESSAGE} is the most")]
    TooLong(usize),
    /// Not what was expected.
    #[error("a message that makes no sense: {0}")]
    Garbled(postcard::Error),
    /// Does not take what it is sent, see [`Channel::impatient`].
    #[error("the other process does not read")]
    Unread,
    /// The socket.
    #[error("failed to use the channel: {0}")]
    Io(io::Error),
}

impl From<TooLong> for ChannelError {
    fn from(TooLong(length): TooLong) -> Self {
        Self::TooLong(length)
    }
}

impl From<io::Error> for ChannelError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset => Self::Closed,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Unread,
            _ => Self::Io(error),
        }
    }
}

impl Channel {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self {
            socket: BufReader::new(socket),
            slots: None,
            buffer: Vec::new(),
        }
    }

    /// With the short way for short messages.
    pub(super) fn with_slots(self, slots: Slots) -> Self {
        Self {
            slots: Some(slots),
            ..self
        }
    }

    /// Waits no longer than this for the other side to take the next part of a
    /// message that does not fit into the socket.
    pub(super) fn impatient(self, patience: Duration) -> io::Result<Self> {
        self.socket.get_ref().set_write_timeout(Some(patience))?;
        Ok(self)
    }

    /// Sends one message, whole, with at most one system call unless it is a large one.
    pub(super) fn send(&mut self, message: &impl Serialize) -> Result<(), ChannelError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        buffer.extend_from_slice(&[0; LENGTH]);
        self.buffer = postcard::to_extend(message, buffer).map_err(ChannelError::Garbled)?;
        self.send_buffer()
    }

    /// Sends what is encoded already.
    pub(super) fn send_encoded(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        self.buffer.clear();
        self.buffer.extend_from_slice(&[0; LENGTH]);
        self.buffer.extend_from_slice(message);
        self.send_buffer()
    }

    /// Sends the buffer, whose first bytes are to be the length of the others.
    fn send_buffer(&mut self) -> Result<(), ChannelError> {
        let length = self.buffer.len() - LENGTH;
        let prefix = u32::try_from(length)
            .ok()
            .filter(|_| length <= MAX_MESSAGE)
            .ok_or(ChannelError::TooLong(length))?;
        if let Some(slots) = &mut self.slots
            && length <= ROOM
        {
            return if slots.put(&self.buffer[LENGTH..]) {
                ring(self.socket.get_ref())
            } else {
                Ok(())
            };
        }
        self.buffer[..LENGTH].copy_from_slice(&prefix.to_le_bytes());
        Ok(self.socket.get_ref().write_all(&self.buffer)?)
    }

    /// Waits for one message.
    pub(super) fn receive<T: DeserializeOwned>(&mut self) -> Result<T, ChannelError> {
        let Some(length) = self.announced()? else {
            return postcard::from_bytes(&self.buffer).map_err(ChannelError::Garbled);
        };
        if length > MAX_MESSAGE {
            return Err(ChannelError::TooLong(length));
        }
        self.buffer.clear();
        // Grows with what really comes, not with what was announced.
        let read = self
            .socket
            .by_ref()
            .take(length as u64)
            .read_to_end(&mut self.buffer)?;
        if read < length {
            return Err(ChannelError::Closed);
        }
        postcard::from_bytes(&self.buffer).map_err(ChannelError::Garbled)
    }

    /// Waits for a message: its length where it comes over the socket. `None`:
    /// it was in the slot, and is in the buffer.
    fn announced(&mut self) -> Result<Option<usize>, ChannelError> {
        loop {
            if let Some(slots) = &mut self.slots {
                if !slots.look() {
                    slots.await_ring(true);
                }
                if slots.take(&mut self.buffer)? {
                    slots.await_ring(false);
                    return Ok(None);
                }
            }
            let mut prefix = RING;
            let read = self.socket.read_exact(&mut prefix);
            if let Some(slots) = &self.slots {
                slots.await_ring(false);
            }
            read?;
            // A ring for what was seen without it says nothing any more.
            if self.slots.is_none() || prefix != RING {
                return Ok(Some(u32::from_le_bytes(prefix) as usize));
            }
        }
    }
}

/// Wakes the other side. Never waits: where there is no room for another ring,
/// those that are there will do.
fn ring(socket: &UnixStream) -> Result<(), ChannelError> {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    match send(socket.as_raw_fd(), &RING, flags) {
        Ok(_) | Err(Errno::EAGAIN) => Ok(()),
        Err(errno) => Err(io::Error::from(errno).into()),
    }
}

#[cfg(test)]
mod tests {
    use std::hint::spin_loop;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::sandbox::slots::{Side, memory};

    fn pair() -> (Channel, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Channel::new(ours), theirs)
    }

    #[test]
    fn what_is_sent_is_received_in_order() {
        let (mut ours, theirs) = pair();
        let mut theirs = Channel::new(theirs);
        ours.send(&("first", 1_u32)).unwrap();
        ours.send(&("second", 2_u32)).unwrap();
        assert_eq!(
            theirs.receive::<(String, u32)>().unwrap(),
            ("first".to_owned(), 1)
        );
        assert_eq!(
            theirs.receive::<(String, u32)>().unwrap(),
            ("second".to_owned(), 2)
        );
    }

    #[test]
    fn an_announced_length_beyond_the_bound_is_refused_at_once() {
        let (mut ours, mut theirs) = pair();
        theirs.write_all(&u32::MAX.to_le_bytes()).unwrap();
        assert!(matches!(
            ours.receive::<u32>(),
            Err(ChannelError::TooLong(_))
        ));
    }

    #[test]
    fn a_message_that_breaks_off_is_the_end_of_the_other_process() {
        let (mut ours, mut theirs) = pair();
        theirs.write_all(&1_000_u32.to_le_bytes()).unwrap();
        theirs.write_all(b"only so much").unwrap();
        drop(theirs);
        assert!(matches!(
            ours.receive::<String>(),
            Err(ChannelError::Closed)
        ));
    }

    #[test]
    fn bytes_that_are_no_message_are_told_apart_from_the_end() {
        let (mut ours, mut theirs) = pair();
        theirs.write_all(&2_u32.to_le_bytes()).unwrap();
        theirs.write_all(&[0xff, 0xff]).unwrap();
        assert!(matches!(
            ours.receive::<String>(),
            Err(ChannelError::Garbled(_))
        ));
    }

    /// Both ends of a conversation with the short way.
    fn short() -> (Channel, Channel) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let memory = memory().unwrap();
        let slots = |side| Slots::new(&memory, side).unwrap();
        (
            Channel::new(ours).with_slots(slots(Side::Runtime)),
            Channel::new(theirs).with_slots(slots(Side::Component)),
        )
    }

    #[test]
    fn messages_of_any_length_cross_in_order_by_the_short_way_or_the_other() {
        let (mut ours, mut theirs) = short();
        let texts: Vec<String> = [0, 1, 7, 8, 9, 100, ROOM - 2, ROOM - 1, ROOM, 1 << 20]
            .map(|length| "y".repeat(length))
            .to_vec();
        let sent = texts.clone();
        let echo = thread::spawn(move || {
            for _ in 0..sent.len() {
                let text: String = theirs.receive().unwrap();
                theirs.send(&text).unwrap();
            }
            theirs
        });
        for text in texts {
            ours.send(&text).unwrap();
            assert_eq!(ours.receive::<String>().unwrap(), text);
        }
        drop(echo.join().unwrap());
        assert!(matches!(
            ours.receive::<String>(),
            Err(ChannelError::Closed)
        ));
    }

    #[test]
    fn who_sleeps_is_woken_and_a_ring_too_many_is_no_message() {
        let (mut ours, mut theirs) = short();
        let (said, heard) = mpsc::channel();
        let sleeper = thread::spawn(move || {
            for _ in 0..1_000 {
                let number: u32 = theirs.receive().unwrap();
                said.send(number).unwrap();
            }
        });
        for number in 0..1_000_u32 {
            if number % 10 == 0 {
                // Long enough that it has gone to sleep, most times.
                let later = Instant::now() + Duration::from_micros(200);
                while Instant::now() < later {
                    spin_loop();
                }
                ring(ours.socket.get_ref()).unwrap();
            }
            ours.send(&number).unwrap();
            assert_eq!(heard.recv().unwrap(), number);
        }
        sleeper.join().unwrap();
    }

    #[test]
    fn what_the_memory_says_of_lengths_is_not_believed() {
        let (mut ours, theirs) = short();
        theirs.slots.as_ref().unwrap().forge(u32::MAX);
        assert!(matches!(
            ours.receive::<String>(),
            Err(ChannelError::TooLong(_))
        ));
    }

    #[test]
    fn rings_without_end_do_not_hold_up_who_rings() {
        let (ours, _theirs) = short();
        for _ in 0..1_000_000 {
            ring(ours.socket.get_ref()).unwrap();
        }
    }

    #[test]
    fn who_never_reads_holds_up_the_impatient_for_a_while_only() {
        let (ours, _theirs) = pair();
        let mut ours = ours.impatient(Duration::from_millis(20)).unwrap();
        let sent = ours.send(&"x".repeat(4 << 20));
        assert!(matches!(sent, Err(ChannelError::Unread)), "{sent:?}");
    }

    #[test]
    fn a_message_larger_than_the_socket_arrives_whole() {
        let (mut ours, theirs) = pair();
        let text = "x".repeat(4 << 20);
        let sent = text.clone();
        let sender = thread::spawn(move || Channel::new(theirs).send(&sent));
        assert_eq!(ours.receive::<String>().unwrap(), text);
        sender.join().unwrap().unwrap();
    }
}
