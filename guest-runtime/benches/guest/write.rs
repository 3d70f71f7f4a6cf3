//! One cgroupfs write: from a component through the mediator, and native. For
//! files that cost the kernel little, and for those that scenarios write most.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use proscenium_guest_runtime::plugin::{Foreign, Plugin};
use proscenium_guest_runtime::scenario;
use proscenium_guest_runtime::sink::Sink;
use proscenium_guest_runtime::world::kernel::Kernel;
use proscenium_wire::{Event, Job, Limits, Outcome, PLUGIN_PATH, Permissions};

use crate::place::Place;
use crate::{ratios, told};

const ROUNDS: u32 = 21;

/// A file that is written.
#[derive(Clone, Copy, Debug)]
struct Row {
    file: &'static str,
    /// What is written to it in turns: natively this, and by the component the same.
    texts: [&'static str; 2],
    /// Writes of one round.
    writes: u32,
}

const ROWS: [Row; 5] = [
    Row {
        file: "cpu.weight",
        texts: ["100", "101"],
        writes: 2_000,
    },
    Row {
        file: "cpu.max",
        texts: ["50000 100000", "51000 100000"],
        writes: 500,
    },
    Row {
        file: "pids.max",
        texts: ["100", "101"],
        writes: 2_000,
    },
    Row {
        file: "cgroup.freeze",
        texts: ["1", "0"],
        writes: 500,
    },
    Row {
        file: "cpuset.cpus",
        texts: ["0", "0-1"],
        writes: 200,
    },
];

/// Takes the component's rounds, and after each makes one of its own: in turns
/// and on the same file, so that both see the same machine.
#[derive(Debug)]
struct Rival {
    row: Row,
    path: PathBuf,
    file: Option<File>,
    mediated: Vec<f64>,
    native: Vec<f64>,
}

impl Sink for Rival {
    fn emit(&mut self, event: Event) {
        if let Event::Mark(mark) = event {
            self.mediated
                .push(mark.fields[0].1 / f64::from(self.row.writes));
            let round = self.round();
            self.native.push(round);
        }
    }

    fn frames(&self) -> u64 {
        0
    }

    fn flush(&mut self) {}
}

impl Rival {
    /// Nanoseconds of one write.
    fn round(&mut self) -> f64 {
        let path = &self.path;
        let file = self
            .file
            .get_or_insert_with(|| OpenOptions::new().write(true).open(path).unwrap());
        let start = Instant::now();
        for write in 0..self.row.writes {
            let text = self.row.texts[usize::from(write % 2 == 1)];
            file.write_all_at(text.as_bytes(), 0).unwrap();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(self.row.writes)
    }
}

pub(crate) fn bench(place: &Place) {
    let code = std::fs::read(PLUGIN_PATH).unwrap_or_default();
    if code.is_empty() {
        println!("SKIP mediated write: no component in the image");
        return;
    }
    #[expect(unsafe_code, reason = "deserializing machine code has no safe form")]
    // SAFETY: whoever made this image put in what `Plugin::precompiled` gave.
    let plugin = unsafe { Plugin::load_precompiled(&code, Foreign::Refuse) }.unwrap();
    for row in ROWS {
        measure(place, &plugin, row);
    }
}

fn measure(place: &Place, plugin: &Plugin, row: Row) {
    let world = Kernel::new(place.parts(None)).unwrap();
    let group = place.hierarchy.join(&place.root_name).join("yardstick");
    let rival = Rc::new(RefCell::new(Rival {
        row,
        path: group.join(row.file),
        file: None,
        mediated: Vec::new(),
        native: Vec::new(),
    }));
    let job = Job {
        parameters: vec![
            ("rounds".into(), ROUNDS.to_string()),
            ("writes".into(), row.writes.to_string()),
            ("call".into(), row.file.into()),
        ],
        duration_ns: 60_000_000_000,
        limits: Limits {
            compute_ms: 60_000,
            ..Limits::default()
        },
        ..Job::new("yardstick", Permissions::all())
    };
    let verdict = scenario::run(plugin, &job, Box::new(world), Box::new(Rc::clone(&rival)));
    assert_eq!(verdict.outcome, Outcome::Pass, "{verdict:?}");
    let rival = rival.borrow();
    println!(
        "{}: mediated {} ns, native {} ns",
        row.file,
        told(rival.mediated.clone()),
        told(rival.native.clone())
    );
    println!(
        "{}: mediated / native {}",
        row.file,
        ratios(&rival.mediated, &rival.native)
    );
}
