//! What the operator asked for: duration, parameters, scheduler.

use std::any::type_name;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use crate::bindings::exports::proscenium::scenario::scenario::Context as RawContext;
use crate::error::{Error, ErrorCode};
use crate::time::from_nanos;

/// The run as the operator configured it.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The scenario's whole length.
    pub duration: Duration,
    /// For scenarios that draw lots: the same seed, the same draw.
    pub seed: u64,
    /// Name of the scheduler under test; `None` is the kernel's own.
    pub scheduler: Option<String>,
    /// `uname -r`; `simulated` in `proscenium check`.
    pub kernel: String,
    /// Name and text of every parameter that has a value.
    pub parameters: Vec<(String, String)>,
}

impl Context {
    /// The text of parameter `name`, trimmed and parsed.
    ///
    /// # Errors
    ///
    /// `invalid` if the text does not parse, `not-found` if there is none: the
    /// manifest declares it without a default, or not at all.
    ///
    /// ```
    /// # use proscenium_sdk::{Context, ErrorCode};
    /// # use std::time::Duration;
    /// # let context = Context {
    /// #     duration: Duration::from_secs(1), seed: 0, scheduler: None, kernel: "simulated".into(),
    /// #     parameters: vec![("workers".into(), "4".into()), ("share".into(), "half".into())],
    /// # };
    /// // --param workers=4 --param share=half
    /// assert_eq!(context.param::<u32>("workers")?, 4);
    /// let error = context.param::<f64>("share").unwrap_err();
    /// assert_eq!(error.code, ErrorCode::Invalid);
    /// # Ok::<(), proscenium_sdk::Error>(())
    /// ```
    pub fn param<T>(&self, name: &str) -> Result<T, Error>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.optional_param(name)?.ok_or_else(|| {
            Error::new(
                ErrorCode::NotFound,
                format!("parameter {name}: no value: give one with --param {name}=VALUE, or declare a default in the manifest"),
            )
        })
    }

    /// As [`param`](Self::param), for one that need not have a value.
    ///
    /// # Errors
    ///
    /// `invalid` if there is a text and it does not parse.
    pub fn optional_param<T>(&self, name: &str) -> Result<Option<T>, Error>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some((_, text)) = self.parameters.iter().find(|(known, _)| known == name) else {
            return Ok(None);
        };
        text.trim().parse().map(Some).map_err(|error| {
            let wanted = type_name::<T>().rsplit("::").next().unwrap_or_default();
            Error::invalid(format!(
                "parameter {name}: {text:?} is no {wanted}: {error}: give another with --param {name}=VALUE"
            ))
        })
    }

    /// Whether this is `proscenium check`: no kernel, virtual time.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        self.kernel == "simulated"
    }
}

impl From<RawContext> for Context {
    fn from(raw: RawContext) -> Self {
        Self {
            duration: from_nanos(raw.duration),
            seed: raw.seed,
            scheduler: raw.scheduler,
            kernel: raw.kernel,
            parameters: raw.parameters,
        }
    }
}
