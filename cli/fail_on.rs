//! `--fail-on`: which results of a report make a command fail.
//!
//! Enters: a report, and the statuses and severities to fail on. Leaves: the outcome of the command, and why it fails
//! where the report's status does not say so. Laws: a violation outranks missing evidence; a discovery without
//! evidence never counts as a result.

use clap::{Args, ValueEnum};
use onlooker_core::{
    config::Diagnostic,
    finding::Severity,
    report::{DifferenceResult, Report, ReportDifference, ReportMode},
    score::Status,
};

use crate::exit::{CommandError, CommandOutcome};

/// The option `--fail-on` of the commands that show a report.
#[derive(Clone, Debug, Args)]
pub struct FailOn {
    /// Results that the command fails on, separated by commas: statuses, and severities of findings, each with the more
    /// severe ones
    #[arg(
        long,
        value_name = "LIST",
        value_enum,
        value_delimiter = ',',
        ignore_case = true,
        default_value = "non-compliant,insufficient",
        help_heading = "Exit code"
    )]
    fail_on: Vec<FailureCondition>,
}

/// One item of `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailureCondition {
    /// The status NON_COMPLIANT: exit code 1
    #[value(alias = "non_compliant")]
    NonCompliant,
    /// The status INSUFFICIENT_EVIDENCE, and a discovery without enough evidence: exit code 3
    #[value(aliases = ["insufficient-evidence", "insufficient_evidence"])]
    Insufficient,
    /// A finding that is CRITICAL: exit code 1
    Critical,
    /// A finding that is HIGH or more severe: exit code 1
    High,
    /// A finding that is MEDIUM or more severe: exit code 1
    Medium,
    /// A finding that is LOW or more severe: exit code 1
    Low,
    /// Any finding: exit code 1
    Info,
    /// Nothing: the command fails only if it cannot do its work
    None,
}

impl FailureCondition {
    /// The least severity of a finding that the command fails on.
    const fn severity(self) -> Option<Severity> {
        match self {
            Self::Critical => Some(Severity::Critical),
            Self::High => Some(Severity::High),
            Self::Medium => Some(Severity::Medium),
            Self::Low => Some(Severity::Low),
            Self::Info => Some(Severity::Info),
            Self::NonCompliant | Self::Insufficient | Self::None => None,
        }
    }
}

/// How a report ends a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgment {
    /// The outcome of the command.
    pub outcome: CommandOutcome,
    /// Why the command fails, where the status of the report does not say so.
    pub reason: Option<String>,
}

impl FailOn {
    /// Rejects invalid combinations before any work is done.
    pub fn validate(&self) -> Result<(), CommandError> {
        if self.has(FailureCondition::None) && self.fail_on.len() > 1 {
            return Err(CommandError::Usage(Diagnostic {
                message: "`--fail-on none` stands alone".to_owned(),
                remedy: "remove `none`, or the other statuses and severities".to_owned(),
            }));
        }
        Ok(())
    }

    fn has(&self, condition: FailureCondition) -> bool {
        self.fail_on.contains(&condition)
    }

    /// Whether the command fails when there is not enough evidence.
    pub fn fails_without_evidence(&self) -> bool {
        self.has(FailureCondition::Insufficient)
    }

    /// The outcome of a command that compares two reports: what got worse.
    pub fn judge_difference(&self, difference: &ReportDifference) -> Judgment {
        let judgment = |outcome, reason| Judgment { outcome, reason };
        let result = difference.result();
        if result == DifferenceResult::NewViolation && self.has(FailureCondition::NonCompliant) {
            return judgment(CommandOutcome::Violation, None);
        }
        if let Some(least) = self.least_severity() {
            let severe = difference.worse_findings().filter(|severity| *severity >= least).count();
            if severe > 0 {
                let reason = format!("new or more severe: {}", severe_findings(severe, least));
                return judgment(CommandOutcome::Violation, Some(reason));
            }
        }
        match result {
            DifferenceResult::LessEvidence if self.fails_without_evidence() => {
                judgment(CommandOutcome::InsufficientEvidence, None)
            }
            _ => judgment(CommandOutcome::Proven, None),
        }
    }

    /// The least severity of a finding that the command fails on.
    fn least_severity(&self) -> Option<Severity> {
        self.fail_on.iter().filter_map(|condition| condition.severity()).min()
    }

    /// The outcome of a command that shows a report.
    pub fn judge(&self, report: &Report) -> Judgment {
        let result = &report.result;
        let status = result.status().filter(|_| result.mode == ReportMode::Proof);
        let judgment = |outcome, reason| Judgment { outcome, reason };
        if status == Some(Status::NonCompliant) && self.has(FailureCondition::NonCompliant) {
            return judgment(CommandOutcome::Violation, None);
        }
        if let Some(least) = self.least_severity() {
            let severe = result.findings.iter().filter(|finding| finding.severity >= least).count();
            if severe > 0 {
                return judgment(CommandOutcome::Violation, Some(severe_findings(severe, least)));
            }
        }
        if self.fails_without_evidence() {
            let gaps = result.discovery_gaps();
            if result.mode == ReportMode::Discovery && !gaps.is_empty() {
                let reason = format!("the discovery does not have enough evidence: {}", gaps.join("; "));
                return judgment(CommandOutcome::InsufficientEvidence, Some(reason));
            }
            if result.mode == ReportMode::Proof
                && !matches!(status, Some(Status::Compliant | Status::NonCompliant))
            {
                return judgment(CommandOutcome::InsufficientEvidence, None);
            }
        }
        judgment(CommandOutcome::Proven, None)
    }
}

/// `2 findings are HIGH or more severe`.
fn severe_findings(count: usize, least: Severity) -> String {
    let (findings, are) = if count == 1 { ("finding", "is") } else { ("findings", "are") };
    let or_worse = if least == Severity::Critical { "" } else { " or more severe" };
    format!("{count} {findings} {are} {}{or_worse}", least.as_str())
}
