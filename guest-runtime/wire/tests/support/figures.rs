//! A sample of what workers did, every figure another one.

use proscenium_wire::*;

pub(crate) fn stats() -> CgroupStats {
    CgroupStats {
        phase: 2,
        cgroup: "left".into(),
        work: "spin-wait".into(),
        workers: 4,
        completed: 3,
        cpus: vec![0, 1, 300],
        work_units: 1_000_000,
        iterations: 20_000,
        cpu_time_ns: 1_900_000_000,
        wall_time_ns: 2_000_000_000,
        off_cpu_min_percent: Some(1.5),
        off_cpu_avg_percent: Some(5.0),
        off_cpu_max_percent: Some(7.25),
        spread_percent: Some(5.75),
        max_gap_ns: 12_000_000,
        max_gap_cpu: 1,
        migrations: 17,
        migration_ratio: Some(0.00085),
        wake_p99_ns: Some(90_000),
        wake_median_ns: Some(4_000),
        wake_cv: Some(1.25),
        wake_samples: 100_000,
        throughput_cv: Some(0.125),
        run_delay_mean_ns: Some(35_000),
        cpu_stat: Some(CpuTime {
            usage_us: 1_900_000,
            user_us: 1_800_000,
            system_us: 100_000,
            nr_periods: 20,
            nr_throttled: 3,
            throttled_us: 45_000,
        }),
        cost_p99_ns: Some(70_000),
        cost_median_ns: Some(60_000),
        timer_p99_ns: Some(55_000),
        timer_median_ns: None,
        numa_pages: vec![(0, 1024), (3, 7)],
        pages_migrated: 1031,
    }
}
