//! The formats of `onlooker permissions`.
//!
//! Enters: the option `--format`. Leaves: the chosen formats, or an error before any work is done. Law: standard output
//! has one format.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use onlooker_core::{
    config::Diagnostic,
    permissions::PermissionsReport,
    render::{self, Format},
};

use super::PermissionsDisplay;
use crate::{exit::CommandError, output_path::OutputFiles};

/// A format on the command line.
#[derive(Clone, Copy, Debug)]
pub enum OutputFormat {
    /// A format of the report.
    Report(&'static Format<PermissionsReport>),
    /// Text for a terminal.
    Terminal,
    /// A line of JSON for each granted action.
    JsonLines,
}

const TERMINAL: &str = "terminal";
const JSON_LINES: &str = "jsonl";

impl OutputFormat {
    fn by_name(name: &str) -> Option<Self> {
        match name {
            TERMINAL => Some(Self::Terminal),
            JSON_LINES => Some(Self::JsonLines),
            _ => render::permissions::FORMATS
                .iter()
                .copied()
                .find(|format| format.name == name)
                .map(Self::Report),
        }
    }

    /// Name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Report(format) => format.name,
            Self::Terminal => TERMINAL,
            Self::JsonLines => JSON_LINES,
        }
    }
}

/// Reads the name of a format.
pub fn format() -> impl TypedValueParser<Value = OutputFormat> {
    let own = render::permissions::FORMATS.iter().map(|format| (format.name, format.help));
    let more =
        [(TERMINAL, "For this screen"), (JSON_LINES, "With --list: a line of JSON for each granted action")];
    let names = own.chain(more).map(|(name, help)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(names)
        .try_map(|name| OutputFormat::by_name(&name).ok_or("the format does not exist"))
}

impl PermissionsDisplay {
    /// The files to write, if there are any: JSON and HTML if no format is requested.
    pub fn files(&self) -> Result<Option<OutputFiles<PermissionsReport>>, Diagnostic> {
        use render::permissions::{FORMATS, HTML, JSON};
        let of_report = |format: &OutputFormat| match format {
            OutputFormat::Report(format) => Some(*format),
            _ => None,
        };
        let chosen: Vec<_> = self.formats.iter().filter_map(of_report).collect();
        let choose = |path: &PathBuf| OutputFiles::choose(path, &chosen, FORMATS, &[&JSON, &HTML]);
        self.out.as_ref().map(choose).transpose()
    }

    /// Rejects invalid combinations before any work is done.
    pub fn validate(&self) -> Result<(), CommandError> {
        let fault = |message: String, remedy: &str| {
            Err(CommandError::Usage(Diagnostic { message, remedy: remedy.to_owned() }))
        };
        if self.formats.iter().any(|format| matches!(format, OutputFormat::JsonLines)) {
            return fault("the format `jsonl` is of a list of granted actions".to_owned(), "add `--list`");
        }
        match (&self.out, &*self.formats) {
            (None, [OutputFormat::Report(format)]) if !format.fits_standard_output => fault(
                format!("the format `{}` cannot be printed on standard output", format.name),
                "give a directory for its files with `--out DIR`",
            ),
            (None, [_, _, ..]) => fault(
                "only one format can be printed on standard output".to_owned(),
                "give a directory with `--out DIR`",
            ),
            (None, [_]) if self.json => fault(
                "`--json` and `--format` both print on standard output".to_owned(),
                "remove one of them",
            ),
            (Some(_), formats) if formats.iter().any(|format| matches!(format, OutputFormat::Terminal)) => {
                fault(
                    "the format `terminal` is for standard output".to_owned(),
                    "leave it out: with `--out DIR` it is printed too",
                )
            }
            _ => Ok(self.files().map(|_| ())?),
        }
    }
}
