//! What the first line of a script asks for: the program that reads it.
//!
//! Owns how that line is understood, which is as the kernel does, and `env` as
//! the one program that looks another one up. Runs neither.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::ProgramError;

/// Longest first line, in bytes: the kernel's own `BINPRM_BUF_SIZE`.
const LINE: u64 = 256;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interpreter {
    /// What the kernel starts, as the line has it.
    pub(super) path: PathBuf,
    /// What `env` is told to look up.
    pub(super) looked_up: Option<String>,
}

/// The interpreter of the file `path`; none if it is no script.
///
/// # Errors
///
/// A first line that names no program, or a file that cannot be read.
pub(super) fn interpreter(path: &Path) -> Result<Option<Interpreter>, ProgramError> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LINE).read_to_end(&mut start))
        .map_err(|source| ProgramError::Read {
            path: path.to_owned(),
            source,
        })?;
    parse(&start).map_err(|why| ProgramError::not_runnable(path, why))
}

fn parse(start: &[u8]) -> Result<Option<Interpreter>, &'static str> {
    let Some(rest) = start.strip_prefix(b"#!") else {
        return Ok(None);
    };
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace();
    let path = words.next().ok_or("it names no interpreter after #!")?;
    let path = PathBuf::from(path);
    let looked_up = if path.file_name() == Some(OsStr::new("env")) {
        Some(of_env(words).ok_or(
            "after env it names no program to look up: write `#!/usr/bin/env NAME`, \
             or the path of its interpreter after #!",
        )?)
    } else {
        None
    };
    Ok(Some(Interpreter { path, looked_up }))
}

/// The program among the words for `env`: after `-S`, options and variables.
fn of_env<'a>(words: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut program = words.skip_while(|word| {
        let splits = ["-S", "--split-string"].contains(word);
        let ignores = ["-i", "-", "--ignore-environment"].contains(word);
        splits || ignores || word.contains('=')
    });
    // An option that is not known may have a value, which would be taken for a program.
    program
        .next()
        .filter(|word| !word.starts_with('-'))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(line: &str) -> Option<(String, Option<String>)> {
        let found = parse(line.as_bytes()).unwrap()?;
        Some((found.path.display().to_string(), found.looked_up))
    }

    #[test]
    fn a_first_line_names_a_program_or_has_one_looked_up() {
        for (line, path, looked_up) in [
            ("#!/bin/sh -e\necho", "/bin/sh", None),
            ("#! /usr/bin/python3\n", "/usr/bin/python3", None),
            ("#!/usr/bin/env python3\n", "/usr/bin/env", Some("python3")),
            (
                "#!/usr/bin/env -S python3 -u\n",
                "/usr/bin/env",
                Some("python3"),
            ),
            ("#!/bin/env -S A=1 perl -w", "/bin/env", Some("perl")),
        ] {
            let expected = Some((path.to_owned(), looked_up.map(str::to_owned)));
            assert_eq!(understood(line), expected, "{line}");
        }
        assert_eq!(understood("echo"), None);
        assert_eq!(understood(""), None);
    }

    #[test]
    fn a_first_line_that_names_nothing_says_so() {
        for line in [
            "#!",
            "#!\n",
            "#!  \n",
            "#!/usr/bin/env\n",
            "#!/usr/bin/env -C / sh\n",
        ] {
            assert!(parse(line.as_bytes()).is_err(), "{line}");
        }
    }
}
