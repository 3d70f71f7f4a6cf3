//! One-line messages to the guest's console, where the host keeps the last of
//! them for the report of a run that died early.

use std::fmt::{Debug, Display};
use std::io::{self, Write};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_global_default;
use tracing::{Event, Level, Metadata, Subscriber};

/// Writes `proscenium: message` as one line. A console that does not take it
/// leaves nobody to tell.
pub fn say(message: impl Display) {
    let line = format!("proscenium: {message}").replace(['\n', '\r'], " ");
    let _ = writeln!(io::stderr(), "{line}");
}

/// From here on warnings and errors that the runtime records are said on the
/// console.
pub fn watch_warnings() {
    // It fails only where somebody listens already.
    let _ = set_global_default(Warnings);
}

/// Listens to warnings and errors, and to nothing else.
struct Warnings;

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Say);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Says an event's message.
struct Say;

impl Visit for Say {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            say(format_args!("{value:?}"));
        }
    }
}
