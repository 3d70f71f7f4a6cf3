//! Figures in text that is meant for people.

use super::Figures;

/// Longest key of a `key: value` line, in bytes.
const MAX_KEY: usize = 100;
/// Columns of the table that `stress-ng --metrics` prints, after the stressor.
const STRESS_NG: [&str; 8] = [
    "bogo-ops",
    "real-time-s",
    "usr-time-s",
    "sys-time-s",
    "bogo-ops-per-s-real-time",
    "bogo-ops-per-s-cpu-time",
    "cpu-used-percent",
    "rss-max-kb",
];
/// Columns that every version prints.
const STRESS_NG_LEAST: usize = 6;

/// `key: value` and `key = value`, one a line. The value is a number, with or
/// without a unit.
pub(super) fn key_values(text: &str) -> Figures {
    let mut figures = Figures::default();
    for (key, value) in text.lines().filter_map(key_value) {
        figures.push(&key, value);
    }
    figures
}

/// `Time: 1.234`, in seconds.
pub(super) fn hackbench(text: &str) -> Figures {
    let mut figures = Figures::default();
    for (key, value) in text.lines().filter_map(key_value) {
        if key == "time" {
            figures.push("time", value);
        }
    }
    figures
}

/// The table of `stress-ng --metrics`, each row as `stressor.column`.
pub(super) fn stress_ng(text: &str) -> Figures {
    let mut figures = Figures::default();
    for line in text.lines() {
        let Some((_, row)) = line
            .strip_prefix("stress-ng:")
            .and_then(|line| line.split_once("] "))
        else {
            continue;
        };
        let mut words = row.split_whitespace();
        let Some(stressor) = words.next() else {
            continue;
        };
        // A row is a name and then nothing but numbers.
        let numbers: Option<Vec<f64>> = words.map(|word| word.parse().ok()).collect();
        let Some(numbers) = numbers.filter(|numbers| numbers.len() >= STRESS_NG_LEAST) else {
            continue;
        };
        for (column, number) in STRESS_NG.iter().zip(numbers) {
            figures.push(&format!("{stressor}.{column}"), number);
        }
    }
    figures
}

/// Key, lower-case and with dashes for spaces, and number of a line.
fn key_value(line: &str) -> Option<(String, f64)> {
    let (key, value) = line.split_once([':', '='])?;
    let key = key.trim().trim_start_matches("- ").trim();
    let named = key.chars().any(char::is_alphabetic) && key.len() <= MAX_KEY;
    let value = number(value.split_whitespace().next()?)?;
    named.then(|| {
        let words: Vec<&str> = key.split_whitespace().collect();
        (words.join("-").to_lowercase(), value)
    })
}

/// The number that a word begins with, if what follows it can be a unit.
fn number(word: &str) -> Option<f64> {
    let word = word.trim_end_matches([',', ';']);
    let end = word
        .char_indices()
        .find(|(at, c)| {
            let exponent = matches!(c, 'e' | 'E')
                && word[at + 1..]
                    .starts_with(|next: char| next.is_ascii_digit() || "+-".contains(next));
            let sign = "+-".contains(*c) && (*at == 0 || word[..*at].ends_with(['e', 'E']));
            !(c.is_ascii_digit() || *c == '.' || exponent || sign)
        })
        .map_or(word.len(), |(at, _)| at);
    let (digits, unit) = word.split_at(end);
    let is_unit = unit.len() <= 8 && unit.chars().all(|c| c.is_alphabetic() || "%/".contains(c));
    is_unit.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(figures: &Figures) -> Vec<(&str, f64)> {
        figures.iter().collect()
    }

    #[test]
    fn keys_and_values_are_read_with_units_and_in_yaml() {
        let text = "Total time: 1.25s\nops=3e3\n- bogo ops: 12\nload : 45%\nlatency: -2.5 us\n";
        assert_eq!(
            pairs(&key_values(text)),
            [
                ("total-time", 1.25),
                ("ops", 3_000.0),
                ("bogo-ops", 12.0),
                ("load", 45.0),
                ("latency", -2.5)
            ]
        );
    }

    #[test]
    fn what_only_looks_like_a_value_is_none() {
        let text =
            "12:30:45\nversion: 1.2.3\ndate: 2026-11-25\nnan: nan\nurl: http://a\n: 5\nx: 5'6";
        assert_eq!(pairs(&key_values(text)), []);
    }

    #[test]
    fn hackbench_prints_one_figure() {
        let text = "Running in process mode with 10 groups\nEach sender will pass 100 messages of 100 bytes\nTime: 0.234\n";
        assert_eq!(pairs(&hackbench(text)), [("time", 0.234)]);
    }

    #[test]
    fn the_table_of_stress_ng_becomes_one_figure_a_column() {
        let text = "\
stress-ng: info:  [17] dispatching hogs: 2 cpu
stress-ng: metrc: [17] stressor       bogo ops real time  usr time  sys time   bogo ops/s     bogo ops/s CPU used per       RSS Max
stress-ng: metrc: [17]                           (secs)    (secs)    (secs)   (real time) (usr+sys time) instance (%)          (KB)
stress-ng: metrc: [17] cpu                 1503      2.00      4.00      0.00       751.10         375.75        99.98          4512
";
        let figures = stress_ng(text);
        assert_eq!(figures.get("cpu.bogo-ops"), Some(1_503.0));
        assert_eq!(figures.get("cpu.bogo-ops-per-s-cpu-time"), Some(375.75));
        assert_eq!(figures.iter().count(), 8);
    }
}
