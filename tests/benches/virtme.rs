//! Our whole `run` of a scenario that does nothing against virtme-ng running
//! `true`: the same kernel image, two CPUs, both emulated, in turns.
//! Target: at most 0.35 of its time.
//!
//! virtme-ng comes from PyPI into a virtual environment, its kernel with all
//! modules, busybox and kmod come as Debian packages that are unpacked, not
//! installed; all below `target/bench-virtme`.

#![expect(clippy::print_stdout, reason = "a bench reports there")]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use proscenium_tests::figures::{Figures, timed};
use proscenium_tests::layout;
use tempfile::TempDir;

/// The generic kernel, in which the virtio ports are modules.
const KERNEL: &str = "linux-image-amd64";
const TOOLS: [&str; 2] = ["busybox-static", "kmod"];
const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let place = layout::root().with_file_name("bench-virtme");
    fs::create_dir_all(&place)?;
    let rival = match Rival::prepare(&place) {
        Ok(rival) => rival,
        Err(error) => {
            println!("SKIP virtme: {error:#}");
            return Ok(());
        }
    };
    let state = TempDir::new()?;
    let ours = || {
        let mut command = Command::new(layout::cli());
        command
            .arg("run")
            .arg(layout::program("yardstick"))
            .arg("--kernel")
            .arg(&rival.kernel)
            .args(["--accel", "tcg", "--topology", "1n1l2c1t"])
            .env("PROSCENIUM_STATE", state.path());
        seconds(command)
    };
    // Neither pays for what it keeps for the next time.
    ours()?;
    rival.proven()?;
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        mine.push(ours()?);
        theirs.push(rival.seconds()?);
    }
    println!("{}", rival.kernel.display());
    println!("ours {:.2} s", Figures::new(mine.iter().copied()));
    println!("virtme-ng {:.2} s", Figures::new(theirs.iter().copied()));
    println!("ours / virtme-ng {}", Figures::ratios(&mine, &theirs));
    Ok(())
}

/// virtme-ng, its tools and its kernel.
struct Rival {
    program: PathBuf,
    /// `PATH` with its tools.
    path: OsString,
    kernel: PathBuf,
}

impl Rival {
    fn prepare(place: &Path) -> Result<Self> {
        let venv = place.join("venv");
        let program = venv.join("bin/vng");
        if !program.exists() {
            quietly(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            quietly(
                Command::new(venv.join("bin/pip"))
                    .args(["install", "--quiet", "virtme-ng"])
                    .env("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
            )?;
        }
        let tree = place.join("root");
        if !tree.exists() {
            // In place only when it is whole.
            let unpacked = TempDir::new_in(place)?;
            for package in [KERNEL].into_iter().chain(TOOLS) {
                unpack(package, unpacked.path())?;
            }
            depmod(unpacked.path())?;
            fs::rename(unpacked.keep(), &tree)?;
        }
        let kernel = image(&tree)?;
        let before = env::var_os("PATH").unwrap_or_default();
        let tools = [tree.join("tools"), tree.join("bin"), venv.join("bin")];
        let path = env::join_paths(tools.into_iter().chain(env::split_paths(&before)))?;
        Ok(Self {
            program,
            path,
            kernel,
        })
    }

    /// Runs it once where it can be seen that `true` was reached. Its exit code
    /// cannot tell: with the ports a module it has no way to bring it out.
    fn proven(&self) -> Result<()> {
        let output = self.command("--verbose").output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            said.contains("script exited with code 0"),
            "virtme-ng did not run `true`: {said}"
        );
        Ok(())
    }

    fn seconds(&self) -> Result<f64> {
        let mut command = self.command("--quiet");
        let (seconds, status) = timed(|| command.stdout(Stdio::null()).status());
        let code = status?.code();
        ensure!(
            matches!(code, Some(0 | 255)),
            "virtme-ng ended with {code:?}"
        );
        Ok(seconds)
    }

    fn command(&self, loudness: &str) -> Command {
        // It insists on a terminal, which script(1) is.
        let line = format!(
            "{} {loudness} --disable-kvm --cpus 2 --run {} -- true",
            self.program.display(),
            self.kernel.display()
        );
        let mut command = Command::new("script");
        command
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .env("PATH", &self.path)
            .current_dir("/")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

/// Fetches a package, or what it depends on if it is only a name for that, and
/// unpacks it below `tree`.
fn unpack(package: &str, tree: &Path) -> Result<()> {
    let package = if package == KERNEL {
        newest_image()?
    } else {
        package.to_owned()
    };
    let folder = TempDir::new_in(tree)?;
    quietly(
        Command::new("apt-get")
            .args(["download", "--quiet", &package])
            .current_dir(folder.path()),
    )?;
    for file in fs::read_dir(folder.path())? {
        quietly(Command::new("dpkg").arg("-x").arg(file?.path()).arg(tree))?;
    }
    Ok(())
}

/// The package that holds the image which [`KERNEL`] stands for.
fn newest_image() -> Result<String> {
    let output = Command::new("apt-cache")
        .args(["depends", "--important", KERNEL])
        .output()
        .context("failed to start apt-cache")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let name = text.lines().find_map(|line| {
        let name = line.trim().strip_prefix("Depends: ")?;
        name.starts_with("linux-image-").then(|| name.to_owned())
    });
    name.context("apt knows no kernel image: `apt-get update` may help")
}

/// kmod is its own depmod and modprobe under other names.
fn depmod(tree: &Path) -> Result<()> {
    let tools = tree.join("tools");
    fs::create_dir(&tools)?;
    for name in ["depmod", "modprobe", "modinfo"] {
        symlink("../bin/kmod", tools.join(name))?;
    }
    let release = release(&image(tree)?)?;
    quietly(
        Command::new(tools.join("depmod"))
            .arg("-b")
            .arg(tree)
            .arg(release),
    )
}

fn image(tree: &Path) -> Result<PathBuf> {
    for file in fs::read_dir(tree.join("boot"))? {
        let path = file?.path();
        if release(&path).is_ok() {
            return Ok(path);
        }
    }
    bail!("no kernel image below {}", tree.display())
}

fn release(image: &Path) -> Result<String> {
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix("vmlinuz-")
        .map(str::to_owned)
        .with_context(|| format!("{} is no kernel image", image.display()))
}

/// How long a command takes that must succeed.
fn seconds(mut command: Command) -> Result<f64> {
    let (seconds, done) = timed(|| quietly(&mut command));
    done.map(|()| seconds)
}

fn quietly(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("failed to start {}", command.get_program().display()))?;
    ensure!(
        output.status.success(),
        "{} failed: {}{}",
        command.get_program().display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
