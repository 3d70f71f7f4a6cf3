//! Names under which an operator declares programs, and by which plugins ask
//! for them and for work types.

/// Longest such name, in bytes.
pub const MAX_NAME: usize = 64;

/// Whether it is one: 1 to 64 lower-case letters, digits, dashes, dots and
/// underscores, of which the first is no dot. It can be the name of a folder.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    !name.is_empty()
        && name.len() <= MAX_NAME
        && !name.starts_with('.')
        && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_leave_a_folder_or_be_mistaken_is_no_name() {
        for name in ["a", "scx_bpfland", "rt-app.2", &"a".repeat(MAX_NAME)] {
            assert!(is_name(name), "{name}");
        }
        let long = "a".repeat(MAX_NAME + 1);
        for name in [
            "", ".", "..", ".a", "a/b", "A", "a b", "ä", "a\0", "*", &long,
        ] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
