//! A guest for tests, without QEMU: socket pairs, and a thread that speaks
//! frames as its script says.

use std::io::{self, Read, Write, sink};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nix::unistd::pipe;
use proscenium_wire::{
    Command, Decoder, Detail, DetailKind, Event, Hello, Outcome, Received, Verdict, WIRE_VERSION,
    encode,
};

use super::guest::{ConsoleTail, Guest};
use super::{Deadlines, Monotonic, Recording, run};
use crate::event::{ExitNote, FORMAT_VERSION, RunEnded, RunStarted, World};
use crate::report::{Reporters, Summary};

/// The guest's side of the channels.
pub(super) struct Inside {
    pub(super) events: UnixStream,
    pub(super) control: UnixStream,
    pub(super) console: UnixStream,
    pub(super) stderr: UnixStream,
}

impl Inside {
    pub(super) fn say(&mut self, events: &[Event]) {
        let mut bytes = Vec::new();
        for event in events {
            encode(event, &mut bytes).unwrap();
        }
        self.raw(&bytes);
    }

    /// The host may have hung up already: that is its right.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        let _ = self.events.write_all(bytes);
    }

    /// Waits for the next command; none when the host is gone.
    pub(super) fn command(&mut self) -> Option<Command> {
        let mut decoder = Decoder::new();
        let mut byte = [0];
        loop {
            if self.control.read(&mut byte).ok()? == 0 {
                return None;
            }
            decoder.push(&byte);
            if let Some(Received::Message(command)) = decoder.next() {
                return Some(command);
            }
        }
    }

    /// Goes on until the host kills, whatever it is told.
    pub(super) fn hang(&mut self) {
        let _ = self.console.read_to_end(&mut Vec::new());
    }
}

pub(super) struct Fake {
    events: UnixStream,
    control: UnixStream,
    console: UnixStream,
    stderr: UnixStream,
    pidfd: OwnedFd,
    /// The other end of `pidfd`: closed when the guest is dead.
    alive: Arc<Mutex<Option<OwnedFd>>>,
    exit: ExitNote,
    killed: bool,
    printed: Vec<u8>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Fake {
    pub(super) fn start(exit: ExitNote, script: impl FnOnce(&mut Inside) + Send + 'static) -> Self {
        let pair = || {
            let (host, guest) = UnixStream::pair().unwrap();
            host.set_nonblocking(true).unwrap();
            (host, guest)
        };
        let ((events, e), (control, c)) = (pair(), pair());
        let ((console, o), (stderr, s)) = (pair(), pair());
        let (pidfd, held) = pipe().unwrap();
        let alive = Arc::new(Mutex::new(Some(held)));
        let dies = Arc::clone(&alive);
        let thread = thread::spawn(move || {
            let mut inside = Inside {
                events: e,
                control: c,
                console: o,
                stderr: s,
            };
            script(&mut inside);
            drop(inside);
            dies.lock().unwrap().take();
        });
        let thread = Some(thread);
        let (killed, printed) = (false, Vec::new());
        Self {
            events,
            control,
            console,
            stderr,
            pidfd,
            alive,
            exit,
            killed,
            printed,
            thread,
        }
    }
}

impl Guest for Fake {
    fn events(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
    fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }
    fn console(&self) -> BorrowedFd<'_> {
        self.console.as_fd()
    }
    fn stderr(&self) -> BorrowedFd<'_> {
        self.stderr.as_fd()
    }
    fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
    fn kill(&mut self) -> io::Result<()> {
        self.killed = true;
        self.alive.lock().unwrap().take();
        Ok(())
    }
    fn reap(&mut self) -> io::Result<ExitNote> {
        Ok(if self.killed {
            ExitNote::Signal(9)
        } else {
            self.exit
        })
    }
    fn console_printed(&mut self, bytes: &[u8]) {
        self.printed.extend_from_slice(bytes);
    }
    fn console_tail(&mut self) -> ConsoleTail {
        let text = String::from_utf8_lossy(&self.printed);
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let crash = lines
            .iter()
            .find(|line| line.contains("Kernel panic"))
            .cloned();
        ConsoleTail { crash, lines }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // Hanging up makes a script that waits for us go on and end.
        for stream in [&self.events, &self.control, &self.console, &self.stderr] {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(super) fn hello(wire_version: u16) -> Event {
    Event::Hello(Hello {
        wire_version,
        runtime_version: "0".into(),
        kernel_release: "7.2".into(),
        cpus: 2,
        memory_bytes: 1 << 28,
        booted_ns: 1,
    })
}

pub(super) fn verdict(outcome: Outcome) -> Event {
    let details = vec![];
    let (notes, cgroups, phases) = (vec![], vec![], vec![]);
    Event::Verdict(Verdict {
        outcome,
        details,
        notes,
        asserted: true,
        cgroups,
        phases,
    })
}

pub(super) fn detail(kind: DetailKind, outcome: Outcome) -> Event {
    Event::Detail(Detail {
        kind,
        outcome,
        phase: None,
        message: "because".into(),
    })
}

pub(super) const START: [fn() -> Event; 2] = [|| hello(WIRE_VERSION), || Event::ScenarioStart];

pub(super) fn start() -> Vec<Event> {
    START.iter().map(|make| make()).collect()
}

pub(super) fn started() -> RunStarted {
    RunStarted {
        format_version: FORMAT_VERSION,
        host_version: "0".into(),
        plugin: "fake".into(),
        plugin_version: None,
        digest: "sha256:0".into(),
        world: World::Vm,
        kernel: None,
        acceleration: None,
        topology: None,
        schedulers: vec![],
        scheduler: None,
        duration_ns: 1,
        seed: 1,
        parameters: vec![],
        started_unix_ms: 0,
        run_dir: None,
    }
}

pub(super) fn short() -> Deadlines {
    let long = Duration::from_secs(20);
    Deadlines {
        boot: long,
        greet: long,
        scenario: long,
        drain: long,
        cancel: long,
        kill: long,
    }
}

/// Runs a guest to its end, and what was told.
pub(super) fn drive(
    guest: Fake,
    deadlines: &Deadlines,
    interrupt: BorrowedFd<'_>,
) -> (RunEnded, Summary) {
    let clock = Monotonic::start();
    let mut reporters = Reporters::new(sink());
    let mut recording = Recording::begin(&clock, &mut reporters, None, started());
    recording.booting();
    let ended = run(guest, deadlines, recording, interrupt);
    (ended, reporters.summary().clone())
}

pub(super) fn outcome(script: impl FnOnce(&mut Inside) + Send + 'static) -> RunEnded {
    let (quiet, _open) = pipe().unwrap();
    drive(
        Fake::start(ExitNote::Code(0), script),
        &short(),
        quiet.as_fd(),
    )
    .0
}

pub(super) fn reason(ended: &RunEnded) -> &str {
    ended.reasons.first().map_or("", |reason| &reason.kind)
}
