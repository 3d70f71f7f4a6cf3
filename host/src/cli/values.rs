//! Values on the command line: how they are written and what is taken.

use std::time::Duration;

/// Shortest duration that means anything.
const SHORTEST: Duration = Duration::from_millis(1);
/// Longest that a run may take.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest value of a parameter, in bytes; as long as a manifest's default.
const MAX_VALUE: usize = 1_024;

/// A duration such as `500ms`, `4s`, `2m` or `1m 30s`, from 1 ms to 24 h.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}: write it as 500ms, 4s or 2m"))?;
    if (SHORTEST..=LONGEST).contains(&duration) {
        Ok(duration)
    } else {
        Err("durations are from 1ms to 24h".to_owned())
    }
}

/// `NAME=VALUE`.
pub(super) fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| "write it as NAME=VALUE".to_owned())?;
    if value.len() > MAX_VALUE {
        return Err(format!("the value is longer than {MAX_VALUE} bytes"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Nanoseconds, which in 64 bits last for 584 years.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A size for people: `38.1 KB`.
pub(super) fn size(bytes: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let bytes = bytes as f64;
    if bytes < 1e6 {
        format!("{:.1} KB", bytes / 1e3)
    } else {
        format!("{:.1} MB", bytes / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_people_write_them() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("4s"), Ok(Duration::from_secs(4)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
    }

    #[test]
    fn durations_without_unit_or_out_of_range_are_refused() {
        for text in [
            "",
            "4",
            "s",
            "-1s",
            "0s",
            "1us",
            "25h",
            "99999999999999999999s",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_parameter_has_a_name_and_its_value_may_hold_anything() {
        assert_eq!(parameter("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(parameter("a="), Ok(("a".into(), String::new())));
        assert!(parameter("a").is_err() && parameter("=b").is_err());
        assert!(parameter(&format!("a={}", "x".repeat(MAX_VALUE + 1))).is_err());
    }
}
