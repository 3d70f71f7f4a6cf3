//! Cgroup directories: made, read, written and removed beneath one handle.
//!
//! A group is a directory handle and the descriptors of those of its files
//! that were used. A write is one `pwrite` on a kept descriptor, a read one
//! `pread` into one buffer; no path is walked for either. This module never
//! names anything outside the directory that it was given, and never decides
//! what may be written.

use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::str;

use cap_std::fs::{Dir, OpenOptions};
use nix::errno::Errno;
use rustix::io::pwrite;

use super::files::{
    READ_LIMIT, errno, is_frozen, make, open, read_whole, remove_dir, remove_planted, writable,
};
use crate::world::{Controllers, GroupId, Knob, WorldError};

/// One cgroup.
struct Group {
    /// Path below the scenario's root; empty for the root itself.
    name: String,
    /// Last component.
    leaf: String,
    /// `None`: the directory that this world was given.
    parent: Option<GroupId>,
    dir: Dir,
    files: [Option<File>; Knob::COUNT],
    /// What was enabled for its children.
    enabled: Controllers,
}

/// All cgroups of one scenario.
pub(super) struct Groups {
    base: Dir,
    base_control: Option<File>,
    base_enabled: Controllers,
    root_name: String,
    /// By id; ids are not reused. The first is the root.
    slots: Vec<Option<Box<Group>>>,
    buffer: Vec<u8>,
}

impl Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.slots.iter().flatten().map(|group| &group.name))
            .finish()
    }
}

impl Groups {
    /// Groups beneath `base`, all of them in the child `root_name`, which is
    /// made on first use.
    pub(super) fn new(base: Dir, root_name: String) -> Self {
        Self {
            base,
            base_control: None,
            base_enabled: Controllers::empty(),
            root_name,
            slots: vec![None],
            buffer: vec![0; READ_LIMIT],
        }
    }

    /// Controllers that `base` can hand down.
    pub(super) fn controllers(&self) -> Result<Controllers, WorldError> {
        let text = self
            .base
            .read_to_string("cgroup.controllers")
            .map_err(|error| WorldError::Environment {
                what: "read cgroup.controllers".into(),
                errno: errno(&error),
            })?;
        Ok(Controllers::parse(&text))
    }

    /// See [`crate::world::World::enable`].
    pub(super) fn enable(
        &mut self,
        id: GroupId,
        controllers: Controllers,
    ) -> Result<(), WorldError> {
        if id == GroupId::ROOT {
            self.enable_base(controllers)?;
        }
        let enabled = self.alive(id)?.enabled;
        let missing = controllers.difference(enabled);
        if missing.is_empty() {
            return Ok(());
        }
        self.write(id, Knob::SubtreeControl, &additions(missing))?;
        self.alive(id)?.enabled = enabled | missing;
        Ok(())
    }

    pub(super) fn enable_base(&mut self, controllers: Controllers) -> Result<(), WorldError> {
        let missing = controllers.difference(self.base_enabled);
        if missing.is_empty() {
            return Ok(());
        }
        let value = additions(missing);
        let failed = |error: &io::Error| WorldError::Write {
            group: "..".into(),
            knob: Knob::SubtreeControl,
            value: value.clone(),
            errno: errno(error),
        };
        let control = match &self.base_control {
            Some(control) => control,
            None => self
                .base_control
                .insert(open(&self.base, Knob::SubtreeControl).map_err(|error| failed(&error))?),
        };
        control
            .write_at(value.as_bytes(), 0)
            .map_err(|error| failed(&error))?;
        self.base_enabled |= missing;
        Ok(())
    }

    /// See [`crate::world::World::create`].
    pub(super) fn create(&mut self, parent: GroupId, leaf: &str) -> Result<GroupId, WorldError> {
        let above = self.alive(parent)?;
        let name = if above.name.is_empty() {
            leaf.to_owned()
        } else {
            format!("{}/{leaf}", above.name)
        };
        let dir = make(&above.dir, leaf).map_err(|errno| WorldError::Kernel {
            what: format!("create cgroup {name:?}"),
            errno,
        })?;
        let id = GroupId(
            u32::try_from(self.slots.len()).map_err(|_| WorldError::Kernel {
                what: format!("create cgroup {name:?}"),
                errno: Errno::EOVERFLOW,
            })?,
        );
        self.slots.push(Some(Box::new(Group::new(
            name,
            leaf.to_owned(),
            Some(parent),
            dir,
        ))));
        Ok(id)
    }

    /// See [`crate::world::World::remove`].
    pub(super) fn remove(&mut self, id: GroupId) -> Result<(), WorldError> {
        let Some(group) = self.peek(id) else {
            // The root is made on first use only; not made is removed.
            return if id == GroupId::ROOT {
                Ok(())
            } else {
                Err(gone(id))
            };
        };
        let above = match group.parent {
            Some(parent) => &self.peek(parent).ok_or_else(|| gone(parent))?.dir,
            None => &self.base,
        };
        let remove = || {
            let events = || Some(group.dir.open("cgroup.events").ok()?.into_std());
            remove_dir(above, &group.leaf, events)
        };
        let ours = self
            .slots
            .iter()
            .flatten()
            .any(|other| other.parent == Some(id));
        let removed = match remove() {
            // Below it there is something, and it is not ours.
            Err(Errno::EBUSY) if !ours => remove_planted(&group.dir).and_then(|()| remove()),
            removed => removed,
        };
        removed.map_err(|errno| WorldError::Kernel {
            what: format!("remove cgroup {:?}", group.name),
            errno,
        })?;
        self.forget(id);
        Ok(())
    }

    /// See [`crate::world::World::write`].
    pub(super) fn write(&mut self, id: GroupId, knob: Knob, value: &str) -> Result<(), WorldError> {
        let written = self.put(id, knob, value);
        match written {
            Err(error) if is_refused_clearing(knob, value, &error) => {
                let above = self.alive(id)?.parent.ok_or(error)?;
                let inherited = self
                    .read(above, Knob::CpusetCpusEffective)?
                    .trim()
                    .to_owned();
                self.put(id, knob, &inherited)
            }
            written => written,
        }
    }

    pub(super) fn put(&mut self, id: GroupId, knob: Knob, value: &str) -> Result<(), WorldError> {
        let group = self.alive(id)?;
        // The kernel takes an empty value only as an empty line.
        let bytes = if value.is_empty() {
            b"\n"
        } else {
            value.as_bytes()
        };
        let written = if writable(knob) {
            let file = group.file(knob);
            file.and_then(|file| Ok(pwrite(file, bytes, 0)?))
        } else {
            Err(io::Error::from_raw_os_error(libc::EACCES))
        };
        if knob == Knob::SubtreeControl {
            // Whatever the outcome, what is enabled has to be found out anew.
            group.enabled = Controllers::empty();
        }
        match written {
            Ok(_) => Ok(()),
            Err(error) => Err(WorldError::Write {
                group: group.name.clone(),
                knob,
                value: value.to_owned(),
                errno: errno(&error),
            }),
        }
    }

    /// See [`crate::world::World::read`].
    pub(super) fn read(&mut self, id: GroupId, knob: Knob) -> Result<&str, WorldError> {
        self.alive(id)?;
        let Self { slots, buffer, .. } = self;
        let group = slots
            .get_mut(id.0 as usize)
            .and_then(Option::as_deref_mut)
            .ok_or_else(|| gone(id))?;
        let length = group
            .file(knob)
            .and_then(|file| read_whole(file, knob, buffer));
        let text = length.map_err(|error| errno(&error)).and_then(|length| {
            str::from_utf8(buffer.get(..length).unwrap_or_default()).map_err(|_| Errno::EILSEQ)
        });
        text.map_err(|errno| WorldError::Read {
            group: group.name.clone(),
            knob,
            errno,
        })
    }

    /// The directory's descriptor, for `CLONE_INTO_CGROUP`.
    pub(super) fn directory(&mut self, id: GroupId) -> Result<BorrowedFd<'_>, WorldError> {
        Ok(self.alive(id)?.dir.as_fd())
    }

    /// Directories of groups, for others to keep.
    pub(super) fn directories(&mut self, ids: &[GroupId]) -> Result<Vec<OwnedFd>, WorldError> {
        let keep = |id: &GroupId| {
            let directory = self.directory(*id)?.try_clone_to_owned();
            directory.map_err(|error| WorldError::Environment {
                what: "keep the directory of a cgroup".into(),
                errno: errno(&error),
            })
        };
        ids.iter().map(keep).collect()
    }

    /// Processes in cgroups that stand frozen, whoever froze them.
    pub(super) fn frozen_pids(&mut self) -> BTreeSet<u32> {
        let groups = (0..).map(GroupId).zip(&self.slots);
        let frozen: Vec<GroupId> = groups
            .filter(|(_, group)| group.as_ref().is_some_and(|group| is_frozen(&group.dir)))
            .map(|(id, _)| id)
            .collect();
        let mut pids = BTreeSet::new();
        for id in frozen {
            let procs = self.read(id, Knob::Procs).unwrap_or_default();
            pids.extend(procs.lines().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        pids
    }

    /// Path below the scenario's root, for messages.
    pub(super) fn name(&self, id: GroupId) -> &str {
        self.peek(id).map_or("", |group| &group.name)
    }

    /// Kills whatever is left in the scenario's root and removes all groups,
    /// the last one made first.
    pub(super) fn tear_down(&mut self) {
        if let Some(root) = self.peek(GroupId::ROOT) {
            // `cgroup.kill` came with 5.14; before that, the pidfds have to do.
            if let Ok(file) = root
                .dir
                .open_with("cgroup.kill", OpenOptions::new().write(true))
            {
                let _ = file.into_std().write_at(b"1", 0);
            }
        }
        for id in (0..self.slots.len())
            .rev()
            .filter_map(|id| u32::try_from(id).ok())
        {
            if self.peek(GroupId(id)).is_some()
                && let Err(error) = self.remove(GroupId(id))
            {
                tracing::warn!("{error}");
            }
        }
    }

    fn peek(&self, id: GroupId) -> Option<&Group> {
        self.slots.get(id.0 as usize).and_then(Option::as_deref)
    }

    /// The directory of the scenario's root, if it was made.
    pub(super) fn root(&self) -> Option<&Dir> {
        self.peek(GroupId::ROOT).map(|root| &root.dir)
    }

    fn forget(&mut self, id: GroupId) {
        if let Some(slot) = self.slots.get_mut(id.0 as usize) {
            *slot = None;
        }
        if id == GroupId::ROOT {
            self.base_enabled = Controllers::empty();
        }
    }

    /// The group `id`, with the root made if it is asked for.
    fn alive(&mut self, id: GroupId) -> Result<&mut Group, WorldError> {
        let slot = self.slots.get_mut(id.0 as usize).ok_or_else(|| gone(id))?;
        if slot.is_none() && id == GroupId::ROOT {
            let dir = make(&self.base, &self.root_name).map_err(|errno| WorldError::Kernel {
                what: format!("create the scenario's root cgroup {:?}", self.root_name),
                errno,
            })?;
            *slot = Some(Box::new(Group::new(
                String::new(),
                self.root_name.clone(),
                None,
                dir,
            )));
        }
        slot.as_deref_mut().ok_or_else(|| gone(id))
    }
}

impl Group {
    fn new(name: String, leaf: String, parent: Option<GroupId>, dir: Dir) -> Self {
        Self {
            name,
            leaf,
            parent,
            dir,
            files: [const { None }; Knob::COUNT],
            enabled: Controllers::empty(),
        }
    }

    /// The kept descriptor of one file.
    fn file(&mut self, knob: Knob) -> io::Result<&File> {
        let slot = self
            .files
            .get_mut(knob as usize)
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
        match slot {
            Some(file) => Ok(file),
            None => Ok(slot.insert(open(&self.dir, knob)?)),
        }
    }
}

/// Linux 6.1 does not take the CPUs away from a cgroup that has tasks, although
/// an empty set means the parent's. Those by name then say the same.
fn is_refused_clearing(knob: Knob, value: &str, error: &WorldError) -> bool {
    knob == Knob::CpusetCpus && value.trim().is_empty() && error.errno() == Some(Errno::ENOSPC)
}

/// `+cpu +memory`
fn additions(controllers: Controllers) -> String {
    controllers
        .names()
        .map(|name| format!("+{name}"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn gone(id: GroupId) -> WorldError {
    WorldError::Gone {
        what: format!("cgroup {}", id.0),
    }
}
