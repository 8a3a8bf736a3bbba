//! Formats in which a deployment stores its reports.
//!
//! Enters: nothing. Leaves: [`ReportFormat`]. Law: the names are those of the formats of a report; whether a build has a format,
//! its list of formats says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A format of a report, by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReportFormat {
    /// The complete report. It is always stored.
    Json,
    /// One page. It is always stored.
    Html,
    /// Several tables.
    Csv,
    /// Text for a ticket or a pull request.
    Markdown,
    /// Text for a terminal.
    Terminal,
    /// Figures for Prometheus.
    Openmetrics,
    /// Several tables for a data lake. The functions do not have it.
    Parquet,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
    /// AWS Security Finding Format.
    Asff,
    /// Static Analysis Results Interchange Format.
    Sarif,
    /// Open Security Controls Assessment Language.
    Oscal,
    /// Test results.
    Junit,
}

impl ReportFormat {
    /// Every format.
    pub const ALL: [Self; 12] = [
        Self::Json,
        Self::Html,
        Self::Csv,
        Self::Markdown,
        Self::Terminal,
        Self::Openmetrics,
        Self::Parquet,
        Self::Ocsf,
        Self::Asff,
        Self::Sarif,
        Self::Oscal,
        Self::Junit,
    ];

    /// The name of the format on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Html => "html",
            Self::Csv => "csv",
            Self::Markdown => "markdown",
            Self::Terminal => "terminal",
            Self::Openmetrics => "openmetrics",
            Self::Parquet => "parquet",
            Self::Ocsf => "ocsf",
            Self::Asff => "asff",
            Self::Sarif => "sarif",
            Self::Oscal => "oscal",
            Self::Junit => "junit",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, render::FORMATS};

    #[test]
    fn the_name_is_the_one_in_the_configuration() {
        for format in ReportFormat::ALL {
            assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
        }
    }

    #[test]
    fn the_formats_of_stored_reports_do_not_change_the_result() {
        let mut config = Config::default();
        config.report.formats = vec![ReportFormat::Markdown];
        assert_eq!(config.without_operational_settings(), Config::default().without_operational_settings());
        config.report.include_cloudtrail_events = false;
        assert_ne!(config.without_operational_settings(), Config::default().without_operational_settings());
    }

    #[test]
    fn each_format_of_a_report_can_be_configured() {
        for format in FORMATS {
            let is_known = ReportFormat::ALL.iter().any(|known| known.as_str() == format.name);
            assert!(is_known, "`{}` is not in ReportFormat", format.name);
        }
    }
}
