//! Renders reports: one file per format.
//!
//! Enters: a [`Report`], an alert, a status or the metrics of a run, and nothing else. Leaves: text. Laws: rendering is
//! pure; every text from a record is hostile and is escaped for the output it is put in; [`FORMATS`] lists every format
//! of a report, and what a format is called, writes and is for is in its own file.

pub mod asff;
pub mod audit_trail;
pub mod csv;
pub mod emf;
pub mod escape;
mod export_scope;
pub mod format;
pub mod gate;
pub mod html;
pub mod json;
pub mod json_lines;
mod json_value;
pub mod junit;
pub mod markdown;
pub mod matrix;
pub mod message;
pub mod nagios;
pub mod ocsf;
pub mod openmetrics;
pub mod oscal;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod permissions;
pub mod permissions_diff;
pub mod principal_graph;
pub mod report_diff;
#[cfg(test)]
pub(crate) mod sample;
pub mod sarif;
pub mod slack;
pub mod teams;
pub mod terminal;
pub mod versioned;
pub mod webhook;

use std::error::Error;

use thiserror::Error;

use crate::{escape::escape_hidden, report::Report};

/// Every format of a report, in the order of the help.
pub const FORMATS: &[&Format] = &[
    &json::FORMAT,
    &html::FORMAT,
    &csv::FORMAT,
    &markdown::FORMAT,
    &terminal::FORMAT,
    &ocsf::FORMAT,
    &asff::FORMAT,
    &sarif::FORMAT,
    &oscal::FORMAT,
    &junit::FORMAT,
    &openmetrics::FORMAT,
    #[cfg(feature = "parquet")]
    &parquet::FORMAT,
];

/// Formats that this build does not have, each with the feature of the command line that adds it.
pub const OMITTED_FORMATS: &[(&str, &str)] =
    if cfg!(feature = "parquet") { &[] } else { &[("parquet", "parquet")] };

/// No format of this build has a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnknownFormat {
    /// The format exists, and this build does not have it.
    #[error("the format `{name}` is not part of this build, which was made without the feature `{feature}`")]
    Omitted {
        /// Name of the format.
        name: &'static str,
        /// Feature of the command line that adds it.
        feature: &'static str,
    },
    /// There is no such format.
    #[error("there is no format `{name}`; the formats are {}", FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", "))]
    Nonexistent {
        /// The name, with hidden characters escaped.
        name: String,
    },
}

/// A format of a report; of one about activity, unless another kind is named.
#[derive(Debug)]
pub struct Format<R: 'static = Report> {
    /// Name on the command line, kebab-case and permanent.
    pub name: &'static str,
    /// What the format is for, in one line without a period.
    pub help: &'static str,
    /// Whether the format is one file of text, which may go to standard output.
    pub fits_standard_output: bool,
    /// Renders the report into the files of the format.
    pub render: fn(&R) -> Result<Vec<RenderedFile>, RenderCause>,
}

/// Why a format cannot be rendered.
pub type RenderCause = Box<dyn Error + Send + Sync>;

/// One file of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    /// Name of the file in a directory for one report: `report.json`, `findings.csv`.
    pub name: &'static str,
    /// Media type, with the character set of a text that needs one.
    pub media_type: &'static str,
    /// Content of the file.
    pub bytes: Vec<u8>,
}

/// A report could not be rendered.
#[derive(Debug, Error)]
#[error("cannot write the report in the format `{format}`")]
pub struct RenderError {
    /// Name of the format.
    pub format: &'static str,
    /// Why the report could not be rendered.
    #[source]
    pub cause: RenderCause,
}

impl Format {
    /// The format with this name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        FORMATS.iter().copied().find(|format| format.name == name)
    }

    /// The format with this name, or why there is none.
    ///
    /// # Errors
    /// [`UnknownFormat`], naming the format.
    pub fn named(name: &str) -> Result<&'static Self, UnknownFormat> {
        let omitted = OMITTED_FORMATS.iter().find(|(omitted, _)| *omitted == name);
        match (Self::by_name(name), omitted) {
            (Some(format), _) => Ok(format),
            (None, Some(&(name, feature))) => Err(UnknownFormat::Omitted { name, feature }),
            (None, None) => Err(UnknownFormat::Nonexistent { name: escape_hidden(name).into_owned() }),
        }
    }
}

impl<R> Format<R> {
    /// The files of a report.
    ///
    /// # Errors
    /// [`RenderError`], naming the format.
    pub fn files(&self, report: &R) -> Result<Vec<RenderedFile>, RenderError> {
        (self.render)(report).map_err(|cause| RenderError { format: self.name, cause })
    }
}

impl<R> Clone for Format<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Format<R> {}

impl<R> PartialEq for Format<R> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl<R> Eq for Format<R> {}

impl RenderedFile {
    /// Ending of the file's name in a place with many reports, after the name of the report: `json`, `findings.csv`.
    pub fn suffix(&self) -> &'static str {
        self.name.strip_prefix("report.").unwrap_or(self.name)
    }
}

/// The files of a report in one format.
///
/// # Errors
/// [`RenderError`], naming the format.
pub fn render(report: &Report, format: &Format) -> Result<Vec<RenderedFile>, RenderError> {
    format.files(report)
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
