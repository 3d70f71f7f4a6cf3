//! Statistics: any that the vocabulary can express.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proscenium_wire::*;

use super::messages::{float, text};

fn cpu_time() -> impl Strategy<Value = CpuTime> {
    any::<[u64; 6]>().prop_map(
        |[
            usage_us,
            user_us,
            system_us,
            nr_periods,
            nr_throttled,
            throttled_us,
        ]| CpuTime {
            usage_us,
            user_us,
            system_us,
            nr_periods,
            nr_throttled,
            throttled_us,
        },
    )
}

#[expect(clippy::too_many_lines, reason = "one figure a line")]
pub(super) fn cgroup_stats() -> impl Strategy<Value = CgroupStats> {
    let who = (
        any::<u16>(),
        text(),
        text(),
        any::<(u32, u32)>(),
        vec(any::<u32>(), 0..9),
    );
    let totals = any::<([u64; 8], u32)>();
    let ratios = (
        of(float()),
        of(float()),
        of(float()),
        of(float()),
        of(float()),
        of(float()),
        [of(float()), of(float()), of(float())],
    );
    let wakes = (any::<[Option<u64>; 8]>(), of(float()), of(cpu_time()));
    let pages = vec(any::<(u32, u64)>(), 0..5);
    let wakes = (wakes, pages);
    (who, totals, ratios, wakes).prop_map(|(who, (sums, max_gap_cpu), ratios, wakes)| {
        let (phase, cgroup, work, (workers, completed), cpus) = who;
        let [
            work_units,
            iterations,
            cpu_time_ns,
            wall_time_ns,
            max_gap_ns,
            migrations,
            seen,
            pages_migrated,
        ] = sums;
        let ((times, wake_cv, cpu_stat), numa_pages) = wakes;
        let [
            wake_p99_ns,
            wake_median_ns,
            run_delay_mean_ns,
            cost_p99_ns,
            cost_median_ns,
            timer_p99_ns,
            timer_median_ns,
            run_delay_worst_ns,
        ] = times;
        let [page_locality, cross_node_ratio, slow_tier_ratio] = ratios.6;
        CgroupStats {
            phase,
            cgroup,
            work,
            workers,
            completed,
            cpus,
            work_units,
            iterations,
            cpu_time_ns,
            wall_time_ns,
            off_cpu_min_percent: ratios.0,
            off_cpu_avg_percent: ratios.1,
            off_cpu_max_percent: ratios.2,
            spread_percent: ratios.3,
            max_gap_ns,
            max_gap_cpu,
            migrations,
            migration_ratio: ratios.4,
            wake_p99_ns,
            wake_median_ns,
            wake_cv,
            wake_samples: seen,
            throughput_cv: ratios.5,
            run_delay_mean_ns,
            cpu_stat,
            cost_p99_ns,
            cost_median_ns,
            timer_p99_ns,
            timer_median_ns,
            numa_pages,
            pages_migrated,
            run_delay_worst_ns,
            page_locality,
            cross_node_ratio,
            slow_tier_ratio,
        }
    })
}
