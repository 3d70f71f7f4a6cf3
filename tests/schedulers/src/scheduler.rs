//! The BPF half, loaded and attached.
//!
//! Owns the skeleton and the link that keeps it attached: dropping the link
//! detaches. Never decides when.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use anyhow::{Context, ensure};
use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use libbpf_rs::{Link, MapCore, MapFlags, OpenObject, RingBuffer, RingBufferBuilder};

use crate::options::{Instead, Options};

#[expect(
    clippy::all,
    clippy::absolute_paths,
    clippy::ptr_as_ptr,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "generated"
)]
mod skeleton {
    include!(concat!(env!("OUT_DIR"), "/fixture.skel.rs"));
}

use skeleton::{FixtureSkel, FixtureSkelBuilder};

/// The kinds of ending that are errors begin here: `SCX_EXIT_ERROR`.
const ERRORS: u64 = 1024;

/// A scheduler that has been loaded.
pub(crate) struct Scheduler<'a> {
    skeleton: FixtureSkel<'a>,
    bell: RingBuffer<'a>,
    link: Option<Link>,
}

/// How it ended, in the kernel's words.
#[derive(Debug)]
pub(crate) struct Ending {
    kind: u64,
    code: i64,
    reason: String,
    message: String,
}

impl Ending {
    /// Whether the kernel calls it an error.
    pub(crate) fn is_error(&self) -> bool {
        self.kind >= ERRORS
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            kind,
            code,
            reason,
            message,
        } = self;
        write!(f, "kind {kind}, code {code}: {reason} ({message})")
    }
}

impl<'a> Scheduler<'a> {
    /// Loads it into `place`. What the verifier has to say goes to stderr.
    pub(crate) fn load(
        options: &Options,
        place: &'a mut MaybeUninit<OpenObject>,
    ) -> anyhow::Result<Self> {
        let mut open = FixtureSkelBuilder::default()
            .open(place)
            .context("failed to open the BPF object")?;
        // SAFETY: libbpf gave out the pointer with the skeleton, which is still
        // open and ours alone; it stays valid until the object is closed.
        let ops = unsafe { &mut *open.struct_ops.fixture };
        ensure!(
            options.ops.len() < ops.name.len(),
            "{:?} is too long for a scheduler's name",
            options.ops
        );
        ops.name.fill(0);
        for (to, from) in ops.name.iter_mut().zip(options.ops.bytes()) {
            *to = from.cast_signed();
        }
        ops.timeout_ms = options.watchdog;
        let constants = open.maps.rodata_data.as_deref_mut();
        constants.context("the object has no constants")?.refused =
            options.instead == Some(Instead::Refused);
        let skeleton = open.load().context("failed to load the scheduler")?;
        let mark = [options.mark.to_ne_bytes(), [0; 8]].concat();
        skeleton
            .maps
            .proscenium_mark
            .update(&0u32.to_ne_bytes(), &mark, MapFlags::ANY)
            .context("failed to mark the map")?;
        let mut bell = RingBufferBuilder::new();
        bell.add(&skeleton.maps.bell, |_| 0)?;
        let bell = bell.build().context("failed to listen for the ending")?;
        Ok(Self {
            skeleton,
            bell,
            link: None,
        })
    }

    /// Attaches it: from here on it schedules.
    pub(crate) fn attach(&mut self) -> anyhow::Result<()> {
        let ops = &mut self.skeleton.maps.fixture;
        self.link = Some(ops.attach_struct_ops()?);
        Ok(())
    }

    /// Detaches it; the kernel has done so when this returns.
    pub(crate) fn detach(&mut self) {
        self.link = None;
    }

    /// Becomes readable when the kernel has disabled it.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        // SAFETY: the ring buffer owns the descriptor and is borrowed for as
        // long as what is returned.
        unsafe { BorrowedFd::borrow_raw(self.bell.epoll_fd()) }
    }

    /// How it ended, if it has.
    pub(crate) fn ending(&self) -> anyhow::Result<Option<Ending>> {
        self.bell.consume().context("failed to read the ending")?;
        let shared = self.skeleton.maps.bss_data.as_deref();
        let ending = &shared.context("the object has no variables")?.ending;
        Ok((ending.kind != 0).then(|| Ending {
            kind: ending.kind,
            code: ending.code,
            reason: text(&ending.reason),
            message: text(&ending.message),
        }))
    }

    /// Has the BPF half report an error when it is called next.
    pub(crate) fn fail(&mut self) -> anyhow::Result<()> {
        let shared = self.skeleton.maps.bss_data.as_deref_mut();
        shared.context("the object has no variables")?.failed = true;
        Ok(())
    }

    /// Never lets the thread run again.
    pub(crate) fn stall(&mut self, thread: i32) -> anyhow::Result<()> {
        let shared = self.skeleton.maps.bss_data.as_deref_mut();
        shared.context("the object has no variables")?.stalled = thread;
        Ok(())
    }
}

fn text(chars: &[c_char]) -> String {
    let bytes: Vec<u8> = chars
        .iter()
        .map(|char| char.cast_unsigned())
        .take_while(|byte| *byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
