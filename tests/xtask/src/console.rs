//! What the chores say: one line per step with its time.
//!
//! Owns standard output and standard error of this program. Progress goes to
//! standard error, results to standard output. Never decides whether a step
//! failed.

use std::cell::Cell;
use std::fmt::{self, Display, Formatter};
use std::io::{IsTerminal, Write, stderr, stdout};
use std::time::{Duration, Instant};

/// Where the chores speak.
#[derive(Debug)]
pub(crate) struct Console {
    colour: bool,
}

/// A step that is under way.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    console: &'a Console,
    name: &'a str,
    started: Instant,
    announced: Cell<bool>,
}

impl Console {
    /// Colours only where a person looks on.
    pub(crate) fn new() -> Self {
        Self {
            colour: stderr().is_terminal(),
        }
    }

    /// Whether programs that are started for a step may write colours.
    pub(crate) fn colour(&self) -> bool {
        self.colour
    }

    /// Runs `body` as a step. Its closing line has its time, and says whether it failed.
    pub(crate) fn step<T>(
        &self,
        name: &str,
        body: impl FnOnce(&Step<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let step = Step {
            console: self,
            name,
            started: Instant::now(),
            announced: false.into(),
        };
        let result = body(&step);
        let (mark, colour) = if result.is_ok() {
            ("ok", "32")
        } else {
            ("FAILED", "31")
        };
        let time = Seconds(step.started.elapsed());
        self.progress(&format!(
            "{} {name} ({time})",
            self.paint(colour, &format!("{mark:>6}"))
        ));
        result
    }

    /// A line about what is going on.
    pub(crate) fn progress(&self, line: &str) {
        // A reader that went away is no reason to stop half-way.
        let _ = writeln!(stderr(), "{line}");
    }

    /// A line of a result.
    pub(crate) fn result(&self, line: &str) {
        let _ = writeln!(stdout(), "{line}");
    }

    /// The reason for a failure.
    pub(crate) fn error(&self, reason: &str) {
        self.progress(&format!("{} {reason}", self.paint("31", "error:")));
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[1;{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

impl Step<'_> {
    /// The console that the step reports to.
    pub(crate) fn console(&self) -> &Console {
        self.console
    }

    /// A line that belongs to the step. The first one is preceded by the
    /// step's name, so that a step with nothing to say takes one line in all.
    pub(crate) fn line(&self, line: &str) {
        self.announce();
        self.console.progress(line);
    }

    /// Names the step now, because a program is about to write by itself.
    pub(crate) fn announce(&self) {
        if !self.announced.replace(true) {
            let mark = self.console.paint("36", "    ->");
            self.console.progress(&format!("{mark} {}", self.name));
        }
    }
}

/// A duration as people read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 10.0 {
            write!(f, "{seconds:.2} s")
        } else if seconds < 120.0 {
            write!(f, "{seconds:.0} s")
        } else {
            write!(
                f,
                "{} min {:02} s",
                self.0.as_secs() / 60,
                self.0.as_secs() % 60
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_no_more_digits_than_it_deserves() {
        let shown = |ms| Seconds(Duration::from_millis(ms)).to_string();
        assert_eq!(shown(4), "0.00 s");
        assert_eq!(shown(9_876), "9.88 s");
        assert_eq!(shown(61_400), "61 s");
        assert_eq!(shown(425_000), "7 min 05 s");
    }

    #[test]
    fn a_step_hands_back_what_its_body_returned() {
        let console = Console { colour: false };
        assert_eq!(console.step("adds", |_| Ok(1 + 1)).unwrap(), 2);
        let failed: anyhow::Result<()> = console.step("fails", |_| anyhow::bail!("no disk"));
        assert_eq!(failed.unwrap_err().to_string(), "no disk");
    }
}
