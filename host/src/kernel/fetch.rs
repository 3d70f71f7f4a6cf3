//! Fetching a kernel from Debian into the cache.
//!
//! Owns which packages make a kernel and how a fetched one is laid out. Never
//! runs unless a user asked for it: a run that looks for a kernel stays offline.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::apt::{Apt, AptError, Package, ToolEvent, unpack};
use super::cache::{Cache, CacheError, io_error, write_whole};
use super::config::{Features, KernelConfig, MissingOptions};
use super::image;
use super::modules::{self, ModuleError};
use super::sources::{Archive, debian_archives};
use super::spec::FetchSpec;
use super::store::{self, Meta, StoreError};

/// What happens during a fetch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FetchEvent<'a> {
    /// A new stage begins, in a few words.
    Stage(&'a str),
    /// Percent of the stage's download, 0 to 100.
    Percent(f64),
    /// A line of a tool, for the curious.
    Line(&'a str),
}

/// What came of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The kernel.
    pub meta: Meta,
    /// It was in the cache already and is the newest that the mirror has.
    pub already: bool,
}

/// Why no kernel was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// apt's sources name no Debian archive.
    #[error(
        "this machine's apt sources name no Debian archive: name a kernel of your own with `--kernel FILE`"
    )]
    NoArchive,
    /// No suite has it.
    #[error("{package} is not in {suites} of this machine's mirror")]
    NoPackage {
        /// The package that was looked for.
        package: String,
        /// The suites.
        suites: String,
    },
    /// The packages did not hold what kernels' packages hold.
    #[error("the packages of {release} hold no {what}")]
    Incomplete {
        /// The kernel.
        release: String,
        /// The missing file.
        what: &'static str,
    },
    /// The kernel cannot be used.
    #[error("{release} was fetched and cannot run scenarios")]
    Options {
        /// The kernel.
        release: String,
        /// What it lacks.
        #[source]
        source: MissingOptions,
    },
    /// The kernel is no image, or has no sched_ext although it was asked for.
    #[error("{release} was fetched and is not what was asked for: {why}")]
    Unfit {
        /// The kernel.
        release: String,
        /// What is wrong.
        why: String,
    },
    /// Its modules could not be taken.
    #[error(transparent)]
    Modules(#[from] ModuleError),
    /// A tool failed.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// The cache failed.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The cache's list failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Fetches the newest kernel of `spec` with the apt sources below `etc_apt`
/// (normally `/etc/apt`). `said` is told what happens.
///
/// Two fetches at once wait for each other.
///
/// # Errors
///
/// When there is no apt, no mirror, no such kernel, no trusted signature, no
/// space, or the kernel lacks what we need. The cache is then as it was.
pub fn fetch(
    cache: &Cache,
    etc_apt: &Path,
    spec: &FetchSpec,
    said: &mut dyn FnMut(FetchEvent<'_>),
) -> Result<Fetched, FetchError> {
    let archives = debian_archives(etc_apt);
    let lock_path = cache.directory("apt")?.join("lock");
    let lock = fs::File::create(&lock_path).map_err(io_error("make", &lock_path))?;
    lock.lock().map_err(io_error("lock", &lock_path))?;
    let mut last = None;
    // Debian's own archive comes first; the others are for mirrors with odd names.
    for archive in archives.iter().take(3) {
        for suite in &spec.suites {
            match from_suite(cache, archive, suite, spec, said) {
                Ok(Some(fetched)) => return Ok(fetched),
                Ok(None) => {}
                // A machine without the tools has them in no suite.
                Err(error @ FetchError::Apt(AptError::NoTool { .. })) => return Err(error),
                Err(error @ FetchError::Apt(_)) => last = last.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
    }
    Err(match last {
        Some(error) => error,
        None if archives.is_empty() => FetchError::NoArchive,
        None => FetchError::NoPackage {
            package: spec.package.clone(),
            suites: spec.suites.join(" and "),
        },
    })
}

/// The newest kernel of one suite; `None` if the suite has no such package.
fn from_suite(
    cache: &Cache,
    archive: &Archive,
    suite: &str,
    spec: &FetchSpec,
    said: &mut dyn FnMut(FetchEvent<'_>),
) -> Result<Option<Fetched>, FetchError> {
    let apt = Apt::new(cache, archive, suite)?;
    said(FetchEvent::Stage(&format!(
        "reading the package list of {suite}"
    )));
    apt.update(&mut |event| said(event.into()))?;
    let Some((release, packages)) = kernel_packages(&apt, &spec.package)? else {
        return Ok(None);
    };
    let versions = packages
        .iter()
        .map(|p| format!("{}={}", p.name, p.version))
        .collect();
    let mut meta = Meta {
        release,
        spec: spec.name.clone(),
        suite: suite.to_owned(),
        packages: versions,
        sched_ext: false,
    };
    let known = store::list(cache)?;
    if let Some(known) = known
        .into_iter()
        .find(|k| k.release == meta.release && k.packages == meta.packages)
    {
        return Ok(Some(Fetched {
            meta: known,
            already: true,
        }));
    }
    let scratch = cache.scratch()?;
    let debs = cache_dir(scratch.path(), "debs")?;
    let tree = cache_dir(scratch.path(), "tree")?;
    let kernel = cache_dir(scratch.path(), "kernel")?;
    said(FetchEvent::Stage(&format!("downloading {}", meta.release)));
    let names: Vec<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let files = apt.download(&names, &debs, &mut |event| said(event.into()))?;
    said(FetchEvent::Stage("unpacking"));
    for file in files {
        unpack(&file, &tree)?;
    }
    let features = assemble(&tree, &kernel, &meta.release)?;
    if spec.sched_ext && !features.sched_ext {
        return Err(FetchError::Unfit {
            release: meta.release,
            why: "it has no sched_ext (CONFIG_SCHED_CLASS_EXT)".into(),
        });
    }
    meta.sched_ext = features.sched_ext;
    install(cache, &kernel, &meta)?;
    // Removing what is left takes a while and may fail without harm.
    drop(scratch);
    Ok(Some(Fetched {
        meta,
        already: false,
    }))
}

/// The release and the packages that hold its files: the image's own package,
/// and where Debian splits it, its parts.
fn kernel_packages(
    apt: &Apt,
    meta_package: &str,
) -> Result<Option<(String, Vec<Package>)>, AptError> {
    let Some(meta) = apt.show(meta_package)? else {
        return Ok(None);
    };
    let image = meta.depends.iter().find_map(|name| {
        let release = name.strip_prefix("linux-image-")?;
        image::is_release(release).then_some((name, release))
    });
    let Some((name, release)) = image else {
        return Ok(None);
    };
    let Some(image) = apt.show(name)? else {
        return Ok(None);
    };
    let mut packages = Vec::new();
    for part in &image.depends {
        if part.starts_with("linux-")
            && part.ends_with(&format!("-{release}"))
            && let Some(package) = apt.show(part)?
        {
            packages.push(package);
        }
    }
    packages.push(image);
    Ok(Some((release.to_owned(), packages)))
}

/// Copies what a run needs out of the unpacked packages and checks it.
fn assemble(tree: &Path, kernel: &Path, release: &str) -> Result<Features, FetchError> {
    let incomplete = |what| FetchError::Incomplete {
        release: release.to_owned(),
        what,
    };
    let modules_tree = [tree.join("usr/lib/modules"), tree.join("lib/modules")]
        .map(|root| root.join(release))
        .into_iter()
        .find(|path| path.is_dir())
        .unwrap_or_else(|| tree.to_owned());
    let find = |name: &str| -> Option<PathBuf> {
        let in_boot = tree.join("boot").join(format!("{name}-{release}"));
        let places = [in_boot, modules_tree.join(name)];
        places.into_iter().find(|path| path.is_file())
    };
    let vmlinuz = find("vmlinuz").ok_or_else(|| incomplete("image"))?;
    let config = find("config").ok_or_else(|| incomplete("configuration"))?;
    let text = fs::read_to_string(&config).map_err(io_error("read", &config))?;
    let checked = KernelConfig::parse(&text).check();
    let features = checked.map_err(|source| FetchError::Options {
        release: release.to_owned(),
        source,
    })?;
    copy(&vmlinuz, &kernel.join("vmlinuz"))?;
    copy(&config, &kernel.join("config"))?;
    if let Some(map) = find("System.map") {
        copy(&map, &kernel.join("System.map"))?;
    }
    let bytes = fs::read(&vmlinuz).map_err(io_error("read", &vmlinuz))?;
    match image::extract(&bytes) {
        Ok(elf) => write_whole(&kernel.join("vmlinux"), &elf)?,
        // The image boots as it is then; only what is no kernel is refused.
        Err(_) => drop(image::kind(&bytes).map_err(|error| FetchError::Unfit {
            release: release.to_owned(),
            why: error.to_string(),
        })?),
    }
    // Of a tree of 400 MB only what makes the ports work is kept.
    if !features.modules.is_empty() {
        let kept = cache_dir(kernel, "modules")?;
        for module in modules::resolve(&modules_tree, &features.modules)? {
            write_whole(&kept.join(format!("{}.ko", module.name)), &module.bytes)?;
        }
    }
    Ok(features)
}

/// Gives the kernel its place, replacing an older build of the same release.
fn install(cache: &Cache, kernel: &Path, meta: &Meta) -> Result<(), FetchError> {
    let record = serde_json::to_vec_pretty(meta)
        .map_err(|error| io_error("write", &kernel.join("meta.json"))(io::Error::other(error)))?;
    write_whole(&kernel.join("meta.json"), &record)?;
    let place = cache.directory("kernels")?.join(&meta.release);
    if place.exists() {
        match store::remove(cache, &meta.release) {
            Ok(()) => {}
            // A directory without a record is not listed; it is ours all the same.
            Err(StoreError::Unknown { .. }) => {
                fs::remove_dir_all(&place).map_err(io_error("replace", &place))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    fs::rename(kernel, &place).map_err(io_error("rename to", &place))?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), CacheError> {
    fs::copy(from, to)
        .map(drop)
        .map_err(io_error("copy to", to))
}

fn cache_dir(parent: &Path, name: &str) -> Result<PathBuf, CacheError> {
    let path = parent.join(name);
    fs::create_dir(&path).map_err(io_error("make", &path))?;
    Ok(path)
}

impl<'a> From<ToolEvent<'a>> for FetchEvent<'a> {
    fn from(event: ToolEvent<'a>) -> Self {
        match event {
            ToolEvent::Line(line) => Self::Line(line),
            ToolEvent::Percent(percent) => Self::Percent(percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::config::tests::sufficient;
    use crate::kernel::image::tests::{bzimage, vmlinux};
    use crate::kernel::modules::tests::module;

    #[test]
    fn a_machine_without_debian_sources_is_told_so() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().join("cache"));
        let result = fetch(&cache, dir.path(), &FetchSpec::default(), &mut |_| {});
        assert!(matches!(result, Err(FetchError::NoArchive)));
    }

    fn unpacked(config: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let modules = dir.path().join("usr/lib/modules/6.1-x");
        fs::create_dir_all(&modules).unwrap();
        fs::create_dir(dir.path().join("kernel")).unwrap();
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        let payload = ruzstd::encoding::compress_to_vec(vmlinux(9).as_slice(), level);
        fs::write(modules.join("vmlinuz"), bzimage(&payload, "6.1-x")).unwrap();
        fs::write(modules.join("config"), config).unwrap();
        fs::write(modules.join("virtio_console.ko"), module("")).unwrap();
        fs::write(modules.join("other.ko"), module("")).unwrap();
        dir
    }

    #[test]
    fn what_is_kept_is_bootable_and_listed() {
        let dir = unpacked(&sufficient(
            "CONFIG_VIRTIO_CONSOLE=m\nCONFIG_SCHED_CLASS_EXT=y\n",
        ));
        let kernel = dir.path().join("kernel");
        assert!(assemble(dir.path(), &kernel, "6.1-x").unwrap().sched_ext);
        assert_eq!(fs::read(kernel.join("vmlinux")).unwrap(), vmlinux(9));
        assert_eq!(fs::read_dir(kernel.join("modules")).unwrap().count(), 1);
        let cache = Cache::at(dir.path().join("cache"));
        let meta = Meta {
            release: "6.1-x".into(),
            spec: "bookworm".into(),
            suite: "bookworm".into(),
            packages: vec!["a=1".into()],
            sched_ext: true,
        };
        install(&cache, &kernel, &meta).unwrap();
        assert_eq!(store::list(&cache).unwrap(), [meta]);
    }

    #[test]
    fn a_kernel_without_what_we_need_is_not_kept() {
        let dir = unpacked(&sufficient("").replace("CONFIG_CPUSETS=y", ""));
        let result = assemble(dir.path(), &dir.path().join("kernel"), "6.1-x");
        assert!(matches!(result, Err(FetchError::Options { .. })));
    }
}
