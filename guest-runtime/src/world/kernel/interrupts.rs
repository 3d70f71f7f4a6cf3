//! The machine's interrupts: found by number or label, steered by one write.
//!
//! Everything is relative to a handle of `/proc`; a label is only compared,
//! never part of a path. See the kernel's Documentation/core-api/irq/irq-affinity.rst.

use std::io::{Read, Write};

use cap_std::fs::{Dir, OpenOptions};
use nix::errno::Errno;

use super::files::errno;
use crate::world::{Interrupt, WorldError};

/// Most bytes of `/proc/interrupts` that are read: one line an interrupt, one
/// column a CPU (1 MiB).
const READ_LIMIT: u64 = 1 << 20;

/// Has `irq` taken by `cpu`. Without `proc` the interrupts are somebody else's.
pub(super) fn steer(proc: Option<&Dir>, irq: &Interrupt, cpu: u32) -> Result<(), WorldError> {
    let steered = proc.ok_or(Errno::EOPNOTSUPP).and_then(|proc| {
        let number = match irq {
            Interrupt::Number(number) => *number,
            Interrupt::Label(label) => labelled(proc, label)?,
        };
        let mut options = OpenOptions::new();
        options.write(true);
        let file = format!("irq/{number}/smp_affinity_list");
        let mut file = proc
            .open_with(file, &options)
            .map_err(|error| errno(&error))?;
        file.write_all(cpu.to_string().as_bytes())
            .map_err(|error| errno(&error))
    });
    steered.map_err(|errno| WorldError::Kernel {
        what: format!("steer {irq} to CPU {cpu}"),
        errno,
    })
}

/// Number of the first interrupt whose line ends in `label`.
fn labelled(proc: &Dir, label: &str) -> Result<u32, Errno> {
    let mut text = String::new();
    let file = proc.open("interrupts").map_err(|error| errno(&error))?;
    file.take(READ_LIMIT)
        .read_to_string(&mut text)
        .map_err(|error| errno(&error))?;
    let number = |line: &str| {
        let (number, rest) = line.split_once(':')?;
        (rest.split_whitespace().next_back() == Some(label))
            .then(|| number.trim().parse().ok())
            .flatten()
    };
    text.lines().find_map(number).ok_or(Errno::ENOENT)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cap_std::ambient_authority;

    use super::*;

    const INTERRUPTS: &str = "           CPU0       CPU1       
  4:        123          0   IO-APIC   4-edge      ttyS0
 24:          0          9   PCI-MSI 32768-edge      virtio0-config
LOC:       5000       5000   Local timer interrupts
";

    fn proc() -> (tempfile::TempDir, Dir) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("interrupts"), INTERRUPTS).unwrap();
        for number in ["4", "24"] {
            let irq = folder.path().join("irq").join(number);
            fs::create_dir_all(&irq).unwrap();
            fs::write(irq.join("smp_affinity_list"), "").unwrap();
        }
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        (folder, dir)
    }

    #[test]
    fn an_interrupt_is_found_by_number_and_by_label() {
        let (folder, dir) = proc();
        steer(Some(&dir), &Interrupt::Number(4), 1).unwrap();
        steer(Some(&dir), &Interrupt::Label("virtio0-config".into()), 0).unwrap();
        let list = |number| {
            fs::read_to_string(
                folder
                    .path()
                    .join(format!("irq/{number}/smp_affinity_list")),
            )
        };
        assert_eq!(
            (list(4).unwrap(), list(24).unwrap()),
            ("1".into(), "0".into())
        );
    }

    #[test]
    fn what_is_not_there_is_named_and_names_are_never_paths() {
        let (_folder, dir) = proc();
        for label in ["interrupts", "../..", "24"] {
            let error = steer(Some(&dir), &Interrupt::Label(label.into()), 0).unwrap_err();
            assert_eq!(error.errno(), Some(Errno::ENOENT), "{error}");
            assert!(error.to_string().contains(label), "{error}");
        }
        let error = steer(Some(&dir), &Interrupt::Number(99), 0).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ENOENT));
    }

    #[test]
    fn without_the_machine_they_are_out_of_reach() {
        let error = steer(None, &Interrupt::Number(4), 0).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EOPNOTSUPP));
    }
}
