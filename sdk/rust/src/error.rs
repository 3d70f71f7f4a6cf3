//! The contract's error, with constructors for a plugin's own.
//!
//! `?` hands a host function's error through `run`; the run then fails and the
//! report shows the message.

pub use crate::bindings::proscenium::scenario::types::{Error, ErrorCode};

impl Error {
    /// An error of the plugin's own. `message` is for people: say what is at
    /// fault and what to do.
    ///
    /// ```
    /// use proscenium_sdk::{Error, ErrorCode};
    /// let error = Error::new(ErrorCode::Unavailable, "no second cache: use --topology 1n2l2c1t");
    /// assert_eq!(error.errno, None);
    /// ```
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            errno: None,
        }
    }

    /// A value that is out of its range or of the wrong form.
    ///
    /// ```
    /// use proscenium_sdk::{Error, ErrorCode};
    /// assert_eq!(Error::invalid("workers: 0: at least 1").code, ErrorCode::Invalid);
    /// ```
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }
}
