//! Kernels that are at hand: found by path, by name, or fetched into the cache.
//!
//! Owns the layout `kernels/<release>/{vmlinuz,vmlinux,config,System.map,modules/,meta.json}`
//! and the order in which a kernel is chosen. Never touches the network and
//! never opens an image; see [`super::fetch`] and [`super::boot`].

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cache::{Cache, CacheError, io_error};
use super::image;

/// Variable that names a kernel where no flag does.
pub const KERNEL_VARIABLE: &str = "PROSCENIUM_KERNEL";

/// A kernel and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Release, or the file's name where the release is not known.
    pub name: String,
    /// bzImage or ELF, as it was installed.
    pub image: PathBuf,
    /// The ELF where it was extracted already.
    pub vmlinux: Option<PathBuf>,
    /// Its configuration.
    pub config: Option<PathBuf>,
    /// Where its modules may be, best first.
    pub modules: Vec<PathBuf>,
    /// Which rule chose it.
    pub origin: Origin,
}

/// The rule of [`discover`] that chose a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The caller named it.
    Explicit,
    /// `PROSCENIUM_KERNEL` named it.
    Environment,
    /// The newest fetched one.
    Newest,
}

/// What is written beside a fetched kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// Release, such as `6.1.0-50-amd64`; also the directory's name.
    pub release: String,
    /// What was asked for, such as `bookworm`.
    pub spec: String,
    /// Suite that it came from.
    pub suite: String,
    /// Packages with versions, as `name=version`.
    pub packages: Vec<String>,
    /// Whether schedulers can be loaded into it.
    pub sched_ext: bool,
}

/// Why there is no kernel.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing named and nothing fetched.
    #[error(
        "there is no kernel to boot: get one with `proscenium kernel fetch`, or name one with `--kernel` or {KERNEL_VARIABLE}"
    )]
    NoKernel,
    /// Neither a file nor a name.
    #[error(
        "there is no kernel {name:?}: it is neither a file nor one of the fetched kernels ({known}); `proscenium kernel fetch` gets one"
    )]
    Unknown {
        /// What was named.
        name: String,
        /// Names that would do.
        known: String,
    },
    /// The cache could not be read or changed.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

/// Chooses a kernel: `explicit` (a path, a release, or what was asked of fetch),
/// else `variable` (the value of `PROSCENIUM_KERNEL`, same forms), else the
/// newest fetched kernel with sched_ext, else the newest fetched one.
///
/// # Errors
///
/// When what was named is not there, or nothing is.
pub fn discover(
    cache: &Cache,
    explicit: Option<&OsStr>,
    variable: Option<&OsStr>,
) -> Result<Kernel, StoreError> {
    let variable = variable.filter(|value| !value.is_empty());
    for (name, origin) in [
        (explicit, Origin::Explicit),
        (variable, Origin::Environment),
    ] {
        if let Some(name) = name {
            let found = named(cache, name)?;
            return Ok(Kernel { origin, ..found });
        }
    }
    let mut fetched = list(cache)?;
    fetched.sort_by(|a, b| a.sched_ext.cmp(&b.sched_ext).then_with(|| newer(a, b)));
    fetched
        .last()
        .map(|meta| cached(cache, meta))
        .ok_or(StoreError::NoKernel)
}

fn named(cache: &Cache, name: &OsStr) -> Result<Kernel, StoreError> {
    // A separator makes it a path for certain; a bare word is a name first.
    let fetched = list(cache)?;
    let by_name = |meta: &&Meta| name == meta.release.as_str() || name == meta.spec.as_str();
    if let Some(meta) = fetched.iter().filter(by_name).max_by(|a, b| newer(a, b)) {
        return Ok(cached(cache, meta));
    }
    from_path(Path::new(name)).ok_or_else(|| {
        let known: Vec<_> = fetched.iter().map(|meta| meta.release.as_str()).collect();
        StoreError::Unknown {
            name: name.to_string_lossy().chars().take(200).collect(),
            known: if known.is_empty() {
                "none yet".into()
            } else {
                known.join(", ")
            },
        }
    })
}

/// The kernel in a file, with what lies beside it or where distributions put
/// it; `None` if there is no such file.
#[must_use]
pub fn from_path(path: &Path) -> Option<Kernel> {
    if !path.is_file() {
        return None;
    }
    let path = path.canonicalize().ok()?;
    let directory = path.parent()?;
    let file = path.file_name()?.to_string_lossy().into_owned();
    let suffix = file.split_once('-').map(|(_, suffix)| suffix.to_owned());
    let release = read_release(&path).or_else(|| suffix.clone());
    let mut configs = vec![directory.join("config"), directory.join(".config")];
    configs.extend(
        suffix
            .iter()
            .map(|suffix| directory.join(format!("config-{suffix}"))),
    );
    // A bzImage in a build tree lies in arch/x86/boot.
    configs.extend(
        directory
            .ancestors()
            .nth(3)
            .map(|tree| tree.join(".config")),
    );
    let mut modules = vec![directory.join("modules")];
    if let Some(release) = release
        .as_deref()
        .filter(|release| image::is_release(release))
    {
        configs.push(Path::new("/lib/modules").join(release).join("config"));
        let parent = directory.parent().unwrap_or(directory);
        for root in [directory, parent, Path::new("/")] {
            modules.push(root.join("lib/modules").join(release));
        }
    }
    // Split packages put the image into the modules' own directory.
    if directory.join("kernel").is_dir() {
        modules.push(directory.to_owned());
    }
    Some(Kernel {
        name: release.unwrap_or(file),
        config: configs.into_iter().find(|path| path.is_file()),
        vmlinux: None,
        modules,
        image: path,
        origin: Origin::Explicit,
    })
}

/// Reads the header only, which is in the first 16 KiB or so.
fn read_release(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    fs::File::open(path)
        .ok()?
        .take(64 << 10)
        .read_to_end(&mut bytes)
        .ok()?;
    if image::kind(&bytes).ok()? == image::Kind::BzImage {
        return image::release(&bytes);
    }
    None
}

/// All fetched kernels, oldest release first.
///
/// # Errors
///
/// When the directory is there and cannot be read.
pub fn list(cache: &Cache) -> Result<Vec<Meta>, StoreError> {
    let directory = cache.kernels();
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error("list", &directory)(error).into()),
    };
    let meta = |entry: fs::DirEntry| -> Option<Meta> {
        let text = fs::read(entry.path().join("meta.json")).ok()?;
        let meta: Meta = serde_json::from_slice(&text).ok()?;
        // The release is used as a file name, so it has to be this directory's.
        (*meta.release == *entry.file_name()).then_some(meta)
    };
    let mut found: Vec<Meta> = entries.flatten().filter_map(meta).collect();
    found.sort_by(newer);
    Ok(found)
}

/// Removes the fetched kernel with this release.
///
/// # Errors
///
/// When there is none of that name, or its files cannot be removed.
pub fn remove(cache: &Cache, release: &str) -> Result<(), StoreError> {
    let fetched = list(cache)?;
    if !fetched.iter().any(|meta| meta.release == release) {
        let known: Vec<_> = fetched.iter().map(|meta| meta.release.as_str()).collect();
        return Err(StoreError::Unknown {
            name: release.chars().take(200).collect(),
            known: known.join(", "),
        });
    }
    // Renamed first, so that a kernel is whole or gone.
    let scratch = cache.scratch()?;
    let path = cache.kernels().join(release);
    fs::rename(&path, scratch.path().join("removed")).map_err(io_error("remove", &path))?;
    scratch.close().map_err(io_error("remove", &path))?;
    Ok(())
}

fn cached(cache: &Cache, meta: &Meta) -> Kernel {
    let directory = cache.kernels().join(&meta.release);
    let present = |name: &str| Some(directory.join(name)).filter(|path| path.is_file());
    Kernel {
        name: meta.release.clone(),
        image: directory.join("vmlinuz"),
        vmlinux: present("vmlinux"),
        config: present("config"),
        modules: vec![directory.join("modules")],
        origin: Origin::Newest,
    }
}

fn newer(a: &Meta, b: &Meta) -> Ordering {
    numbers(&a.release)
        .cmp(&numbers(&b.release))
        .then_with(|| a.release.cmp(&b.release))
}

/// The numbers in a release, in order: 6.10 is newer than 6.9.
fn numbers(release: &str) -> Vec<u64> {
    let words = release.split(|c: char| !c.is_ascii_digit());
    words.filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache_with(kernels: &[(&str, &str, bool)]) -> (tempfile::TempDir, Cache) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().to_owned());
        for (release, spec, sched_ext) in kernels {
            let path = cache.kernels().join(release);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("vmlinuz"), b"x").unwrap();
            let meta = Meta {
                release: (*release).into(),
                spec: (*spec).into(),
                suite: "forky".into(),
                packages: Vec::new(),
                sched_ext: *sched_ext,
            };
            fs::write(path.join("meta.json"), serde_json::to_vec(&meta).unwrap()).unwrap();
        }
        (dir, cache)
    }

    fn name(cache: &Cache, explicit: Option<&str>, variable: Option<&str>) -> String {
        discover(cache, explicit.map(OsStr::new), variable.map(OsStr::new))
            .unwrap()
            .name
    }

    #[test]
    fn the_flag_comes_before_the_variable_before_the_newest_with_sched_ext() {
        let (_dir, cache) = cache_with(&[
            ("6.9.1", "a", true),
            ("6.10.2", "b", true),
            ("6.1.0-50-amd64", "bookworm", false),
            ("9.0", "c", false),
        ]);
        assert_eq!(
            name(&cache, Some("bookworm"), Some("9.0")),
            "6.1.0-50-amd64"
        );
        assert_eq!(name(&cache, None, Some("9.0")), "9.0");
        assert_eq!(name(&cache, None, None), "6.10.2");
        assert_eq!(name(&cache, None, Some("")), "6.10.2");
    }

    #[test]
    fn without_any_kernel_the_error_says_how_to_get_one() {
        let (_dir, cache) = cache_with(&[]);
        let error = discover(&cache, None, None).unwrap_err();
        assert!(error.to_string().contains("proscenium kernel fetch"));
        let error = discover(&cache, Some(OsStr::new("x")), None).unwrap_err();
        assert!(error.to_string().contains("\"x\""));
    }

    #[test]
    fn removing_takes_one_and_refuses_what_is_not_listed() {
        let (_dir, cache) = cache_with(&[("6.1", "a", false), ("6.2", "b", false)]);
        remove(&cache, "6.1").unwrap();
        assert_eq!(list(&cache).unwrap().len(), 1);
        for name in ["6.1", "..", "", "/"] {
            assert!(matches!(
                remove(&cache, name),
                Err(StoreError::Unknown { .. })
            ));
        }
    }

    #[test]
    fn a_directory_whose_record_names_another_is_ignored() {
        let (_dir, cache) = cache_with(&[("6.1", "a", false)]);
        fs::rename(cache.kernels().join("6.1"), cache.kernels().join("6.2")).unwrap();
        assert_eq!(list(&cache).unwrap(), []);
    }
}
