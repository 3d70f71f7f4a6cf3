//! Whether a plugin may run: its request against the operator's grant, before
//! anything is prepared. Every way of running a scenario goes through here.

use std::path::PathBuf;

use super::chain;
use crate::error::ExpectedError;
use crate::grant::{self, Ask, Grant, GrantFile, Profile};
use crate::plugin::Loaded;

/// What the operator allows.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct GrantArgs {
    /// Allow what this TOML file grants: at its top to any plugin, in sections to plugins by
    /// name or digest. `grant suggest` writes one [default: the profile load].
    #[arg(long, value_name = "FILE")]
    pub(super) grant: Option<PathBuf>,

    /// Allow what a built-in profile grants: cgroup-only, load or scheduler-control; `grant show`
    /// prints them.
    #[arg(long, value_name = "PROFILE", conflicts_with = "grant")]
    pub(super) profile: Option<Profile>,
}

/// What is in force for one plugin.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    pub(super) grant: Grant,
    /// What to tell whoever gave no grant.
    pub(super) note: Option<String>,
}

impl GrantArgs {
    /// Whether `loaded` may run for so long.
    ///
    /// # Errors
    ///
    /// A grant file that is wrong; what is asked for beyond the grant, with the
    /// lines that would allow it.
    pub(super) fn admit(
        &self,
        loaded: &Loaded,
        duration_ns: u64,
    ) -> Result<Admitted, ExpectedError> {
        let granted = self.granted(loaded)?;
        let ask = ask(loaded, duration_ns);
        let grant = granted
            .admit(&ask)
            .map_err(|excesses| self.refusal(loaded, &excesses))?;
        let given = self.grant.is_some() || self.profile.is_some();
        let note = (!given).then(|| {
            let (profile, summary) = (Profile::Load.name(), grant::summary(&grant));
            format!("granted by the profile {profile}: {summary}")
        });
        Ok(Admitted { grant, note })
    }

    /// What is granted to it, whatever it asks for.
    pub(super) fn granted(&self, loaded: &Loaded) -> Result<Grant, ExpectedError> {
        let Some(path) = &self.grant else {
            return Ok(self.profile.unwrap_or(Profile::Load).grant());
        };
        let file = GrantFile::read(path).map_err(|error| ExpectedError::refused(chain(&error)))?;
        Ok(file.grant_for(&loaded.manifest.name, &loaded.digest))
    }

    fn refusal(&self, loaded: &Loaded, excesses: &[grant::Excess]) -> ExpectedError {
        let name = &loaded.manifest.name;
        let what = excesses.iter().map(|excess| format!("\n  {}", excess.what));
        let what: String = what.collect();
        let (place, start) = match &self.grant {
            Some(path) => (path.display().to_string(), String::new()),
            None => {
                let profile = self.profile.unwrap_or(Profile::Load).name();
                let start = format!("\n  profile = \"{profile}\"");
                ("a file for --grant".to_owned(), start)
            }
        };
        let lines: String = grant::lines(name, excesses)
            .lines()
            .map(|line| format!("\n  {line}"))
            .collect();
        ExpectedError::refused(format!("{name} asks for more than is granted"))
            .because(what)
            .remedy(format!("to allow it, have in {place}{start}{lines}"))
    }
}

/// What a plugin asks for that is to run for so long.
pub(super) fn ask(loaded: &Loaded, duration_ns: u64) -> Ask {
    Ask::new(
        &loaded.plugin.capabilities(),
        loaded.plugin.exports_work(),
        &loaded.manifest.request,
        duration_ns,
    )
}
