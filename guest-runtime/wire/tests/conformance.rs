//! Rows of the conformance list that this crate answers for.

use std::time::Duration;

use proscenium_wire::{StepMark, WideMark};

#[test]
fn s_128_every_narrowing_saturates_and_names_its_field() {
    let wide = WideMark {
        elapsed: Duration::MAX,
        step_index: Some(usize::MAX),
        op_count: 65_536,
        op_kinds: 1 << 63,
        cgroup_count: 70_000,
        worker_count: 1 << 20,
        handle_count: usize::MAX,
        total_iterations: u64::MAX,
    };
    let (mark, saturated) = StepMark::saturating(&wide);
    let expected = StepMark {
        elapsed_ms: u32::MAX,
        phase: u16::MAX,
        op_count: u16::MAX,
        op_kinds: 1 << 63,
        cgroup_count: u16::MAX,
        worker_count: u16::MAX,
        handle_count: u16::MAX,
        total_iterations: u64::MAX,
    };
    assert_eq!(mark, expected);
    let named = [
        "phase",
        "op_count",
        "cgroup_count",
        "worker_count",
        "handle_count",
        "elapsed_ms",
    ];
    assert_eq!(saturated, named);
}

#[test]
fn s_128_what_just_fits_is_not_reported_and_one_more_is() {
    let fits = WideMark {
        elapsed: Duration::from_millis(u64::from(u32::MAX)),
        op_count: 65_535,
        cgroup_count: 65_535,
        worker_count: 65_535,
        handle_count: 65_535,
        ..WideMark::default()
    };
    let (mark, saturated) = StepMark::saturating(&fits);
    assert_eq!((mark.elapsed_ms, mark.worker_count), (u32::MAX, u16::MAX));
    assert!(saturated.is_empty(), "{saturated:?}");

    let over = WideMark {
        elapsed: fits.elapsed + Duration::from_millis(1),
        worker_count: 65_536,
        ..fits
    };
    let (mark, saturated) = StepMark::saturating(&over);
    assert_eq!((mark.elapsed_ms, mark.worker_count), (u32::MAX, u16::MAX));
    assert_eq!(saturated, ["worker_count", "elapsed_ms"]);
}

#[test]
fn s_129_phases_count_from_one_with_zero_for_the_baseline_and_saturate() {
    let phase = |step_index| {
        let (mark, saturated) = StepMark::saturating(&WideMark {
            step_index,
            ..WideMark::default()
        });
        (mark.phase, saturated.contains(&"phase"))
    };
    assert_eq!(phase(None), (0, false));
    assert_eq!(phase(Some(0)), (1, false));
    assert_eq!(phase(Some(65_533)), (65_534, false));
    // Exact, although it cannot be told from the ones after it.
    assert_eq!(phase(Some(65_534)), (u16::MAX, false));
    assert_eq!(phase(Some(65_535)), (u16::MAX, true));
    assert_eq!(phase(Some(70_000)), (u16::MAX, true));
}
