//! Marks on the run's timeline. Capability: `stimulus`.

use crate::bindings::proscenium::scenario::stimulus;
use crate::error::Error;

/// A mark with figures, stamped by the runtime: `mark("capped", [("percent", 50.0)])`.
///
/// The name has 1 to 64 bytes; at most 32 figures.
///
/// # Errors
///
/// `invalid` for a name or figures out of bounds, `limit-exceeded` beyond the
/// run's number of marks.
pub fn mark<'a>(
    name: &str,
    figures: impl IntoIterator<Item = (&'a str, f64)>,
) -> Result<(), Error> {
    let fields: Vec<(String, f64)> = figures
        .into_iter()
        .map(|(key, figure)| (key.to_owned(), figure))
        .collect();
    stimulus::mark(name, &fields)
}
