//! What the kernel's log says of one scheduler.
//!
//! Collects and bounds; what it means for a verdict is the executor's.

use crate::name::clean_line;

/// Longest line that is kept, in bytes.
const LINE: usize = 512;
/// Most bytes of all lines of one kind together (16 KiB).
const DUMP: usize = 16 << 10;
/// How the kernel begins everything that it says of schedulers.
const PREFIX: &str = "sched_ext: ";

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Name of the scheduler that was disabled, whose own words may follow.
    name: Option<String>,
    /// The kernel's reason for disabling it.
    pub(super) reason: Option<String>,
    /// What stood after that: the scheduler's own words.
    pub(super) message: Option<String>,
    /// All lines about it.
    pub(super) dump: String,
    /// What the kernel's trace says of its state when it went.
    pub(super) traced: String,
    /// What comes next may belong to it: a stack trace has no name in it.
    trace: bool,
}

impl Said {
    /// Takes one line in. True: it is about a scheduler.
    pub(super) fn hear(&mut self, line: &str) -> bool {
        let Some(text) = line.strip_prefix(PREFIX) else {
            self.trace &= line.starts_with("  ");
            if self.trace {
                self.keep(line);
            }
            return self.trace;
        };
        self.keep(line);
        self.trace = true;
        // The first reason is the reason: one loader has one scheduler at a time.
        if self.reason.is_none()
            && let Some((name, reason)) = disabled(text)
        {
            self.name = Some(name.to_owned());
            self.reason = Some(clean_line(reason, LINE));
        } else if self.message.is_none()
            && let Some(name) = &self.name
            && let Some(message) = text.strip_prefix(name.as_str())
            && let Some(message) = message.strip_prefix(": ")
        {
            self.message = Some(clean_line(message, LINE));
        }
        true
    }

    /// Takes in one line of the kernel's dump. True: it says that a scheduler
    /// goes, and not that somebody only wanted to look at one.
    pub(super) fn hear_dump(&mut self, line: &str) -> bool {
        keep(&mut self.traced, line);
        line.contains("] triggered exit kind ")
    }

    fn keep(&mut self, line: &str) {
        keep(&mut self.dump, line);
    }
}

/// Adds a clean line, as far as there is room.
fn keep(lines: &mut String, line: &str) {
    let room = DUMP.saturating_sub(lines.len() + 1);
    let line = clean_line(line, LINE.min(room));
    if !line.is_empty() {
        lines.push_str(&line);
        lines.push('\n');
    }
}

/// Name and reason of `BPF scheduler "NAME" disabled (REASON)`.
fn disabled(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text
        .strip_prefix("BPF scheduler \"")?
        .split_once("\" disabled (")?;
    Some((name, rest.strip_suffix(')')?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heard(lines: &[&str]) -> Said {
        let mut said = Said::default();
        for line in lines {
            said.hear(line);
        }
        said
    }

    #[test]
    fn an_error_has_its_reason_its_message_and_its_trace() {
        let lines = [
            "sched_ext: BPF scheduler \"simple\" enabled",
            "sched_ext: BPF scheduler \"simple\" disabled (runnable task stall)",
            "sched_ext: simple: kworker/0:1[42] failed to run for 5.001s (really)",
            "   check_rq_for_timeouts+0x1a/0x30",
        ];
        let said = heard(&[&lines[..], &["eth0: link is up", "  by the way"]].concat());
        assert_eq!(said.reason.as_deref(), Some("runnable task stall"));
        let message = "kworker/0:1[42] failed to run for 5.001s (really)";
        assert_eq!(said.message.as_deref(), Some(message));
        assert_eq!(said.dump, lines.join("\n") + "\n");
    }

    #[test]
    fn an_orderly_end_has_a_reason_and_no_message() {
        let line = "sched_ext: BPF scheduler \"simple\" disabled (unregistered from user space)";
        let said = heard(&[line, "sched_ext: other: it is not about this one"]);
        assert_eq!(said.reason.as_deref(), Some("unregistered from user space"));
        assert_eq!(said.message, None);
    }

    #[test]
    fn the_first_reason_stays() {
        let said = heard(&[
            "sched_ext: BPF scheduler \"a\" disabled (scx_bpf_error)",
            "sched_ext: BPF scheduler \"a\" disabled (unregistered from user space)",
        ]);
        assert_eq!(said.reason.as_deref(), Some("scx_bpf_error"));
    }

    #[test]
    fn what_only_looks_like_it_is_not_about_a_scheduler() {
        let mut said = Said::default();
        for line in [
            "",
            "sched_ext",
            "Sched_ext: a",
            "  +0x1/0x2",
            "x sched_ext: a",
        ] {
            assert!(!said.hear(line), "{line:?}");
        }
        assert_eq!(said, Said::default());
        for line in [
            "sched_ext: BPF scheduler \"a disabled (x)",
            "sched_ext: BPF scheduler \"a\" disabled (x",
            "sched_ext: BPF scheduler \"a\" enabled (partial)",
        ] {
            assert!(said.hear(line), "{line:?}");
            assert_eq!(said.reason, None, "{line:?}");
        }
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut said = Said::default();
        for _ in 0..10_000 {
            said.hear(&format!("sched_ext: {}", "x".repeat(2_000)));
        }
        assert!(said.dump.len() <= DUMP);
        assert!(said.dump.lines().all(|line| line.len() <= LINE));
    }

    #[test]
    fn a_dump_is_kept_and_tells_an_end_from_a_look() {
        let mut said = Said::default();
        assert!(!said.hear_dump("Debug dump triggered by sysrq-D"));
        assert!(said.hear_dump("swapper/0[0] triggered exit kind 1025:"));
        assert!(!said.hear_dump(""));
        assert_eq!(said.traced.lines().count(), 2);
        assert_eq!(said.dump, "");
    }

    proptest! {
        #[test]
        fn no_line_is_too_much(lines in prop::collection::vec("(sched_ext: )?(BPF scheduler \")?\\PC{0,60}", 0..20)) {
            let mut said = Said::default();
            for line in &lines {
                said.hear(line);
            }
            prop_assert!(said.dump.len() <= DUMP);
        }
    }
}
