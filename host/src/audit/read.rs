//! From the file of a run that is over, or was cut short, to a table.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{AUDIT_LIMIT, AUDIT_LOG, Call, Entry, Total, Totals};

/// What is read beyond the file's own limit: the words that say where it ends.
const MARGIN: u64 = 4_096;

/// Why there is no audit to show.
#[derive(Debug, Error)]
pub enum AuditError {
    /// The run has none.
    #[error("{} has no audit: its plugin was never started", dir.display())]
    None {
        /// The run's directory.
        dir: PathBuf,
    },
    /// The file cannot be read.
    #[error("failed to read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Everything that is on record of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Calls, in order.
    pub calls: Vec<Call>,
    /// Counts by the runtime, if the plugin's end was seen.
    pub totals: Option<Totals>,
    /// Lines that are no entries: the file was cut off or changed.
    pub unreadable: u64,
}

/// One function of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Counts, its name among them.
    pub total: Total,
    /// Median duration of the calls that have a line, in nanoseconds.
    pub p50_ns: Option<u64>,
}

impl Audit {
    /// Reads that of the run in `dir`.
    ///
    /// # Errors
    ///
    /// [`AuditError`].
    pub fn read(dir: &Path) -> Result<Self, AuditError> {
        let path = dir.join(AUDIT_LOG);
        let mut bytes = Vec::new();
        let read = File::open(&path)
            .and_then(|file| file.take(AUDIT_LIMIT + MARGIN).read_to_end(&mut bytes));
        match read {
            Ok(0) => Err(AuditError::None { dir: dir.into() }),
            Ok(_) => Ok(Self::parse(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(AuditError::None { dir: dir.into() })
            }
            Err(source) => Err(AuditError::Read { path, source }),
        }
    }

    /// Reads lines.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let mut audit = Self {
            calls: Vec::new(),
            totals: None,
            unreadable: 0,
        };
        for line in bytes.split(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Entry::Call(call)) => audit.calls.push(call),
                // There is one, from one runtime; what follows is not its word.
                Ok(Entry::Totals(totals)) if audit.totals.is_none() => audit.totals = Some(totals),
                Err(_) if line.is_empty() => {}
                Ok(Entry::Totals(_)) | Err(_) => audit.unreadable += 1,
            }
        }
        audit
    }

    /// Calls that are counted and have no line.
    #[must_use]
    pub fn not_recorded(&self) -> u64 {
        self.totals.as_ref().map_or(0, |totals| totals.not_recorded)
    }

    /// One row for each function, the most called first.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let mut durations: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for call in &self.calls {
            let of_function = durations.entry(&call.function).or_default();
            of_function.push(call.duration_ns);
        }
        let totals = match &self.totals {
            Some(totals) => totals.functions.clone(),
            None => self.counted(),
        };
        let mut rows: Vec<Row> = totals
            .into_iter()
            .map(|total| Row {
                p50_ns: durations
                    .get_mut(total.function.as_str())
                    .and_then(|of_function| median(of_function)),
                total,
            })
            .collect();
        rows.sort_by(|a, b| {
            let order = b.total.calls().cmp(&a.total.calls());
            order.then_with(|| a.total.function.cmp(&b.total.function))
        });
        rows
    }

    /// Totals of the calls that have a line, where the runtime's are missing.
    fn counted(&self) -> Vec<Total> {
        let mut totals: BTreeMap<&str, Total> = BTreeMap::new();
        for call in &self.calls {
            let total = totals.entry(&call.function).or_insert_with(|| Total {
                function: call.function.clone(),
                ..Total::default()
            });
            match call.decision.as_str() {
                "done" => total.done += 1,
                "denied" => total.denied += 1,
                "ended" => total.ended += 1,
                _ => total.refused += 1,
            }
            total.total_ns = total.total_ns.saturating_add(call.duration_ns);
            total.max_ns = total.max_ns.max(call.duration_ns);
        }
        totals.into_values().collect()
    }
}

fn median(durations: &mut [u64]) -> Option<u64> {
    let middle = durations.len() / 2;
    (!durations.is_empty()).then(|| *durations.select_nth_unstable(middle).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLS: &str = r#"{"type":"call","at_ns":1,"duration_ns":10,"function":"log.log","decision":"done"}
{"type":"call","at_ns":2,"duration_ns":30,"function":"log.log","decision":"done"}
{"type":"call","at_ns":3,"duration_ns":20,"function":"log.log","decision":"done"}
{"type":"call","at_ns":4,"duration_ns":5,"function":"checks.fail","decision":"invalid"}
"#;

    #[test]
    fn without_totals_what_was_sent_is_counted() {
        let audit = Audit::parse(CALLS.as_bytes());
        assert_eq!((audit.calls.len(), audit.unreadable), (4, 0));
        let rows = audit.rows();
        let [log, fail] = &rows[..] else {
            panic!("{rows:?}");
        };
        assert_eq!(log.total.function, "log.log");
        assert_eq!((log.total.done, log.total.max_ns), (3, 30));
        assert_eq!(log.p50_ns, Some(20));
        assert_eq!((fail.total.refused, fail.total.calls()), (1, 1));
    }

    #[test]
    fn totals_count_what_has_no_line() {
        let text = format!(
            "{CALLS}{}",
            r#"{"type":"totals","not_recorded":7,"functions":[{"function":"log.log","done":10,
"refused":0,"denied":0,"ended":0,"not_recorded":7,"total_ns":99,"max_ns":50}]}"#
                .replace('\n', "")
        );
        let audit = Audit::parse(text.as_bytes());
        let rows = audit.rows();
        assert_eq!((rows[0].total.done, rows[0].total.max_ns), (10, 50));
        assert_eq!(rows[0].p50_ns, Some(20));
    }

    #[test]
    fn a_file_that_was_cut_or_changed_is_read_as_far_as_it_goes() {
        let cut = &CALLS.as_bytes()[..CALLS.len() - 9];
        let audit = Audit::parse(cut);
        assert_eq!((audit.calls.len(), audit.unreadable), (3, 1));
        assert_eq!(Audit::parse(b"\n\nno json\n").unreadable, 1);
    }
}
