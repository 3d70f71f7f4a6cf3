//! The errors that a user is expected to meet, and what becomes of all others.
//!
//! Owns the form `what failed: why: what to do` and the two classes that decide
//! the exit code. It never prints and never ends the process.

use std::fmt::{Display, Formatter};

/// Whose move it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The input was refused: a plugin, a parameter, an option. Trying again
    /// with the same input ends the same way, on every machine.
    Refused,
    /// The machine could not do it: something is missing, broken or full. The
    /// same input may work elsewhere.
    CouldNotRun,
}

/// An error that the user can do something about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedError {
    class: Class,
    what: String,
    why: Option<String>,
    remedy: Option<String>,
}

impl ExpectedError {
    /// The input is at fault. `what` is a lower-case fragment that names it.
    #[must_use]
    pub fn refused(what: impl Into<String>) -> Self {
        Self::new(Class::Refused, what)
    }

    /// The machine is at fault. `what` is a lower-case fragment that names the part.
    #[must_use]
    pub fn could_not_run(what: impl Into<String>) -> Self {
        Self::new(Class::CouldNotRun, what)
    }

    fn new(class: Class, what: impl Into<String>) -> Self {
        Self {
            class,
            what: what.into(),
            why: None,
            remedy: None,
        }
    }

    /// Adds the reason.
    #[must_use]
    pub fn because(mut self, why: impl Display) -> Self {
        self.why = Some(why.to_string());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Which exit code it is to have.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }
}

impl Display for ExpectedError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        for part in [&self.why, &self.remedy].into_iter().flatten() {
            write!(f, ": {part}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ExpectedError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_failed_why_and_what_to_do_in_this_order() {
        let error = ExpectedError::could_not_run("cannot start the guest")
            .because("no kernel")
            .remedy("run `proscenium kernel fetch`");
        assert_eq!(
            error.to_string(),
            "cannot start the guest: no kernel: run `proscenium kernel fetch`"
        );
        assert_eq!(error.class(), Class::CouldNotRun);
    }

    #[test]
    fn parts_that_are_not_known_leave_no_empty_place() {
        assert_eq!(
            ExpectedError::refused("no such file").to_string(),
            "no such file"
        );
    }
}
