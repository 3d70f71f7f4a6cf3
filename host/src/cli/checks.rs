//! `--check`: the thresholds that an operator turns on, by name.

use proscenium_wire::Thresholds;

use super::values;

/// How the names are listed in help and in messages.
pub(super) const HELP: &str = "\
not-starved, isolation, max-gap=DURATION, max-spread=PERCENT, max-throughput-cv=N, \
min-work-rate=N, max-p99-wake=DURATION, max-wake-cv=N, min-iteration-rate=N, \
max-migration-ratio=N, min-page-locality=N, max-cross-node-migration-ratio=N, max-slow-tier-ratio=N";

/// One check, such as `isolation` or `max-gap=50ms`.
pub(super) fn parse(text: &str) -> Result<Thresholds, String> {
    let mut set = Thresholds::default();
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let on = || match value {
        None => Ok(Some(true)),
        Some(_) => Err(format!("{name} takes no value")),
    };
    let number = || {
        let value = value.ok_or_else(|| format!("{name} needs a value: {name}=NUMBER"))?;
        let number: f64 = value
            .parse()
            .map_err(|_| format!("{value} is not a number"))?;
        if number.is_finite() && number >= 0.0 {
            Ok(Some(number))
        } else {
            Err(format!("{name} is 0 or more"))
        }
    };
    let share = || match number()? {
        Some(share) if share > 1.0 => Err(format!("{name} is a share, from 0 to 1")),
        share => Ok(share),
    };
    let nanoseconds = || {
        let value = value.ok_or_else(|| format!("{name} needs a value, such as {name}=50ms"))?;
        values::duration(value).map(values::nanoseconds).map(Some)
    };
    match name {
        "not-starved" => set.not_starved = on()?,
        "isolation" => set.isolation = on()?,
        "max-gap" => set.max_gap_ns = nanoseconds()?,
        "max-spread" => set.max_spread_percent = number()?,
        "max-throughput-cv" => set.max_throughput_cv = number()?,
        "min-work-rate" => set.min_work_rate = number()?,
        "max-p99-wake" => set.max_p99_wake_ns = nanoseconds()?,
        "max-wake-cv" => set.max_wake_cv = number()?,
        "min-iteration-rate" => set.min_iteration_rate = number()?,
        "max-migration-ratio" => set.max_migration_ratio = number()?,
        "min-page-locality" => set.min_page_locality = share()?,
        "max-cross-node-migration-ratio" => set.max_cross_node_migration_ratio = number()?,
        "max-slow-tier-ratio" => set.max_slow_tier_ratio = share()?,
        _ => return Err(format!("there is no such check: there are {HELP}")),
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_that_help_lists_is_taken() {
        for name in HELP.split(", ") {
            let text = name
                .replace("DURATION", "50ms")
                .replace("PERCENT", "15")
                .replace('N', "0.5");
            let set = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(set.any(), "{text}");
        }
    }

    #[test]
    fn a_later_check_is_added_to_earlier_ones() {
        let both = parse("isolation")
            .unwrap()
            .overlaid(parse("max-gap=2s").unwrap());
        assert_eq!(
            (both.isolation, both.max_gap_ns),
            (Some(true), Some(2_000_000_000))
        );
    }

    #[test]
    fn what_is_no_check_or_no_value_is_refused() {
        for text in [
            "",
            "fair",
            "isolation=yes",
            "max-gap",
            "max-gap=5",
            "max-spread=x",
            "max-wake-cv=-1",
            "max-wake-cv=nan",
            "min-page-locality=1.5",
            "max-slow-tier-ratio",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
