//! Text for terminals and CI logs: figures with units, and hostile words made
//! harmless.
//!
//! [`crate::event::clean`] has already taken out what a terminal acts on. Here
//! goes what CI systems and test harnesses act on when they read a log.

use std::borrow::Cow;

/// `text` so that no log reader takes it for its own: GitHub's and Azure's
/// workflow commands (`::error::`, `##[…]`, `##vso[`), the end of an XML CDATA
/// section, and lines of TAP and KTAP. What it changes stays readable.
#[must_use]
pub fn defused(text: &str) -> Cow<'_, str> {
    let start = text.trim_start();
    let mut out = Cow::Borrowed(text);
    if start.starts_with("::") || looks_like_tap(start) {
        out = Cow::Owned(format!("| {text}"));
    }
    for (act, harmless) in [
        ("::", ": :"),
        ("##[", "# #["),
        ("##vso[", "# #vso["),
        ("]]>", "]] >"),
    ] {
        // `::` is ordinary inside a line (`a::b`), but some readers search for it.
        let dangerous = act != "::" || start.starts_with("::");
        if dangerous && out.contains(act) {
            out = Cow::Owned(out.replace(act, harmless));
        }
    }
    out
}

fn looks_like_tap(line: &str) -> bool {
    let word = |prefix: &str| {
        line.get(..prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
            && !line[prefix.len()..].starts_with(|c: char| c.is_alphanumeric())
    };
    let plan = line.split_once("..").is_some_and(|(from, to)| {
        from.bytes().all(|b| b.is_ascii_digit())
            && !from.is_empty()
            && to.starts_with(|c: char| c.is_ascii_digit())
    });
    plan || [
        "ok",
        "not ok",
        "bail out!",
        "tap version",
        "ktap version",
        "# subtest",
    ]
    .iter()
    .any(|p| word(p))
}

/// A count in groups of three: `12,345,678`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A rate or ratio: whole and grouped from 100 on, else three figures.
#[must_use]
pub fn figure(number: f64) -> String {
    if !number.is_finite() {
        return "–".to_owned();
    }
    if number.abs() >= 1e15 {
        return format!("{number:.2e}");
    }
    if number >= 99.95 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within 100 … 1e15"
        )]
        return count(number.round() as u64);
    }
    format!("{number:.2}")
}

/// A time given in nanoseconds, in the unit that reads best.
#[must_use]
pub fn time(ns: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let ns = ns as f64;
    match ns {
        n if n < 1e3 => format!("{n:.0} ns"),
        n if n < 1e6 => format!("{:.1} µs", n / 1e3),
        n if n < 1e9 => format!("{:.1} ms", n / 1e6),
        n if n < 600e9 => format!("{:.2} s", n / 1e9),
        n => format!("{:.1} min", n / 60e9),
    }
}

/// A size in bytes, in binary units.
#[must_use]
pub fn size(bytes: u64) -> String {
    match bytes {
        b if b < 1 << 10 => format!("{b} B"),
        b if b < 1 << 20 => format!("{} KiB", b >> 10),
        b => format!("{} MiB", b >> 20),
    }
}

/// CPU numbers as the kernel lists them: `0-3,6`.
#[must_use]
pub fn cpus(list: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for &cpu in list {
        match parts.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(cpu) => *last = cpu,
            _ => parts.push((cpu, cpu)),
        }
    }
    let words: Vec<String> = parts
        .into_iter()
        .map(|(a, b)| {
            if a == b {
                a.to_string()
            } else {
                format!("{a}-{b}")
            }
        })
        .collect();
    words.join(",")
}

/// `word` for one, `words` for any other number.
#[must_use]
pub fn plural(number: u64, word: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {word}{s}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_log_reader_acts_on_is_defused() {
        let hostile = [
            "::error::pwned",
            "  ::set-output name=a::b",
            "##[error]x",
            "##vso[task.complete]",
            "ok 1 - fine",
            "not ok 2",
            "1..9",
            "TAP version 13",
            "KTAP version 1",
            "Bail out!",
        ];
        for text in hostile {
            let out = defused(text);
            assert!(!looks_like_tap(out.trim_start()), "{out}");
            assert!(
                !out.contains("::") && !out.contains("##[") && !out.contains("##vso["),
                "{out}"
            );
        }
        assert_eq!(defused("a ]]> b"), "a ]] > b");
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "std::fmt failed",
            "okay then",
            "0.5..1 of it",
            "# heading",
            "notes",
        ] {
            assert_eq!(defused(text), text);
        }
    }

    #[test]
    fn figures_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(figure(0.126), "0.13");
        assert_eq!(figure(12_345.6), "12,346");
        assert_eq!(figure(f64::NAN), "–");
        assert_eq!(time(1_500), "1.5 µs");
        assert_eq!(time(4_000_000_000), "4.00 s");
        assert_eq!(cpus(&[0, 1, 2, 6]), "0-2,6");
        assert_eq!(cpus(&[u32::MAX, 0]), "4294967295,0");
    }
}
