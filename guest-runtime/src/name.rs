//! Names that come from a plugin: one validator for cgroups, one way to quote.
//!
//! A name never becomes a path: it is split here into components that a world
//! looks up one by one beneath its own directory handle.

use crate::executor::{Error, Result};

/// Longest cgroup name, all components together, in bytes. The kernel's own
/// bound for one component (`NAME_MAX`).
pub const MAX_GROUP_NAME: usize = 255;
/// Deepest nesting of cgroups below the scenario's root.
pub const MAX_GROUP_DEPTH: usize = 8;

/// Splits a cgroup's name into its components.
///
/// # Errors
/// `invalid` for: empty, too long, too deep, an empty or dotted component
/// (`.`, `..`, `.x`), a leading slash, or any character but ASCII letters,
/// digits and `-_.:@+`.
pub fn components(name: &str) -> Result<Vec<&str>> {
    let refuse = |why: &str| {
        Err(Error::invalid(format!(
            "{} is not a cgroup name: {why}: use letters, digits and -_.:@+, with / between levels",
            quote(name)
        )))
    };
    if name.is_empty() {
        return refuse("it is empty");
    }
    if name.len() > MAX_GROUP_NAME {
        return refuse(&format!(
            "it has {} bytes, {MAX_GROUP_NAME} is the most",
            name.len()
        ));
    }
    if name.starts_with('/') {
        return refuse("it starts with a slash");
    }
    let parts: Vec<&str> = name.split('/').collect();
    if parts.len() > MAX_GROUP_DEPTH {
        return refuse(&format!(
            "it has {} levels, {MAX_GROUP_DEPTH} is the most",
            parts.len()
        ));
    }
    for part in &parts {
        if part.is_empty() {
            return refuse("a component is empty");
        }
        if part.starts_with('.') {
            return refuse("a component starts with a dot");
        }
        if !part
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.:@+".contains(&b))
        {
            return refuse("it has a character that is not allowed");
        }
    }
    Ok(parts)
}

/// A name for a message: quoted, escaped, at most 80 characters of it.
#[must_use]
pub fn quote(name: &str) -> String {
    let mut shown: String = name.chars().take(80).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// One clean line of at most `limit` bytes: control characters become spaces.
#[must_use]
pub fn clean_line(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(limit));
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if line.len() + c.len_utf8() > limit {
            break;
        }
        line.push(c);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_nested_names_are_split() {
        assert_eq!(components("a").unwrap(), ["a"]);
        assert_eq!(components("web/front-1").unwrap(), ["web", "front-1"]);
    }

    #[test]
    fn tricks_are_refused() {
        let long = "x".repeat(10_000);
        let deep = "a/".repeat(9) + "a";
        for name in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../x",
            "a/../b",
            ".hidden",
            "a/.b",
            "a\0b",
            "a\nb",
            "a b",
            "ä",
            "а",
            "\u{202e}a",
            &long,
            &deep,
        ] {
            let error = components(name).unwrap_err();
            assert!(error.to_string().len() < 512, "{error}");
        }
    }

    #[test]
    fn quotes_are_bounded_and_escaped() {
        assert!(quote(&"x".repeat(10_000)).len() < 100);
        assert_eq!(quote("a\u{1b}[31m"), "\"a\\u{1b}[31m\"");
        assert_eq!(clean_line("a\u{1b}b\nc", 100), "a b c");
        assert_eq!(clean_line("ääää", 5), "ää");
    }
}
