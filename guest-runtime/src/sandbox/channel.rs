//! Messages between the runtime and the component's process: a length, then
//! postcard. Owns the framing and its bounds; knows nothing of what is said.

use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest message, in bytes. A plan is the largest: a call may bring 1 MiB of
/// lists and strings ([`proscenium_wire::Limits::call_bytes`]), which is more
/// in the component's memory than encoded.
const MAX_MESSAGE: usize = 16 << 20;
/// Bytes of the length before each message.
const LENGTH: usize = 4;

/// One end of the conversation.
#[derive(Debug)]
pub(super) struct Channel {
    socket: BufReader<UnixStream>,
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
    /// The socket.
    #[error("failed to use the channel: {0}")]
    Io(io::Error),
}

impl From<io::Error> for ChannelError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

impl Channel {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self {
            socket: BufReader::new(socket),
            buffer: Vec::new(),
        }
    }

    /// Sends one message, whole, with one system call unless it is a large one.
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
        self.buffer[..LENGTH].copy_from_slice(&prefix.to_le_bytes());
        Ok(self.socket.get_ref().write_all(&self.buffer)?)
    }

    /// Waits for one message.
    pub(super) fn receive<T: DeserializeOwned>(&mut self) -> Result<T, ChannelError> {
        let mut prefix = [0; LENGTH];
        self.socket.read_exact(&mut prefix)?;
        let length = u32::from_le_bytes(prefix) as usize;
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
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

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
