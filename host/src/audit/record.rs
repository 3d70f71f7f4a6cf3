//! From the guest's frames to lines of the file.

use proscenium_guest_runtime::audit::{Function, refusal_name};
use proscenium_wire::{AuditCall, AuditTotals, Decision, Event, FunctionTotal};

use super::{Call, Entry, Total, Totals};

/// Most functions of one totals line: an honest runtime has a few dozen.
const MAX_FUNCTIONS: usize = 1_024;

/// The lines of what the guest said; none if it is about something else.
#[must_use]
pub fn lines(event: &Event) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match event {
        Event::AuditCalls(calls) => {
            for call in calls {
                line(&Entry::Call(self::call(call)), &mut out);
            }
        }
        Event::AuditTotals(totals) => line(&Entry::Totals(self::totals(totals)), &mut out),
        _ => return None,
    }
    Some(out)
}

fn line(entry: &Entry, out: &mut Vec<u8>) {
    // Numbers and short words: there is nothing in it that could fail.
    if serde_json::to_writer(&mut *out, entry).is_ok() {
        out.push(b'\n');
    }
}

fn call(call: &AuditCall) -> Call {
    Call {
        at_ns: call.at_ns,
        duration_ns: call.duration_ns,
        function: function(call.function),
        decision: match call.decision {
            Decision::Done => "done".to_owned(),
            Decision::Denied => "denied".to_owned(),
            Decision::Ended => "ended".to_owned(),
            Decision::Refused(code) => {
                refusal_name(code).map_or_else(|| format!("refused-{code}"), str::to_owned)
            }
        },
    }
}

fn totals(totals: &AuditTotals) -> Totals {
    let total = |total: &FunctionTotal| Total {
        function: function(total.function),
        done: total.done,
        refused: total.refused,
        denied: total.denied,
        ended: total.ended,
        not_recorded: total.not_recorded,
        total_ns: total.total_ns,
        max_ns: total.max_ns,
    };
    Totals {
        not_recorded: totals.not_recorded,
        functions: totals
            .functions
            .iter()
            .take(MAX_FUNCTIONS)
            .map(total)
            .collect(),
    }
}

fn function(number: u16) -> String {
    Function::of_number(number).map_or_else(
        || format!("unknown-{number}"),
        |function| function.name().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_names_and_no_numbers_that_only_we_know() {
        let call = |function, decision| AuditCall {
            at_ns: 5,
            duration_ns: 7,
            function,
            decision,
        };
        let calls = vec![
            call(Function::StepHold.number(), Decision::Done),
            call(Function::CgroupCreate.number(), Decision::Refused(3)),
            call(60_000, Decision::Refused(200)),
        ];
        let text = String::from_utf8(lines(&Event::AuditCalls(calls)).unwrap()).unwrap();
        let expected = [
            r#"{"type":"call","at_ns":5,"duration_ns":7,"function":"stage.step.hold","decision":"done"}"#,
            r#"{"type":"call","at_ns":5,"duration_ns":7,"function":"cgroups.cgroup.create","decision":"already-exists"}"#,
            r#"{"type":"call","at_ns":5,"duration_ns":7,"function":"unknown-60000","decision":"refused-200"}"#,
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
        assert_eq!(lines(&Event::Pause), None);
    }

    #[test]
    fn totals_of_a_lying_guest_stay_one_bounded_line() {
        let totals = AuditTotals {
            not_recorded: u64::MAX,
            functions: vec![FunctionTotal::default(); 100_000],
        };
        let text = lines(&Event::AuditTotals(totals)).unwrap();
        assert!(text.len() < 256 << 10, "{} bytes", text.len());
        assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
}
