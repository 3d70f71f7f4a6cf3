//! `stimulus` — put marks on the run's timeline. Never moves the timeline.

use proscenium_wire::{Event, Mark};

use crate::bindings::stimulus::Host;
use crate::executor::Error;
use crate::name::{clean_line, quote};
use crate::plugin::State;
use crate::time::nanos;

/// Longest name of a mark or field, in bytes.
const MAX_NAME: usize = 64;
/// Most fields of a mark.
const MAX_FIELDS: usize = 32;

impl Host for State {
    fn mark(&mut self, name: String, fields: Vec<(String, f64)>) -> Result<(), Error> {
        let too_long = |name: &str| name.is_empty() || name.len() > MAX_NAME;
        if let Some(bad) = std::iter::once(&name)
            .chain(fields.iter().map(|(name, _)| name))
            .find(|name| too_long(name))
        {
            return Err(Error::invalid(format!(
                "{} does not name a mark or field: 1 to {MAX_NAME} bytes",
                quote(bad)
            )));
        }
        if fields.len() > MAX_FIELDS {
            return Err(Error::invalid(format!(
                "mark {} has {} fields: {MAX_FIELDS} is the most",
                quote(&name),
                fields.len()
            )));
        }
        self.budgets.take_mark()?;
        let at_ns = nanos(self.stage.elapsed());
        let clean = |name: String| clean_line(&name, MAX_NAME);
        let fields = fields
            .into_iter()
            .map(|(name, value)| (clean(name), value))
            .collect();
        self.stage.emit(Event::Mark(Mark {
            at_ns,
            name: clean(name),
            fields,
        }));
        Ok(())
    }
}
