//! What `run` returns: the plugin's own judgement.
//!
//! The runtime joins it with the verdict of the thresholds: the worse one
//! counts, so `pass` here never hides a failed check.

pub use crate::bindings::exports::proscenium::scenario::scenario::{Outcome, Verdict};

impl Outcome {
    /// Everything looked at is as it should be.
    ///
    /// ```
    /// use proscenium_sdk::{Outcome, Verdict};
    /// assert_eq!(Outcome::pass().verdict, Verdict::Pass);
    /// assert_eq!(Outcome::pass().reason, None);
    /// ```
    #[must_use]
    pub fn pass() -> Self {
        Self {
            verdict: Verdict::Pass,
            reason: None,
        }
    }

    /// It held, and this is what was judged. Without a reason a pass is only
    /// the default, and a report says that nothing was asserted.
    ///
    /// ```
    /// use proscenium_sdk::{Outcome, Verdict};
    ///
    /// let outcome = Outcome::pass_because("used 0.98 of 2 CPUs");
    /// assert_eq!(outcome.verdict, Verdict::Pass);
    /// ```
    #[must_use]
    pub fn pass_because(reason: impl Into<String>) -> Self {
        Self {
            reason: Some(reason.into()),
            ..Self::pass()
        }
    }

    /// The scheduler did what it must not do, and this is what.
    ///
    /// ```
    /// let outcome = proscenium_sdk::Outcome::fail("the cap of 50 % did not bite: 97 % used");
    /// assert_eq!(outcome.reason.as_deref(), Some("the cap of 50 % did not bite: 97 % used"));
    /// ```
    #[must_use]
    pub fn fail(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fail,
            reason: Some(reason.into()),
        }
    }

    /// The figures do not tell: the machine was too busy, the hold too short.
    ///
    /// ```
    /// use proscenium_sdk::{Outcome, Verdict};
    /// assert_eq!(Outcome::inconclusive("2 ms of load only").verdict, Verdict::Inconclusive);
    /// ```
    #[must_use]
    pub fn inconclusive(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Inconclusive,
            reason: Some(reason.into()),
        }
    }

    /// It makes no sense on this machine. Prefer the manifest's needs where
    /// they can say it: they are known before a VM boots.
    ///
    /// ```
    /// use proscenium_sdk::{Outcome, Verdict};
    /// assert_eq!(Outcome::skip("no SMT").verdict, Verdict::Skip);
    /// ```
    #[must_use]
    pub fn skip(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Skip,
            reason: Some(reason.into()),
        }
    }
}
