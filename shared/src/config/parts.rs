//! Parts of Onlooker that a configuration can switch off, and what a report leaves out.
//!
//! Enters: the keys of `[validation]`, `[cloudtrail]` and `[report]`. Leaves: [`ValidationSettings`], [`CloudTrailSettings`],
//! [`ReportSettings`], and the parts that are off. Law: a part that is off is never taken for one that found nothing: each has a
//! sentence for the report, and what it would prove is not proven.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Config, ReportFormat};

/// Whether calls are held against the promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationSettings {
    /// Whether calls are held against the promise. If not, no principal is proven to be read-only: a status is
    /// `INSUFFICIENT_EVIDENCE` at best, and reports say so.
    pub enabled: bool,
}

impl Default for ValidationSettings {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Whether events of CloudTrail are collected and used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CloudTrailSettings {
    /// Whether events of CloudTrail are collected and used, from any source. If not, there is no evidence: the functions neither
    /// look up nor read events, and reports say so.
    pub enabled: bool,
}

impl Default for CloudTrailSettings {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// What a report contains, and how a deployment stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSettings {
    /// Whether a report contains how fast its run was and what memory it took.
    pub include_performance_metrics: bool,
    /// Whether a report contains events: the sample calls of findings, and sign-in, service and console events.
    pub include_cloudtrail_events: bool,
    /// Whether the summary of a report contains the key findings and the top actions.
    pub generate_executive_summary: bool,
    /// Formats in which the function `report` stores a report. JSON and HTML are always among them: the status, the newest report
    /// and the index lead to them. The command line has `--format`.
    pub formats: Vec<ReportFormat>,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self {
            include_performance_metrics: true,
            include_cloudtrail_events: true,
            generate_executive_summary: true,
            formats: vec![ReportFormat::Json, ReportFormat::Html, ReportFormat::Csv],
        }
    }
}

/// A part of Onlooker that can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Calls are held against the promise.
    Validation,
    /// Events of CloudTrail are collected and used.
    CloudTrail,
    /// Onlooker watches its own runs.
    Monitoring,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 3] = [Self::Validation, Self::CloudTrail, Self::Monitoring];

    /// The key that switches the part off.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Validation => "validation.enabled",
            Self::CloudTrail => "cloudtrail.enabled",
            Self::Monitoring => "monitoring.enabled",
        }
    }

    /// Whether a promise can be proven while the part is off.
    pub const fn proves_promises(self) -> bool {
        !matches!(self, Self::Monitoring)
    }

    /// Why a status is not `COMPLIANT` while the part is off, as a part of a sentence.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Validation => "the validation of calls is switched off (`validation.enabled`)",
            Self::CloudTrail => "the use of CloudTrail is switched off (`cloudtrail.enabled`)",
            Self::Monitoring => "the monitoring of runs is switched off (`monitoring.enabled`)",
        }
    }

    /// What a report does not cover while the part is off.
    pub const fn limitation(self) -> &'static str {
        match self {
            Self::Validation => {
                "The validation of calls is switched off (`validation.enabled`), so no principal is proven to be read-only."
            }
            Self::CloudTrail => {
                "The use of CloudTrail is switched off (`cloudtrail.enabled`), so there is no evidence of what principals did."
            }
            Self::Monitoring => {
                "The monitoring of Onlooker's own runs is switched off (`monitoring.enabled`), so nothing is known about its errors and its use of resources."
            }
        }
    }
}

impl Config {
    /// The parts that are switched off.
    pub fn parts_off(&self) -> impl Iterator<Item = Part> {
        Part::ALL.into_iter().filter(|part| match part {
            Part::Validation => !self.validation.enabled,
            Part::CloudTrail => !self.cloudtrail.enabled,
            Part::Monitoring => !self.monitoring.enabled,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::variables;

    #[test]
    fn each_part_names_its_key_and_every_part_is_on_by_default() {
        assert_eq!(Config::default().parts_off().count(), 0);
        for part in Part::ALL {
            let key = part.key();
            assert!(variables().iter().any(|variable| variable.key == key), "{key}");
            assert!(part.reason().contains(key) && part.limitation().contains(key), "{key}");
            let (section, key) = key.split_once('.').expect("a section");
            let config = Config::from_toml(&format!("[{section}]\n{key} = false\n"), "onlooker.toml");
            let off: Vec<Part> = config.expect("a configuration").parts_off().collect();
            assert_eq!(off, [part]);
        }
    }
}
