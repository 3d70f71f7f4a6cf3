//! One cgroupfs write: from a component through the mediator, and native.

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
const WRITES: u32 = 2_000;

/// Takes the component's rounds, and after each makes one of its own: in turns
/// and on the same file, so that both see the same machine.
#[derive(Debug)]
struct Rival {
    path: PathBuf,
    file: Option<File>,
    mediated: Vec<f64>,
    native: Vec<f64>,
}

impl Sink for Rival {
    fn emit(&mut self, event: Event) {
        if let Event::Mark(mark) = event {
            self.mediated.push(mark.fields[0].1 / f64::from(WRITES));
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
        for write in 0..WRITES {
            let text = if write % 2 == 0 { "100" } else { "101" };
            file.write_all_at(text.as_bytes(), 0).unwrap();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(WRITES)
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
    let world = Kernel::new(place.parts(None)).unwrap();
    let rival = Rc::new(RefCell::new(Rival {
        path: place
            .hierarchy
            .join(&place.root_name)
            .join("yardstick/cpu.weight"),
        file: None,
        mediated: Vec::new(),
        native: Vec::new(),
    }));
    let job = Job {
        parameters: vec![
            ("rounds".into(), ROUNDS.to_string()),
            ("writes".into(), WRITES.to_string()),
            ("call".into(), "write".into()),
        ],
        duration_ns: 60_000_000_000,
        limits: Limits {
            compute_ms: 60_000,
            ..Limits::default()
        },
        ..Job::new("yardstick", Permissions::all())
    };
    let verdict = scenario::run(&plugin, &job, Box::new(world), Box::new(Rc::clone(&rival)));
    assert_eq!(verdict.outcome, Outcome::Pass, "{verdict:?}");
    let rival = rival.borrow();
    println!("mediated write {} ns", told(rival.mediated.clone()));
    println!("native write {} ns", told(rival.native.clone()));
    println!(
        "mediated / native write {}",
        ratios(&rival.mediated, &rival.native)
    );
}
