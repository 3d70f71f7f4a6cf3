//! Commands in, without ever waiting in a read.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use proscenium_wire::{Command, Decoder, Received};

use super::{LinkError, port_error};

/// Receives commands over a port, without ever waiting in a read.
#[derive(Debug)]
pub struct Control {
    port: File,
    decoder: Decoder<Command>,
    /// The last read found the other side gone.
    pub(super) hung_up: bool,
    /// Bytes that came so far.
    pub(super) received: u64,
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

    pub(super) fn next_received(&mut self) -> Option<Received<Command>> {
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
