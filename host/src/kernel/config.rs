//! A kernel's configuration, and whether it has what we need.
//!
//! Owns the list of options with the reason for each. Never decides what to do
//! about a module; see [`super::modules`].

use std::collections::BTreeMap;

use proscenium_guest_runtime::world::Controllers;

/// How an option is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `=y`, or a value.
    BuiltIn,
    /// `=m`.
    Module,
    /// Not set, or not known to this kernel.
    Absent,
}

/// Options without which nothing works, and what for. All must be built in.
pub const REQUIRED: &[(&str, &str)] = &[
    ("BLK_DEV_INITRD", "the runtime comes in an initramfs"),
    ("BINFMT_ELF", "the runtime is an ELF program"),
    ("DEVTMPFS", "the ports to the host appear in /dev"),
    (
        "SERIAL_8250_CONSOLE",
        "a dying kernel is heard on the serial port",
    ),
    ("CGROUPS", "scenarios build cgroups"),
    ("CGROUP_SCHED", "the cpu controller"),
    ("CPUSETS", "the cpuset controller"),
    ("CGROUP_FREEZER", "scenarios freeze cgroups"),
    ("MEMCG", "the memory controller"),
    ("CGROUP_PIDS", "the pids controller"),
    ("BLK_CGROUP", "the io controller"),
];

/// Option with which schedulers can be loaded.
pub const SCHED_EXT: &str = "SCHED_CLASS_EXT";

/// Which option gives which cgroup controller.
const CONTROLLERS: [(&str, Controllers); 5] = [
    ("CGROUP_SCHED", Controllers::CPU),
    ("CPUSETS", Controllers::CPUSET),
    ("MEMCG", Controllers::MEMORY),
    ("BLK_CGROUP", Controllers::IO),
    ("CGROUP_PIDS", Controllers::PIDS),
];

/// Options that may be modules: option, name of the module, and what for.
pub const REQUIRED_OR_MODULE: &[(&str, &str, &str)] = &[
    (
        "VIRTIO_PCI",
        "virtio_pci",
        "the ports to the host are on a virtio device",
    ),
    ("VIRTIO_CONSOLE", "virtio_console", "the ports to the host"),
];

/// Largest configuration that is read, in bytes: five times a distribution's.
pub const MAX_CONFIG: u64 = 2 << 20;

/// A parsed `config-*` file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelConfig {
    options: BTreeMap<String, Setting>,
}

/// What a kernel that has all we need offers besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// `SCHED_CLASS_EXT`: schedulers can be loaded.
    pub sched_ext: bool,
    /// `PSI`: pressure can be read.
    pub pressure: bool,
    /// `CFS_BANDWIDTH`: cpu.max has an effect.
    pub cpu_bandwidth: bool,
    /// Modules that must be loaded for the ports, in this order, dependencies not counted.
    pub modules: Vec<&'static str>,
}

/// Options that are missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kernel lacks what we need: {}: choose another kernel, or build this one with these options", .missing.join(", "))]
pub struct MissingOptions {
    /// One entry for each: the option and what for.
    pub missing: Vec<String>,
}

impl KernelConfig {
    /// Reads the text of a configuration. Lines that are none are ignored.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let option = |line: &str| {
            let (name, value) = line.strip_prefix("CONFIG_")?.split_once('=')?;
            let setting = match value.trim() {
                "n" => Setting::Absent,
                "m" => Setting::Module,
                _ => Setting::BuiltIn,
            };
            Some((name.to_owned(), setting))
        };
        Self {
            options: text.lines().filter_map(option).collect(),
        }
    }

    /// How `option` (without `CONFIG_`) is set.
    #[must_use]
    pub fn get(&self, option: &str) -> Setting {
        self.options.get(option).copied().unwrap_or(Setting::Absent)
    }

    /// The cgroup controllers that are built in.
    #[must_use]
    pub fn controllers(&self) -> Controllers {
        CONTROLLERS
            .iter()
            .filter(|(option, _)| self.get(option) == Setting::BuiltIn)
            .map(|(_, controller)| *controller)
            .collect()
    }

    /// Whether schedulers can be loaded.
    #[must_use]
    pub fn sched_ext(&self) -> bool {
        self.get(SCHED_EXT) == Setting::BuiltIn
    }

    /// Checks everything that we need.
    ///
    /// # Errors
    ///
    /// All options that are missing, not only the first.
    pub fn check(&self) -> Result<Features, MissingOptions> {
        let mut missing = Vec::new();
        for (option, reason) in REQUIRED {
            match self.get(option) {
                Setting::BuiltIn => {}
                Setting::Module => {
                    missing.push(format!("CONFIG_{option}=y instead of m ({reason})"));
                }
                Setting::Absent => missing.push(format!("CONFIG_{option} ({reason})")),
            }
        }
        let mut modules = Vec::new();
        for (option, module, reason) in REQUIRED_OR_MODULE {
            match self.get(option) {
                Setting::BuiltIn => {}
                Setting::Module => modules.push(*module),
                Setting::Absent => missing.push(format!("CONFIG_{option} ({reason})")),
            }
        }
        if !missing.is_empty() {
            return Err(MissingOptions { missing });
        }
        let has = |option| self.get(option) == Setting::BuiltIn;
        Ok(Features {
            sched_ext: self.sched_ext(),
            pressure: has("PSI"),
            cpu_bandwidth: has("CFS_BANDWIDTH"),
            modules,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A configuration with all that is required, built in, and `more` after it.
    pub(crate) fn sufficient(more: &str) -> String {
        let mut text = String::from("# Linux\nCONFIG_CC_VERSION_TEXT=\"gcc = 12\"\n");
        let names = REQUIRED.iter().map(|r| r.0);
        for name in names.chain(REQUIRED_OR_MODULE.iter().map(|r| r.0)) {
            text.push_str(&format!("CONFIG_{name}=y\n"));
        }
        text + more
    }

    #[test]
    fn a_sufficient_kernel_reports_what_else_it_has() {
        let config = KernelConfig::parse(&sufficient("CONFIG_PSI=y\nCONFIG_SCHED_CLASS_EXT=y\n"));
        let features = config.check().unwrap();
        assert!(features.sched_ext && features.pressure && !features.cpu_bandwidth);
        assert_eq!(features.modules, [""; 0]);
    }

    #[test]
    fn every_missing_option_is_named() {
        let text = sufficient("").replace("CONFIG_CPUSETS=y", "# CONFIG_CPUSETS is not set");
        let text = text.replace("CONFIG_VIRTIO_CONSOLE=y\n", "");
        let error = KernelConfig::parse(&text).check().unwrap_err().to_string();
        assert!(error.contains("CONFIG_CPUSETS (") && error.contains("CONFIG_VIRTIO_CONSOLE ("));
        assert!(!error.contains("MEMCG"), "{error}");
    }

    #[test]
    fn a_controller_is_there_if_its_option_is_built_in() {
        let text = sufficient("CONFIG_CPUSETS=n\nCONFIG_MEMCG=m\n");
        let missing = Controllers::CPUSET | Controllers::MEMORY;
        assert_eq!(
            KernelConfig::parse(&text).controllers(),
            Controllers::all() - missing
        );
    }

    #[test]
    fn virtio_may_be_modules_and_the_console_may_not() {
        let text = sufficient("CONFIG_VIRTIO_PCI=m\nCONFIG_VIRTIO_CONSOLE=m\n");
        let features = KernelConfig::parse(&text).check().unwrap();
        assert_eq!(features.modules, ["virtio_pci", "virtio_console"]);
        let text = sufficient("CONFIG_SERIAL_8250_CONSOLE=m\n");
        let error = KernelConfig::parse(&text).check().unwrap_err().to_string();
        assert!(error.contains("SERIAL_8250_CONSOLE=y instead of m"));
    }

    #[test]
    fn something_that_is_no_configuration_lacks_everything() {
        let missing = KernelConfig::parse("\u{0}garbage\n=\n")
            .check()
            .unwrap_err()
            .missing;
        assert_eq!(missing.len(), REQUIRED.len() + REQUIRED_OR_MODULE.len());
    }
}
