//! Which accelerator runs the guest, and the sentence that says why.
//!
//! Owns the choice between KVM and QEMU's emulation. Never probes by itself:
//! the answer of [`super::probe`] is passed in.

use std::fmt;
use std::str::FromStr;

use super::probe::Probe;
use super::qemu::Version;

/// First major version of QEMU whose emulation is dependable with one host
/// thread for each CPU. Version 7.2 panics guests within minutes that way,
/// 10.0 survived 300 of 300 runs of the same test.
const THREADED_TCG_SINCE: u32 = 10;

/// Who executes the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accel {
    /// The processor itself.
    Kvm,
    /// QEMU's translator.
    Tcg {
        /// One host thread for each CPU instead of one for all.
        threads: bool,
    },
}

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccelRequest {
    /// KVM where it really works, emulation otherwise.
    #[default]
    Auto,
    /// KVM or nothing.
    Kvm,
    /// Emulation, even where KVM works.
    Tcg,
}

/// An accelerator with the reason for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What to boot with.
    pub accel: Accel,
    /// A sentence for the user: which and why.
    pub why: String,
}

/// The request cannot be met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccelError {
    /// KVM was demanded and does not work.
    #[error("KVM cannot be used: {why}: choose `--accel tcg` or `--accel auto`")]
    KvmUnusable {
        /// What failed.
        why: String,
    },
    /// No such accelerator.
    #[error("{name:?} is no accelerator: choose auto, kvm or tcg")]
    Unknown {
        /// What was written, shortened.
        name: String,
    },
}

impl FromStr for AccelRequest {
    type Err = AccelError;

    fn from_str(text: &str) -> Result<Self, AccelError> {
        match text {
            "auto" => Ok(Self::Auto),
            "kvm" => Ok(Self::Kvm),
            "tcg" => Ok(Self::Tcg),
            other => Err(AccelError::Unknown {
                name: other.chars().take(40).collect(),
            }),
        }
    }
}

impl fmt::Display for AccelRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        })
    }
}

impl fmt::Display for Accel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "kvm",
            Self::Tcg { .. } => "tcg",
        })
    }
}

/// Chooses for `request`, with QEMU's `version`. `probe` is called only when its answer matters.
///
/// # Errors
///
/// When KVM is demanded and the probe says that it cannot run a kernel.
pub fn choose(
    request: AccelRequest,
    version: Version,
    probe: impl FnOnce() -> Probe,
) -> Result<Choice, AccelError> {
    let reason = match request {
        AccelRequest::Tcg => "asked for".to_owned(),
        AccelRequest::Auto | AccelRequest::Kvm => match probe() {
            Probe::Usable => {
                return Ok(Choice {
                    accel: Accel::Kvm,
                    why: "KVM: this machine ran a kernel's instructions in a test VM".to_owned(),
                });
            }
            Probe::Absent => "there is no /dev/kvm on this machine".to_owned(),
            Probe::Unusable { why } => why,
        },
    };
    if request == AccelRequest::Kvm {
        return Err(AccelError::KvmUnusable { why: reason });
    }
    let threads = version.major >= THREADED_TCG_SINCE;
    let how = if threads {
        "one thread for each CPU".to_owned()
    } else {
        format!("one thread for all CPUs, which is what QEMU {version} does dependably")
    };
    let why = if request == AccelRequest::Tcg {
        format!("emulation (TCG, {how}): {reason}")
    } else {
        format!("emulation (TCG, {how}), because KVM cannot be used: {reason}")
    };
    Ok(Choice {
        accel: Accel::Tcg { threads },
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Version = Version {
        major: 7,
        minor: 2,
        patch: 22,
    };
    const NEW: Version = Version {
        major: 10,
        minor: 0,
        patch: 2,
    };

    fn broken() -> Probe {
        Probe::Unusable {
            why: "cmpxchg16b failed".to_owned(),
        }
    }

    #[test]
    fn a_usable_kvm_is_taken_unless_emulation_is_asked_for() {
        let auto = choose(AccelRequest::Auto, OLD, || Probe::Usable).unwrap();
        assert_eq!(auto.accel, Accel::Kvm);
        let tcg = choose(AccelRequest::Tcg, OLD, || panic!("not needed")).unwrap();
        assert_eq!(tcg.accel, Accel::Tcg { threads: false });
    }

    #[test]
    fn a_broken_kvm_falls_back_and_the_sentence_says_why() {
        let choice = choose(AccelRequest::Auto, OLD, broken).unwrap();
        assert_eq!(choice.accel, Accel::Tcg { threads: false });
        assert!(choice.why.contains("cmpxchg16b failed"), "{}", choice.why);
    }

    #[test]
    fn a_demanded_kvm_that_does_not_work_is_an_error_that_says_what_failed() {
        let error = choose(AccelRequest::Kvm, OLD, broken).unwrap_err();
        assert!(error.to_string().contains("cmpxchg16b failed"));
        let error = choose(AccelRequest::Kvm, OLD, || Probe::Absent).unwrap_err();
        assert!(error.to_string().contains("no /dev/kvm"));
    }

    #[test]
    fn threaded_emulation_starts_with_qemu_ten() {
        let choice = choose(AccelRequest::Auto, NEW, || Probe::Absent).unwrap();
        assert_eq!(choice.accel, Accel::Tcg { threads: true });
    }

    #[test]
    fn names_go_both_ways_and_others_are_refused() {
        for request in [AccelRequest::Auto, AccelRequest::Kvm, AccelRequest::Tcg] {
            assert_eq!(request.to_string().parse(), Ok(request));
        }
        assert!("KVM".parse::<AccelRequest>().is_err());
    }
}
