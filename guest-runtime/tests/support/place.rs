//! A place for the real kernel to play in: a cgroup v2 hierarchy that may be
//! written to, and the worker program. In a guest both are there; where they
//! are not, a test says why and counts as skipped, not as passed.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use proscenium_guest_runtime::init;
use proscenium_guest_runtime::link::Control;
use proscenium_guest_runtime::world::kernel::Parts;

/// Where the test process works.
pub(crate) struct Place {
    /// The cgroup v2 hierarchy.
    pub(crate) hierarchy: PathBuf,
    /// Name of the scenario's root.
    pub(crate) root_name: String,
    worker: PathBuf,
}

impl Place {
    /// A place for the test `name`, or the reason why there is none, said aloud.
    pub(crate) fn find(name: &str) -> Option<Self> {
        match Self::look(name) {
            Ok(place) => Some(place),
            Err(reason) => {
                skip(name, &reason);
                None
            }
        }
    }

    fn look(name: &str) -> Result<Self, String> {
        let mounts = fs::read_to_string("/proc/self/mounts").map_err(|error| error.to_string())?;
        let hierarchy = mounts
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace().skip(1);
                let target = words.next()?;
                (words.next()? == "cgroup2").then(|| PathBuf::from(target))
            })
            .next()
            .ok_or("no cgroup v2 hierarchy is mounted")?;
        let root_name = format!("proscenium-test-{}-{name}", process::id());
        let probe = hierarchy.join(format!("{root_name}-probe"));
        fs::create_dir(&probe).map_err(|error| format!("no cgroup can be made: {error}"))?;
        fs::remove_dir(&probe).map_err(|error| format!("no cgroup can be removed: {error}"))?;
        let worker = worker().ok_or(
            "no worker program: build it with `cargo build --release -p proscenium-worker`",
        )?;
        Ok(Self {
            hierarchy,
            root_name,
            worker,
        })
    }

    /// The parts of a world here.
    pub(crate) fn parts(&self, control: Option<Control>) -> Parts {
        let open = |path: &Path| Dir::open_ambient_dir(path, ambient_authority()).unwrap();
        Parts {
            cgroup: open(&self.hierarchy),
            root_name: self.root_name.clone(),
            worker: File::open(&self.worker).unwrap().into(),
            system: open("/sys/devices/system".as_ref()),
            // Only a guest's interrupts are a test's to steer.
            proc: in_guest().then(|| open("/proc".as_ref())),
            tasks: None,
            // Nor is another machine's scheduler.
            sched_ext: in_guest().then(|| init::sched_ext().unwrap()).flatten(),
            component: None,
            control,
            children: None,
        }
    }
}

/// Whether this is a guest of our own, in which the program to run is.
pub(crate) fn in_guest() -> bool {
    Path::new("/job/program").is_file()
}

/// Says that the test `name` cannot run here. To its harness it passes then, so
/// `cargo xtask test` is told by a file, or in a guest by the line.
pub(crate) fn skip(name: &str, reason: &str) {
    let line = format!("{name}: {}\n", reason.replace('\n', " "));
    let _ = match env::var_os("PROSCENIUM_SKIPS") {
        Some(file) => File::options()
            .create(true)
            .append(true)
            .open(file)
            .and_then(|mut file| file.write_all(line.as_bytes())),
        None => io::stderr().write_all(format!("skipped: {line}").as_bytes()),
    };
}

fn worker() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    let beside = program
        .ancestors()
        .nth(2)
        .map(|folder| folder.join("proscenium-worker"));
    [Some(PathBuf::from(init::WORKER_PATH)), beside]
        .into_iter()
        .flatten()
        .find(|path| path.is_file())
}
