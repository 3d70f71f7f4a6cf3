//! Samples of a payload's declaration and record.

use proscenium_wire::*;

pub(crate) fn payload_spec() -> PayloadSpec {
    let name = || "cpu.bogo-ops".to_owned();
    PayloadSpec {
        name: "stress".into(),
        kind: PayloadKind::Binary,
        program: "/payloads/usr/bin/stress-ng".into(),
        folder: "/payloads".into(),
        args: vec!["--metrics".into()],
        environment: vec![("LC_ALL".into(), "C".into())],
        known_flags: Some(vec!["--cpu".into()]),
        output: PayloadOutput::StressNg,
        hints: vec![MetricHint {
            metric: name(),
            polarity: Polarity::HigherBetter,
            unit: Some("ops".into()),
        }],
        checks: vec![
            PayloadCheck::ExitCode(0),
            PayloadCheck::Exists(name()),
            PayloadCheck::Min(name(), 1.0),
            PayloadCheck::Max(name(), 2.0),
            PayloadCheck::Range(name(), 1.0, 2.0),
        ],
    }
}

pub(crate) fn payload_record() -> PayloadRecord {
    PayloadRecord {
        index: 3,
        name: "stress".into(),
        cgroup: "left".into(),
        phase: Some("Step[0]".into()),
        exit: PayloadExit::Signal(9),
        killed: true,
        elapsed_ns: 1_500_000_000,
        output_bytes: 400,
        dropped_bytes: 0,
        metrics: vec![Metric {
            name: "cpu.bogo-ops".into(),
            value: 1_503.0,
            polarity: Polarity::HigherBetter,
            unit: Some("ops".into()),
        }],
        metrics_cut: false,
        checks: vec![PayloadCheckResult {
            passed: true,
            message: "cpu.bogo-ops is 1503, at least 1".into(),
        }],
        stderr_tail: Some("killed".into()),
    }
}
