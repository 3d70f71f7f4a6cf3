//! What a user asks to be fetched, as suites and packages of Debian.
//!
//! Owns the names that are accepted. Never asks a mirror whether they exist.

use std::str::FromStr;

/// What to fetch: a suite and a flavour of its newest kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchSpec {
    /// As the user wrote it; names the kernel later.
    pub(super) name: String,
    /// Suites to look in, first one first.
    pub(super) suites: Vec<String>,
    /// The package that depends on the newest kernel.
    pub(super) package: String,
    /// Whether it has to have sched_ext.
    pub(super) sched_ext: bool,
}

impl Default for FetchSpec {
    /// The newest kernel with sched_ext: the cloud flavour, which has the virtio
    /// ports built in, of Debian's next release, else of its rolling suite.
    fn default() -> Self {
        Self {
            name: "sched-ext".into(),
            suites: vec!["forky".into(), "sid".into()],
            package: "linux-image-cloud-amd64".into(),
            sched_ext: true,
        }
    }
}

/// A specification that names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no kernel to fetch: write `sched-ext`, a Debian suite such as `bookworm`, or a suite and a flavour such as `trixie-backports/cloud`"
)]
pub struct SpecError {
    /// What was written, shortened.
    pub text: String,
}

impl FromStr for FetchSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        if text == "sched-ext" {
            return Ok(Self::default());
        }
        let (suite, flavour) = text.split_once('/').unwrap_or((text, "generic"));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let package = match flavour {
            "generic" => "linux-image-amd64",
            "cloud" => "linux-image-cloud-amd64",
            "rt" => "linux-image-rt-amd64",
            _ => "",
        };
        let named = suite.starts_with(|c: char| c.is_ascii_lowercase()) && suite.chars().all(plain);
        if package.is_empty() || !named || suite.len() > 40 {
            return Err(SpecError {
                text: text.chars().take(40).collect(),
            });
        }
        Ok(Self {
            name: text.to_owned(),
            suites: vec![suite.to_owned()],
            package: package.to_owned(),
            sched_ext: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_and_flavours_name_debians_packages() {
        let spec: FetchSpec = "bookworm".parse().unwrap();
        assert_eq!(spec.package, "linux-image-amd64");
        let spec: FetchSpec = "trixie-backports/cloud".parse().unwrap();
        assert_eq!(
            (spec.suites[0].as_str(), spec.package.as_str()),
            ("trixie-backports", "linux-image-cloud-amd64")
        );
        assert_eq!("sched-ext".parse(), Ok(FetchSpec::default()));
    }

    #[test]
    fn specifications_that_would_be_paths_or_options_are_refused() {
        for text in [
            "",
            "/",
            "../x",
            "-o",
            "a/b",
            "sid/",
            "Sid",
            "a b",
            "a\nTrusted: yes",
        ] {
            assert!(text.parse::<FetchSpec>().is_err(), "{text:?}");
        }
    }
}
