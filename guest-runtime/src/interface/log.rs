//! `log` — say something. Lines are cleaned, cut, and dropped beyond the run's
//! budget; a plugin never writes to a terminal or a file.

use proscenium_wire::{Event, LogLevel, LogSource};

use crate::bindings::log::{Host, Level};
use crate::name::clean_line;
use crate::plugin::State;

/// Longest line, in bytes.
const MAX_LINE: usize = 4_096;

impl Host for State {
    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let message = clean_line(&message, MAX_LINE);
        if self.budgets.take_log(message.len()) {
            let level = match level {
                Level::Error => LogLevel::Error,
                Level::Warn => LogLevel::Warn,
                Level::Info => LogLevel::Info,
                Level::Debug => LogLevel::Debug,
                Level::Trace => LogLevel::Trace,
            };
            self.stage.emit(Event::Log {
                source: LogSource::Plugin,
                level,
                message,
            });
        }
        Ok(())
    }
}
