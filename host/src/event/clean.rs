//! Makes text from plugins and guests harmless: one line, bounded, no escapes.
//!
//! This is about what a terminal or an editor would act on. What a CI system
//! would act on (`::error::`, `not ok 1`) is ordinary text in JSON and is
//! defused where text is printed, see [`crate::report::text`].

use std::borrow::Cow;

use console::strip_ansi_codes;

/// Longest name, label or field name, in characters.
pub const NAME: usize = 200;
/// Longest message or console line, in characters.
pub const MESSAGE: usize = 4_000;

/// `text` as one line of at most `limit` characters: escape sequences are
/// removed, line breaks and tabs become spaces, and control characters,
/// bidirectional overrides and invisible format characters are dropped. What
/// was cut off is marked by `…`.
#[must_use]
pub fn line(text: &str, limit: usize) -> String {
    // Cut before looking closer, so that the work is bounded by the limit and
    // not by the sender; eight times leaves room for what is dropped.
    let bounded = head(text, limit.saturating_mul(8));
    let stripped: Cow<'_, str> = strip_ansi_codes(bounded);
    let mut kept = stripped
        .chars()
        .filter_map(|c| match c {
            '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
            c if c.is_control() || is_format(c) => None,
            c => Some(c),
        })
        .fuse();
    let mut out: String = kept.by_ref().take(limit).collect();
    if kept.next().is_some() || bounded.len() < text.len() {
        if out.chars().count() >= limit {
            out.pop();
        }
        out.push('…');
    }
    out.truncate(out.trim_end().len());
    out
}

/// A finite number, or none.
#[must_use]
pub fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

fn head(text: &str, limit: usize) -> &str {
    match text.char_indices().nth(limit) {
        Some((at, _)) => text.split_at(at).0,
        None => text,
    }
}

/// Characters that are not seen and change how their neighbours are.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_controls_and_line_breaks_are_removed() {
        assert_eq!(line("a\x1b[31mred\x1b[0m b\nc\x07", 100), "ared b c");
        assert_eq!(line("title\x1b]0;pwned\x07!", 100), "title!");
        assert_eq!(line("abc\u{202e}def\u{200b}", 100), "abcdef");
        assert_eq!(line("\u{9b}31mx", 100), "x");
    }

    #[test]
    fn what_is_too_long_is_cut_and_marked() {
        assert_eq!(line("abcdef", 6), "abcdef");
        assert_eq!(line("abcdefg", 6), "abcde…");
        assert_eq!(line(&"é".repeat(5_000), MESSAGE).chars().count(), MESSAGE);
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_acts_on_survives(text in any::<String>(), limit in 1usize..50) {
            let out = line(&text, limit);
            prop_assert!(out.chars().count() <= limit);
            prop_assert!(!out.chars().any(|c| c.is_control() || is_format(c)));
        }
    }
}
