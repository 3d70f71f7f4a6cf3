//! Who is told what happens in a run.
//!
//! ```text
//!               ┌► Human      progress to stderr, the verdict to stdout
//!   Record ─────┼► JsonLines  the stream to stdout
//!   (Reporters) ├► Junit      a file at the end
//!               └► Summary    folded once, handed to all; report.json
//! ```
//!
//! A [`Reporter`] consumes [`Record`]s and nothing else, so what one shows can
//! be shown again from an `events.jsonl`. A reporter that can no longer write
//! is dropped: a closed pipe in silence, anything else with one complaint. It
//! never changes how the run ends.

pub mod findings;
mod grid;
pub mod human;
pub mod json;
pub mod junit;
pub mod progress;
pub mod schedulers;
pub mod summary;
pub(crate) mod table;
pub mod text;

use std::fmt::Debug;
use std::io::{self, ErrorKind, Write};

pub use human::Human;
pub use json::JsonLines;
pub use junit::Junit;
pub use progress::{Live, Plain};
pub use schedulers::SchedulerRow;
pub use summary::{StepRow, Summary};

use crate::event::Record;

/// One who is told.
pub trait Reporter: Debug {
    /// The next record, and the run as it stands with it.
    ///
    /// # Errors
    ///
    /// When it cannot be passed on; the reporter is then dropped.
    fn tell(&mut self, record: &Record, summary: &Summary) -> io::Result<()>;

    /// Time has passed.
    fn tick(&mut self, _now_ns: u64, _summary: &Summary) {}

    /// How often it wants [`Reporter::tick`], in nanoseconds, if at all.
    fn tick_interval_ns(&self) -> Option<u64> {
        None
    }
}

/// All who are told, in order.
#[derive(Debug)]
pub struct Reporters {
    all: Vec<Box<dyn Reporter>>,
    summary: Summary,
    complaints: Box<dyn Complaints>,
}

/// Where a reporter's own failure is said.
trait Complaints: Write + Debug {}
impl<T: Write + Debug> Complaints for T {}

impl Reporters {
    /// Nobody yet; failures of reporters are said on `complaints`, as a rule
    /// standard error.
    #[must_use]
    pub fn new(complaints: impl Write + Debug + 'static) -> Self {
        Self {
            all: Vec::new(),
            summary: Summary::default(),
            complaints: Box::new(complaints),
        }
    }

    /// Adds one. The order of adding is the order of telling.
    #[must_use]
    pub fn with(mut self, reporter: impl Reporter + 'static) -> Self {
        self.all.push(Box::new(reporter));
        self
    }

    /// The run as it stands.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Passes a record on.
    pub fn tell(&mut self, record: &Record) {
        self.summary.fold(record);
        let (summary, complaints) = (&self.summary, &mut self.complaints);
        self.all
            .retain_mut(|reporter| match reporter.tell(record, summary) {
                Ok(()) => true,
                Err(error) => {
                    if error.kind() != ErrorKind::BrokenPipe {
                        // If this fails too there is nobody left to tell.
                        let _ = writeln!(complaints, "a report could not be written: {error}");
                    }
                    false
                }
            });
    }

    /// Lets live displays redraw.
    pub(crate) fn tick(&mut self, now_ns: u64) {
        for reporter in &mut self.all {
            reporter.tick(now_ns, &self.summary);
        }
    }

    /// The shortest interval that a reporter wants.
    #[must_use]
    pub(crate) fn tick_interval_ns(&self) -> Option<u64> {
        self.all
            .iter()
            .filter_map(|reporter| reporter.tick_interval_ns())
            .min()
    }

    /// Says what went wrong with a report.
    pub(crate) fn complain(&mut self, what: &str) {
        let _ = writeln!(self.complaints, "{what}");
    }

    /// The run is over: removes what is still drawn.
    pub(crate) fn close(&mut self) {
        self.all.clear();
    }
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod scheduler_tests;
#[cfg(test)]
mod tests;
