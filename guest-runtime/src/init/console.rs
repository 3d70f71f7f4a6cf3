//! One-line messages to the guest's console, where the host keeps the last of
//! them for the report of a run that died early.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes `proscenium: message` as one line. A console that does not take it
/// leaves nobody to tell.
pub fn say(message: impl Display) {
    let line = format!("proscenium: {message}").replace(['\n', '\r'], " ");
    let _ = writeln!(io::stderr(), "{line}");
}
