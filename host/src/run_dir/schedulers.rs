//! What the loaders of schedulers printed, and what the kernel dumped about
//! them: one log and one dump for each start.
//!
//! A log begins before the guest says whose it is, and gets its name with the
//! first news of the start. Bytes are the guest's own and bounded; names never
//! become paths.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use proscenium_wire::{Event, SchedulerChange};

use super::slug;

/// Folder in a run's directory.
const FOLDER: &str = "schedulers";
/// Most that is kept of one start, in bytes.
const START_LIMIT: u64 = 4 << 20;
/// Most that is kept of all starts, in bytes.
const ALL_LIMIT: u64 = 64 << 20;
/// Starts of which something is kept.
const MAX_STARTS: usize = 1_000;

/// File of a start in a run's directory: `kind` is `log` or `dump`.
#[must_use]
pub fn scheduler_file(start: u32, name: &str, kind: &str) -> String {
    format!("{FOLDER}/{}.{kind}", stem(start, Some(name)))
}

fn stem(start: u32, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{start:03}-{}", slug(name)),
        None => format!("{start:03}"),
    }
}

/// The files of all starts.
#[derive(Debug)]
pub(super) struct Schedulers {
    folder: PathBuf,
    left: u64,
    starts: BTreeMap<u32, Start>,
}

#[derive(Debug, Default)]
struct Start {
    name: Option<String>,
    used: u64,
    has_log: bool,
}

impl Schedulers {
    pub(super) fn in_run(run: &Path) -> Self {
        Self {
            folder: run.join(FOLDER),
            left: ALL_LIMIT,
            starts: BTreeMap::new(),
        }
    }

    /// Keeps what `event` brings, if it is about a scheduler. Files are opened
    /// for each piece: pieces are few, and starts may be many.
    pub(super) fn keep(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::SchedulerLog {
                start,
                bytes,
                dropped,
            } => {
                if *dropped > 0 {
                    let note = format!("\n[{dropped} bytes are left out here]\n");
                    self.append(*start, "log", note.as_bytes())?;
                }
                self.append(*start, "log", bytes)
            }
            Event::Scheduler(news) => {
                self.named(news.start, &news.name)?;
                match &news.change {
                    SchedulerChange::Died(obituary) => {
                        self.append(news.start, "dump", obituary.dump.as_bytes())
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// From now on it is known whose log it is.
    fn named(&mut self, start: u32, name: &str) -> io::Result<()> {
        let Some(known) = known(&mut self.starts, start) else {
            return Ok(());
        };
        if known.name.is_some() {
            return Ok(());
        }
        known.name = Some(name.to_owned());
        if !known.has_log {
            return Ok(());
        }
        let file = |name| self.folder.join(format!("{}.log", stem(start, name)));
        fs::rename(file(None), file(Some(name)))
    }

    fn append(&mut self, start: u32, kind: &str, bytes: &[u8]) -> io::Result<()> {
        let Some(known) = known(&mut self.starts, start) else {
            return Ok(());
        };
        let left = self.left.min(START_LIMIT - known.used);
        if bytes.is_empty() || left == 0 {
            return Ok(());
        }
        let fits = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        known.used += fits as u64;
        known.has_log |= kind == "log";
        self.left -= fits as u64;
        fs::create_dir_all(&self.folder)?;
        let name = format!("{}.{kind}", stem(start, known.name.as_deref()));
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.folder.join(name))?;
        file.write_all(&bytes[..fits])?;
        if fits < bytes.len() {
            file.write_all(b"\n[the rest is left out: the limit of this file is reached]\n")?;
        }
        Ok(())
    }
}

fn known(starts: &mut BTreeMap<u32, Start>, start: u32) -> Option<&mut Start> {
    (starts.len() < MAX_STARTS || starts.contains_key(&start))
        .then(|| starts.entry(start).or_default())
}

#[cfg(test)]
mod tests {
    use std::fs::{read_dir, read_to_string};

    use proscenium_wire::{Obituary, PayloadExit, SchedulerExit, SchedulerNews};

    use super::*;
    use crate::run_dir::RunDir;

    fn log(start: u32, bytes: &[u8], dropped: u64) -> Event {
        Event::SchedulerLog {
            start,
            bytes: bytes.to_vec(),
            dropped,
        }
    }

    fn news(start: u32, name: &str, change: SchedulerChange) -> Event {
        Event::Scheduler(SchedulerNews {
            start,
            name: name.into(),
            at_ns: 0,
            phase: 0,
            change,
        })
    }

    fn attached() -> SchedulerChange {
        SchedulerChange::Attached {
            ops: "x".into(),
            took_ns: 1,
        }
    }

    fn died(dump: &str) -> SchedulerChange {
        SchedulerChange::Died(Obituary {
            kind: SchedulerExit::Crashed,
            process: PayloadExit::Unknown,
            reason: None,
            message: None,
            dump: dump.into(),
        })
    }

    /// Names and contents of the files.
    fn kept(events: &[Event]) -> Vec<(String, String)> {
        let base = tempfile::tempdir().unwrap();
        let mut dir = RunDir::create(base.path(), "x", 0).unwrap();
        for event in events {
            dir.of_schedulers(event);
        }
        assert!(dir.lost().is_none(), "{:?}", dir.lost());
        let Ok(entries) = read_dir(dir.path().join(FOLDER)) else {
            return Vec::new();
        };
        let mut files: Vec<_> = entries
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, read_to_string(path).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn s_044_each_start_has_a_log_of_its_own_under_its_name() {
        let files = kept(&[
            log(0, b"loading\n", 0),
            news(0, "fifo", attached()),
            log(0, b"bye\n", 7),
            news(1, "fifo", attached()),
            log(1, b"again\n", 0),
            news(2, "rusty", attached()),
        ]);
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(
            files,
            [
                file(
                    "000-fifo.log",
                    "loading\n\n[7 bytes are left out here]\nbye\n"
                ),
                file("001-fifo.log", "again\n"),
            ]
        );
        assert_eq!(
            scheduler_file(0, "fifo", "log"),
            "schedulers/000-fifo.log",
            "as reports name it"
        );
    }

    #[test]
    fn a_dump_is_kept_whole_and_a_log_without_news_under_its_number() {
        let files = kept(&[
            news(0, "a", attached()),
            news(0, "a", died("one\ntwo\n")),
            log(1, b"and then the guest was gone", 0),
        ]);
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["000-a.dump", "001.log"]);
        assert_eq!(files[0].1, "one\ntwo\n");
    }

    #[test]
    fn names_never_become_paths_and_a_second_name_is_ignored() {
        let files = kept(&[
            log(0, b"x", 0),
            news(0, "../../etc/passwd", attached()),
            news(0, "other", died("y")),
        ]);
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["000-etc-passwd.dump", "000-etc-passwd.log"]);
    }

    #[test]
    fn a_flood_of_output_or_of_starts_is_cut_off() {
        let piece = vec![b'x'; 1 << 20];
        let flood: Vec<Event> = (0..6).map(|_| log(0, &piece, 0)).collect();
        let files = kept(&flood);
        assert!(files[0].1.len() as u64 <= START_LIMIT + 100);
        let starts: Vec<Event> = (0..2_000).map(|start| log(start, b"x", 0)).collect();
        assert_eq!(kept(&starts).len(), MAX_STARTS);
    }
}
