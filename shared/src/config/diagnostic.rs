//! Errors in a configuration, for the person who wrote it.
//!
//! Enters: locations and diagnostics. Leaves: [`ConfigError`] with every problem, in the order of the file. Laws:
//! input appears in backticks, without control characters; every diagnostic has a remedy.

use std::{fmt, sync::Arc};

use serde::Serialize;

use crate::escape::escape_hidden;

/// What is wrong with a value, and how to correct it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// What is wrong: lower case, no period, input in backticks.
    pub message: String,
    /// What to do about the problem, as an instruction.
    pub remedy: String,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum ConfigLocation {
    /// In a configuration file.
    File {
        /// Name of the file, as given by the user.
        file: Arc<str>,
        /// One-based number of the line.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// In an environment variable.
    Variable {
        /// Name of the environment variable.
        variable: Arc<str>,
    },
    /// In a value made by the program; the path of the key is the location.
    Key {
        /// Path of the key, such as `watch[0].principal`.
        key: Arc<str>,
    },
}

/// One problem and its location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigProblem {
    /// Where the problem is in the configuration.
    #[serde(flatten)]
    pub location: ConfigLocation,
    /// What is wrong, and how to correct it.
    #[serde(flatten)]
    pub diagnostic: Diagnostic,
}

/// All problems of a configuration; at least one, sorted by location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct ConfigError {
    /// All problems of the configuration.
    pub problems: Vec<ConfigProblem>,
}

impl Diagnostic {
    pub(crate) fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: remedy.into() }
    }

    pub(crate) fn at(self, place: &ConfigLocation) -> ConfigProblem {
        ConfigProblem { location: place.clone(), diagnostic: self }
    }
}

impl ConfigError {
    pub(crate) fn from_problems(mut problems: Vec<ConfigProblem>) -> Result<(), Self> {
        problems.sort_by(|a, b| a.location.cmp(&b.location));
        problems.dedup();
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }
}

/// Input in backticks: control characters are escaped, long text is truncated, and of a URL only the host is shown, because
/// it may be the secret of a webhook under another key.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 80;
    // A URL may be a part of a path of keys.
    let url = text.find("https://").unwrap_or(text.len());
    let (before, url) = text.split_at_checked(url).unwrap_or((text, ""));
    let text = &*format!("{before}{}", super::alerts::masked(url));
    let cut = text.char_indices().nth(SHOWN).map(|(at, _)| at);
    let shown = escape_hidden(cut.and_then(|at| text.get(..at)).unwrap_or(text));
    let rest = if cut.is_some() { "…" } else { "" };
    format!("`{shown}{rest}`")
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  help: {}", self.message, self.remedy)
    }
}

impl std::error::Error for Diagnostic {}

impl fmt::Display for ConfigLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Variable { variable } => f.write_str(variable),
            Self::Key { key } if key.is_empty() => f.write_str("configuration"),
            Self::Key { key } => f.write_str(key),
        }
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.diagnostic)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
