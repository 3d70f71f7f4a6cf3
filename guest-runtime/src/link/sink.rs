//! Frames out, in batches.

use std::fs::File;
use std::io::{self, Write};

use proscenium_wire::{Event, LogLevel, LogSource, encode};

use crate::sink::Sink;

/// A batch is written when it has grown to this many bytes.
const BATCH: usize = 64 << 10;

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
