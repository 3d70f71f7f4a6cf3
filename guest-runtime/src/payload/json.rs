//! JSON documents, wherever they stand in a text.
//!
//! A document is an object, or an array at the beginning of a line (so that
//! `[1234]` in a log line is none). All of them are read, one after another.

use serde_json::{Deserializer, Value};

use super::Figures;

/// Deepest nesting of which figures are taken.
const MAX_DEPTH: usize = 64;
/// Places at which a document is looked for; a text with more is noise.
const MAX_ATTEMPTS: usize = 10_000;

/// Every number in every document, under its dotted path.
pub(super) fn figures(text: &str) -> Figures {
    let mut figures = Figures::default();
    let mut at = 0;
    for _ in 0..MAX_ATTEMPTS {
        let Some(start) = next_start(text, at) else {
            return figures;
        };
        let mut documents = Deserializer::from_str(&text[start..]).into_iter::<Value>();
        at = match documents.next() {
            Some(Ok(document)) => {
                flatten(&document, &mut String::new(), 0, &mut figures);
                start + documents.byte_offset().max(1)
            }
            _ => start + 1,
        };
    }
    figures.cut();
    figures
}

/// Where a document may begin, at or after `from`.
fn next_start(text: &str, from: usize) -> Option<usize> {
    text.get(from..)?
        .char_indices()
        .map(|(offset, c)| (from + offset, c))
        .find(|(at, c)| *c == '{' || (*c == '[' && begins_a_line(text, *at)))
        .map(|(at, _)| at)
}

fn begins_a_line(text: &str, at: usize) -> bool {
    text[..at]
        .trim_end_matches([' ', '\t'])
        .chars()
        .next_back()
        .is_none_or(|c| c == '\n')
}

fn flatten(value: &Value, path: &mut String, depth: usize, figures: &mut Figures) {
    if depth > MAX_DEPTH {
        return figures.cut();
    }
    let mut below = |key: &str, value: &Value| {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(key);
        flatten(value, path, depth + 1, figures);
        path.truncate(length);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| below(key, value)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| below(&index.to_string(), item)),
        Value::Number(number) => {
            if let Some(number) = number.as_f64().filter(|_| depth > 0) {
                figures.push(path, number);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(String, f64)> {
        let figures = figures(text);
        figures
            .iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    #[test]
    fn numbers_get_dotted_paths_with_indices() {
        let text = r#"{"jobs": [{"read": {"iops": 12.5, "name": "x"}}], "ok": true}"#;
        assert_eq!(all(text), [("jobs.0.read.iops".to_owned(), 12.5)]);
    }

    #[test]
    fn documents_are_found_among_other_text_and_all_are_read() {
        let text = "starting {now}\n[4711] noise: {\"a\": 1} done\n  [2, 3]\n{\"a\": 5}";
        let names: Vec<_> = all(text);
        let expected = [("a", 1.0), ("0", 2.0), ("1", 3.0), ("a#2", 5.0)];
        assert_eq!(names.len(), expected.len() + 1, "{names:?}");
        for (name, value) in expected.iter().skip(3) {
            assert!(names.contains(&((*name).to_owned(), *value)), "{names:?}");
        }
    }

    #[test]
    fn a_number_in_brackets_inside_a_line_is_no_document() {
        assert_eq!(all("stress-ng: info: [4711] dispatching"), []);
        assert_eq!(all("3.5"), []);
    }

    #[test]
    fn depth_is_capped_and_said() {
        let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
        let figures = figures(&deep);
        assert!(figures.is_cut() && figures.is_empty());
    }

    #[test]
    fn hostile_nesting_costs_little() {
        let text = "[\n{\"a\":".repeat(40_000);
        assert!(figures(&text).is_empty());
    }
}
