//! A thread that wants to run and is not let.
//!
//! Owns the thread. Never says that it is not let: see [`Scheduler::stall`].
//!
//! [`Scheduler::stall`]: crate::scheduler::Scheduler::stall

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::Context;
use nix::unistd::gettid;

/// A thread that sleeps until it is woken.
#[derive(Debug)]
pub(crate) struct Victim {
    thread: i32,
    waker: Sender<()>,
}

impl Victim {
    /// Starts it.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let (tell, told) = channel();
        let (waker, woken): (_, Receiver<()>) = channel();
        thread::Builder::new()
            .name("victim".to_owned())
            .spawn(move || {
                // Who asked is there until it has been told.
                let _ = tell.send(gettid().as_raw());
                while woken.recv().is_ok() {}
            })
            .context("failed to start a thread")?;
        let thread = told.recv().context("a thread did not start")?;
        Ok(Self { thread, waker })
    }

    /// Its number in the kernel.
    pub(crate) fn thread(&self) -> i32 {
        self.thread
    }

    /// Makes it want to run.
    pub(crate) fn wake(&self) {
        // It listens for as long as this is here.
        let _ = self.waker.send(());
    }
}
