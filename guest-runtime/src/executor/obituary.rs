//! How a scheduler that went without being asked came to its end: told from
//! what the kernel and its process say. Pure.
//!
//! The kernel's word counts first. It says `unregistered from user space`
//! also where the process was killed or gave up, for then the kernel drops
//! what it held: there the process decides. `Unknown` is left for two cases:
//! the kernel's log does not have the line (it was flooded, or is not there)
//! and the process still runs or cannot be asked; or the line has a reason that
//! this version does not know, and the process ended well.

use proscenium_wire::{Obituary, PayloadExit, SchedulerExit};

use crate::name::{clean_line, quote};
use crate::world::{Down, Remains};

/// Longest reason and longest message of the kernel, in bytes.
const MAX_LINE: usize = 512;
/// Longest dump, in bytes.
const MAX_DUMP: usize = 256 << 10;

/// What the kernel's reason means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// The scheduler did something wrong.
    Error,
    /// Somebody else had it thrown out.
    Thrown,
    /// It said itself that it was done.
    Left,
    /// Its hold on the kernel was dropped, by whomever.
    Dropped,
    /// Not one that is known here.
    Other,
}

/// The words are those of `scx_exit_reason()` in the kernel's `ext.c`.
fn meaning(reason: &str) -> Reason {
    match reason {
        "runtime error" | "scx_bpf_error" | "runnable task stall" => Reason::Error,
        "disabled by sysrq-S" | "unregistered from the main kernel" => Reason::Thrown,
        "unregistered from BPF" => Reason::Left,
        "unregistered from user space" => Reason::Dropped,
        _ => Reason::Other,
    }
}

/// What is known, bounded, and of which kind it is.
pub(super) fn write(down: &Down, remains: Remains) -> Obituary {
    let noticed = match down {
        Down::Exited(exit) => Some(*exit),
        Down::Disabled | Down::Replaced(_) => None,
    };
    let exit = remains.exit.or(noticed);
    let line = |text: String| clean_line(text.trim(), MAX_LINE);
    let reason = remains.reason.map(line);
    Obituary {
        kind: classify(reason.as_deref().map(meaning), exit),
        process: exit.unwrap_or(PayloadExit::Unknown),
        reason,
        message: remains.message.map(line).filter(|text| !text.is_empty()),
        dump: beginning(remains.dump),
    }
}

fn classify(reason: Option<Reason>, exit: Option<PayloadExit>) -> SchedulerExit {
    let by_process = match exit {
        Some(PayloadExit::Code(0)) => Some(SchedulerExit::ExitedCleanly),
        Some(PayloadExit::Code(_) | PayloadExit::Signal(_)) => Some(SchedulerExit::Crashed),
        Some(PayloadExit::Unknown) | None => None,
    };
    match reason {
        Some(Reason::Error | Reason::Thrown) => SchedulerExit::Crashed,
        Some(Reason::Left) => SchedulerExit::ExitedCleanly,
        Some(Reason::Dropped) => by_process.unwrap_or(SchedulerExit::ExitedCleanly),
        // Its process may end well after the kernel threw it out.
        Some(Reason::Other) => match by_process {
            Some(SchedulerExit::Crashed) => SchedulerExit::Crashed,
            _ => SchedulerExit::Unknown,
        },
        None => by_process.unwrap_or(SchedulerExit::Unknown),
    }
}

/// The first bytes of a text.
fn beginning(mut text: String) -> String {
    if text.len() > MAX_DUMP {
        let end = (0..=MAX_DUMP).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
    }
    text
}

/// When it was noticed; decides on the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// While no step ran: after so many, of so many if that is known.
    Between {
        /// Steps that are over.
        completed: u32,
        /// Steps of the plan.
        total: Option<u32>,
    },
    /// While this step ran, from 0.
    Workload(u32),
    /// After the last of so many steps.
    End(u32),
}

/// One line for the verdict.
pub(super) fn account(
    name: &str,
    moment: Moment,
    seconds: f64,
    of: &Obituary,
    down: &Down,
) -> String {
    let name = quote(name);
    let how = match of.kind {
        SchedulerExit::Crashed => "crashed",
        SchedulerExit::ExitedCleanly => "left without being asked",
        SchedulerExit::Unknown => "is gone",
    };
    let steps = |count: u32| if count == 1 { "step" } else { "steps" };
    let when = match moment {
        Moment::Between {
            completed,
            total: None,
        } => {
            format!("between steps, after {completed} {}", steps(completed))
        }
        Moment::Between {
            completed,
            total: Some(total),
        } => {
            format!(
                "between steps, after {completed} of {total} {}",
                steps(total)
            )
        }
        Moment::Workload(step) => format!("during the workload of step {step}"),
        Moment::End(count) => format!(
            "and was found so after the last of {count} {}",
            steps(count)
        ),
    };
    let why = why(of, down);
    format!("scheduler {name} {how} {when}, {seconds:.1} s into the scenario: {why}")
}

/// What there is to be said about it, the kernel's words first.
pub(super) fn why(of: &Obituary, down: &Down) -> String {
    let process = match of.process {
        PayloadExit::Unknown => "its process still ran".to_owned(),
        exit => format!("its process {}", how_it_ended(exit)),
    };
    let in_its_place = match down {
        Down::Replaced(ops) => format!("{} is enabled in its place: ", quote(ops)),
        Down::Exited(_) | Down::Disabled => String::new(),
    };
    let said = |reason: &str| match &of.message {
        Some(message) => format!("{reason}: {message}"),
        None => reason.to_owned(),
    };
    let why = match of.reason.as_deref().map(|reason| (meaning(reason), reason)) {
        None => format!("the kernel gave no reason, and {process}"),
        Some((Reason::Error | Reason::Other, reason)) => format!("{}; {process}", said(reason)),
        Some((Reason::Thrown, reason)) => {
            format!("somebody else had the kernel disable it: {}", said(reason))
        }
        Some((Reason::Left, reason)) => said(reason),
        Some((Reason::Dropped, reason)) => format!("{process} ({})", said(reason)),
    };
    format!("{in_its_place}{why}")
}

/// How a process ended, in words.
pub(super) fn how_it_ended(exit: PayloadExit) -> String {
    match exit {
        PayloadExit::Code(code) => format!("ended with code {code}"),
        PayloadExit::Signal(signal) => format!("was ended by signal {signal}"),
        PayloadExit::Unknown => "ended, and nobody can say how".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILLED: PayloadExit = PayloadExit::Signal(9);
    const WELL: PayloadExit = PayloadExit::Code(0);
    const BADLY: PayloadExit = PayloadExit::Code(101);

    fn remains(reason: Option<&str>, exit: Option<PayloadExit>) -> Remains {
        Remains {
            exit,
            reason: reason.map(str::to_owned),
            message: None,
            dump: String::new(),
        }
    }

    #[test]
    fn s_115_crashed_clean_and_unknown_are_told_by_kernel_and_process() {
        use SchedulerExit::{Crashed, ExitedCleanly, Unknown};
        let unregistered = Some("unregistered from user space");
        let table = [
            (unregistered, Some(WELL), ExitedCleanly),
            (unregistered, Some(BADLY), Crashed),
            (unregistered, Some(KILLED), Crashed),
            (unregistered, None, ExitedCleanly),
            (Some("unregistered from BPF"), Some(BADLY), ExitedCleanly),
            (Some("scx_bpf_error"), Some(WELL), Crashed),
            (Some("runnable task stall"), None, Crashed),
            (Some("runtime error"), None, Crashed),
            (Some("disabled by sysrq-S"), None, Crashed),
            (
                Some("unregistered from the main kernel"),
                Some(WELL),
                Crashed,
            ),
            (Some("a reason of tomorrow"), Some(WELL), Unknown),
            (Some("a reason of tomorrow"), None, Unknown),
            (Some("a reason of tomorrow"), Some(KILLED), Crashed),
            (None, Some(KILLED), Crashed),
            (None, Some(BADLY), Crashed),
            (None, Some(WELL), ExitedCleanly),
            (None, Some(PayloadExit::Unknown), Unknown),
            (None, None, Unknown),
        ];
        for (reason, exit, kind) in table {
            let obituary = write(&Down::Disabled, remains(reason, exit));
            assert_eq!(obituary.kind, kind, "{reason:?} {exit:?}");
        }
    }

    #[test]
    fn an_exit_that_was_noticed_counts_where_nothing_else_is_known() {
        let obituary = write(&Down::Exited(KILLED), Remains::default());
        assert_eq!(obituary.kind, SchedulerExit::Crashed);
        assert_eq!(obituary.process, KILLED);
    }

    #[test]
    fn the_account_says_when_and_why() {
        let down = Down::Disabled;
        let stall = write(
            &down,
            Remains {
                message: Some("watchdog failed to check in for 5.001s".into()),
                ..remains(Some("runnable task stall"), None)
            },
        );
        let between = Moment::Between {
            completed: 1,
            total: Some(3),
        };
        assert_eq!(
            account("a", between, 1.26, &stall, &down),
            "scheduler \"a\" crashed between steps, after 1 of 3 steps, 1.3 s into the scenario: \
             runnable task stall: watchdog failed to check in for 5.001s; its process still ran"
        );
        let left = write(
            &down,
            remains(Some("unregistered from user space"), Some(WELL)),
        );
        assert_eq!(
            account("a", Moment::Workload(2), 0.0, &left, &down),
            "scheduler \"a\" left without being asked during the workload of step 2, 0.0 s into \
             the scenario: its process ended with code 0 (unregistered from user space)"
        );
        let replaced = Down::Replaced("b".into());
        let gone = write(&replaced, Remains::default());
        assert_eq!(
            account("a", Moment::End(1), 9.96, &gone, &replaced),
            "scheduler \"a\" is gone and was found so after the last of 1 step, 10.0 s into the scenario: \
             \"b\" is enabled in its place: the kernel gave no reason, and its process still ran"
        );
        let sysrq = write(&down, remains(Some("disabled by sysrq-S"), None));
        assert!(why(&sysrq, &down).contains("somebody else"));
    }

    #[test]
    fn what_the_guest_says_is_bounded_and_harmless() {
        let obituary = write(
            &Down::Disabled,
            Remains {
                exit: None,
                reason: Some("\u{1b}[31m".repeat(1_000)),
                message: Some("\n".into()),
                dump: "ä".repeat(MAX_DUMP),
            },
        );
        let reason = obituary.reason.as_deref().unwrap();
        assert!(reason.len() <= MAX_LINE && !reason.contains('\u{1b}'));
        assert_eq!(obituary.message, None);
        assert_eq!(obituary.dump.len(), MAX_DUMP);
    }
}
