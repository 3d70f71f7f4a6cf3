//! A place for the real kernel to play in: a cgroup v2 hierarchy that may be
//! written to, and the worker program. Where there is none, tests say
//! `skipped:` and why. As PID 1 of a machine it mounts what it needs, so the
//! same tests can be booted as `/init`.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Mutex;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use proscenium_guest_runtime::init;
use proscenium_guest_runtime::link::Control;
use proscenium_guest_runtime::world::kernel::{Kernel, Parts};
use proscenium_guest_runtime::world::{CrewId, World};
use proscenium_worker::Report;

static MOUNTED: Mutex<bool> = Mutex::new(false);

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
                let _ = writeln!(std::io::stderr(), "skipped: {name}: {reason}");
                None
            }
        }
    }

    fn look(name: &str) -> Result<Self, String> {
        if process::id() == 1 {
            let mut mounted = MOUNTED.lock().unwrap();
            if !*mounted {
                init::mount_all().map_err(|error| error.to_string())?;
                *mounted = true;
            }
        }
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
            control,
            children: None,
        }
    }
}

fn worker() -> Option<PathBuf> {
    let beside = std::env::current_exe()
        .ok()?
        .parent()?
        .parent()?
        .join("proscenium-worker");
    [PathBuf::from(init::WORKER_PATH), beside]
        .into_iter()
        .find(|path| path.is_file())
}

/// Lets time pass in the world.
pub(crate) fn pass(world: &mut Kernel, time: Duration) {
    let until = world.now() + time;
    world.wait(until).unwrap();
}

/// Collects one crew with this patience.
pub(crate) fn collect(world: &mut Kernel, crew: CrewId, patience: Duration) -> Vec<Report> {
    let until = world.now() + patience;
    world.collect(&[crew], until).remove(0).reports
}
